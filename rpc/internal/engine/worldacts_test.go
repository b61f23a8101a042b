package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"lanyard.dev/capnp"
)

// This file is what happens in a world.

func (w *world) act() {
	if w.opt.kill && w.rng.IntN(w.opt.steps) == 0 { // once a schedule, more or less
		l, _ := pick(w, w.links)
		w.cut(l)
		return
	}
	s, _ := pick(w, w.sites)
	switch n := w.rng.IntN(100); {
	case n < 22:
		w.call(s)
	case n < 47:
		w.move()
	case n < 50:
		w.accept(s)
	case n < 64:
		w.reply(s)
	case n < 76:
		w.pipeline(s)
	case n < 79:
		w.newPromise(s)
	case n < 84:
		w.settle(s)
	case n < 88:
		w.releaseRef(s)
	case n < 91:
		w.releasePromise(s)
	case n < 93:
		if r, ok := pick(w, s.refs); ok {
			w.say("%s: another reference to %d", s.name, r.id)
			w.addRef(s, capnp.AddRef(anyClient{r.c}).Client, r.m, r.line)
		}
	case n < 95:
		w.collect(s)
	case n < 96:
		if len(w.objs) < 12 {
			w.newObject(s)
		}
	default:
		for range w.rng.IntN(20) {
			w.move()
		}
	}
}

// move delivers one message or, where inboxes are lazy, may carry out one command.
func (w *world) move() bool {
	start := w.rng.IntN(2 * len(w.links))
	for i := range 2 * len(w.links) {
		l := w.links[(start+i)/2%len(w.links)]
		from, to := l.a, l.b
		if (start+i)%2 == 1 {
			from, to = to, from
		}
		if w.opt.lazy && len(to.inbox) > 0 && w.rng.IntN(3) > 0 {
			to.one()
			return true
		}
		if len(from.out) > 0 {
			m := from.out[0]
			from.out = from.out[1:]
			if w.log != nil {
				w.say("  %s delivers %s", from.name, describe(m))
			}
			to.do(Receive(m))
			return true
		}
		if l.late == to {
			w.close(to)
			l.late = nil
			return true
		}
	}
	for _, l := range w.links {
		for _, v := range []*vat{l.a, l.b} {
			if len(v.inbox) > 0 {
				v.one()
				return true
			}
		}
	}
	return false
}

func (w *world) cut(l *link) {
	if l.cut {
		return
	}
	w.say("the connection %s is cut", l.a.name)
	l.cut, w.dead = true, true
	first, second := l.a, l.b
	if w.rng.IntN(2) == 0 {
		first, second = second, first
	}
	second.out = nil
	w.close(first)
	if w.rng.IntN(2) == 0 {
		l.late = second
		return
	}
	first.out = nil
	w.close(second)
}

func (w *world) close(v *vat) {
	w.say("  %s closes", v.name)
	v.do(Close(errors.New("cut"), nil))
}

// recent picks a reference; those that came last more often, because most is going on there.
func (w *world) recent(s *site) (*ref, bool) {
	refs := s.refs
	if n := len(refs); n > 4 && w.rng.IntN(2) == 0 {
		refs = refs[n-4:]
	}
	return pick(w, refs)
}

func (w *world) call(s *site) {
	r, ok := w.recent(s)
	if ok && r.m.obj != nil && r.m.obj.site == s && w.rng.IntN(8) > 0 {
		r, ok = w.recent(s) // calls within a vat are rarely interesting
	}
	if !ok || len(w.calls) > 400 {
		return
	}
	for range 1 + w.rng.IntN(2) {
		w.callOn(context.Background(), s, r)
	}
}

