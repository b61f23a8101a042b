package rpc_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
)

// lossy is a server that can be told to fail; which number it has says how often was connected.
type lossy struct {
	server
	number uint64

	mu  sync.Mutex
	err error
	got []uint64 // arguments, in order
}

func (s *lossy) Invoke(_ context.Context, c *capnp.Call) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.got = append(s.got, c.ParamsStruct().Uint64(0))
	c.ResultsStruct().SetUint64(0, s.number)
	return nil
}

func (s *lossy) fail(err error) {
	s.mu.Lock()
	s.err = err
	s.mu.Unlock()
}

// dialer makes servers, and what leads to them: nothing, or a connection.
type dialer struct {
	mu     sync.Mutex
	made   []*lossy
	times  []time.Time
	conns  []*rpc.Conn // the servers' ends
	err    error       // of dial
	remote bool
}

func (d *dialer) dial(ctx context.Context) (T, *rpc.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.times = append(d.times, time.Now())
	if d.err != nil {
		return T{}, nil, d.err
	}
	s := &lossy{number: uint64(len(d.made) + 1)}
	d.made = append(d.made, s)
	c := capnp.NewServer(s)
	if !d.remote {
		return T{c}, nil, nil
	}
	near, far := rpc.Pipe(nil, &rpc.Options{Bootstrap: c})
	d.conns = append(d.conns, far)
	return rpc.Bootstrap[T](ctx, near), near, nil
}

func (d *dialer) last() *lossy {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.made[len(d.made)-1]
}

func (d *dialer) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.times)
}

func (d *dialer) refuse(err error) {
	d.mu.Lock()
	d.err = err
	d.mu.Unlock()
}

// reached calls c and returns the number of the server that answered.
func reached(t *testing.T, c T) uint64 {
	t.Helper()
	r, err := add(t.Context(), c, 0).Wait()
	if err != nil {
		t.Fatal(err)
	}
	return r.Uint64(0)
}

var errGone = capnp.NewError(capnp.Disconnected, "gone")

// C++: reconnect-test, autoReconnect and lazyAutoReconnect, direct call and through RPC.
func TestReconnect(t *testing.T) {
	for name, remote := range map[string]bool{"direct": false, "rpc": true} {
		for kind, lazy := range map[string]bool{"eager": false, "lazy": true} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := &dialer{remote: remote}
					c, _ := rpc.Reconnect(d.dial, &rpc.ReconnectOptions{Lazy: lazy})
					defer c.Release()
					synctest.Wait()
					if want := map[bool]int{false: 1, true: 0}[lazy]; d.count() != want {
						t.Errorf("connected %d times before the first use, want %d", d.count(), want)
					}
					if n := reached(t, c); n != 1 {
						t.Errorf("reached %d, want 1", n)
					}

					// The call that fails is not repeated, the next one goes to a new server.
					d.last().fail(errGone)
					if _, err := add(t.Context(), c, 0).Wait(); !errors.Is(err, capnp.Disconnected) {
						t.Errorf("the failing call: %v", err)
					}
					if n := reached(t, c); n != 2 {
						t.Errorf("reached %d, want 2", n)
					}

					// Other errors are the caller's.
					d.last().fail(capnp.NewError(capnp.Overloaded, "busy"))
					if _, err := add(t.Context(), c, 0).Wait(); !errors.Is(err, capnp.Overloaded) {
						t.Errorf("the refused call: %v", err)
					}
					d.last().fail(nil)
					if n := reached(t, c); n != 2 || d.count() != 2 {
						t.Errorf("reached %d, connected %d times, want 2, 2", n, d.count())
					}
				})
			})
		}
	}
}

// C++: lazyAutoReconnectWithController.
func TestReconnectReset(t *testing.T) {
	for kind, lazy := range map[string]bool{"eager": false, "lazy": true} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &dialer{remote: true}
				c, r := rpc.Reconnect(d.dial, &rpc.ReconnectOptions{Lazy: lazy})
				defer c.Release()
				reached(t, c)
				begin := time.Now()
				r.Reset()
				synctest.Wait()
				if want := map[bool]int{false: 2, true: 1}[lazy]; d.count() != want {
					t.Errorf("connected %d times after Reset, want %d", d.count(), want)
				}
				if n := reached(t, c); n != 2 || time.Since(begin) != 0 {
					t.Errorf("reached %d after %s, want 2 at once", n, time.Since(begin))
				}
				select {
				case <-d.conns[0].Done():
				case <-time.After(time.Minute):
					t.Error("the first connection is still there")
				}
			})
		})
	}
}

