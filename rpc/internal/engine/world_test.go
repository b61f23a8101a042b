package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"lanyard.dev/capnp"
)

// A world is a few vats, the connections between them, and a model of what every capability is
// known to be: plain pointers, resolved at once, with no protocol in between. Every step is drawn
// from one source of random numbers, so a seed is a schedule.
type world struct {
	rng   *rand.Rand
	opt   worldOptions
	sites []*site
	links []*link
	objs  []*shadow
	calls []*mcall
	step  int
	log   *strings.Builder // nil: quiet
	wrong string           // the first thing that went wrong
	dead  bool             // a connection was cut: what is lost is not missed
}

type worldOptions struct {
	sites int
	line  bool // site i knows only its neighbours; else everybody knows everybody
	steps int
	lazy  bool // commands wait in their inboxes, as if another goroutine were draining
	kill  bool
	wrong sabotage
}

// site is one vat: objects, and references to capabilities anywhere.
type site struct {
	name  string
	ends  []*vat
	refs  []*ref
	proms []*mprom
	asked []*mcall // calls made here whose promise is held
	work  []*mcall // calls that arrived at objects here and have not returned
}

type link struct {
	a, b *vat
	cut  bool
}

// mcap is a capability in the model.
type mcap struct {
	obj   *shadow
	to    *mcap
	err   bool   // null or broken
	of    *mcall // of whose results it is a field
	lossy int    // since this step the reference may have been broken by giving up the call it came from
}

func (m *mcap) end() *mcap {
	for m.to != nil {
		m = m.to
	}
	return m
}

// waitsFor reports whether m cannot become known before x is: resolving x to m would be a cycle.
func (m *mcap) waitsFor(x *mcap) bool {
	for {
		m = m.end()
		if m == x {
			return true
		}
		if m.of == nil || m.of.delivered > 0 {
			return false
		}
		m = m.of.m // m is known when its call returns, which has not found its target
	}
}

// line is one reference; its calls are numbered.
type line struct{ sent, got int }

type ref struct {
	id   int
	c    capnp.Client
	m    *mcap
	line *line
	from *mcall // of whose results this is a field
	i    int
}

type mprom struct {
	m *mcap
	r *capnp.Resolver[anyClient]
}

type anyClient struct{ capnp.Client }

type mcall struct {
	n        int
	from     *site
	m        *mcap
	line     *line
	seq      int
	sentAt   int
	params   []*mcap
	promise  capnp.Promise[capnp.Struct]
	fields   [2]*mcap
	views    [2]*mcap
	handles  [2]*ref
	released [2]bool
	canceled int

	at        *site
	call      *capnp.Call
	accepted  bool
	delivered int
	returned  bool
	failed    bool
	tail      *mcall
	tailed    bool
	tailOf    *mcall
}

// shadow is an object that keeps its calls until the schedule ends them.
type shadow struct {
	w    *world
	name string
	site *site
	refs int
}

func (o *shadow) Next() capnp.Hook                      { return nil }
func (o *shadow) Shorten() capnp.Hook                   { return nil }
func (o *shadow) Watch(capnp.Watcher, *capnp.Turn) bool { return false }
func (o *shadow) Promise() bool                         { return false }
func (o *shadow) Broken() error                         { return nil }
func (o *shadow) Retain()                               { o.refs++ }
func (o *shadow) Release(*capnp.Turn) {
	o.refs--
	if o.refs < 0 {
		o.w.fail("%s released more often than retained", o.name)
	}
}

func (o *shadow) Deliver(c *capnp.Call, t *capnp.Turn) {
	w := o.w
	n := int(c.Payload().Peek().Struct().Uint64(0))
	if n >= len(w.calls) {
		w.fail("call %d delivered, which was never made", n)
		return
	}
	k := w.calls[n]
	w.say("    %s receives call %d (reference call %d)", o.name, n, k.seq)
	k.delivered++
	if k.delivered > 1 {
		w.fail("call %d delivered twice", n)
	}
	if e := k.m.end(); e.obj != o {
		w.fail("call %d delivered to %s, which is not what its reference is", n, o.name)
	}
	if k.line.got >= k.seq {
		w.fail("call %d delivered to %s out of order: number %d on its reference, after number %d", n, o.name, k.seq, k.line.got)
	}
	k.line.got = k.seq
	k.call, k.at = c, o.site
	o.site.work = append(o.site.work, k)
}

