package ledger

import (
	"cmp"
	"context"
	"math"

	"lanyard.dev/store"
)

// page is how many rows a list has when nobody said.
const page = 1000

// subtree is an edge and all below it, dead or alive. $1 is the edge.
const subtree = `with recursive down(id) as (
	select id from ledger_edges where id = $1
	union all
	select e.id from down join ledger_edges e on e.parent = down.id
)`

// listing reads below an edge. $1 the edge, $2 the time, $3 whether the
// edge is alive, $4 the greatest depth, $5 whether dead ones are left out, $6 after,
// $7 how many.
const listing = `with recursive down(id, depth, alive) as (
	select id, 0, $3 = 1 from ledger_edges where id = $1
	union all
	select e.id, down.depth + 1, down.alive and e.cuts = 0 and e.dropped = 0 and e.expires > $2
	from down join ledger_edges e on e.parent = down.id
	where down.depth < $4 and ($5 = 0 or down.alive and e.cuts = 0 and e.dropped = 0 and e.expires > $2)
)
select ` + columns + `, down.alive from down join ledger_edges e on e.id = down.id
where down.depth > 0 and down.id > $6 order by e.id limit $7`

// Below implements store.Ledger.
func (l *Ledger) Below(ctx context.Context, by store.EdgeID, q store.Query) ([]store.Edge, error) {
	if q.Depth < 0 || q.Max < 0 {
		return nil, invalid("a query with depth %d, max %d", q.Depth, q.Max)
	}
	var out []store.Edge
	err := l.view(ctx, func(t *Tx) error {
		var c chain
		var err error
		alive := true
		if q.Under == 0 || q.Under == by {
			q.Under = by
			c, err = l.acting(ctx, t, by)
		} else if c, err = l.reach(ctx, t, by, q.Under, false); err == nil {
			alive = c.alive()
		}
		if err != nil {
			return err
		}
		rows, err := t.query(ctx, listing, int64(q.Under), c.now, bit(alive), cmp.Or(q.Depth, math.MaxInt32),
			bit(q.AliveOnly), int64(q.After), cmp.Or(q.Max, page))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var r row
			if err := rows.Scan(append(r.fields(), &r.alive)...); err != nil {
				return err
			}
			out = append(out, r.edge(c.now))
		}
		return rows.Err()
	})
	return out, err
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Resolve implements store.Ledger.
func (l *Ledger) Resolve(ctx context.Context, by store.EdgeID, labels ...string) (store.Edge, error) {
	if len(labels) == 0 {
		return store.Edge{}, invalid("no label")
	}
	var out store.Edge
	err := l.view(ctx, func(t *Tx) error {
		c, err := l.acting(ctx, t, by)
		if err != nil {
			return err
		}
		id := int64(by)
		var r row
		for _, label := range labels {
			found, err := t.one(ctx, `select `+columns+` from ledger_edges e where e.parent = $1 and e.label = $2 and e.held and e.expires > $3`,
				[]any{id, label, c.now}, r.fields())
			if err != nil {
				return err
			}
			if !found {
				return store.ErrUnknown
			}
			id = r.id
		}
		r.alive = true
		out = r.edge(c.now)
		return nil
	})
	return out, err
}

// Why implements store.Ledger.
func (l *Ledger) Why(ctx context.Context, by, edge store.EdgeID) (store.Explanation, error) {
	var out store.Explanation
	if edge <= 0 {
		return out, store.ErrUnknown
	}
	err := l.view(ctx, func(t *Tx) error {
		c, err := l.chain(ctx, t, chainOfID, int64(edge))
		if err != nil {
			return err
		}
		if len(c.rows) == 0 || by != edge && !c.within(by, false) {
			return store.ErrUnknown
		}
		out.Chain = c.edges()
		for i := range out.Chain {
			if out.Chain[i].State != store.Active {
				out.Cause = &out.Chain[i]
				break
			}
		}
		if out.Cause == nil || out.Cause.State != store.Revoked {
			return nil
		}
		rows, err := t.query(ctx, `select r.id, r.edge, e.label, r.by_edge, r.reason, r.at, r.undone,
				coalesce((select min(f.seq) from ledger_feed f where f.revocation = r.id), 0)
			from ledger_revocations r join ledger_edges e on e.id = r.edge
			where r.edge = $1 and r.undone = 0 order by r.id desc limit 1`, int64(out.Cause.ID))
		if err != nil {
			return err
		}
		defer rows.Close()
		if rows.Next() {
			r, err := scanRevocation(rows)
			if err != nil {
				return err
			}
			out.Revocation = &r
		}
		return rows.Err()
	})
	return out, err
}

// Log implements store.Ledger.
func (l *Ledger) Log(ctx context.Context, by, edge store.EdgeID, after store.EntryID, max int) ([]store.Entry, error) {
	var out []store.Entry
	err := l.view(ctx, func(t *Tx) error {
		var err error
		if edge == store.Host && by == store.Host {
			_, err = l.acting(ctx, t, by)
		} else {
			_, err = l.reach(ctx, t, by, edge, true)
		}
		if err != nil {
			return err
		}
		rows, err := t.query(ctx, subtree+`
			select g.id, g.at, g.verb, g.edge, e.label, g.by_edge, g.revocation, g.reason
			from ledger_log g join ledger_edges e on e.id = g.edge
			where g.id > $2 and g.edge in (select id from down) order by g.id limit $3`, int64(edge), int64(after), max)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var e store.Entry
			var when int64
			if err := rows.Scan(&e.ID, &when, &e.Verb, &e.Edge, &e.Label, &e.By, &e.Revocation, &e.Reason); err != nil {
				return err
			}
			e.At = at(when)
			out = append(out, e)
		}
		return rows.Err()
	})
	return out, err
}

// note appends to the log.
func (l *Ledger) note(ctx context.Context, t *Tx, now int64, verb store.Verb, edge int64, by store.EdgeID, revocation int64, reason string) error {
	_, err := t.exec(ctx, `insert into ledger_log (at, verb, edge, by_edge, revocation, reason) values ($1, $2, $3, $4, $5, $6)`,
		now, int64(verb), edge, int64(by), revocation, reason)
	return err
}
