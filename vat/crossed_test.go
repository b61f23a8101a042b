package vat

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"lanyard.dev/capnp"
)

// gatedDial holds dials back until the gate opens.
func gatedDial(arrived chan<- struct{}, gate <-chan struct{}) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, network, address)
		arrived <- struct{}{}
		<-gate
		return c, err
	}
}

// Two vats that dial each other at the same moment end with one connection that both use, and
// nothing that came over either is lost (T05).
func TestCrossedDials(t *testing.T) {
	for range 5 {
		sa, sb := newShop("a", "late"), newShop("b", "late")
		arrived, gate := make(chan struct{}, 2), make(chan struct{})
		va := serving(t, sa, &Options{Dial: gatedDial(arrived, gate)})
		vb := serving(t, sb, &Options{Dial: gatedDial(arrived, gate)})
		toB, toA := va.Restore(t.Context(), refTo(t, vb, "b")), vb.Restore(t.Context(), refTo(t, va, "a"))
		<-arrived
		<-arrived
		close(gate)
		mustAdd(t, toB)
		mustAdd(t, toA)
		eventually(t, "both connections are known to both", func() bool { return va.connections() == vb.connections() })

		// New questions of both go over the same one: that of the greater key.
		greater := va
		if vb.id.key.Compare(va.id.key) > 0 {
			greater = vb
		}
		chosen := func(v, of *Vat) *link {
			v.mu.Lock()
			defer v.mu.Unlock()
			return v.links[target{key: of.id.key}]
		}
		eventually(t, "both have chosen", func() bool {
			la, lb := chosen(va, vb), chosen(vb, va)
			return la != nil && lb != nil && la.dialled != lb.dialled
		})
		if la := chosen(va, vb); va.connections() == 2 && la.dialled != (greater == va) {
			t.Error("both use the connection of the lesser key")
		}
		for range 20 {
			mustAdd(t, toB)
			mustAdd(t, toA)
		}
		again := va.Restore(t.Context(), refTo(t, vb, "late"))
		mustAdd(t, again)
		again.Release()
		toB.Release()
		toA.Release()
		va.Close()
		vb.Close()
	}
}

// The connection that was given up ends when nothing uses it any more, on its own.
func TestCrossedDialsSettleOnOne(t *testing.T) {
	arrived, gate := make(chan struct{}, 2), make(chan struct{})
	va := serving(t, newShop("a"), &Options{Dial: gatedDial(arrived, gate)})
	vb := serving(t, newShop("b"), &Options{Dial: gatedDial(arrived, gate)})
	toB, toA := va.Restore(t.Context(), refTo(t, vb, "b")), vb.Restore(t.Context(), refTo(t, va, "a"))
	<-arrived
	<-arrived
	close(gate)
	mustAdd(t, toB)
	mustAdd(t, toA)
	toB.Release()
	toA.Release()
	eventually(t, "one connection is left", func() bool { return va.connections() == 1 && vb.connections() == 1 })
	c := va.Restore(t.Context(), refTo(t, vb, "b"))
	defer c.Release()
	mustAdd(t, c)
	if va.connections() != 1 {
		t.Errorf("%d connections", va.connections())
	}
}

// Many vats that all ask each other, all at once: everybody gets everything.
func TestCrossedDialsOfMany(t *testing.T) {
	const n = 5
	var vats []*Vat
	for range n {
		vats = append(vats, serving(t, newShop("x"), nil))
	}
	var all sync.WaitGroup
	for _, from := range vats {
		for _, to := range vats {
			for range 3 {
				all.Go(func() {
					c := from.Restore(t.Context(), refTo(t, to, "x"))
					defer c.Release()
					ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
					defer cancel()
					for range 5 {
						if _, err := add(ctx, c, 1); err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
	}
	all.Wait()
	for _, v := range vats {
		total := v.o.Restore
		c, err := total(t.Context(), []byte("x"), Key{})
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := add(t.Context(), capnp.Client(c), 0); got != n*3*5 {
			t.Errorf("%d calls arrived, want %d", got, n*3*5)
		}
	}
}
