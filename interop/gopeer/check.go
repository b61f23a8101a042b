package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"lanyard.dev/capnp"
	"lanyard.dev/interop/testservice"
)

// check tries every method of a Probe, as the C++ client does.
func check(ctx context.Context, o *options) error {
	checks := []struct {
		name string
		run  func(context.Context, testservice.Probe) error
	}{
		{"chain", checkChain},
		{"echo", checkEcho},
		{"call back", checkCallBack},
		{"stream", checkStream},
		{"reflection", func(ctx context.Context, p testservice.Probe) error { return checkReflection(ctx, p, false) }},
		{"deferred reflection", func(ctx context.Context, p testservice.Probe) error { return checkReflection(ctx, p, true) }},
		{"failures", checkFailures},
		{"cancellation", checkCancellation},
	}
	for i := range o.repeat {
		err := connect(ctx, o.addr, func(ctx context.Context, p testservice.Probe) error {
			for _, c := range checks {
				if err := c.run(ctx, p); err != nil {
					return fmt.Errorf("%s, repetition %d: %w", c.name, i, err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	fmt.Println("done", o.repeat)
	return nil
}

// checkTickets waits for tickets, which have to carry the numbers from first on.
func checkTickets(tickets []testservice.ProbeTicketResultsPromise, first uint64) error {
	for i, p := range tickets {
		res, err := p.Wait()
		if err != nil {
			return err
		}
		if got, want := res.Number(), first+uint64(i); got != want {
			return fmt.Errorf("call %d started as number %d", want, got)
		}
	}
	return nil
}

func checkChain(ctx context.Context, probe testservice.Probe) error {
	fresh := probe.Fresh(ctx, nil).Probe()
	far := fresh
	for range 64 {
		far = far.Self(ctx, nil).Self()
	}
	if err := checkTickets([]testservice.ProbeTicketResultsPromise{fresh.Ticket(ctx, nil)}, 0); err != nil {
		return err
	}
	return checkTickets([]testservice.ProbeTicketResultsPromise{far.Ticket(ctx, nil)}, 1)
}

func checkEcho(ctx context.Context, probe testservice.Probe) error {
	return flight(ctx, probe, &options{inflight: 8, size: 1000}, 100)
}

func checkStream(ctx context.Context, probe testservice.Probe) error {
	return stream(ctx, probe.Fresh(ctx, nil).Probe(), &options{size: 3000}, 200)
}

// A sink checks the order of what is pushed, and holds it back until the gate
// opens.
type sink struct {
	testservice.UnimplementedSink
	gate <-chan struct{} // nil: open

	mu   sync.Mutex // guards next
	next uint32
}

// Push implements SinkServer.
func (s *sink) Push(ctx context.Context, call testservice.SinkPushCall) error {
	p := call.Params()
	s.mu.Lock()
	next := s.next
	s.next++
	s.mu.Unlock()
	if p.Sequence() != next {
		return capnp.Errorf(capnp.Failed, "push %d came as number %d", p.Sequence(), next)
	}
	call.Results().SetAccepted(uint64(len(p.Data())))
	if s.gate == nil {
		return nil
	}
	select {
	case <-s.gate:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func checkCallBack(ctx context.Context, probe testservice.Probe) error {
	s := &sink{}
	res, err := probe.CallBack(ctx, func(p testservice.ProbeCallBackParamsBuilder) {
		p.SetSink(testservice.NewSink(s))
		p.SetCount(20)
		p.SetSize(100)
	}).Wait()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if res.Total() != 2000 || s.next != 20 {
		return fmt.Errorf("%d bytes in %d calls back, want 2000 in 20", res.Total(), s.next)
	}
	return nil
}

// A capability of ours goes there and comes home: calls made before it arrives
// travel both ways, those made after it must wait for them.
func checkReflection(ctx context.Context, probe testservice.Probe, deferred bool) error {
	ours := testservice.New()
	defer ours.Release()
	gate := make(chan struct{})
	var reflected testservice.Probe
	var arrived func() error
	if deferred {
		p := probe.Defer(ctx, func(p testservice.ProbeDeferParamsBuilder) {
			p.SetCap(ours.Client)
			p.SetGate(testservice.NewSink(&sink{gate: gate}))
		})
		reflected = testservice.Probe{Client: p.Cap()}
		arrived = func() error { _, err := p.Wait(); return err }
	} else {
		p := probe.Reflect(ctx, func(p testservice.ProbeReflectParamsBuilder) { p.SetCap(ours.Client) })
		reflected = testservice.Probe{Client: p.Cap()}
		arrived = func() error { _, err := p.Wait(); return err }
	}
	var tickets []testservice.ProbeTicketResultsPromise
	for range 10 {
		tickets = append(tickets, reflected.Ticket(ctx, nil))
	}
	close(gate)
	if err := arrived(); err != nil {
		return err
	}
	for range 10 {
		tickets = append(tickets, reflected.Ticket(ctx, nil))
	}
	return checkTickets(tickets, 0)
}

func checkFailures(ctx context.Context, probe testservice.Probe) error {
	for _, kind := range []testservice.ProbeKind{
		testservice.ProbeKindFailed, testservice.ProbeKindOverloaded,
		testservice.ProbeKindDisconnected, testservice.ProbeKindUnimplemented,
	} {
		_, err := probe.Fail(ctx, func(p testservice.ProbeFailParamsBuilder) {
			p.SetKind(kind)
			p.SetText("on purpose")
		}).Wait()
		if !errors.Is(err, capnp.Kind(kind)) || !strings.Contains(err.Error(), "on purpose") {
			return fmt.Errorf("fail(%v) ended with: %v", kind, err)
		}
	}
	return nil
}

func checkCancellation(ctx context.Context, probe testservice.Probe) error {
	for range 10 {
		canceled, cancel := context.WithCancel(ctx)
		p := probe.Hang(canceled, nil)
		cancel()
		if _, err := p.Wait(); !errors.Is(err, context.Canceled) {
			return fmt.Errorf("cancelled call ended with: %v", err)
		}
	}
	return checkEcho(ctx, probe)
}
