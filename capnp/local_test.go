package capnp

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// The object comes back to who knows its type, and to nobody else.
func TestLocalKnowsTheType(t *testing.T) {
	o := serve(func(context.Context, *Call) error { return nil })
	if _, ok, err := Local[testServer](t.Context(), o); !ok || err != nil {
		t.Errorf("own object: %v, %v", ok, err)
	}
	if _, ok, err := Local[*record](t.Context(), o); ok || err != nil {
		t.Errorf("another type: %v, %v", ok, err)
	}
	if _, ok, err := Local[testServer](t.Context(), NewClient(newCounted("elsewhere"))); ok || err != nil {
		t.Errorf("not here: %v, %v", ok, err)
	}
	why := NewError(Overloaded, "why")
	if _, ok, err := Local[testServer](t.Context(), Broken(why)); ok || !errors.Is(err, why) {
		t.Errorf("broken: %v, %v", ok, err)
	}
	if _, ok, err := Local[testServer](t.Context(), Client{}); ok || err == nil {
		t.Errorf("null: %v, %v", ok, err)
	}
}

// A promise is waited for, and what was called on it first comes first.
func TestLocalWaitsForPromises(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var order record
		o := serve(func(_ context.Context, c *Call) error { order.add(number(c)); return nil })
		x, r := NewPromise[anyTyped]()
		p := x.Client
		call(t.Context(), p, 1)
		go func() {
			if _, ok, err := Local[testServer](t.Context(), p); !ok || err != nil {
				t.Errorf("got %v, %v", ok, err)
			}
			order.add(2)
		}()
		order.want(t)
		r.Resolve(anyTyped{o})
		order.want(t, 1, 2)
	})
}

// The object is handed out when the streaming calls before have ended, and ordinary ones have given
// up their turn; who asks from within a method gives up its own.
func TestLocalWaitsForItsTurn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		var order record
		var o Client
		o = serve(func(ctx context.Context, c *Call) error {
			if c.Method() == testStream {
				<-gate
				order.add(number(c))
				return nil
			}
			_, ok, err := Local[testServer](ctx, o)
			order.add(number(c))
			if !ok {
				return errors.Join(err, errors.New("not local"))
			}
			return nil
		})
		for n := range uint64(3) {
			if err := SendStream(t.Context(), o, testStream, func(b StructBuilder) { b.SetUint64(0, n) }); err != nil {
				t.Fatal(err)
			}
		}
		asked := call(t.Context(), o, 4)
		synctest.Wait()
		go func() {
			if _, ok, err := Local[testServer](t.Context(), o); !ok || err != nil {
				t.Errorf("got %v, %v", ok, err)
			}
			order.add(5)
		}()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, ok, err := Local[testServer](short, o); ok || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("past its time: %v, %v", ok, err)
		}
		order.want(t)
		close(gate)
		synctest.Wait()
		if _, err := asked.Wait(); err != nil {
			t.Error(err)
		}
		order.mu.Lock()
		defer order.mu.Unlock()
		if len(order.l) != 5 || order.l[0] != 0 || order.l[1] != 1 || order.l[2] != 2 {
			t.Errorf("order %v, want the stream first", order.l)
		}
	})
}
