package engine

import (
	"errors"
)

// This file is how a schedule ends, and what must be true then.

// run plays a whole schedule and returns what went wrong.
func (w *world) run() string {
	for w.step = 1; w.rng.next(w.opt.steps, w.log) && w.wrong == ""; w.step++ {
		w.act()
	}
	w.rng.end()
	w.finish()
	return w.wrong
}

// quiet runs until nothing is under way.
func (w *world) quiet() {
	for range 100000 {
		if w.wrong != "" {
			return
		}
		if w.move() {
			continue
		}
		if !w.endOne() {
			return
		}
	}
	w.fail("no end of messages")
}

// endOne ends a call or a promise that is still open.
func (w *world) endOne() bool {
	for _, s := range w.sites {
		if len(s.work) > 0 {
			k := s.work[0]
			s.work = s.work[1:]
			if !k.accepted {
				w.take(k)
			}
			w.returnCall(k)
			return true
		}
	}
	for _, s := range w.sites {
		if len(s.proms) > 0 {
			p := s.proms[0]
			s.proms = s.proms[1:]
			w.say("%s: a promise breaks", s.name)
			p.m.err = true
			p.r.Reject(errors.New("broken promise"))
			return true
		}
	}
	return false
}

// finish ends everything, checks every outcome, and looks for what is left over.
func (w *world) finish() {
	w.step++
	w.quiet()
	if w.wrong != "" {
		return
	}
	w.say("the end")
	for _, k := range w.calls {
		w.outcome(k)
	}
	for _, s := range w.sites {
		for _, k := range s.asked {
			k.promise.Release()
		}
		for len(s.refs) > 0 {
			w.drop(s, s.refs[0])
		}
	}
	for _, k := range w.calls {
		if k.tailed {
			k.promise.Release()
		}
	}
	w.quiet()
	for _, l := range w.links {
		for _, v := range []*vat{l.a, l.b} {
			if s := v.e.Stats(); s != (Stats{}) {
				w.fail("%s still holds %+v", v.name, s)
			}
			if v.closed != nil && !l.cut {
				w.fail("%s is closed: %v", v.name, v.closed)
			}
		}
	}
	for _, o := range w.objs {
		if o.refs != 0 {
			w.fail("%s has %d references left", o.name, o.refs)
		}
	}
}

// outcome compares how a call ended with how it should have.
func (w *world) outcome(k *mcall) {
	if !isDone(k) && !k.only && !k.direct { // those end when they are given up
		w.fail("call %d never ended", k.n)
		return
	}
	for o := k; o != nil; o = o.tailOf {
		if o.canceled != 0 { // who gives a call up gives up the one that it ends as
			return
		}
	}
	if w.dead {
		return
	}
	lossy := k.m.lossy != 0 && k.m.lossy < k.sentAt
	for m := k.m.to; m != nil; m = m.to {
		lossy = lossy || m.lossy != 0
	}
	e := k.m.end()
	if e.obj != nil && !lossy && k.delivered != 1 {
		w.fail("call %d was delivered %d times", k.n, k.delivered)
		return
	}
	if k.tailed || k.only || k.direct {
		return // its results went to somebody else, or nowhere
	}
	res, err := k.promise.Wait()
	last := k
	for last.tail != nil {
		last = last.tail
		lossy = true // what the tail call may have lost we do not follow
	}
	switch {
	case err != nil && e.obj != nil && !lossy && !last.failed && last.returned:
		w.fail("call %d ended with %v, want results", k.n, err)
	case err == nil && (last.failed || e.obj == nil):
		w.fail("call %d has results, want an error", k.n)
	case err == nil && res.Uint64(0) != uint64(last.n):
		w.fail("call %d has the results of call %d, want %d", k.n, res.Uint64(0), last.n)
	}
}
