package rpc_test

import (
	"context"
	"errors"
	"sync/atomic"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
	"lanyard.dev/rpc/internal/testcap"
)

// The cases of rpc-twoparty-test.c++ about streams.

const chunkSize = 64 << 10

// pour streams chunks to c until ctx or stop ends, and counts those that are on their way.
func pour(ctx context.Context, c testcap.Streamer, stop <-chan struct{}) (sent *atomic.Int64, ended chan error) {
	sent, ended = new(atomic.Int64), make(chan error, 1)
	chunk := make([]byte, chunkSize)
	go func() {
		for {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			if err := c.Fill(ctx, func(p testcap.StreamerFillParamsBuilder) { p.SetData(chunk) }); err != nil {
				ended <- err
				return
			}
			sent.Add(1)
		}
	}()
	return sent, ended
}

func addI(s *scene, c testcap.Streamer, i uint32) {
	s.Helper()
	if err := c.AddI(s.Context(), func(p testcap.StreamerAddIParamsBuilder) { p.SetI(i) }); err != nil {
		s.Error(err)
	}
}

func addJ(s *scene, c testcap.Streamer, j uint32) {
	s.Helper()
	if err := c.AddJ(s.Context(), func(p testcap.StreamerAddJParamsBuilder) { p.SetJ(j) }); err != nil {
		s.Error(err)
	}
}

// streaming: the window fills, and each call that ends lets at most two more go.
func streaming(s *scene) {
	server := &testcap.Adder{Go: make(chan struct{})}
	s.boot = testcap.NewStreamer(server).Client
	c := bootstrap[testcap.Streamer](s)
	ctx, cancel := context.WithCancel(s.Context())
	sent, ended := pour(ctx, c, nil)
	s.poll()
	first := sent.Load()
	if first < 3 || first > 16 {
		s.Fatalf("%d chunks of 64 KiB fill the window", first)
	}
	for i := range int64(50) {
		before := sent.Load()
		want(s, "calls that started", server.Started.Load(), i+1)
		server.Go <- struct{}{}
		s.poll()
		if n := sent.Load(); n > before+2 {
			s.Fatalf("%d chunks went when one had been taken", n-before)
		}
	}
	if n := sent.Load(); n < first+30 || n > first+51 {
		s.Errorf("%d chunks were sent, %d before the first was taken", n, first)
	}
	cancel()
	if err := <-ended; err != context.Canceled {
		s.Errorf("got %v", err)
	}
	close(server.Go)
}

// streamChain streams to a promise that becomes a capability of a connection, which is a promise
// on the other side.
func streamChain(s *scene) {
	server := &testcap.Adder{Go: make(chan struct{})}
	here, r := capnp.NewPromise[testcap.Streamer]()
	stop := make(chan struct{})
	sent, ended := pour(s.Context(), here, stop)
	s.poll()
	if n := sent.Load(); n > 16 {
		s.Errorf("%d chunks were sent to nobody", n)
	}
	there, r2 := capnp.NewPromise[testcap.Streamer]()
	s.boot = there.Client
	r.Resolve(bootstrap[testcap.Streamer](s))
	s.poll()
	count := sent.Load()
	if count < 3 || count > 32 {
		s.Fatalf("%d chunks fill the window", count)
	}
	close(stop) // one more is waiting and goes when there is room
	finished := here.Finish(s.Context(), nil)
	s.wantSettled(finished, false)
	real := testcap.NewStreamer(server)
	r2.Resolve(real)
	for i := range count {
		s.poll()
		want(s, "chunks that arrived", server.Started.Load(), i+1)
		want(s, "finish has returned", settled(finished), false)
		server.Go <- struct{}{}
	}
	must[testcap.StreamerFinishResults](s, finished)
	server.Go <- struct{}{}
	if err := <-ended; err != nil {
		s.Error(err)
	}
	s.poll()
	want(s, "bytes", server.Bytes.Load(), (count+1)*chunkSize)
	here.Release()
	there.Release()
	real.Release()
}