// The end of a connection is noticed though nobody calls, and though the promise of the call that
// was under way has been dropped.
func TestReconnectNoticesTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &dialer{remote: true}
		c, _ := rpc.Reconnect(d.dial, nil)
		defer c.Release()
		reached(t, c)
		add(t.Context(), c, 1).Release()
		d.conns[0].Close()
		time.Sleep(time.Second)
		if d.count() != 2 {
			t.Errorf("connected %d times, want 2", d.count())
		}
		if n := reached(t, c); n != 2 {
			t.Errorf("reached %d, want 2", n)
		}
	})
}

// Calls made while there is no connection wait and keep their order; what is too much is refused,
// and contexts end the waiting.
func TestReconnectQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &dialer{remote: true}
		d.refuse(errGone)
		c, _ := rpc.Reconnect(d.dial, &rpc.ReconnectOptions{QueueCalls: 10, Attempts: 1000})
		defer c.Release()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var calls []capnp.Promise[capnp.Struct]
		for n := range uint64(5) {
			calls = append(calls, add(t.Context(), c, n))
		}
		impatient := add(short, c, 100)
		for n := range uint64(4) {
			calls = append(calls, add(t.Context(), c, 5+n))
		}
		if _, err := add(t.Context(), c, 200).Wait(); !errors.Is(err, capnp.Overloaded) {
			t.Errorf("one too many: %v", err)
		}
		if _, err := impatient.Wait(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("past its time: %v", err)
		}
		time.Sleep(time.Minute)
		d.refuse(nil)
		for i, p := range calls {
			if r, err := p.Wait(); err != nil || r.Uint64(0) != 1 {
				t.Fatalf("call %d: %d, %v", i, r.Uint64(0), err)
			}
		}
		if got := d.last().got; !slices.Equal(got, []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8}) {
			t.Errorf("order %v", got)
		}
	})
}

// Large calls count by their bytes.
func TestReconnectQueueBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &dialer{}
		d.refuse(errGone)
		c, _ := rpc.Reconnect(d.dial, &rpc.ReconnectOptions{QueueBytes: 10_000})
		defer c.Release()
		big := func(b capnp.StructBuilder) { b.SetData(0, make([]byte, 6_000)) }
		p := capnp.Send[capnp.Struct](t.Context(), c.Client, addMethod, big)
		if _, err := capnp.Send[capnp.Struct](t.Context(), c.Client, addMethod, big).Wait(); !errors.Is(err, capnp.Overloaded) {
			t.Errorf("the second large call: %v", err)
		}
		p.Release()
		p = capnp.Send[capnp.Struct](t.Context(), c.Client, addMethod, big)
		d.refuse(nil)
		if _, err := p.Wait(); err != nil {
			t.Errorf("after the first was given up: %v", err)
		}
	})
}

// After Attempts failures the calls fail, and the next one starts anew; an error that connecting
// again will not cure fails them at once.
func TestReconnectGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &dialer{}
		d.refuse(errGone)
		c, _ := rpc.Reconnect(d.dial, &rpc.ReconnectOptions{Lazy: true, Attempts: 4})
		defer c.Release()
		if _, err := add(t.Context(), c, 0).Wait(); !errors.Is(err, errGone) || d.count() != 4 {
			t.Errorf("%v after %d attempts, want %v after 4", err, d.count(), errGone)
		}
		d.refuse(capnp.NewError(capnp.Failed, "who are you"))
		if _, err := add(t.Context(), c, 0).Wait(); !errors.Is(err, capnp.Failed) || d.count() != 5 {
			t.Errorf("%v after %d attempts, want a failure after 5", err, d.count())
		}
		d.refuse(nil)
		if n := reached(t, c); n != 1 || d.count() != 6 {
			t.Errorf("reached %d after %d attempts, want 1 after 6", n, d.count())
		}
	})
}

