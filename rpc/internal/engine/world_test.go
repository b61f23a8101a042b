package engine

import (
	"fmt"
	"strings"

	"lanyard.dev/capnp"
)

// A world is a few vats, the connections between them, and a model of what every capability is
// known to be: plain pointers, resolved at once, with no protocol in between. Every step is one of
// the choices that a schedule consists of: see choices.
type world struct {
	rng   *choices
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
	kill  bool // connections are cut
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
	late *vat // hears of the cut when it has received what was sent before
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

// lasts reports whether m leads, or may come to lead, through the results of a call that stay where
// they are until nothing refers to them. Held in other such results it could hold itself: a circle
// of references between vats, which nobody collects.
func (m *mcap) lasts() bool {
	for ; m.to != nil || m.of != nil; m = m.to {
		if m.of != nil && (m.of.only || m.of.direct) || m.to == nil {
			return true
		}
	}
	return m.obj == nil
}

// lasts reports whether the results of k stay where they are for long.
func (k *mcall) lasts() bool {
	for ; k != nil; k = k.tailOf {
		if k.only || k.direct {
			return true
		}
	}
	return false
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
	only     bool // made for the pipeline only
	direct   bool // made with the context for the last call

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

func newWorld(c *choices, opt worldOptions, log *strings.Builder) *world {
	w := &world{rng: c, opt: opt, log: log}
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
