package peer

import (
	"sync"
	"sync/atomic"
)

// Lanes makes n calls, at most so many at a time, each lane on a goroutine of
// its own. The calls learn their lane.
func Lanes(n, lanes int, call func(lane int) error) error {
	if lanes == 1 {
		for range n {
			if err := call(0); err != nil {
				return err
			}
		}
		return nil
	}
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	errs := make(chan error, lanes)
	for lane := range lanes {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := call(lane); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

// Chain makes n chains of calls one after the other: what is left where nothing
// can be pipelined.
func Chain(n, depth int, call func() error) error {
	for range n * depth {
		if err := call(); err != nil {
			return err
		}
	}
	return nil
}