func newWorld(seed uint64, opt worldOptions, log *strings.Builder) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), opt: opt, log: log}
	for i := range opt.sites {
		s := &site{name: string(rune('A' + i))}
		w.sites = append(w.sites, s)
	}
	for i := range w.sites {
		for j := i + 1; j < len(w.sites); j++ {
			if !opt.line || j == i+1 {
				w.connect(w.sites[i], w.sites[j])
			}
		}
	}
	for _, s := range w.sites {
		w.newObject(s)
	}
	return w
}

func (w *world) connect(a, b *site) {
	l := &link{a: &vat{name: a.name + ">" + b.name}, b: &vat{name: b.name + ">" + a.name}}
	for i, v := range []*vat{l.a, l.b} {
		v.e = New(v, Limits{})
		v.e.broken = w.opt.wrong
		v.trace, v.paused = w.log, w.opt.lazy
		s := []*site{a, b}[i]
		o := w.newObject(s)
		v.boot, v.shadowBoot = o, o
		s.ends = append(s.ends, v)
	}
	w.links = append(w.links, l)
	w.addRef(a, l.a.bootstrap(), &mcap{obj: l.b.shadowBoot}, nil)
	w.addRef(b, l.b.bootstrap(), &mcap{obj: l.a.shadowBoot}, nil)
}

func (w *world) newObject(s *site) *shadow {
	o := &shadow{w: w, name: fmt.Sprintf("%s.o%d", s.name, len(w.objs)), site: s}
	w.objs = append(w.objs, o)
	w.addRef(s, capnp.NewClient(o), &mcap{obj: o}, nil)
	return o
}

func (w *world) addRef(s *site, c capnp.Client, m *mcap, l *line) *ref {
	if l == nil {
		l = &line{}
	}
	r := &ref{id: w.step*10 + len(s.refs), c: c, m: m, line: l}
	s.refs = append(s.refs, r)
	return r
}

func (w *world) fail(format string, args ...any) {
	if w.wrong == "" {
		w.wrong = fmt.Sprintf("step %d: ", w.step) + fmt.Sprintf(format, args...)
		w.say("*** %s", w.wrong)
	}
}

func (w *world) say(format string, args ...any) {
	if w.log != nil {
		fmt.Fprintf(w.log, format+"\n", args...)
	}
}

func pick[T any](w *world, s []T) (x T, ok bool) {
	if len(s) == 0 {
		return x, false
	}
	return s[w.rng.IntN(len(s))], true
}

func remove[T comparable](s []T, x T) []T {
	for i := range s {
		if s[i] == x {
			return append(s[:i:i], s[i+1:]...)
		}
	}
	return s
}

// run plays a whole schedule and returns what went wrong.
func (w *world) run() string {
	for w.step = 1; w.step <= w.opt.steps && w.wrong == ""; w.step++ {
		w.act()
	}
	w.finish()
	return w.wrong
}

func (w *world) act() {
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
	case n < 97 && w.opt.kill && w.rng.IntN(6) == 0:
		l, _ := pick(w, w.links)
		w.cut(l)
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
	for _, v := range []*vat{l.a, l.b} {
		v.out = nil
		v.do(Close(errors.New("cut"), nil))
	}
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
		w.callOn(s, r)
	}
}

func (w *world) callOn(s *site, r *ref) *mcall {
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
	if w.rng.IntN(4) == 0 {
		m = plain
	}
	k.promise = sendMethod(context.Background(), r.c, m, uint64(k.n), params...)
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
		t := w.callOn(s, r)
		k.tail, k.returned, t.tailed, t.tailOf = t, true, true, k
		s.asked = remove(s.asked, t)
		w.say("%s: call %d ends as call %d does", s.name, k.n, t.n)
		for i := range k.fields {
			k.fields[i].to = t.fields[i]
		}
		k.call.Tail(t.promise)
		turn(func(t *capnp.Turn) { k.call.Payload().Release(t) })
	default:
		w.returnCall(k)
	}
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
		if !ok || w.rng.IntN(4) == 0 || r.m.waitsFor(f) {
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
	if !ok || !isDone(k) || k.canceled != 0 {
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
	if !isDone(k) {
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
		_, err := k.promise.Wait()
		w.fail("call %d was delivered %d times; it ended with %v", k.n, k.delivered, err)
		return
	}
	if k.tailed {
		return // its results went to somebody else
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
