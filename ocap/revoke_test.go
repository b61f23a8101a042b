package ocap_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
)

var errReason = errors.New("the contract has ended")

// What waits in the object's queue never starts, what runs is cancelled, and all of it ends with
// the reason at once.
func revokeEndsWhatIsUnderWay(t testing.TB, p place, w wrapping) {
	o, c := newThing()
	h, revoke := p.setup(t, c, w.wrap)
	running := send(context.Background(), h.Client, block, 0)
	eventually(t, "the method runs", func() bool { return o.pings.Load() == 1 })
	var queued []capnp.Promise[capnp.Struct]
	for i := range uint64(50) {
		queued = append(queued, send(context.Background(), h.Client, ping, i))
		queued = append(queued, send(context.Background(), piped(h.Client, self), ping, i))
	}
	revoke(errReason, nil)
	_, err := running.Wait()
	for _, q := range queued {
		if _, e := q.Wait(); e.Error() != err.Error() || !errors.Is(e, ocap.Revoked) {
			t.Fatalf("a queued call ends with %v, the running one with %v", e, err)
		}
	}
	wantErr(t, "the running call", err, ocap.Revoked)
	if x, ok := errors.AsType[*capnp.Exception](err); !ok || x.Kind != capnp.Failed || x.Reason != errReason.Error() {
		t.Errorf("the running call ends with %#v", err)
	}
	eventually(t, "the method's context ends", func() bool { return o.ended.Load() == 1 })
	revoke(errors.New("another reason"))
	_, err = do(t, h.Client, ping, 0)
	if x, _ := errors.AsType[*capnp.Exception](err); x == nil || x.Reason != errReason.Error() {
		t.Errorf("the reason is now %v", err)
	}
	must(t, c.Client, ping, 1) // whoever has the object still has it
	if n := o.pings.Load(); n != 2 {
		t.Errorf("%d calls ran, want 2", n)
	}
}

// Calls into what the holder passed in end as well, and what came home survives.
func revokeWorksBothWays(t testing.TB, p place, w wrapping) {
	o, c := newThing()
	h, revoke := p.setup(t, c, w.wrap)
	s, mine := newSink()
	must(t, h.Client, keep, 0, mine)
	home := result(t, h.Client, echo, mine)
	must(t, o.stored, give, 0)
	revoke()
	_, err := do(t, o.stored, give, 0)
	wantErr(t, "a call to the holder", err, ocap.Revoked)
	must(t, home, give, 0)
	if n := s.gives.Load(); n != 2 {
		t.Errorf("%d calls arrived", n)
	}
}

// A promise that was handed out breaks, and says so to those who wait for it.
func revokeBreaksPromises(t testing.TB, p place, w wrapping) {
	o, c := newThing()
	h, revoke := p.setup(t, c, w.wrap)
	pr := result(t, h.Client, later)
	call := send(context.Background(), pr, ping, 0)
	done := make(chan error)
	go func() { done <- pr.Resolve(context.Background()) }()
	revoke()
	wantErr(t, "waiting for the promise", <-done, ocap.Revoked)
	_, err := call.Wait()
	wantErr(t, "a call on the promise", err, ocap.Revoked)
	o.resolve()
	_, err = do(t, pr, ping, 0)
	wantErr(t, "a call after it has resolved", err, ocap.Revoked)
	if n := o.pings.Load(); n != 0 && (p.name == "local" || p.name == "wrapped at the object") { // elsewhere the call has left this process
		t.Errorf("%d calls ran", n)
	}
}

// A method that was called through the capability may revoke it, whether it has unblocked or not,
// and so may somebody it waits for.
func revokeFromInside(t testing.TB, p place, w wrapping) {
	for _, how := range []string{"directly", "in another goroutine", "twice at once"} {
		o, c := newThing()
		h, revoke := p.setup(t, c, w.wrap)
		o.onAct = func() {
			switch how {
			case "directly":
				revoke()
			default:
				var wg sync.WaitGroup
				wg.Go(func() { revoke() })
				if how == "twice at once" {
					wg.Go(func() { revoke() })
				}
				wg.Wait()
			}
		}
		start := time.Now()
		_, err := do(t, h.Client, act, 0)
		wantErr(t, "the call that revoked", err, ocap.Revoked)
		eventually(t, "the method has returned", func() bool { _, err := do(t, c.Client, ping, 0); return err == nil })
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("it took %v", d)
		}
	}
}

// The target's counter, read after revoke has returned, never rises: 10 000 calls are in flight,
// half on one object that takes them in order, half on 64 that take them all at once.
func TestRevokeUnderLoad(t *testing.T) {
	for _, p := range places[:2] { // where the wrapper is at the object
		for _, w := range []wrapping{single("revocable"), stackOf("facet", "revocable"), stackOf("admitted", "revocable")} {
			t.Run(p.name+"/"+w.name, func(t *testing.T) {
				n := 10_000
				if w.name != "revocable" || raced && os.Getenv("LANYARD_STACKS") != "all" {
					n = 1000
				}
				for i, full := range []bool{true, false, false} {
					if i > 0 {
						n = 1000
					}
					if n := revokeUnderLoad(t, p, w.wrap, n, full); n != 0 {
						t.Fatalf("%d calls started after revoke had returned", n)
					}
				}
			})
		}
	}
}

