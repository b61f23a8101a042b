// Package testservice is a service of small methods, one for each thing worth
// measuring or breaking, that the peers in interop and bench offer to each
// other. It is no example to follow: see service/calculator.
package testservice

import (
	"bytes"
	"context"
	"sync"

	"lanyard.dev/capnp"
)

// New makes a Probe whose counters are at zero.
func New() Probe { return NewProbe(&server{}) }

type server struct {
	UnimplementedProbe

	mu            sync.Mutex // guards the fields below
	bytes, chunks uint64
	tickets       uint64
	canceled      uint64
}

// Self implements ProbeServer.
func (s *server) Self(_ context.Context, call ProbeSelfCall) error {
	self := Probe{Client: call.Call.Self()}
	call.Results().SetSelf(self)
	self.Release()
	return nil
}

// Echo implements ProbeServer.
func (s *server) Echo(_ context.Context, call ProbeEchoCall) error {
	call.Results().SetData(call.Params().Data())
	return nil
}

// CallBack implements ProbeServer.
func (s *server) CallBack(ctx context.Context, call ProbeCallBackCall) error {
	p := call.Params()
	sink := p.Sink()
	defer sink.Release()
	data := bytes.Repeat([]byte("x"), int(min(p.Size(), 1<<20)))
	var pushed []SinkPushResultsPromise
	for i := range min(p.Count(), 1<<16) {
		pushed = append(pushed, sink.Push(ctx, func(p SinkPushParamsBuilder) {
			p.SetSequence(i)
			p.SetData(data)
		}))
	}
	var total uint64
	for _, promise := range pushed {
		res, err := promise.Wait()
		if err != nil {
			return err
		}
		total += res.Accepted()
		promise.Release()
	}
	call.Results().SetTotal(total)
	return nil
}

// Write implements ProbeServer.
func (s *server) Write(_ context.Context, call ProbeWriteCall) error {
	n := len(call.Params().Chunk())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes += uint64(n)
	s.chunks++
	return nil
}

// Written implements ProbeServer.
func (s *server) Written(_ context.Context, call ProbeWrittenCall) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	call.Results().SetBytes(s.bytes)
	call.Results().SetChunks(s.chunks)
	s.bytes, s.chunks = 0, 0
	return nil
}

// Reflect implements ProbeServer.
func (s *server) Reflect(_ context.Context, call ProbeReflectCall) error {
	c := call.Params().Cap()
	call.Results().SetCap(c)
	c.Release()
	return nil
}

// Defer implements ProbeServer.
func (s *server) Defer(ctx context.Context, call ProbeDeferCall) error {
	c, gate := call.Params().Cap(), call.Params().Gate()
	defer c.Release()
	defer gate.Release()
	if _, err := gate.Push(ctx, nil).Wait(); err != nil {
		return err
	}
	call.Results().SetCap(c)
	return nil
}

// Ticket implements ProbeServer.
func (s *server) Ticket(_ context.Context, call ProbeTicketCall) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	call.Results().SetNumber(s.tickets)
	s.tickets++
	return nil
}

// Fail implements ProbeServer.
func (s *server) Fail(_ context.Context, call ProbeFailCall) error {
	return capnp.NewError(capnp.Kind(call.Params().Kind()), call.Params().Text())
}

// Hang implements ProbeServer.
func (s *server) Hang(ctx context.Context, call ProbeHangCall) error {
	call.Unblock()
	<-ctx.Done()
	s.mu.Lock()
	s.canceled++
	s.mu.Unlock()
	return context.Cause(ctx)
}

// Canceled implements ProbeServer.
func (s *server) Canceled(_ context.Context, call ProbeCanceledCall) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	call.Results().SetCount(s.canceled)
	s.canceled = 0
	return nil
}

// Fresh implements ProbeServer.
func (s *server) Fresh(_ context.Context, call ProbeFreshCall) error {
	call.Results().SetProbe(New())
	return nil
}
