package vat

import (
	"context"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
)

// target is what connections are looked up by: a key, or without TLS an address.
type target struct {
	key     Key
	address Address
}

func (r Reference) target() target {
	if r.key.IsZero() {
		return target{address: r.at[0]}
	}
	return target{key: r.key}
}

// link is a connection to another vat.
//
//	dialled or accepted ──▶ used for its targets ──▶ given up for another (crossed), idle or lost ──▶ ended
//
// Invariant: who asks something new of a link has counted it in using, under Vat.mu, while it was
// in Vat.links; the sweeper ends only what is not used.
type link struct {
	conn    *rpc.Conn
	peer    peer
	targets []target // none for anonymous guests
	dialled bool
	at      []Address   // that were tried when it was dialled
	end     *time.Timer // for when the peer does not act for its service any more; nil for most

	using int // questions that are being asked; under Vat.mu
	idle  time.Time
	seen  rpc.Stats // when idle was set
}

// grace is how long after crossed dials the link that was given up may still get questions: the
// peer may not have noticed yet.
const grace = 2 * time.Second

// add makes l known. What asks for its peer uses it from now on, unless both sides have dialled and
// this is not the link that both keep.
func (v *Vat) add(l *link) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.all[l] = struct{}{}
	if !l.peer.service.IsZero() {
		// It may come again, with another delegation.
		l.end = time.AfterFunc(l.peer.until.Sub(v.now()), func() { l.conn.Abort("what lets the peer act for its service has ended") })
	}
	me := v.id.key
	var given []*link
	for _, t := range l.targets {
		old := v.links[t]
		switch {
		case old == nil || old.conn.Err() != nil || old.dialled == l.dialled:
			// Of two that the peer dialled the later one counts: it would not dial if it had the other.
			v.links[t] = l
		case l.dialled == (me.Compare(l.peer.own) > 0):
			v.links[t] = l
			given = append(given, old)
		default:
			given = append(given, l)
		}
	}
	for _, l := range given {
		v.log.Debug("two connections crossed", "peer", l.peer.own)
		time.AfterFunc(grace, l.conn.CloseIdle)
	}
	if v.closed {
		v.work.Go(func() { l.conn.Close() })
	}
}

// forget uses l for nothing new.
func (v *Vat) forget(l *link) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.drop(l)
}

// drop is forget with mu held.
func (v *Vat) drop(l *link) {
	for _, t := range l.targets {
		if v.links[t] == l {
			delete(v.links, t)
		}
	}
}

// gone is told that l has ended.
func (v *Vat) gone(l *link) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, t := range l.targets {
		if l.dialled && v.links[t] == l && len(v.paces) < maxPaces { // lost: others have lost it, too
			v.paces[t] = pace{0, v.now(), l.at}
		}
	}
	v.drop(l)
	if l.end != nil {
		l.end.Stop()
	}
	if _, ok := v.all[l]; ok {
		delete(v.all, l)
		if l.dialled {
			v.dialled--
		}
	}
}

func (v *Vat) unuse(l *link) {
	v.mu.Lock()
	l.using--
	v.mu.Unlock()
}

// link returns a connection to the vat that r names, which must be given to unuse; fresh if it was made for that.
func (v *Vat) link(ctx context.Context, r Reference) (l *link, fresh bool, err error) {
	t := r.target()
	for {
		v.mu.Lock()
		if v.closed {
			v.mu.Unlock()
			return nil, false, errClosed
		}
		if l := v.links[t]; l != nil && l.conn.Err() == nil {
			l.using++
			v.mu.Unlock()
			return l, false, nil
		}
		d := v.dials[t]
		mine := d == nil
		if mine {
			if v.dialled >= v.limits.Dialled {
				v.mu.Unlock()
				return nil, false, capnp.Errorf(capnp.Overloaded, "more than %d connections to other vats", v.limits.Dialled)
			}
			d = v.startDial(t, r)
		}
		d.waiting++
		v.mu.Unlock()
		l, err := d.wait(ctx)
		switch {
		case err == nil:
			return l, l == d.made, nil
		case ctx.Err() != nil || mine || d.tries(r):
			return nil, false, err
		}
		// It was tried elsewhere only.
	}
}

// sweep closes what was dialled and is not used any more.
func (v *Vat) sweep() {
	tick := time.NewTicker(max(v.limits.Idle/2, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-v.ctx.Done():
			return
		case <-tick.C:
		}
		v.mu.Lock()
		var some []*link
		for l := range v.all {
			if l.dialled && l.using == 0 {
				some = append(some, l)
			}
		}
		v.mu.Unlock()
		for _, l := range some {
			v.sweepOne(l)
		}
	}
}

func (v *Vat) sweepOne(l *link) {
	s := l.conn.Stats()
	used := s.Questions+s.Answers+s.Exports+s.Imports+s.Embargoes > 0 ||
		s.MessagesSent != l.seen.MessagesSent || s.MessagesReceived != l.seen.MessagesReceived
	now := v.now()
	if used || l.idle.IsZero() {
		l.idle, l.seen = now, s
		return
	}
	if now.Sub(l.idle) < v.limits.Idle {
		return
	}
	v.mu.Lock()
	used = l.using > 0
	if !used {
		v.drop(l)
	}
	v.mu.Unlock()
	if !used {
		l.conn.CloseIdle()
	}
}
