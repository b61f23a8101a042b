package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

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
		{"byte sinks", checkByteSinks},
		{"reflection", func(ctx context.Context, p testservice.Probe) error { return checkReflection(ctx, p, false) }},
		{"deferred reflection", func(ctx context.Context, p testservice.Probe) error { return checkReflection(ctx, p, true) }},
		{"failures", checkFailures},
		{"cancellation", checkCancellation},
	}
	for i := range o.repeat {
		err := connect(ctx, o, func(ctx context.Context, p testservice.Probe) error {
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

// checkByteSinks streams both ways: into a sink there, and from there into a sink here. A chunk
// that fails is reported by a later one.
func checkByteSinks(ctx context.Context, probe testservice.Probe) error {
	const chunks, size = 300, 20_000
	there := probe.Open(ctx, nil).Sink()
	defer there.Release()
	if n, err := testservice.Pour(ctx, there, chunks, size); err != nil || n != chunks*size {
		return fmt.Errorf("%d bytes arrived there, want %d: %w", n, chunks*size, err)
	}
	pump := func(sink testservice.ByteSink, chunks uint32) (uint64, error) {
		defer sink.Release()
		p := probe.Pump(ctx, func(p testservice.ProbePumpParamsBuilder) {
			p.SetSink(sink)
			p.SetChunks(chunks)
			p.SetSize(size)
		})
		defer p.Release()
		res, err := p.Wait()
		return res.Bytes(), err
	}
	if n, err := pump(testservice.NewStream(0), chunks); err != nil || n != chunks*size {
		return fmt.Errorf("%d bytes arrived here, want %d: %w", n, chunks*size, err)
	}
	failing := probe.Open(ctx, func(p testservice.ProbeOpenParamsBuilder) { p.SetFailAfter(3) }).Sink()
	defer failing.Release()
	if _, err := testservice.Pour(ctx, failing, 10_000, size); err == nil {
		return errors.New("a chunk failed and nobody said so")
	}
	if _, err := pump(testservice.NewStream(3), 10_000); err == nil {
		return errors.New("a chunk failed here and nobody there said so")
	}
	return nil
}

// cancel gives up ten calls that hang, and prints how many the server says were cancelled.
func cancel(ctx context.Context, o *options) error {
	return connect(ctx, o, func(ctx context.Context, probe testservice.Probe) error {
		if _, err := probe.Canceled(ctx, nil).Wait(); err != nil {
			return err
		}
		for range 10 {
			each, stop := context.WithCancel(ctx)
			defer stop()
			hanging := probe.Hang(each, nil)
			if err := checkEcho(ctx, probe); err != nil { // it runs
				return err
			}
			stop()
			if _, err := hanging.Wait(); !errors.Is(err, context.Canceled) {
				return fmt.Errorf("cancelled call ended with: %v", err)
			}
		}
		canceled := uint64(0)
		for i := 0; canceled < 10 && i < 50; i++ {
			res, err := probe.Canceled(ctx, nil).Wait()
			if err != nil {
				return err
			}
			canceled += res.Count()
			<-time.After(10 * time.Millisecond) // a method there needs a moment to notice
		}
		fmt.Println("canceled", canceled)
		return nil
	})
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
