package conform_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/interop/testservice"
	"lanyard.dev/rpc"
)

// gate is a Sink whose push() returns when it is opened, or is given up.
type gate struct {
	testservice.UnimplementedSink
	open chan struct{}
}

func (g gate) Push(ctx context.Context, call testservice.SinkPushCall) error {
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// TestCancelRaces (R22): a call is given up (Finish), its method returns (Return), and a promise
// among its parameters and results resolves (Resolve), in every order, each time with the others
// still on their way or already arrived. There is one outcome; calls that were pipelined end, too;
// and nothing is left.
func TestCancelRaces(t *testing.T) {
	orders := [][3]string{
		{"finish", "return", "resolve"}, {"finish", "resolve", "return"}, {"return", "finish", "resolve"},
		{"return", "resolve", "finish"}, {"resolve", "finish", "return"}, {"resolve", "return", "finish"},
	}
	for _, order := range orders {
		for arrived := range 8 { // a bit for each event: wait until all is quiet before it
			for _, becomes := range []string{"local", "remote", "broken"} {
				t.Run(fmt.Sprintf("%v/%03b/%s", order, arrived, becomes), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { cancelRace(t, order, arrived, becomes) })
				})
			}
		}
	}
}

func cancelRace(t *testing.T, order [3]string, arrived int, becomes string) {
	service := testservice.New()
	a, b := rpc.Pipe(nil, &rpc.Options{Bootstrap: service.Client})
	remote := rpc.Bootstrap[testservice.Probe](t.Context(), a)
	local := testservice.New()
	param, resolver := capnp.NewPromise[testservice.Probe]()
	open := make(chan struct{})
	sink := testservice.NewSink(gate{open: open})
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()

	p := remote.Defer(ctx, func(p testservice.ProbeDeferParamsBuilder) {
		p.SetCap(param.Client)
		p.SetGate(sink)
	})
	result := testservice.Probe{Client: p.Cap()}
	pipelined := result.Ticket(t.Context(), nil)
	for i, event := range order {
		if arrived>>i&1 == 1 {
			synctest.Wait()
		}
		switch event {
		case "finish":
			giveUp()
		case "return":
			close(open)
		case "resolve":
			switch becomes {
			case "local":
				resolver.Resolve(local)
			case "remote":
				resolver.Resolve(remote)
			case "broken":
				resolver.Reject(capnp.NewError(capnp.Failed, "no"))
			}
		}
	}
	if _, err := p.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("the call ended with %v", err)
	}
	_, err := pipelined.Wait()
	if becomes == "broken" && err == nil {
		t.Error("a call on a broken promise succeeded")
	}
	// The promise works whatever became of the call.
	if _, err := param.Ticket(t.Context(), nil).Wait(); (err == nil) != (becomes != "broken") {
		t.Errorf("a call on what the promise became ended with %v", err)
	}
	for _, release := range []interface{ Release() }{p, result, pipelined, param, sink, local, remote} {
		release.Release()
	}
	synctest.Wait()
	for name, conn := range map[string]*rpc.Conn{"caller": a, "callee": b} {
		if s := conn.Stats(); s.Questions+s.Answers+s.Exports+s.Imports+s.Embargoes > 0 {
			t.Errorf("%s: left in the tables: %+v", name, s)
		}
	}
	a.Close()
	b.Close()
	service.Release()
}

// TestPromiseCycles (R11): promises that become each other, by way of two connections and all at
// once, break or wait for ever in vain; what waits is told when the connections end, and nobody
// else is held up.
func TestPromiseCycles(t *testing.T) {
	for n := 1; n <= 8; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			for range 20 {
				synctest.Test(t, func(t *testing.T) { promiseCycle(t, n) })
			}
		})
	}
}

