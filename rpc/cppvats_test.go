package rpc_test

import (
	"context"
	"errors"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"lanyard.dev/capnp"
	wire "lanyard.dev/capnp/schemas/rpc"
	"lanyard.dev/rpc"
	"lanyard.dev/rpc/internal/testcap"
	"lanyard.dev/rpc/internal/testnet"
)

// The tests in cpp*_test.go are the scenarios of the C++ implementation's tests. Each subtest has
// the name of the C++ test case that it stands for; docs/conformance.md lists them all.

// A scene is a test case that runs in a synctest bubble, with Alice and Bob at the two ends of a
// connection in memory. Bob offers a testcap.Worker or what the case offers instead.
type scene struct {
	*testing.T
	w                 *testcap.World
	alice, bob        *rpc.Conn
	toBob, toAlice    *testnet.Lane
	aliceEnd, bobEnd  *testnet.End
	aliceOpt, bobOpt  *rpc.Options
	boot              capnp.Client       // Bob's
	listen            func(wire.Message) // gets what Alice sends
	listenBack        func(wire.Message) // gets what Bob sends
	capacity          int                // of the connection, in bytes each way; 0 is unlimited
	released          []func()
	connected, leaves bool
}

// play runs f in a bubble. The collector rests meanwhile: what it finds is given back on a
// goroutine outside the bubble, which must not touch what is inside.
func play(t *testing.T, name string, f func(s *scene)) {
	t.Run(name, func(t *testing.T) {
		defer debug.SetGCPercent(debug.SetGCPercent(-1))
		synctest.Test(t, func(t *testing.T) {
			s := &scene{T: t, w: testcap.NewWorld(), aliceOpt: &rpc.Options{}, bobOpt: &rpc.Options{}}
			s.boot = s.w.Worker().Client
			f(s)
			s.end()
		})
	})
}

// connect makes the connection.
func (s *scene) connect() {
	s.aliceEnd, s.bobEnd = testnet.Pipe(s.capacity)
	s.toBob, s.toAlice = s.aliceEnd.Out, s.bobEnd.Out
	if s.listen != nil {
		s.toBob.Listen(s.listen)
	}
	if s.listenBack != nil {
		s.toAlice.Listen(s.listenBack)
	}
	s.bobOpt.Bootstrap = s.boot
	s.alice, s.bob = rpc.NewConn(s.aliceEnd, s.aliceOpt), rpc.NewConn(s.bobEnd, s.bobOpt)
	s.connected = true
	s.Cleanup(func() { s.alice.Close(); s.bob.Close() })
}

// end gives back what the case holds, checks that the connection has nothing left, and closes it.
func (s *scene) end() {
	for i := len(s.released) - 1; i >= 0; i-- {
		s.released[i]()
	}
	if !s.connected {
		return
	}
	s.poll()
	if !s.leaves && s.alice.Err() == nil && s.bob.Err() == nil {
		s.wantIdle()
	}
}

// later releases what the case still uses at its end.
func (s *scene) later(r interface{ Release() }) { s.released = append(s.released, r.Release) }

// poll waits until nothing moves any more.
func (s *scene) poll() {
	time.Sleep(time.Second / 2) // of the bubble's time: slow methods lose the reader's role
	synctest.Wait()
}

func rows(c *rpc.Conn) int {
	x := c.Stats()
	return x.Questions + x.Answers + x.Exports + x.Imports + x.Embargoes
}

func (s *scene) wantIdle() {
	s.Helper()
	if rows(s.alice)+rows(s.bob) != 0 {
		s.Errorf("tables are not empty:\n%+v\n%+v", s.alice.Stats(), s.bob.Stats())
	}
}

// bootstrap connects if need be and asks for Bob's capability, which is released at the end.
func bootstrap[C capnp.ClientKind](s *scene) C {
	if !s.connected {
		s.connect()
	}
	c := rpc.Bootstrap[C](s.Context(), s.alice)
	s.later(capnp.ClientOf(c))
	return c
}

// lab returns Bob's lab, as a promise.
func (s *scene) lab() testcap.Lab {
	p := bootstrap[testcap.Worker](s).Lab(s.Context(), nil)
	s.later(p)
	s.later(p.Cap())
	return p.Cap()
}

func (s *scene) chain() testcap.Chain {
	p := bootstrap[testcap.Worker](s).Chain(s.Context(), nil)
	s.later(p)
	s.later(p.Cap())
	return p.Cap()
}

func (s *scene) tailCaller() testcap.TailCaller {
	p := bootstrap[testcap.Worker](s).TailCaller(s.Context(), nil)
	s.later(p)
	s.later(p.Cap())
	return p.Cap()
}

// A promise is what calls return.
type promise interface {
	Done() <-chan struct{}
	Release()
}

func settled(p promise) bool {
	select {
	case <-p.Done():
		return true
	default:
		return false
	}
}

func (s *scene) wantSettled(p promise, want bool) {
	s.Helper()
	s.poll()
	if settled(p) != want {
		s.Errorf("settled is %v, want %v", !want, want)
	}
}

// must waits for results.
func must[R capnp.StructKind](s *scene, p interface{ Wait() (R, error) }) R {
	s.Helper()
	r, err := p.Wait()
	if err != nil {
		s.Fatalf("got error: %v", err)
	}
	return r
}

// fails waits for an error of a kind.
func fails[R capnp.StructKind](s *scene, p interface{ Wait() (R, error) }, kind capnp.Kind, reason string) *capnp.Exception {
	s.Helper()
	_, err := p.Wait()
	x, ok := errors.AsType[*capnp.Exception](err)
	if !ok || x.Kind != kind || x.Error() != reason {
		s.Fatalf("got %v (%T), want %v: %s", err, err, kind, reason)
	}
	return x
}

func want[T comparable](s *scene, what string, got, want T) {
	s.Helper()
	if got != want {
		s.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func foo(ctx context.Context, c testcap.Worker, i uint32, j bool) testcap.WorkerFooResultsPromise {
	return c.Foo(ctx, func(p testcap.WorkerFooParamsBuilder) {
		p.SetI(i)
		p.SetJ(j)
	})
}

func next(ctx context.Context, c testcap.Sequence, expected uint32) testcap.SequenceNextResultsPromise {
	return c.Next(ctx, func(p testcap.SequenceNextParamsBuilder) { p.SetExpected(expected) })
}

// wantNext checks a sequence's answers.
func (s *scene) wantNext(first uint32, ps ...testcap.SequenceNextResultsPromise) {
	s.Helper()
	for i, p := range ps {
		want(s, "place in the sequence", must[testcap.SequenceNextResults](s, p).N(), first+uint32(i))
	}
}

// alive checks that the connection still works.
func (s *scene) alive(c testcap.Sequence) {
	s.Helper()
	must[testcap.SequenceNextResults](s, next(s.Context(), c, 0))
}
