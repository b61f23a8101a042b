package ocap_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
)

// A wrapping makes a narrower T of a T. revoke is nil if it cannot be taken back.
type wrapping struct {
	name string
	wrap func(T) (T, func(...error))
	deny []error // with which of them secret may end; none if it passes
}

func (w wrapping) denies() bool { return len(w.deny) > 0 }

func facet(c T) (T, func(...error))     { return ocap.Facet(c, open...), nil }
func revocable(c T) (T, func(...error)) { return ocap.Revocable(c) }

// singles are the wrappers that the suite is run over. All let everything but secret pass.
var singles = []wrapping{
	{"facet", facet, []error{capnp.Unimplemented}},
	{"revocable", revocable, nil},
	{"membrane", func(c T) (T, func(...error)) {
		return ocap.Membrane(c, judge(denySecret), nil)
	}, []error{ocap.Denied}},
	{"admitted", func(c T) (T, func(...error)) { return ocap.Membrane(c, porter{}, nil) }, []error{ocap.Denied}},
	{"lease", func(c T) (T, func(...error)) {
		l, _ := ocap.Lease(c, time.Now().Add(time.Hour), nil)
		return l, nil
	}, nil},
	{"limit", func(c T) (T, func(...error)) {
		return ocap.Limit(c, ocap.Limits{Uses: 1 << 40, Bytes: 1 << 60, Concurrency: 1 << 20}), nil
	}, nil},
	{"audit", func(c T) (T, func(...error)) { return ocap.Audit(c, blank{}, nil), nil }, nil},
}

// porter admits calls from another goroutine.
type porter struct{}

func (porter) Judge(c *ocap.Crossing) error             { return denySecret(c) }
func (porter) Admit(_ *ocap.Crossing, done func(error)) { go done(nil) }
func (porter) Ended(c *ocap.Crossing, _ error)          { _ = c.Name() }

// blank writes nothing down.
type blank struct{}

func (blank) Record([]ocap.Record) error { return nil }

func single(name string) wrapping {
	for _, w := range singles {
		if w.name == name {
			return w
		}
	}
	panic("no wrapper " + name)
}

// stackOf is a stack of two, the first around the second.
func stackOf(outer, inner string) wrapping {
	o, i := single(outer), single(inner)
	return wrapping{outer + " of " + inner, over(i.wrap, o.wrap), append(append([]error(nil), o.deny...), i.deny...)}
}

// stacks are all stacks of two.
func stacks() (all []wrapping) {
	for _, o := range singles {
		for _, i := range singles {
			all = append(all, stackOf(o.name, i.name))
		}
	}
	return all
}

// over is a stack of two wrappings, the second around the first.
func over(first, second func(T) (T, func(...error))) func(T) (T, func(...error)) {
	return func(c T) (T, func(...error)) {
		c1, revoke1 := first(c)
		c2, revoke2 := second(c1)
		c1.Release()
		if revoke2 == nil {
			revoke2 = revoke1
		}
		return c2, revoke2
	}
}

func (w wrapping) has(name string) bool {
	for n := range strings.SplitSeq(w.name, " of ") {
		if n == name {
			return true
		}
	}
	return false
}

// wantDenied fails the test unless err is what calls of secret end with.
func wantDenied(t testing.TB, w wrapping, what string, err error) {
	t.Helper()
	if !w.denies() {
		if err != nil {
			t.Errorf("%s: secret: %v", what, err)
		}
		return
	}
	for _, e := range w.deny {
		if errors.Is(err, e) {
			return
		}
	}
	t.Errorf("%s: secret ends with %v, want %v", what, err, w.deny)
}

// patience is how long a test waits for what has to happen soon.
func patience(t testing.TB) time.Duration {
	if _, ok := t.(*probe); ok {
		return time.Second
	}
	return 20 * time.Second
}