func promiseCycle(t *testing.T, n int) {
	service := testservice.New()
	var conns []*rpc.Conn
	var far []testservice.Probe // two connections to the same vat
	for range 2 {
		a, b := rpc.Pipe(nil, &rpc.Options{Bootstrap: service.Client})
		conns = append(conns, a, b)
		far = append(far, rpc.Bootstrap[testservice.Probe](t.Context(), a))
	}
	promises := make([]testservice.Probe, n)
	resolvers := make([]*capnp.Resolver[testservice.Probe], n)
	for i := range promises {
		promises[i], resolvers[i] = capnp.NewPromise[testservice.Probe]()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var calls []testservice.ProbeTicketResultsPromise
	for i := range promises {
		calls = append(calls, promises[i].Ticket(ctx, nil))
	}
	// Each becomes what the far vat gives back for the next one.
	for i := range promises {
		go func() {
			p := far[i%2].Reflect(ctx, func(p testservice.ProbeReflectParamsBuilder) { p.SetCap(promises[(i+1)%n].Client) })
			resolvers[i].Resolve(testservice.Probe{Client: p.Cap()})
			p.Release()
		}()
	}
	synctest.Wait()
	for i, f := range far {
		if _, err := f.Echo(ctx, nil).Wait(); err != nil {
			t.Errorf("connection %d: %v", i, err)
		}
	}
	for i, c := range calls {
		if _, err := c.Wait(); err == nil {
			t.Errorf("call on promise %d came back from nowhere", i)
		}
		c.Release()
	}
	for i := range promises {
		promises[i].Release()
	}
	for _, f := range far {
		f.Release()
	}
	for _, c := range conns {
		c.Close()
	}
	for _, c := range conns {
		if s := c.Stats(); s.Questions+s.Answers+s.Exports+s.Imports+s.Embargoes > 0 {
			t.Errorf("left in the tables: %+v", s)
		}
	}
	service.Release()
}

// panicker panics in every way that a method can.
type panicker struct{ testservice.UnimplementedProbe }

func (panicker) Self(context.Context, testservice.ProbeSelfCall) error { panic("at once") }

func (panicker) Echo(_ context.Context, call testservice.ProbeEchoCall) error {
	call.Unblock()
	panic("after letting others pass")
}

func (panicker) Defer(ctx context.Context, call testservice.ProbeDeferCall) error {
	gate := call.Params().Gate()
	defer gate.Release()
	gate.Push(ctx, nil).Wait()
	panic("while others' results are held")
}

func (panicker) Fresh(_ context.Context, call testservice.ProbeFreshCall) error {
	call.Results().SetProbe(testservice.New())
	panic("with results half made")
}

func (panicker) Written(context.Context, testservice.ProbeWrittenCall) error { return nil }

func (panicker) Write(context.Context, testservice.ProbeWriteCall) error { panic("in a stream") }

// badGate panics when it is called back.
type badGate struct{ testservice.UnimplementedSink }

func (badGate) Push(context.Context, testservice.SinkPushCall) error { panic("back here") }

// TestPanics (R26): a method that panics fails that call, and its peer learns no more than that.
func TestPanics(t *testing.T) {
	service := testservice.NewProbe(panicker{})
	a, b := rpc.Pipe(nil, &rpc.Options{Bootstrap: service.Client})
	remote := rpc.Bootstrap[testservice.Probe](t.Context(), a)
	held := testservice.New()
	sink := testservice.NewSink(badGate{})
	ctx := t.Context()
	wait := map[string]func() error{
		"at once":         func() error { _, err := remote.Self(ctx, nil).Wait(); return err },
		"a pipelined one": func() error { _, err := remote.Self(ctx, nil).Self().Ticket(ctx, nil).Wait(); return err },
		"after Unblock":   func() error { _, err := remote.Echo(ctx, nil).Wait(); return err },
		"with results":    func() error { _, err := remote.Fresh(ctx, nil).Wait(); return err },
		"after a call back that panicked, too": func() error {
			_, err := remote.Defer(ctx, func(p testservice.ProbeDeferParamsBuilder) {
				p.SetCap(held.Client)
				p.SetGate(sink)
			}).Wait()
			return err
		},
	}
	for name, f := range wait {
		err := f()
		x := capnp.AsException(err)
		if !errors.Is(err, capnp.Failed) || x.Reason != "the method panicked" {
			t.Errorf("%s: got %v", name, err)
		}
		if _, err := remote.Written(ctx, nil).Wait(); err != nil {
			t.Errorf("%s: the next call: %v", name, err)
		}
	}
	held.Release()
	sink.Release()
	// A stream is broken by it.
	remote.Write(ctx, nil)
	if _, err := remote.Written(ctx, nil).Wait(); err == nil {
		t.Error("a stream call panicked and the next call on the object succeeded")
	}
	remote.Release()
	for name, conn := range map[string]*rpc.Conn{"caller": a, "callee": b} {
		await(t, "empty tables: "+name, func() (bool, any) {
			s := conn.Stats()
			return s.Questions+s.Answers+s.Exports+s.Imports+s.Embargoes == 0, s
		})
		conn.Close()
	}
	service.Release()
}