func (w *world) callOn(ctx context.Context, s *site, r *ref) *mcall {
	k := &mcall{n: len(w.calls), from: s, m: r.m, line: r.line, sentAt: w.step}
	r.line.sent++
	k.seq = r.line.sent
	w.calls = append(w.calls, k)
	var params []capnp.Client
	var desc strings.Builder
	for range w.rng.IntN(3) {
		if p, ok := w.recent(s); ok {
			params = append(params, p.c)
			k.params = append(k.params, p.m)
			desc.WriteString(fmt.Sprintf(" %d", p.id))
		}
	}
	for i := range k.fields {
		k.fields[i] = &mcap{of: k}
		k.views[i] = &mcap{to: k.fields[i]}
	}
	w.say("%s: call %d on reference %d (its call %d) with [%s]", s.name, k.n, r.id, k.seq, desc.String())
	m := method
	switch w.rng.IntN(8) {
	case 0, 1:
		m = plain
	case 2:
		w.say("  only for what is pipelined on it")
		ctx, k.only = capnp.PipelineOnly(ctx), true
	}
	k.promise = sendMethod(ctx, r.c, m, uint64(k.n), params...)
	s.asked = append(s.asked, k)
	return k
}

func (w *world) accept(s *site) {
	k, ok := pick(w, s.work)
	if !ok || k.accepted {
		return
	}
	w.take(k)
}

// take takes the parameters of a call out, as a method does.
func (w *world) take(k *mcall) {
	k.accepted = true
	for i, m := range k.params {
		if w.rng.IntN(4) == 0 {
			continue // not interested
		}
		c := k.call.ParamsStruct().Client(uint16(i))
		w.addRef(k.at, c, m, nil)
	}
}

func (w *world) reply(s *site) {
	k, ok := pick(w, s.work)
	if !ok {
		return
	}
	if !k.accepted {
		w.take(k)
	}
	s.work = remove(s.work, k)
	switch n := w.rng.IntN(10); {
	case n == 0:
		w.failCall(k)
	case n == 1:
		r, ok := pick(w, s.refs)
		if !ok || r.m.end().obj == nil { // else it might wait for k
			w.failCall(k)
			return
		}
		w.tail(s, k, r)
	case n == 2: // back to where it came from
		var home []*ref
		for _, r := range s.refs {
			if o := r.m.end().obj; o != nil && o.site == k.from && s != k.from {
				home = append(home, r)
			}
		}
		r, ok := pick(w, home)
		if !ok {
			w.returnCall(k)
			return
		}
		w.tail(s, k, r)
	default:
		w.returnCall(k)
	}
}

// tail ends k as a call on r does.
func (w *world) tail(s *site, k *mcall, r *ref) {
	ctx, direct := context.Background(), w.rng.IntN(3) > 0
	if direct {
		w.say("%s: call %d is to end as the next one", s.name, k.n)
		ctx = context.WithoutCancel(k.call.TailContext()) // no goroutines
	}
	t := w.callOn(ctx, s, r)
	t.direct = direct
	t.only = t.only || direct && k.call.Hints().OnlyPipeline
	s.asked = remove(s.asked, t)
	if direct && w.rng.IntN(8) == 0 { // it ends otherwise
		t.canceled = w.step
		for _, v := range t.views {
			v.lossy = w.step
		}
		w.failCall(k)
		t.promise.Release()
		return
	}
	if t.only && !k.call.Hints().OnlyPipeline { // it has no end to end as
		s.asked = append(s.asked, t)
		w.failCall(k)
		return
	}
	k.tail, k.returned, t.tailed, t.tailOf = t, true, true, k
	w.say("%s: call %d ends as call %d does", s.name, k.n, t.n)
	for i := range k.fields {
		k.fields[i].to = t.fields[i]
	}
	if err := k.call.Tail(t.promise); err != nil {
		w.fail("call %d cannot end as call %d: %v", k.n, t.n, err)
	}
	turn(func(t *capnp.Turn) { k.call.Payload().Release(t) })
}

func (w *world) failCall(k *mcall) {
	w.say("%s: call %d fails", k.at.name, k.n)
	k.returned, k.failed = true, true
	for _, f := range k.fields {
		f.err = true
	}
	fails(k.call, capnp.NewError(capnp.Failed, "no"))
}

