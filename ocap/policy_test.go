package ocap_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
)

// judge is a policy made of a function.
type judge func(c *ocap.Crossing) error

func (j judge) Judge(c *ocap.Crossing) error { return j(c) }

func denySecret(c *ocap.Crossing) error {
	if c.Inward() && c.InterfaceID() == thingID && c.MethodID() == secret.MethodID() {
		return ocap.Denied.Errorf("secrets are not told")
	}
	return nil
}

// A policy sees which method is called, in which direction, on what, and the parameters.
func TestPolicySees(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			var mu sync.Mutex
			var seen []string
			var numbers []uint64
			policy := judge(func(c *ocap.Crossing) error {
				mu.Lock()
				defer mu.Unlock()
				way, on := "out", "other"
				if c.Inward() {
					way = "in"
				}
				if c.Root() {
					on = "root"
				}
				_, id, _ := strings.Cut(c.Name(), "T.")
				if c.Method() == nil { // came over a connection
					for _, m := range append(slices.Clone(thingMethods), parent, give) {
						if m.InterfaceID() == c.InterfaceID() && m.MethodID() == c.MethodID() {
							id = m.String()[strings.Index(m.String(), "T.")+2:]
						}
					}
				}
				seen = append(seen, way+" "+on+" "+id)
				numbers = append(numbers, c.Params().Uint64(0))
				return nil
			})
			o, c := newThing()
			h, _ := p.setup(t, c, func(c T) (T, func(...error)) { return ocap.Membrane(c, policy, nil) })
			_, mine := newSink()
			must(t, h.Client, ping, 7)
			must(t, h.Client, keep, 0, mine)
			must(t, o.stored, give, 8)
			must(t, result(t, h.Client, bear), parent, 9)
			must(t, result(t, h.Client, echo, mine), give, 10) // came home: nothing crosses
			want := []string{"in root ping", "in root keep", "out other give", "in root bear", "in other parent", "in root echo"}
			if !slices.Equal(seen, want) || !slices.Equal(numbers, []uint64{7, 0, 8, 0, 9, 0}) {
				t.Errorf("saw %q %d, want %q", seen, numbers, want)
			}
		})
	}
}

// Predicates on arguments: the method does not start, and another call of it passes.
func TestPolicyByArgument(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			small := judge(func(c *ocap.Crossing) error {
				if n := c.Params().Uint64(0); n > 9 {
					return ocap.Denied.Errorf("at most 9")
				}
				return nil
			})
			o, c := newThing()
			h, _ := p.setup(t, c, func(c T) (T, func(...error)) {
				return ocap.Membrane(c, small, &ocap.Options{Grantor: "carol"})
			})
			must(t, h.Client, ping, 9)
			_, err := do(t, h.Client, ping, 10)
			wantErr(t, "ping 10", err, ocap.Denied)
			wantErr(t, "ping 10", err, capnp.Failed)
			if x := capnp.AsException(err); x.Reason != "at most 9; carol can give more" {
				t.Errorf("the words are %q", x.Reason)
			}
			_, err = do(t, piped(h.Client, self), ping, 11)
			wantErr(t, "ping 11, pipelined", err, ocap.Denied)
			if n := o.pings.Load(); n != 1 {
				t.Errorf("ping ran %d times", n)
			}
		})
	}
}

// Whoever still has the builder of the parameters cannot change what was judged.
func TestJudgedParametersDoNotChange(t *testing.T) {
	var kept capnp.StructBuilder
	_, c := newThing()
	h, _ := ocap.Membrane(c, judge(func(c *ocap.Crossing) error {
		n := c.Params().Uint64(0)
		kept.SetUint64(0, 99)
		if c.Params().Uint64(0) != n {
			t.Error("the parameters changed")
		}
		return nil
	}), nil)
	s, err := capnp.Send[capnp.Struct](t.Context(), h.Client, ping, func(b capnp.StructBuilder) {
		b.SetUint64(0, 1)
		kept = b
	}).Wait()
	if err != nil || s.Uint64(0) != 1 {
		t.Errorf("ping returned %d, %v", s.Uint64(0), err)
	}
}

