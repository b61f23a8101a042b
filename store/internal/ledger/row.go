package ledger

import (
	"bytes"
	"context"
	"crypto/hmac"
	"database/sql"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"lanyard.dev/store"
)

// never is the expiry of what does not expire.
const never = math.MaxInt64

// A row is one edge as the database has it.
type row struct {
	id, parent, depth       int64
	from, label, object     string
	steps                   []byte
	words                   string
	created, expires        int64
	lastUsed, uses, maxUses int64
	cuts, dropped           int64
	sealedFor, hash, mac    []byte
	alive                   bool // it and all above it; set by who read those
}

// columns are what scan reads, of the table or alias e.
const columns = `e.id, e.parent, e.depth, e.from_label, e.label, e.object, e.steps, e.words,
	e.created, e.expires, e.last_used, e.uses, e.max_uses, e.cuts, e.dropped, e.sealed_for, e.hash, e.mac`

func (r *row) fields() []any {
	return []any{&r.id, (*nullable)(&r.parent), &r.depth, &r.from, &r.label, &r.object, &r.steps, &r.words,
		&r.created, &r.expires, &r.lastUsed, &r.uses, &r.maxUses, &r.cuts, &r.dropped, &r.sealedFor, &r.hash, &r.mac}
}

// nullable scans NULL as 0: what has no parent is the host's own row, which
// nobody gets to see.
type nullable int64

// Scan implements sql.Scanner.
func (n *nullable) Scan(v any) error {
	var i sql.NullInt64
	err := i.Scan(v)
	*n = nullable(i.Int64)
	return err
}

// active reports whether the edge itself is, at a time.
func (r *row) active(now int64) bool { return r.cuts == 0 && r.dropped == 0 && r.expires > now }

