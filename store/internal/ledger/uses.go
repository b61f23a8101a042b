package ledger

import (
	"cmp"
	"context"
	"math"
	"math/bits"
	"slices"
	"time"

	"lanyard.dev/store"
)

// returnable is how long an allotment can be returned.
const returnable = 24 * time.Hour

// Take implements store.Ledger.
//
// In the tree, any two chains with a limited edge in common have the same topmost
// limited edge. Its row is the lock under which the rest is read and written.
func (l *Ledger) Take(ctx context.Context, edge store.EdgeID, n int64) (store.Allotment, error) {
	if n < 1 {
		return store.Allotment{}, invalid("take %d uses", n)
	}
	out := store.Allotment{Edge: edge}
	err := l.update(ctx, func(t *Tx) error {
		c, err := l.reach(ctx, t, edge, edge, true)
		if err != nil {
			return err
		}
		top := slices.IndexFunc(c.rows, func(r row) bool { return r.maxUses > 0 })
		if top < 0 {
			out.Uses = n
			return nil
		}
		var id int64
		err = t.must(ctx, `select id from ledger_edges where id = $1`+l.dialect.ForUpdate, []any{c.rows[top].id}, []any{&id})
		if err != nil {
			return err
		}
		if c, err = l.reach(ctx, t, edge, edge, true); err != nil {
			return err
		}
		left := int64(math.MaxInt64)
		for _, r := range c.rows {
			if r.maxUses > 0 {
				left = min(left, r.maxUses-r.uses)
			}
		}
		if left <= 0 {
			return store.ErrExhausted
		}
		out.Uses = min(n, max(1, left/8))
		out.Last = out.Uses == left
		for _, r := range c.rows {
			if r.maxUses == 0 {
				continue
			}
			if _, err := t.exec(ctx, `update ledger_edges set uses = uses + $2, last_used = $3 where id = $1`, r.id, out.Uses, c.now); err != nil {
				return err
			}
		}
		return t.must(ctx, `insert into ledger_allotments (edge, granted, until) values ($1, $2, $3) returning id`,
			[]any{int64(edge), out.Uses, c.now + returnable.Microseconds()}, []any{&out.ID})
	})
	if err != nil {
		return store.Allotment{}, err
	}
	return out, nil
}

// Return implements store.Ledger.
func (l *Ledger) Return(ctx context.Context, a store.Allotment, unused int64) error {
	if unused < 0 || unused > a.Uses {
		return invalid("return %d of %d uses", unused, a.Uses)
	}
	if a.ID == 0 {
		return nil // nothing was limited
	}
	return l.update(ctx, func(t *Tx) error {
		var edge, granted int64
		open, err := t.one(ctx, `delete from ledger_allotments where id = $1 and until > {now} returning edge, granted`,
			[]any{a.ID}, []any{&edge, &granted})
		if err != nil || !open {
			return err
		}
		if unused > granted || edge != int64(a.Edge) {
			return invalid("allotment %d is another one", a.ID)
		}
		c, err := l.chain(ctx, t, chainOfID, edge)
		if err != nil {
			return err
		}
		for _, r := range c.rows { // parents first, as everybody locks them
			if r.maxUses == 0 {
				continue
			}
			if _, err := t.exec(ctx, `update ledger_edges set uses = uses - $2 where id = $1`, r.id, unused); err != nil {
				return err
			}
		}
		return nil
	})
}

