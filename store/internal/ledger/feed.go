package ledger

import (
	"context"
	"time"

	"lanyard.dev/store"
)

// happen appends to the log and, last of all, to the feed. The head's row is
// locked from here to the commit.
func (l *Ledger) happen(ctx context.Context, t *Tx, now int64, verb store.Verb, edge int64, by store.EdgeID, revocation int64, reason string) (seq int64, err error) {
	if err := l.note(ctx, t, now, verb, edge, by, revocation, reason); err != nil {
		return 0, err
	}
	if err := t.must(ctx, `update ledger_head set seq = seq + 1 returning seq`, nil, []any{&seq}); err != nil {
		return 0, err
	}
	_, err = t.exec(ctx, `insert into ledger_feed (seq, at, verb, edge, revocation, reason) values ($1, $2, $3, $4, $5, $6)`,
		seq, now, int64(verb), edge, revocation, reason)
	if err == nil && l.dialect.Notify != "" {
		_, err = t.exec(ctx, l.dialect.Notify)
	}
	return seq, err
}

// Head implements store.Feed.
func (l *Ledger) Head(ctx context.Context) (store.Cursor, error) {
	var seq store.Cursor
	err := l.read(ctx, func(t *Tx) (err error) {
		seq, err = t.Head(ctx)
		return err
	})
	return seq, err
}

// Since implements store.Feed.
func (l *Ledger) Since(ctx context.Context, after store.Cursor, max int) ([]store.Event, error) {
	if max < 1 {
		return nil, invalid("at most %d events", max)
	}
	var out []store.Event
	err := l.read(ctx, func(t *Tx) error {
		rows, err := t.query(ctx, `select seq, at, verb, edge, revocation, reason from ledger_feed where seq > $1 order by seq limit $2`, int64(after), max)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var e store.Event
			var when int64
			if err := rows.Scan(&e.Cursor, &when, &e.Verb, &e.Edge, &e.Revocation, &e.Reason); err != nil {
				return err
			}
			e.At = at(when)
			out = append(out, e)
		}
		return rows.Err()
	})
	return out, err
}

// Wait implements store.Feed.
func (l *Ledger) Wait(ctx context.Context, after store.Cursor) error {
	return l.engine.Wait(ctx, after)
}

// maxVat bounds a vat's name.
const maxVat = 256

// Announce implements store.Feed. Once a second somebody's announcement also writes
// down the clock, which so never runs back by more, and clears what is stale.
func (l *Ledger) Announce(ctx context.Context, vat string, cursor store.Cursor, lease time.Duration) error {
	if vat == "" || lease <= 0 || lease > returnable {
		return invalid("a vat %q with a lease of %v", vat, lease)
	}
	if err := checkText("the vat's name", vat, maxVat, false); err != nil {
		return err
	}
	return l.update(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, `insert into ledger_vats (name, seq, until) values ($1, $2, {now} + $3)
			on conflict (name) do update set seq = excluded.seq, until = excluded.until`, vat, int64(cursor), lease.Microseconds())
		if err != nil {
			return err
		}
		now, err := l.clock(ctx, t)
		if err != nil {
			return err
		}
		n, err := t.exec(ctx, `update ledger_clock set high = cast($1 as bigint) where high < cast($1 as bigint) - 1000000`, now)
		if err != nil || n == 0 {
			return err
		}
		if _, err := t.exec(ctx, `delete from ledger_vats where until < $1`, now-returnable.Microseconds()); err != nil {
			return err
		}
		_, err = t.exec(ctx, `delete from ledger_allotments where until < $1`, now)
		return err
	})
}

// Retire implements store.Feed.
func (l *Ledger) Retire(ctx context.Context, vat string) error {
	return l.update(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, `delete from ledger_vats where name = $1`, vat)
		return err
	})
}

// Behind implements store.Feed.
func (l *Ledger) Behind(ctx context.Context, cursor store.Cursor) ([]store.Vat, error) {
	var out []store.Vat
	err := l.read(ctx, func(t *Tx) error {
		rows, err := t.query(ctx, `select name, seq, until from ledger_vats where seq < $1 and until > {now} order by name`, int64(cursor))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var v store.Vat
			var until int64
			if err := rows.Scan(&v.Name, &v.Cursor, &until); err != nil {
				return err
			}
			v.Until = at(until)
			out = append(out, v)
		}
		return rows.Err()
	})
	return out, err
}

// Head is the cursor of the last event.
func (t *Tx) Head(ctx context.Context) (seq store.Cursor, err error) {
	err = t.must(ctx, `select seq from ledger_head`, nil, []any{&seq})
	return seq, err
}

// Advance moves the clock forward for good. It is for tests: a clock that has
// been set ahead for a moment does the same.
func (t *Tx) Advance(ctx context.Context, by time.Duration) error {
	_, err := t.exec(ctx, `update ledger_clock set high = {now} + $1`, by.Microseconds())
	return err
}