// sum is the keyed digest of what never changes in an edge, its secret's hash
// included, which changes only with it. A damaged row, or one that somebody
// without the key wrote, is found by it before it gives any authority.
func (r *row) sum(key store.Key) []byte {
	b := make([]byte, 0, 256+len(r.steps))
	for _, n := range []int64{r.id, r.parent, r.depth, r.created, r.expires, r.maxUses} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	for _, p := range [][]byte{[]byte(r.from), []byte(r.label), []byte(r.object), r.steps, []byte(r.words)} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	for _, p := range [][]byte{r.sealedFor, r.hash} { // NULL and empty differ
		if p == nil {
			b = append(b, 0)
			continue
		}
		b = append(b, 1)
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return key.Sum("edge", b)
}

// genuine checks the digest.
func (r *row) genuine(key store.Key) error {
	if !hmac.Equal(r.mac, r.sum(key)) {
		return fmt.Errorf("%w: edge %d is not as it was written", store.ErrCorrupt, r.id)
	}
	return nil
}

// edge is the row as users see it.
func (r *row) edge(now int64) store.Edge {
	e := store.Edge{
		ID: store.EdgeID(r.id), Parent: store.EdgeID(r.parent), From: r.from, Label: r.label,
		Object: r.object, Steps: r.steps, Text: r.words,
		Created: at(r.created), Expires: at(r.expires), LastUsed: at(r.lastUsed),
		Uses: r.uses, MaxUses: r.maxUses, Alive: r.alive,
		SealedFor: r.sealedFor, Stored: r.hash != nil,
	}
	if len(e.Steps) == 0 {
		e.Steps = nil
	}
	switch {
	case r.dropped != 0:
		e.State = store.Dropped
	case r.cuts > 0:
		e.State = store.Revoked
	case r.expires <= now:
		e.State = store.Expired
	}
	return e
}

// at is a time of the database; 0 and never are the zero time.
func at(micros int64) time.Time {
	if micros == 0 || micros == never {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// A chain is an edge and all above it, root first, at one moment.
type chain struct {
	rows   []row
	cursor int64
	now    int64
}

// upward reads an edge, chosen by an expression, and what is above it.
func upward(anchor string) string {
	return `with recursive up(id, parent) as (
		select id, parent from ledger_edges where id = ` + anchor + `
		union all
		select p.id, p.parent from up join ledger_edges p on p.id = up.parent where up.parent <> 0
	)
	select ` + columns + `, (select seq from ledger_head), {now}
	from up join ledger_edges e on e.id = up.id order by e.depth`
}

// The decoy is what a secret that nobody issued finds: a chain like any other,
// revoked for ever. So unknown, revoked and not-yours take the same way.
const decoy = -1

var (
	chainOfID     = upward(`$1`)
	chainOfSecret = upward(`coalesce((select id from ledger_edges where hash = $1), -1)`)
)

// chain reads the chain of an edge: no rows if there is no such edge, or it is
// the host.
func (l *Ledger) chain(ctx context.Context, t *Tx, query string, arg any) (chain, error) {
	var c chain
	rows, err := t.query(ctx, query, arg)
	if err != nil {
		return c, err
	}
	defer rows.Close()
	for rows.Next() {
		var r row
		if err := rows.Scan(append(r.fields(), &c.cursor, &c.now)...); err != nil {
			return c, err
		}
		c.rows = append(c.rows, r)
	}
	if err := rows.Err(); err != nil {
		return c, err
	}
	alive := true
	for i := range c.rows {
		r := &c.rows[i]
		if err := r.genuine(l.key); err != nil {
			return c, err
		}
		if i > 0 && r.parent != c.rows[i-1].id {
			return c, fmt.Errorf("%w: edge %d does not hang where it should", store.ErrCorrupt, r.id)
		}
		alive = r.active(c.now) && alive
		r.alive = alive
	}
	if len(c.rows) > 0 && c.rows[0].parent != 0 {
		return c, fmt.Errorf("%w: edge %d has no parent", store.ErrCorrupt, c.rows[0].id)
	}
	return c, nil
}

func (c *chain) last() *row { return &c.rows[len(c.rows)-1] }

// alive reports whether the chain's edge is.
func (c *chain) alive() bool { return len(c.rows) > 0 && c.last().alive }

// within reports whether an acting edge that is alive stands in the chain: as
// its end only if itself is set. The host stands above every chain.
func (c *chain) within(by store.EdgeID, itself bool) bool {
	if len(c.rows) == 0 {
		return false
	}
	if by == store.Host {
		return true
	}
	i := slices.IndexFunc(c.rows, func(r row) bool { return r.id == int64(by) })
	return i >= 0 && c.rows[i].alive && (itself || i < len(c.rows)-1)
}

func (c *chain) edges() []store.Edge {
	out := make([]store.Edge, len(c.rows))
	for i := range c.rows {
		out[i] = c.rows[i].edge(c.now)
	}
	return out
}

func (c *chain) public() store.Chain {
	return store.Chain{Edges: c.edges(), Cursor: store.Cursor(c.cursor), At: at(c.now)}
}

// reach reads the chain of an edge that by may touch, else ErrUnknown.
func (l *Ledger) reach(ctx context.Context, t *Tx, by, edge store.EdgeID, itself bool) (chain, error) {
	if edge <= 0 {
		return chain{}, store.ErrUnknown
	}
	c, err := l.chain(ctx, t, chainOfID, int64(edge))
	if err == nil && !c.within(by, itself) {
		err = store.ErrUnknown
	}
	return c, err
}

// acting checks that an edge may act, and reads its chain: empty for the host.
func (l *Ledger) acting(ctx context.Context, t *Tx, by store.EdgeID) (chain, error) {
	if by == store.Host {
		var c chain
		err := t.must(ctx, `select (select seq from ledger_head), {now}`, nil, []any{&c.cursor, &c.now})
		return c, err
	}
	return l.reach(ctx, t, by, by, true)
}

// clock is the ledger's time.
func (l *Ledger) clock(ctx context.Context, t *Tx) (now int64, err error) {
	err = t.must(ctx, `select {now}`, nil, []any{&now})
	return now, err
}

// found makes a new database this key's, with the host and the decoy in it;
// one that is there already must be.
func (l *Ledger) found(ctx context.Context) error {
	check := l.key.Sum("check", nil)
	var have []byte
	err := l.update(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, `insert into ledger_meta (one, key_check) values (1, $1) on conflict do nothing`, check)
		if err != nil {
			return err
		}
		if err := t.must(ctx, `select key_check from ledger_meta`, nil, []any{&have}); err != nil {
			return err
		}
		if !bytes.Equal(have, check) {
			return fmt.Errorf("%w: the database was made with another one", store.ErrKey)
		}
		// The decoy is as deep as most chains are; its ids are as low as its depth,
		// so that parents have the lower one.
		if _, err := l.insert(ctx, t, &row{id: 0, depth: 0, mac: []byte{}}, nil); err != nil {
			return err
		}
		var parent any
		for id := int64(-3); id <= decoy; id++ {
			r := row{id: id, depth: id + 4, label: "decoy", object: "decoy", expires: never, cuts: 1, created: 1}
			if parent != nil {
				r.parent = id - 1
			}
			r.mac = r.sum(l.key)
			if _, err := l.insert(ctx, t, &r, parent); err != nil {
				return err
			}
			parent = id
		}
		return nil
	})
	return err
}

// insert writes a row, unless its id is taken, or its label among its siblings.
func (l *Ledger) insert(ctx context.Context, t *Tx, r *row, parent any) (fresh bool, err error) {
	if r.steps == nil {
		r.steps = []byte{}
	}
	n, err := t.exec(ctx, `insert into ledger_edges (id, parent, depth, from_label, label, object, steps, words,
		created, expires, last_used, uses, max_uses, cuts, dropped, held, sealed_for, hash, mac)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, $11, $12, 0, $13, $14, $15, $16)
		on conflict do nothing`,
		r.id, parent, r.depth, r.from, r.label, r.object, r.steps, r.words,
		r.created, r.expires, r.maxUses, r.cuts, r.id > 0, r.sealedFor, r.hash, r.mac)
	return n > 0, err
}