// A client that is released stops connecting and lets its connection go; the calls made on it
// still complete. The bubble fails if a goroutine stays.
func TestReconnectRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := &dialer{err: errGone}
		c, _ := rpc.Reconnect(down.dial, nil)
		time.Sleep(time.Second)
		c.Release()
		n := down.count()
		time.Sleep(time.Hour)
		if down.count() != n {
			t.Errorf("connected %d times after the release", down.count()-n)
		}

		d := &dialer{remote: true}
		c, _ = rpc.Reconnect(d.dial, &rpc.ReconnectOptions{Lazy: true})
		p := add(t.Context(), c, 7)
		c.Release()
		if _, err := p.Wait(); err != nil {
			t.Errorf("the call made before: %v", err)
		}
		p.Release()
		<-d.conns[0].Done()
		if _, err := add(t.Context(), c, 7).Wait(); err == nil {
			t.Error("a call on a released client worked")
		}
	})
}

// A connection whose capability was given up lives for as long as something else uses it.
func TestReconnectKeepsWhatIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := rpc.Pipe(nil, &rpc.Options{Bootstrap: capnp.NewServer(&server{})})
		c, _ := rpc.Reconnect(func(ctx context.Context) (T, *rpc.Conn, error) {
			return rpc.Bootstrap[T](ctx, near), near, nil
		}, nil)
		p := self(t.Context(), c)
		r, err := p.Wait()
		if err != nil {
			t.Fatal(err)
		}
		x := T{r.Client(0)}
		c.Release()
		time.Sleep(time.Minute)
		if _, err := add(t.Context(), x, 1).Wait(); err != nil {
			t.Errorf("a capability of the connection: %v", err)
		}
		x.Release()
		<-near.Done()
		<-far.Done()
		if far.Err() == nil || near.Err() == nil {
			t.Error("no error")
		}
	})
}

// A connection that brought nothing is closed, though the peer answers nothing.
func TestReconnectClosesWhatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var conns []*rpc.Conn
		c, _ := rpc.Reconnect(func(ctx context.Context) (T, *rpc.Conn, error) {
			near, far := net.Pipe()
			go io.Copy(io.Discard, far)
			conn := rpc.NewConn(near, nil)
			conns = append(conns, conn)
			boot := rpc.Bootstrap[T](ctx, conn)
			return boot, conn, boot.Resolve(ctx)
		}, &rpc.ReconnectOptions{Timeout: time.Second, Attempts: 3})
		defer c.Release()
		if _, err := add(t.Context(), c, 0).Wait(); !errors.Is(err, capnp.Disconnected) {
			t.Errorf("got %v", err)
		}
		if len(conns) != 3 {
			t.Errorf("connected %d times, want 3", len(conns))
		}
		for _, c := range conns {
			<-c.Done()
		}
	})
}

// A client cannot become its own connection.
func TestReconnectToItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c T
		c, _ = rpc.Reconnect(func(context.Context) (T, *rpc.Conn, error) { return capnp.AddRef(c), nil, nil },
			&rpc.ReconnectOptions{Lazy: true})
		defer c.Release()
		if _, err := add(t.Context(), c, 0).Wait(); !errors.Is(err, capnp.Failed) {
			t.Errorf("got %v", err)
		}
	})
}

// T16: a thousand clients that lose their server at one moment come back spread out, ever more
// thinly while it is down, and not in step.
func TestReconnectStorm(t *testing.T) {
	const clients = 1000
	synctest.Test(t, func(t *testing.T) {
		d := &dialer{remote: true}
		var all []T
		for range clients {
			c, _ := rpc.Reconnect(d.dial, &rpc.ReconnectOptions{Attempts: 1000})
			all = append(all, c)
			reached(t, c)
		}
		d.refuse(errGone)
		d.times = nil
		lost := time.Now()
		for _, s := range d.conns {
			s.Close()
		}
		time.Sleep(2 * time.Minute)
		d.refuse(nil)
		for _, c := range all {
			reached(t, c)
			c.Release()
		}
		second := map[int]int{}    // attempts in each second
		instant := map[int64]int{} // in each microsecond
		for _, at := range d.times {
			second[int(at.Sub(lost)/time.Second)]++
			instant[at.Sub(lost).Microseconds()]++
		}
		// Every client has 10 s at most between attempts, 5 on average: about 200 a second.
		for s := 30; s < 120; s++ {
			if second[s] > 320 || second[s] < 100 {
				t.Errorf("%d attempts in second %d, want about 200", second[s], s)
			}
		}
		for us, n := range instant {
			if n > 20 {
				t.Errorf("%d attempts in microsecond %d", n, us)
			}
		}
		t.Logf("%d attempts in the first second, %d in the 60th", second[0], second[60])
	})
}