// Codes are told apart from each other, from a lost connection and from a missing method, on both
// sides of a connection.
func TestCodesCross(t *testing.T) {
	codes := map[ocap.Code]capnp.Kind{
		ocap.Denied: capnp.Failed, ocap.Revoked: capnp.Failed, ocap.Expired: capnp.Failed,
		ocap.Exhausted: capnp.Failed, ocap.Stale: capnp.Overloaded,
	}
	for _, p := range places {
		for code, kind := range codes {
			t.Run(p.name+"/"+string(code), func(t *testing.T) {
				_, c := newThing()
				h, _ := p.setup(t, c, func(c T) (T, func(...error)) {
					return ocap.Membrane(c, judge(func(*ocap.Crossing) error { return code }), nil)
				})
				_, err := do(t, h.Client, ping, 0)
				for other := range codes {
					if errors.Is(err, other) != (other == code) {
						t.Errorf("errors.Is(%v, %s) is %v", err, other, other != code)
					}
				}
				if got, ok := ocap.CodeOf(err); got != code || !ok {
					t.Errorf("CodeOf is %q", got)
				}
				wantErr(t, "the kind", err, kind)
				if errors.Is(err, capnp.Disconnected) || errors.Is(err, capnp.Unimplemented) {
					t.Errorf("%v looks like something else", err)
				}
			})
		}
	}
	x := ocap.Later(1500*time.Millisecond, "slowly")
	if d, ok := ocap.RetryAfter(x); d != 1500*time.Millisecond || !ok || !errors.Is(x, capnp.Overloaded) || !errors.Is(x, ocap.Exhausted) {
		t.Errorf("later: %v %v %#v", d, ok, x)
	}
	if _, ok := ocap.RetryAfter(ocap.Exhausted.Errorf("for good")); ok {
		t.Error("nothing will grow again")
	}
}

// What the policy says that is no code: its words are those of Denied; unimplemented stays so; one
// that panics denies.
func TestOtherErrorsOfPolicies(t *testing.T) {
	for _, c := range []struct {
		name  string
		judge judge
		want  error
	}{
		{"words", func(*ocap.Crossing) error { return errors.New("no") }, ocap.Denied},
		{"unimplemented", func(*ocap.Crossing) error { return capnp.NewError(capnp.Unimplemented, "no") }, capnp.Unimplemented},
		{"panic", func(*ocap.Crossing) error { panic("secret") }, ocap.Denied},
	} {
		o, oc := newThing()
		h, _ := ocap.Membrane(oc, c.judge, nil)
		_, err := do(t, h.Client, ping, 0)
		wantErr(t, c.name, err, c.want)
		if o.pings.Load() != 0 || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// What becomes of a call on a promise does not depend on whether the promise has resolved: what is
// denied inside passes if the promise turns out to be the caller's own.
func TestDenialOnPromiseWaits(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			noGive := judge(func(c *ocap.Crossing) error {
				if c.InterfaceID() == sinkID || c.InterfaceID() == thingID && c.MethodID() == secret.MethodID() {
					return ocap.Denied
				}
				return nil
			})
			_, c := newThing()
			h, _ := p.setup(t, c, func(c T) (T, func(...error)) { return ocap.Membrane(c, noGive, nil) })
			s, mine := newSink()
			back := piped(h.Client, echo, mine)
			if _, err := do(t, back, give, 0); err != nil {
				t.Errorf("a call on a promise for one's own object: %v", err)
			}
			pr, r := capnp.NewPromise[T]()
			back = piped(h.Client, echo, pr.Client)
			call := send(context.Background(), back, give, 0)
			r.Resolve(T{mine})
			if _, err := call.Wait(); err != nil {
				t.Errorf("a call on a promise for a promise for one's own object: %v", err)
			}
			if n := s.gives.Load(); n != 2 {
				t.Errorf("%d calls arrived", n)
			}
			_, err := do(t, piped(h.Client, self), secret, 0)
			wantErr(t, "a call on a promise for the object", err, ocap.Denied)
		})
	}
}

// Codes that say nothing about the call itself do not wait for promises.
func TestExpiredDoesNotWait(t *testing.T) {
	_, c := newThing()
	h, _ := ocap.Membrane(c, judge(func(c *ocap.Crossing) error {
		if c.MethodID() == ping.MethodID() {
			return ocap.Expired
		}
		return nil
	}), nil)
	never := result(t, h.Client, later)
	_, err := do(t, never, ping, 0)
	wantErr(t, "a call on a promise that never resolves", err, ocap.Expired)
}

// desk is a policy that admits calls when it is told to.
type desk struct {
	mu    sync.Mutex
	calls []*ocap.Crossing
	dones []func(error)
	ended []bool // whether they were delivered
	now   bool   // admit at once
}

func (d *desk) Judge(c *ocap.Crossing) error { return denySecret(c) }