// The negative control: revocation that only shuts the door behind the calls that are queued.
func TestLateRevocationIsFoundOut(t *testing.T) {
	n := revokeUnderLoad(t, places[0], func(c T) (T, func(...error)) {
		d := &door{inner: capnp.HookOf(c.Client)}
		return T{capnp.NewClient(d)}, func(...error) { d.shut.Store(true) }
	}, 1000, true)
	if n == 0 {
		t.Error("no call started after revoke had returned")
	}
}

// door is a naive revocable wrapper.
type door struct {
	naive
	inner capnp.Hook
	shut  atomic.Bool
}

func (d *door) Deliver(c *capnp.Call, t *capnp.Turn) {
	if d.shut.Load() {
		c.Refuse(errReason, t)
		return
	}
	d.inner.Deliver(c, t)
}

// revokeUnderLoad returns how many calls started after revoke had returned. It revokes when all
// calls are in flight (full: the ordered object is busy until then), or while they are made.
func revokeUnderLoad(t *testing.T, p place, wrap func(T) (T, func(...error)), calls int, full bool) int64 {
	const objects = 64
	each := calls / 2
	front, c := newThing()
	var total func() int64
	var things []*thing
	ordered, oc := newThing()
	front.stored = oc.Client
	h, revoke := p.setup(t, c, wrap)
	one := result(t, h.Client, kept)
	var many []capnp.Client
	for range objects {
		o, oc := newThing()
		things = append(things, o)
		front.mu.Lock()
		front.stored = oc.Client
		front.mu.Unlock()
		many = append(many, result(t, h.Client, kept))
	}
	things = append(things, ordered)
	total = func() (n int64) {
		for _, o := range things {
			n += o.pings.Load()
		}
		return n
	}
	busy, free := context.WithCancel(t.Context())
	defer free()
	if full {
		send(busy, oc.Client, block, 0)
		eventually(t, "the object is busy", func() bool { return ordered.pings.Load() == 1 })
	}
	var wg sync.WaitGroup
	var sent atomic.Int64
	ctx := t.Context()
	for i := range 4 {
		wg.Go(func() {
			for j := range each / 4 {
				chain := one
				if j%100 == 0 { // chains 8 deep
					for range 8 {
						chain = piped(chain, self)
					}
				}
				send(ctx, chain, ping, 0)
				send(ctx, many[(i+4*j)%objects], hang, 0)
				sent.Add(2)
			}
		})
	}
	if full {
		wg.Wait()
		eventually(t, "calls run on the other objects", func() bool { return total() > int64(each/2) })
	} else {
		eventually(t, "half of the calls are made", func() bool { return sent.Load() > int64(each) })
	}
	revoke()
	before := total()
	free()
	wg.Wait()
	// Whatever could still start has had its chance when later calls have come back.
	for _, o := range things {
		if _, err := do(t, *o.me, self, 0); err != nil {
			t.Fatal(err)
		}
	}
	return total() - before
}

// A method that was let through but has not executed anything yet is waited for.
func TestRevokeWaitsForMethodsThatAreJustStarting(t *testing.T) {
	o := &slow{entered: make(chan struct{}), proceed: make(chan struct{})}
	h, revoke := ocap.Revocable(T{capnp.NewServer(o)})
	send(context.Background(), h.Client, ping, 0)
	<-o.entered
	revoked := make(chan int64, 1)
	start := time.Now()
	go func() {
		revoke()
		revoked <- o.ran.Load()
	}()
	_, err := do(t, h.Client, ping, 0)
	wantErr(t, "a call while revoke waits", err, ocap.Revoked)
	select {
	case <-revoked:
		close(o.proceed)
		if d := time.Since(start); d < 100*time.Millisecond { // else this machine is too busy to tell
			t.Errorf("revoke returned after %v, before the method had begun", d)
		}
		return
	case <-time.After(10 * time.Millisecond):
	}
	close(o.proceed)
	if n := <-revoked; n != o.ran.Load() || n != 1 {
		t.Errorf("%d methods had run when revoke returned, %d later", n, o.ran.Load())
	}
}

// slow is an object whose methods take their time before the first instruction.
type slow struct {
	thing
	entered, proceed chan struct{}
	ran              atomic.Int64
}

func (o *slow) Invoke(ctx context.Context, c *capnp.Call) error {
	close(o.entered)
	<-o.proceed
	o.ran.Add(1)
	<-ctx.Done()
	return nil
}

// A holder may be many goroutines.
func manyHolders(t testing.TB, p place, wr wrapping) {
	o, c := newThing()
	h, revoke := p.setup(t, c, wr.wrap)
	_, mine := newSink()
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range 5 {
				r := capnp.AddRef(h)
				send(context.Background(), piped(r.Client, self), ping, 0).Wait()
				send(context.Background(), piped(r.Client, echo, mine), give, 0).Wait()
				send(context.Background(), r.Client, secret, 0).Wait()
				r.Release()
			}
		})
	}
	if revoke != nil {
		wg.Go(func() {
			eventually(t, "some calls ran", func() bool { return o.pings.Load() > 20 })
			revoke()
		})
	}
	wg.Wait()
	if n := o.pings.Load(); n != 64*5 && revoke == nil {
		t.Errorf("%d of %d calls ran", n, 64*5)
	}
	if wr.denies() && o.secrets.Load() != 0 {
		t.Error("secret ran")
	}
}