// streamUnwrap: whoever wants the object itself waits for the streaming calls made before.
func streamUnwrap(s *scene) {
	server := &testcap.Adder{Go: make(chan struct{})}
	mine := testcap.NewStreamer(server)
	s.aliceOpt.Bootstrap = mine.Client
	boot, r := capnp.NewPromise[testcap.Streamer]()
	s.boot = boot.Client
	c := bootstrap[testcap.Streamer](s)
	const calls = 12
	for i := range uint32(calls) {
		addI(s, c, i+1)
	}
	got := make(chan uint32, 1)
	go func() {
		impl, ok, err := capnp.Local[*testcap.Adder](s.Context(), c.Client)
		if !ok || err != nil || impl != server {
			s.Errorf("got %v, %v, %v", impl, ok, err)
		}
		got <- server.I.Load()
	}()
	s.poll()
	want(s, "calls that started", server.Started.Load(), 0)
	back := rpc.Bootstrap[testcap.Streamer](s.Context(), s.bob)
	r.Resolve(back)
	if err := c.Resolve(s.Context()); err != nil {
		s.Error(err)
	}
	for i := range int64(calls) {
		s.poll()
		want(s, "calls that started", server.Started.Load(), i+1)
		want(s, "got at the object", len(got), 0)
		if i == 3 {
			addI(s, c, 100) // goes straight to the object now, behind the others
		}
		server.Go <- struct{}{}
	}
	s.poll()
	if at := <-got; at < calls*(calls+1)/2 {
		s.Errorf("got at the object when it had %d", at)
	}
	server.Go <- struct{}{}
	want(s, "total", must[testcap.StreamerFinishResults](s, c.Finish(s.Context(), nil)).TotalI(), calls*(calls+1)/2+100)
	back.Release()
	boot.Release()
	s.leaves = true // Bob's bootstrap leads to Alice's object
}

// streamDropped: the client is released while its calls are on their way.
func streamDropped(s *scene) {
	server := &testcap.Adder{Go: make(chan struct{})}
	s.boot = testcap.NewStreamer(server).Client
	s.connect()
	c := rpc.Bootstrap[testcap.Streamer](s.Context(), s.alice)
	addI(s, c, 123)
	addI(s, c, 456)
	finished := c.Finish(s.Context(), nil)
	c.Release()
	s.wantSettled(finished, false)
	server.Go <- struct{}{}
	s.wantSettled(finished, false)
	server.Go <- struct{}{}
	want(s, "total", must[testcap.StreamerFinishResults](s, finished).TotalI(), 579)
}

// blocked returns a stream that has filled its window to a server that takes nothing.
func blocked(s *scene, ctx context.Context) (ended chan error) {
	server := &testcap.Adder{Go: make(chan struct{})}
	s.boot = testcap.NewStreamer(server).Client
	sent, ended := pour(ctx, bootstrap[testcap.Streamer](s), nil)
	s.poll()
	n := sent.Load()
	s.poll()
	if len(ended) != 0 || n == 0 || sent.Load() != n {
		s.Fatalf("%d chunks were sent, %v", n, len(ended))
	}
	return ended
}

// blockedThenClosed: a sender that waits for room hears of the end of the connection.
func blockedThenClosed(s *scene) {
	ended := blocked(s, s.Context())
	s.alice.Close()
	if err := <-ended; !errors.Is(err, capnp.Disconnected) {
		s.Errorf("got %v, want disconnected", err)
	}
}

// blockedThenGivenUp: and of the end of its context.
func blockedThenGivenUp(s *scene) {
	ctx, cancel := context.WithCancel(s.Context())
	ended := blocked(s, ctx)
	cancel()
	if err := <-ended; err != context.Canceled {
		s.Errorf("got %v, want %v", err, context.Canceled)
	}
}