func (d *desk) Admit(c *ocap.Crossing, done func(error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.now {
		done(nil)
		return
	}
	d.calls = append(d.calls, c)
	d.dones = append(d.dones, done)
}

func (d *desk) Ended(c *ocap.Crossing, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = append(d.ended, c.Delivered())
}

func (d *desk) asked() int { d.mu.Lock(); defer d.mu.Unlock(); return len(d.dones) }

func (d *desk) ends() []bool { d.mu.Lock(); defer d.mu.Unlock(); return slices.Clone(d.ended) }

func (d *desk) done(i int, err error) {
	d.mu.Lock()
	f := d.dones[i]
	d.mu.Unlock()
	f(err)
}

// Calls are admitted in the order they were made, whatever the order of the answers.
func TestAdmissionKeepsOrder(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			const n = 20
			d := &desk{}
			o, c := newThing()
			o.order = make(chan uint64, n)
			h, _ := p.setup(t, c, func(c T) (T, func(...error)) { return ocap.Membrane(c, d, nil) })
			var calls []capnp.Promise[capnp.Struct]
			for i := range uint64(n) {
				calls = append(calls, send(context.Background(), h.Client, ping, i))
			}
			calls[n-1].Done() // writes
			eventually(t, "all are asked for", func() bool { return d.asked() == n })
			for i := range n {
				j := n - 1 - i
				var err error
				if j%5 == 0 {
					err = ocap.Exhausted
				}
				d.done(j, err)
				d.done(j, ocap.Revoked) // only the first counts
				if j > 0 && o.pings.Load() != 0 {
					t.Fatalf("a call ran before call 0 was admitted")
				}
			}
			for i, call := range calls {
				_, err := call.Wait()
				if i%5 == 0 {
					wantErr(t, "a call that was not admitted", err, ocap.Exhausted)
				} else if err != nil {
					t.Errorf("call %d: %v", i, err)
				} else if got := <-o.order; got != uint64(i) {
					t.Errorf("call %d arrived as number %d", got, i)
				}
			}
			eventually(t, "the ends are told", func() bool { return len(d.ends()) == n-n/5 })
		})
	}
}

// A call may be cancelled and revoked while it is held; the policy hears of it when it says yes.
func TestHeldCallsEnd(t *testing.T) {
	for _, p := range places[:2] {
		for _, how := range []string{"cancelled", "revoked"} {
			t.Run(p.name+"/"+how, func(t *testing.T) {
				d := &desk{}
				o, c := newThing()
				h, revoke := p.setup(t, c, func(c T) (T, func(...error)) { return ocap.Membrane(c, d, nil) })
				ctx, cancel := context.WithCancel(t.Context())
				first := send(ctx, h.Client, ping, 0)
				second := send(context.Background(), h.Client, ping, 1)
				second.Done()
				eventually(t, "both are asked for", func() bool { return d.asked() == 2 })
				if how == "cancelled" {
					cancel()
					_, err := first.Wait()
					wantErr(t, "the first", err, context.Canceled)
					d.done(1, nil)
					if _, err := second.Wait(); err != nil {
						t.Errorf("the second: %v", err)
					}
				} else {
					defer cancel()
					revoke(errReason)
					for _, call := range []capnp.Promise[capnp.Struct]{first, second} {
						_, err := call.Wait()
						wantErr(t, "a held call", err, ocap.Revoked)
					}
					d.done(1, nil)
				}
				eventually(t, "the first has gone", func() bool { d.done(0, nil); return len(d.ends()) == 2 })
				got := d.ends()
				slices.SortFunc(got, func(a, b bool) int { return map[bool]int{true: 1}[a] - map[bool]int{true: 1}[b] })
				if want := []bool{false, how == "cancelled"}; !slices.Equal(got, want) {
					t.Errorf("delivered %v, want %v", got, want)
				}
				if n := o.pings.Load(); n != map[string]int64{"cancelled": 1}[how] {
					t.Errorf("%d calls ran", n)
				}
			})
		}
	}
}

// Only so many calls are held at a time.
func TestHeldCallsAreBounded(t *testing.T) {
	const n = 10
	d := &desk{}
	_, c := newThing()
	h, _ := ocap.Membrane(c, d, &ocap.Options{Held: n})
	var calls []capnp.Promise[capnp.Struct]
	for i := range uint64(n + 1) {
		calls = append(calls, send(context.Background(), h.Client, ping, i))
	}
	_, err := calls[n].Wait()
	wantErr(t, "one too many", err, ocap.Exhausted)
	wantErr(t, "one too many", err, capnp.Overloaded)
	for i := range n {
		d.done(i, nil)
	}
	for _, call := range calls[:n] {
		if _, err := call.Wait(); err != nil {
			t.Error(err)
		}
	}
	d.mu.Lock()
	d.now = true
	d.mu.Unlock()
	must(t, h.Client, ping, 0) // there is room again
}