// Used implements store.Ledger.
func (l *Ledger) Used(ctx context.Context, uses []store.Use) error {
	uses = slices.Clone(uses)
	slices.SortFunc(uses, func(a, b store.Use) int { return cmp.Compare(a.Edge, b.Edge) })
	for _, u := range uses {
		if u.Calls < 0 || u.Ago < 0 {
			return invalid("%d calls %v ago", u.Calls, u.Ago)
		}
	}
	return l.update(ctx, func(t *Tx) error {
		now, err := l.clock(ctx, t)
		if err != nil {
			return err
		}
		for _, u := range uses {
			when := max(1, now-u.Ago.Microseconds())
			_, err := t.exec(ctx, `update ledger_edges set
				uses = uses + case when max_uses = 0 then cast($2 as bigint) else 0 end,
				last_used = case when last_used < $3 then cast($3 as bigint) else last_used end
				where id = $1 and id > 0`, int64(u.Edge), u.Calls, when)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// A bucket's level is in tokens times its period in microseconds, so that what it
// gains in a microsecond, its tokens, is a whole number of them.

// Charge implements store.Ledger.
func (l *Ledger) Charge(ctx context.Context, n int64, buckets ...store.Bucket) (int64, time.Duration, error) {
	if n < 1 {
		return 0, 0, invalid("charge %d tokens", n)
	}
	buckets = slices.Clone(buckets)
	for i := range buckets {
		b := &buckets[i]
		b.Burst = cmp.Or(b.Burst, b.Tokens)
		hi, lo := bits.Mul64(uint64(b.Burst), uint64(b.Per.Microseconds()))
		if b.Tokens < 1 || b.Burst < 1 || b.Per < time.Microsecond || hi != 0 || lo > math.MaxInt64/2 || b.Index < 0 || b.Index > math.MaxInt32 {
			return 0, 0, invalid("a rate of %d each %v, burst %d", b.Tokens, b.Per, b.Burst)
		}
	}
	slices.SortFunc(buckets, func(a, b store.Bucket) int {
		return cmp.Or(cmp.Compare(a.Edge, b.Edge), cmp.Compare(a.Index, b.Index))
	})
	var granted int64
	var retry time.Duration
	err := l.update(ctx, func(t *Tx) error {
		granted, retry = n, 0
		levels := make([]int64, len(buckets))
		for i, b := range buckets {
			if i > 0 && b.Edge == buckets[i-1].Edge && b.Index == buckets[i-1].Index {
				return invalid("a bucket is named twice")
			}
			var err error
			if levels[i], err = l.level(ctx, t, b); err != nil {
				return err
			}
			per := b.Per.Microseconds()
			have := levels[i] / per
			granted = min(granted, have)
			if have == 0 {
				retry = max(retry, time.Duration((per-levels[i]+b.Tokens-1)/b.Tokens)*time.Microsecond)
			}
		}
		if granted == 0 {
			return nil
		}
		for i, b := range buckets {
			_, err := t.exec(ctx, `update ledger_buckets set level = $3 where edge = $1 and idx = $2`,
				int64(b.Edge), b.Index, levels[i]-granted*b.Per.Microseconds())
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	return granted, retry, nil
}

// level locks a bucket, makes a full one if there is none, and fills in what it
// has gained.
func (l *Ledger) level(ctx context.Context, t *Tx, b store.Bucket) (int64, error) {
	full := b.Burst * b.Per.Microseconds()
	if b.Edge <= 0 {
		return 0, store.ErrUnknown
	}
	_, err := t.exec(ctx, `insert into ledger_buckets (edge, idx, level, at)
		select id, $2, $3, {now} from ledger_edges where id = $1 on conflict do nothing`, int64(b.Edge), b.Index, full)
	if err != nil {
		return 0, err
	}
	var level, last, now int64
	found, err := t.one(ctx, `select level, at from ledger_buckets where edge = $1 and idx = $2`+l.dialect.ForUpdate,
		[]any{int64(b.Edge), b.Index}, []any{&level, &last})
	if err != nil {
		return 0, err
	}
	if !found {
		return 0, store.ErrUnknown
	}
	// Read under the lock: the clock of two transactions is in their order then.
	if now, err = l.clock(ctx, t); err != nil {
		return 0, err
	}
	if now > last {
		hi, gain := bits.Mul64(uint64(now-last), uint64(b.Tokens))
		if hi != 0 || gain >= uint64(max(0, full-level)) {
			level = full
		} else {
			level += int64(gain)
		}
		_, err = t.exec(ctx, `update ledger_buckets set level = $3, at = $4 where edge = $1 and idx = $2`, int64(b.Edge), b.Index, level, now)
	}
	return level, err
}
