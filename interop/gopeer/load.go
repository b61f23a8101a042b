package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"lanyard.dev/interop/testservice"
)

// load makes calls and prints the time they took, as JSON.
func load(ctx context.Context, o *options) error {
	modes := map[string]func(context.Context, testservice.Probe, *options, int) error{
		"flight": flight,
		"chain":  chains,
		"stream": stream,
	}
	run, ok := modes[o.mode]
	if !ok {
		return fmt.Errorf("unknown mode %s", o.mode)
	}
	return connect(ctx, o, func(ctx context.Context, probe testservice.Probe) error {
		if err := run(ctx, probe, o, o.warm); err != nil {
			return err
		}
		start := time.Now()
		if err := run(ctx, probe, o, o.calls); err != nil {
			return err
		}
		err := json.NewEncoder(os.Stdout).Encode(map[string]any{
			"library": "Lanyard", "mode": o.mode, "calls": o.calls, "depth": o.depth,
			"inflight": o.inflight, "size": o.size, "seconds": time.Since(start).Seconds(),
		})
		if err == nil && o.linger != 0 {
			_, err = io.Copy(io.Discard, os.Stdin)
		}
		return err
	})
}

// flight makes echo calls on as many goroutines as calls may be unanswered.
func flight(ctx context.Context, probe testservice.Probe, o *options, calls int) error {
	data := bytes.Repeat([]byte("x"), o.size)
	fill := func(p testservice.ProbeEchoParamsBuilder) { p.SetData(data) }
	var left atomic.Int64
	left.Store(int64(calls))
	lane := func() error {
		for left.Add(-1) >= 0 {
			res, err := probe.Echo(ctx, fill).Wait()
			if err != nil {
				return err
			}
			if len(res.Data()) != o.size {
				return fmt.Errorf("echo of %d bytes, want %d", len(res.Data()), o.size)
			}
		}
		return nil
	}
	if o.inflight == 1 {
		return lane()
	}
	var wg sync.WaitGroup
	errs := make(chan error, o.inflight)
	for range o.inflight {
		wg.Go(func() {
			if err := lane(); err != nil {
				errs <- err
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

// chains makes chains of pipelined self() calls, one after the other.
func chains(ctx context.Context, probe testservice.Probe, o *options, calls int) error {
	for range calls {
		link := probe
		for range o.depth - 1 {
			link = link.Self(ctx, nil).Self()
		}
		if _, err := link.Self(ctx, nil).Wait(); err != nil {
			return err
		}
	}
	return nil
}

// stream writes chunks as fast as flow control lets it.
func stream(ctx context.Context, probe testservice.Probe, o *options, calls int) error {
	chunk := bytes.Repeat([]byte("x"), o.size)
	if _, err := probe.Written(ctx, nil).Wait(); err != nil {
		return err
	}
	fill := func(p testservice.ProbeWriteParamsBuilder) { p.SetChunk(chunk) }
	for range calls {
		if err := probe.Write(ctx, fill); err != nil {
			return err
		}
	}
	res, err := probe.Written(ctx, nil).Wait()
	if err != nil {
		return err
	}
	if res.Chunks() != uint64(calls) || res.Bytes() != uint64(calls*o.size) {
		return fmt.Errorf("%d bytes in %d chunks arrived, want %d in %d", res.Bytes(), res.Chunks(), calls*o.size, calls)
	}
	return nil
}
