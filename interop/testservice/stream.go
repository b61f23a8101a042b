package testservice

import (
	"bytes"
	"context"
	"sync"

	"lanyard.dev/capnp"
)

// NewStream makes a ByteSink that checks the order of its chunks. If failAfter is not zero the
// chunk after so many fails.
func NewStream(failAfter uint32) ByteSink { return NewByteSink(&stream{failAfter: failAfter}) }

type stream struct {
	UnimplementedByteSink
	failAfter uint32

	mu            sync.Mutex // guards the fields below
	chunks, bytes uint64
}

// Write implements ByteSinkServer.
func (s *stream) Write(_ context.Context, call ByteSinkWriteCall) error {
	p := call.Params()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failAfter > 0 && s.chunks == uint64(s.failAfter) {
		return capnp.Errorf(capnp.Failed, "no more than %d chunks", s.failAfter)
	}
	if uint64(p.Sequence()) != s.chunks {
		return capnp.Errorf(capnp.Failed, "chunk %d came as number %d", p.Sequence(), s.chunks)
	}
	s.chunks++
	s.bytes += uint64(len(p.Chunk()))
	return nil
}

// End implements ByteSinkServer.
func (s *stream) End(_ context.Context, call ByteSinkEndCall) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	call.Results().SetChunks(s.chunks)
	call.Results().SetBytes(s.bytes)
	return nil
}

// Pour streams chunks of a size into a sink and returns what its end says. It stops at the first
// write that fails.
func Pour(ctx context.Context, sink ByteSink, chunks, size uint32) (bytesTaken uint64, err error) {
	data := bytes.Repeat([]byte("x"), int(size))
	for i := range chunks {
		err := sink.Write(ctx, func(p ByteSinkWriteParamsBuilder) {
			p.SetSequence(i)
			p.SetChunk(data)
		})
		if err != nil {
			return 0, err
		}
	}
	res, err := sink.End(ctx, nil).Wait()
	if err != nil {
		return 0, err
	}
	if res.Chunks() != uint64(chunks) {
		return 0, capnp.Errorf(capnp.Failed, "%d chunks arrived, want %d", res.Chunks(), chunks)
	}
	return res.Bytes(), nil
}

// Open implements ProbeServer.
func (s *server) Open(_ context.Context, call ProbeOpenCall) error {
	call.Results().SetSink(NewStream(call.Params().FailAfter()))
	return nil
}

// Pump implements ProbeServer.
func (s *server) Pump(ctx context.Context, call ProbePumpCall) error {
	call.Unblock()
	p := call.Params()
	sink := p.Sink()
	defer sink.Release()
	n, err := Pour(ctx, sink, min(p.Chunks(), 1<<16), min(p.Size(), 1<<20))
	call.Results().SetBytes(n)
	return err
}
