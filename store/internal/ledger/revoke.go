package ledger

import (
	"cmp"
	"context"

	"lanyard.dev/store"
)

// listed is how many edges the effect of a revocation or an undo lists.
const listed = 1000

// downward reads an edge, whatever its state, and what below it lives while the
// edge does: the first $3 of them by id, with how many there are. It never enters
// what is dead by itself. $1 is the edge, $2 the time.
const downward = `with recursive down(id) as (
	select id from ledger_edges where id = $1
	union all
	select e.id from down join ledger_edges e on e.parent = down.id
	where e.cuts = 0 and e.dropped = 0 and e.expires > $2
)
select ` + columns + `, first.total
from (select id, count(*) over () as total from down order by id limit $3) first
join ledger_edges e on e.id = first.id order by e.id`

// effect says what lives and dies with an edge; alive is what to call it.
func (l *Ledger) effect(ctx context.Context, t *Tx, edge, now int64, max int, alive bool) (store.Effect, error) {
	var out store.Effect
	rows, err := t.query(ctx, downward, edge, now, cmp.Or(max, 1))
	if err != nil {
		return out, err
	}
	defer rows.Close()
	for rows.Next() {
		var r row
		if err := rows.Scan(append(r.fields(), &out.Total)...); err != nil {
			return out, err
		}
		if len(out.Edges) < max {
			r.alive = alive
			out.Edges = append(out.Edges, r.edge(now))
		}
	}
	return out, rows.Err()
}

// Preview implements store.Ledger.
func (l *Ledger) Preview(ctx context.Context, by, edge store.EdgeID, max int) (store.Effect, error) {
	var out store.Effect
	if max < 0 {
		return out, invalid("at most %d edges", max)
	}
	err := l.view(ctx, func(t *Tx) error {
		c, err := l.reach(ctx, t, by, edge, false)
		if err != nil || !c.alive() {
			return err
		}
		out, err = l.effect(ctx, t, int64(edge), c.now, max, true)
		return err
	})
	return out, err
}

// Revoke implements store.Ledger. The revocation is committed before its effect is
// counted: what it killed stays the same as long as it stands, and nobody
// has to wait for the count.
func (l *Ledger) Revoke(ctx context.Context, by, edge store.EdgeID, reason string) (store.Revocation, error) {
	if err := checkText("the reason", reason, maxReason, true); err != nil {
		return store.Revocation{}, err
	}
	var out store.Revocation
	var c chain
	err := l.update(ctx, func(t *Tx) (err error) {
		if c, err = l.reach(ctx, t, by, edge, false); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `update ledger_edges set cuts = cuts + 1, held = $2 where id = $1`, int64(edge), false); err != nil {
			return err
		}
		var id int64
		err = t.must(ctx, `insert into ledger_revocations (edge, by_edge, reason, at, undone) values ($1, $2, $3, $4, 0) returning id`,
			[]any{int64(edge), int64(by), reason, c.now}, []any{&id})
		if err != nil {
			return err
		}
		seq, err := l.happen(ctx, t, c.now, store.VerbRevoked, int64(edge), by, id, reason)
		out = store.Revocation{
			ID: store.RevocationID(id), Edge: edge, Label: c.last().label, By: by, Reason: reason,
			At: at(c.now), Cursor: store.Cursor(seq),
		}
		return err
	})
	if err != nil {
		return store.Revocation{}, err
	}
	l.engine.Appended()
	if !c.alive() {
		return out, nil
	}
	err = l.view(ctx, func(t *Tx) (err error) {
		out.Effect, err = l.effect(ctx, t, int64(edge), c.now, listed, false)
		return err
	})
	return out, err
}

