package grant_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lanyard.dev/grant"
	"lanyard.dev/ocap"
	"lanyard.dev/store"
)

// proxy stands between a vat and its database. It can stop forwarding, so that neither side notices,
// and cut what is open.
type proxy struct {
	l      net.Listener
	target string
	frozen atomic.Bool

	mu    sync.Mutex
	open  map[net.Conn]struct{}
	ended chan struct{}
	wg    sync.WaitGroup
}

// socketName is what PostgreSQL calls its socket in a folder.
const socketName = ".s.PGSQL.5432"

// newProxy returns a proxy, and how to connect through it.
func newProxy(t *testing.T, url string) (*proxy, string) {
	t.Helper()
	host := regexp.MustCompile(`host=(\S+)`)
	dir, err := os.MkdirTemp("", "px") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, socketName))
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{
		l: l, target: filepath.Join(host.FindStringSubmatch(url)[1], socketName),
		open: map[net.Conn]struct{}{}, ended: make(chan struct{}),
	}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		close(p.ended)
		l.Close()
		p.cut()
		p.wg.Wait()
		os.RemoveAll(dir)
	})
	return p, host.ReplaceAllString(url, "host="+dir)
}

func (p *proxy) accept() {
	for {
		c, err := p.l.Accept()
		if err != nil {
			return
		}
		d, err := net.Dial("unix", p.target)
		if err != nil {
			c.Close()
			continue
		}
		p.mu.Lock()
		p.open[c], p.open[d] = struct{}{}, struct{}{}
		p.mu.Unlock()
		p.wg.Go(func() { p.forward(c, d) })
		p.wg.Go(func() { p.forward(d, c) })
	}
}

func (p *proxy) forward(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		for p.frozen.Load() {
			select {
			case <-p.ended:
				return
			case <-time.After(time.Millisecond):
			}
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

// cut closes all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		c.Close()
		delete(p.open, c)
	}
}

// Two vats on one database: nothing runs at the other vat later than the revocation plus the lease, not
// when it is partitioned from the database, nor when it has lost what tells it of revocations.
func TestTwoVats(t *testing.T) {
	const lease = 1500 * time.Millisecond
	tests := []struct {
		name   string
		before func(*proxy)
		silent int // vats whose lease has to be waited out
	}{
		{"in touch", func(*proxy) {}, 0},
		{"listener dropped", func(p *proxy) { p.cut() }, 0},
		{"partitioned", func(p *proxy) { p.frozen.Store(true) }, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			url := postgresServer.Database(t)
			key := store.NewKey()
			one := newWorld(t, onServer(t, url, key), &grant.Options{Name: "one", Freshness: lease})
			px, through := newProxy(t, url)
			l := onServer(t, through, key)
			two := newWorld(t, l, &grant.Options{Name: "two", Freshness: lease})
			t.Cleanup(func() { px.frozen.Store(false) }) // before the world is closed

			_, root := one.issue("box a", &grant.Terms{Label: "root"})
			ref, _, err := share(t.Context(), root, &grant.Terms{Label: "alice"})
			if err != nil {
				t.Fatal(err)
			}
			far := two.restore(secretOf(t, ref))

			// Calls go on at the other vat as long as they pass.
			var last error
			var wg sync.WaitGroup
			var stop atomic.Bool
			wg.Go(func() {
				for !stop.Load() {
					last = add(t.Context(), far.Client, 1)
				}
			})
			defer wg.Wait()
			defer stop.Store(true)
			eventually(t, "calls pass", func() bool { return two.store.Sum("a") > 100 })

			test.before(px)
			began := time.Now()
			res, err := root.Revoke(t.Context(), func(p grant.GrantRevokeParamsBuilder) {
				label("alice")(p.NewEdge())
				p.SetWait(true)
			}).Wait()
			if err != nil {
				t.Fatal(err)
			}
			after := two.store.Sum("a")
			waited := time.Since(began)
			if most := lease + 20*time.Second; waited > most { // on a machine that has other things to do
				t.Errorf("the revocation took %v, want the lease of %v at most", waited, lease)
			}
			if n := res.Silent().Len(); n != test.silent {
				t.Errorf("%d vats were silent, want %d", n, test.silent)
			}
			<-time.After(200 * time.Millisecond) // for what should not happen
			if now := two.store.Sum("a"); now != after {
				t.Errorf("%d calls ran after the revocation was said to hold everywhere, %v after it was made", now-after, waited)
			}
			stop.Store(true)
			wg.Wait()
			if want := map[int]ocap.Code{0: ocap.Revoked, 1: ocap.Stale}[test.silent]; !errors.Is(last, want) {
				t.Errorf("calls end with %v, want %v", last, want)
			}

			px.frozen.Store(false)
			eventually(t, "the other vat knows", func() bool {
				return errors.Is(add(t.Context(), far.Client, 1), ocap.Revoked)
			})
			// It goes on with what was not revoked.
			other, _, err := share(t.Context(), root, &grant.Terms{Label: "bob"})
			if err != nil {
				t.Fatal(err)
			}
			var bob grant.Grant
			eventually(t, "a restore", func() bool {
				c, err := two.Restore(t.Context(), secretOf(t, other), nil)
				bob = grant.Grant{Client: c}
				return err == nil
			})
			defer bob.Release()
			eventually(t, "calls pass again", func() bool { return add(t.Context(), bob.Client, 1) == nil })
		})
	}
}