func (w *world) returnCall(k *mcall) {
	p, root := capnp.NewPayload(capnp.StructSize{DataWords: 1, Pointers: 2})
	root.SetUint64(0, uint64(k.n))
	var desc strings.Builder
	for i, f := range k.fields {
		r, ok := w.recent(k.at)
		if !ok || w.rng.IntN(4) == 0 || r.m.waitsFor(f) || k.lasts() && r.m.lasts() {
			f.err = true
			continue
		}
		root.SetClient(uint16(i), r.c)
		f.to = r.m
		desc.WriteString(fmt.Sprintf(" %d=%d", i, r.id))
	}
	w.say("%s: call %d returns [%s]", k.at.name, k.n, desc.String())
	k.returned = true
	turn(func(t *capnp.Turn) {
		k.call.Return(capnp.Result{Payload: p}, t)
		k.call.Payload().Release(t)
	})
}

// pipeline takes a reference to a field of results that may not be there yet.
func (w *world) pipeline(s *site) {
	k, ok := pick(w, s.asked)
	if !ok {
		return
	}
	i := w.rng.IntN(2)
	if k.handles[i] != nil || k.released[i] {
		return
	}
	w.say("%s: reference to field %d of call %d", s.name, i, k.n)
	k.handles[i] = w.addRef(s, capnp.PipelineClient(k.promise, uint16(i)), k.views[i], nil)
	k.handles[i].from, k.handles[i].i = k, i
}

// collect reads results.
func (w *world) collect(s *site) {
	k, ok := pick(w, s.asked)
	if !ok || !isDone(k) || k.canceled != 0 || k.only {
		return
	}
	res, err := k.promise.Wait()
	if err != nil {
		return
	}
	for i := range k.fields {
		c := res.Client(uint16(i))
		h := k.handles[i]
		if k.released[i] {
			continue
		}
		if h == nil {
			if c.IsNull() {
				continue
			}
			k.handles[i] = w.addRef(s, c, k.views[i], nil)
			k.handles[i].from, k.handles[i].i = k, i
		} else if c != h.c && !h.c.IsNull() && !c.IsNull() {
			w.fail("field %d of call %d is another client than the one that was pipelined on", i, k.n)
		}
	}
}

func isDone(k *mcall) bool {
	select {
	case <-k.promise.Done():
		return true
	default:
		return false
	}
}

func (w *world) newPromise(s *site) {
	c, r := capnp.NewPromise[anyClient]()
	p := &mprom{m: &mcap{}, r: r}
	s.proms = append(s.proms, p)
	x := w.addRef(s, c.Client, p.m, nil)
	w.say("%s: reference %d is a new promise", s.name, x.id)
}

func (w *world) settle(s *site) {
	p, ok := pick(w, s.proms)
	if !ok {
		return
	}
	r, ok := w.recent(s)
	if ok && r.m.waitsFor(p.m) {
		return
	}
	s.proms = remove(s.proms, p)
	if !ok || w.rng.IntN(8) == 0 {
		w.say("%s: a promise breaks", s.name)
		p.m.err = true
		p.r.Reject(errors.New("broken promise"))
		return
	}
	w.say("%s: a promise becomes reference %d", s.name, r.id)
	p.m.to = r.m
	p.r.Resolve(anyClient{r.c})
}

func (w *world) releaseRef(s *site) {
	r, ok := pick(w, s.refs)
	if !ok {
		return
	}
	w.say("%s: releases reference %d", s.name, r.id)
	w.drop(s, r)
}

func (w *world) drop(s *site, r *ref) {
	s.refs = remove(s.refs, r)
	if r.from != nil {
		r.from.handles[r.i], r.from.released[r.i] = nil, true
	}
	r.c.Release()
}

func (w *world) releasePromise(s *site) {
	k, ok := pick(w, s.asked)
	if !ok {
		return
	}
	w.say("%s: gives call %d up", s.name, k.n)
	s.asked = remove(s.asked, k)
	k.canceled = w.step
	for _, v := range k.views {
		v.lossy = w.step
	}
	k.promise.Release()
}
