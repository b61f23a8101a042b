package capnp

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"lanyard.dev/internal/flow"
)

// record is a list that many goroutines write.
type record struct {
	mu sync.Mutex
	l  []uint64
}

func (r *record) add(n uint64) {
	r.mu.Lock()
	r.l = append(r.l, n)
	r.mu.Unlock()
}

func (r *record) want(t *testing.T, want ...uint64) {
	t.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.l, want) {
		t.Errorf("started %v, want %v", r.l, want)
	}
}

func TestCallsStartInOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var started record
		o := serve(func(_ context.Context, c *Call) error { started.add(number(c)); return nil })
		var want []uint64
		for n := range uint64(100) {
			call(t.Context(), o, n)
			want = append(want, n)
		}
		started.want(t, want...)
	})
}

// A call holds the turn until it returns, calls Unblock, or first waits.
func TestTurn(t *testing.T) {
	for name, giveUp := range map[string]func(c *Call, p Promise[Struct]){
		"return":      func(c *Call, p Promise[Struct]) {},
		"Unblock":     func(c *Call, p Promise[Struct]) { c.Unblock(); <-p.Done() },
		"Wait":        func(c *Call, p Promise[Struct]) { p.Wait() },
		"WaitContext": func(c *Call, p Promise[Struct]) { p.WaitContext(c) },
		"Resolve": func(c *Call, p Promise[Struct]) {
			x := PipelineClient(p, 0)
			x.Resolve(c)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var started record
				hold := make(chan struct{})
				slow := serve(func(ctx context.Context, c *Call) error { <-hold; return nil })
				o := serve(func(ctx context.Context, c *Call) error {
					started.add(number(c))
					if number(c) == 0 {
						giveUp(c, call(ctx, slow, 9))
					}
					return nil
				})
				for n := range uint64(3) {
					call(t.Context(), o, n)
				}
				started.want(t, 0, 1, 2)
				close(hold)
			})
		})
	}
}

func TestTurnIsHeld(t *testing.T) {
	for name, wrap := range map[string]func(Client) Client{
		"plain":  func(c Client) Client { return c },
		"Serial": func(c Client) Client { return Serial(anyTyped{c}).Client },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var started record
				hold := make(chan struct{})
				slow := serve(func(ctx context.Context, c *Call) error { <-hold; return nil })
				o := wrap(serve(func(ctx context.Context, c *Call) error {
					started.add(number(c))
					switch {
					case number(c) > 0:
					case name == "Serial":
						c.Unblock()
						call(ctx, slow, 9).Wait()
					default:
						<-hold
					}
					return nil
				}))
				for n := range uint64(3) {
					call(t.Context(), o, n)
				}
				started.want(t, 0)
				close(hold)
				started.want(t, 0, 1, 2)
			})
		})
	}
}

type anyTyped struct{ Client }

// A streaming call keeps the turn though it waits; when it fails, so does every later call.
func TestStreamKeepsItsTurn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var started record
		hold := make(chan struct{})
		slow := serve(func(ctx context.Context, c *Call) error { <-hold; return nil })
		bad := errors.New("disk full")
		o := serve(func(ctx context.Context, c *Call) error {
			started.add(number(c))
			if c.Method() == testStream {
				c.Unblock()
				call(ctx, slow, 9).Wait()
				if number(c) == 1 {
					return bad
				}
			}
			return nil
		})
		write := func(n uint64) error {
			return SendStream(t.Context(), o, testStream, func(b StructBuilder) { b.SetUint64(0, n) })
		}
		if err := errors.Join(write(0), write(1), write(2)); err != nil {
			t.Error(err)
		}
		last := call(t.Context(), o, 3)
		started.want(t, 0)
		close(hold)
		started.want(t, 0, 1)
		if _, err := last.Wait(); !errors.Is(err, bad) {
			t.Errorf("the call after the broken stream: %v, want %v", err, bad)
		}
		if err := write(4); !errors.Is(err, bad) {
			t.Errorf("the next write: %v, want %v", err, bad)
		}
	})
}

// SendStream waits while the window is full, and an end of ctx ends the waiting; giving calls up
// makes room.
func TestStreamWindow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		hold := make(chan struct{})
		o := serve(func(ctx context.Context, c *Call) error {
			select {
			case <-hold:
			case <-ctx.Done():
			}
			return nil
		})
		// The window is open for one message more than fits.
		big := func(b StructBuilder) { b.SetData(0, make([]byte, flow.Initial)) }
		ctx, cancel := context.WithCancel(t.Context())
		for range 2 {
			if err := SendStream(ctx, o, testStream, big); err != nil {
				t.Fatal(err)
			}
		}
		short, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- SendStream(short, o, testStream, big) }()
		synctest.Wait()
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		go func() { done <- SendStream(t.Context(), o, testStream, big) }()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("SendStream did not wait: %v", err)
		default:
		}
		cancel() // the first call is given up: its bytes count no more
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("after a lost write: %v, want %v", err, context.Canceled)
		}
		close(hold)
	})
}