// Undo implements store.Ledger.
func (l *Ledger) Undo(ctx context.Context, by store.EdgeID, id store.RevocationID) (store.Effect, error) {
	var edge int64
	done := false
	err := l.update(ctx, func(t *Tx) error {
		done = false
		if _, err := l.acting(ctx, t, by); err != nil {
			return err
		}
		var revoker int64
		found, err := t.one(ctx, `select edge, by_edge from ledger_revocations where id = $1`, []any{int64(id)}, []any{&edge, &revoker})
		if err != nil {
			return err
		}
		if !found {
			return store.ErrUnknown
		}
		if by != store.Host {
			// The revoker himself may be dead by now; those above him can still undo.
			if _, err := l.reach(ctx, t, by, store.EdgeID(revoker), true); err != nil {
				return err
			}
		}
		c, err := l.chain(ctx, t, chainOfID, edge)
		if err != nil {
			return err
		}
		n, err := t.exec(ctx, `update ledger_revocations set undone = $2 where id = $1 and undone = 0`, int64(id), c.now)
		if err != nil || n == 0 {
			return err
		}
		e := c.last()
		if err := l.freeLabel(ctx, t, e.parent, e.label, c.now); err != nil {
			return err
		}
		_, err = t.exec(ctx, `update ledger_edges set cuts = cuts - 1, held = (cuts = 1 and dropped = 0 and expires > $2) where id = $1`, edge, c.now)
		if err != nil {
			if l.dialect.Taken(err) {
				return store.ErrLabel
			}
			return err
		}
		_, err = l.happen(ctx, t, c.now, store.VerbUndone, edge, by, int64(id), "")
		done = true
		return err
	})
	if err != nil || !done {
		return store.Effect{}, err
	}
	l.engine.Appended()
	var out store.Effect
	err = l.view(ctx, func(t *Tx) error {
		c, err := l.chain(ctx, t, chainOfID, edge)
		if err != nil || !c.alive() {
			return err
		}
		out, err = l.effect(ctx, t, edge, c.now, listed, true)
		return err
	})
	return out, err
}

// Revocations implements store.Ledger.
func (l *Ledger) Revocations(ctx context.Context, by store.EdgeID, max int) ([]store.Revocation, error) {
	var out []store.Revocation
	err := l.view(ctx, func(t *Tx) error {
		if _, err := l.acting(ctx, t, by); err != nil {
			return err
		}
		rows, err := t.query(ctx, subtree+`
			select r.id, r.edge, e.label, r.by_edge, r.reason, r.at, r.undone,
				coalesce((select min(f.seq) from ledger_feed f where f.revocation = r.id), 0)
			from ledger_revocations r join ledger_edges e on e.id = r.edge
			where r.by_edge in (select id from down) order by r.id desc limit $2`, int64(by), max)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			r, err := scanRevocation(rows)
			if err != nil {
				return err
			}
			out = append(out, r)
		}
		return rows.Err()
	})
	return out, err
}

type scanner interface{ Scan(...any) error }

func scanRevocation(rows scanner) (store.Revocation, error) {
	var id, edge, by, when, undone, seq int64
	var label, reason string
	err := rows.Scan(&id, &edge, &label, &by, &reason, &when, &undone, &seq)
	return store.Revocation{
		ID: store.RevocationID(id), Edge: store.EdgeID(edge), Label: label, By: store.EdgeID(by), Reason: reason,
		At: at(when), Undone: at(undone), Cursor: store.Cursor(seq),
	}, err
}

// Drop implements store.Ledger.
func (l *Ledger) Drop(ctx context.Context, edge store.EdgeID) error { return l.drop(ctx, edge, false) }

// Release implements store.Ledger.
func (l *Ledger) Release(ctx context.Context, edge store.EdgeID) error {
	return l.drop(ctx, edge, true)
}

// drop ends an edge by its own will: only a live share with nothing alive
// below if leaf is set.
func (l *Ledger) drop(ctx context.Context, edge store.EdgeID, leaf bool) error {
	if edge <= 0 {
		return nil
	}
	done := false
	err := l.update(ctx, func(t *Tx) error {
		done = false
		c, err := l.chain(ctx, t, chainOfID, int64(edge))
		if err != nil || !c.alive() {
			return err
		}
		if leaf {
			if c.last().hash != nil {
				return nil
			}
			// Whoever shares below it meanwhile waits for this row, or is seen.
			var id int64
			if err := t.must(ctx, `select id from ledger_edges where id = $1`+l.dialect.ForUpdate, []any{int64(edge)}, []any{&id}); err != nil {
				return err
			}
			child, err := t.one(ctx, `select id from ledger_edges where parent = $1 and cuts = 0 and dropped = 0 and expires > $2 limit 1`,
				[]any{int64(edge), c.now}, []any{&id})
			if err != nil || child {
				return err
			}
		}
		n, err := t.exec(ctx, `update ledger_edges set dropped = $2, held = $3 where id = $1 and dropped = 0`, int64(edge), c.now, false)
		if err != nil || n == 0 {
			return err
		}
		done = true
		_, err = l.happen(ctx, t, c.now, store.VerbDropped, int64(edge), edge, 0, "")
		return err
	})
	if err == nil && done {
		l.engine.Appended()
	}
	return err
}