// clerk answers sinkID itself, and keeps secrets.
type clerk struct{ owner capnp.Client }

func (*clerk) Judge(c *ocap.Crossing) error { return denySecret(c) }
func (k *clerk) Handle(id uint64) (capnp.Client, bool) {
	return k.owner, id == sinkID
}

// keeper is the owner of a membrane: it hands out itself.
type keeper struct{ gives atomic.Int64 }

func (*keeper) Impl() any { return nil }
func (*keeper) FindMethod(i uint64, m uint16) *capnp.Method {
	if i == sinkID {
		return give
	}
	return nil
}
func (o *keeper) Invoke(_ context.Context, c *capnp.Call) error {
	if o.gives.Add(1) > 100 {
		c.Unblock()
		<-c.Done()
	}
	c.ResultsStruct().SetClient(0, c.Self())
	return nil
}

// The membrane's owner answers an interface on the capability itself, whatever way it comes, and the
// object never sees it; on other objects the interface is theirs.
func TestHandler(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			k := &keeper{}
			kc := capnp.NewServer(k)
			o, c := newThing()
			h, revoke := p.setup(t, c, func(c T) (T, func(...error)) { return ocap.Membrane(c, &clerk{kc}, nil) })
			_, mine := newSink()
			for _, on := range []capnp.Client{h.Client, result(t, h.Client, self), piped(h.Client, self), piped(piped(h.Client, bear), parent)} {
				got := piped(on, give, mine)
				must(t, got, give, 0) // pipelined: it is the owner itself, not behind the membrane
			}
			if n := k.gives.Load(); n != 8 {
				t.Errorf("the owner got %d calls", n)
			}
			s, theirs := newSink()
			o.stored = theirs
			must(t, piped(h.Client, kept), give, 0)
			if n := s.gives.Load(); n != 1 || k.gives.Load() != 8 {
				t.Errorf("another object got %d calls, the owner %d", n, k.gives.Load())
			}
			out := result(t, h.Client, give)
			k.gives.Store(100)
			hangs := send(context.Background(), h.Client, give, 0)
			hangs.Done()
			eventually(t, "a call is under way", func() bool { return k.gives.Load() == 101 })
			revoke()
			_, err := hangs.Wait()
			wantErr(t, "a call to the owner that was under way", err, ocap.Revoked)
			_, err = do(t, h.Client, give, 0)
			wantErr(t, "a call to the owner", err, ocap.Revoked)
			k.gives.Store(0)
			must(t, out, give, 0) // what the owner gave is the owner's business
		})
	}
}

// censor denies results that are 13.
type censor struct{ judge }

func (censor) JudgeResults(c *ocap.Crossing, r capnp.Struct) error {
	if r.Uint64(0) == 13 {
		return ocap.Denied.Errorf("bad luck")
	}
	if c.MethodID() == self.MethodID() || c.MethodID() == early.MethodID() || c.MethodID() == tail.MethodID() {
		return ocap.Denied.Errorf("it keeps itself to itself")
	}
	return nil
}

// Results are judged before anything of them is seen or pipelined on.
func TestResultsAreJudged(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			o, c := newThing()
			h, _ := p.setup(t, c, func(c T) (T, func(...error)) { return ocap.Membrane(c, censor{denySecret}, nil) })
			must(t, h.Client, ping, 12)
			_, err := do(t, h.Client, ping, 13)
			wantErr(t, "ping 13", err, ocap.Denied)
			for _, m := range []*capnp.Method{self, early, tail} {
				_, err = do(t, piped(h.Client, m), ping, 14)
				wantErr(t, "a call pipelined on "+m.String(), err, ocap.Denied)
				call := send(capnp.PipelineOnly(context.Background()), h.Client, m, 0)
				_, err = do(t, capnp.PipelineClient(call, 0), ping, 15)
				wantErr(t, "a call for its pipeline only", err, ocap.Denied)
			}
			must(t, piped(h.Client, bear), parent, 0)
			if n := o.pings.Load(); n != 2 {
				t.Errorf("%d pings ran", n)
			}
		})
	}
}
