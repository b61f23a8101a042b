package vat

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	schema "lanyard.dev/capnp/schemas/rpc"
	"lanyard.dev/rpc"
)

// certificate makes one for a key, signed by the issuer's or by itself.
func certificate(t testing.TB, public, signer any, change func(*x509.Certificate)) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "x"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, &x509.Certificate{Subject: template.Subject}, public, signer)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func keyOf(t testing.TB, public crypto.PublicKey) Key {
	t.Helper()
	k, err := KeyOf(public)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newKey(t testing.TB) (ed25519.PublicKey, ed25519.PrivateKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return public, private
}

// wronglySized is an RSA key of 16 384 bits without the wait: nothing that it signs is good.
func wronglySized(t testing.TB) *rsa.PublicKey {
	n := make([]byte, 2048)
	rand.Read(n)
	n[0] |= 0x80
	n[2047] |= 1
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537}
}

// impostors are servers that a client must not talk to, and some that it must (T06, T10). Each
// gets the key that the reference names and returns what it shows.
func TestServersCertificate(t *testing.T) {
	type shown struct {
		want  Key
		chain [][]byte
		key   crypto.PrivateKey
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	servicePublic, servicePrivate := newKey(t)
	serviceCert := certificate(t, servicePublic, servicePrivate, nil)
	serviceKey := keyOf(t, servicePublic)
	replica := func(signer ed25519.PrivateKey, change func(*x509.Certificate)) func() shown {
		return func() shown {
			public, private := newKey(t)
			leaf := certificate(t, public, signer, func(c *x509.Certificate) {
				c.URIs = []*url.URL{replicaOf(serviceKey)}
				if change != nil {
					change(c)
				}
			})
			return shown{serviceKey, [][]byte{leaf, serviceCert}, private}
		}
	}
	single := func(change func(*x509.Certificate)) func() shown {
		return func() shown {
			public, private := newKey(t)
			return shown{keyOf(t, public), [][]byte{certificate(t, public, private, change)}, private}
		}
	}
	_, strangerPrivate := newKey(t)
	for _, test := range []struct {
		name string
		show func() shown
		err  string // "" is good
	}{
		{"its own key", single(nil), ""},
		{"no end", single(func(c *x509.Certificate) { c.NotAfter = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) }), ""},
		{"names and authorities mean nothing", single(func(c *x509.Certificate) {
			c.DNSNames, c.IsCA, c.BasicConstraintsValid = []string{"bank.example"}, true, true
		}), ""},
		{"RSA", func() shown {
			return shown{keyOf(t, rsaKey.Public()), [][]byte{certificate(t, rsaKey.Public(), rsaKey, nil)}, rsaKey}
		}, ""},
		{"ECDSA", func() shown {
			return shown{keyOf(t, ecKey.Public()), [][]byte{certificate(t, ecKey.Public(), ecKey, nil)}, ecKey}
		}, ""},
		{"a replica", replica(servicePrivate, nil), ""},
		{"another key", func() shown {
			public, private := newKey(t)
			return shown{Key{1}, [][]byte{certificate(t, public, private, nil)}, private}
		}, "another vat answers"},
		{"expired", single(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Second) }), "good from"},
		{"not yet", single(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }), "good from"},
		{"somebody else's certificate", func() shown { // who has not the key cannot sign
			public, private := newKey(t)
			return shown{keyOf(t, public), [][]byte{certificate(t, public, private, nil)}, strangerPrivate}
		}, "signature"},
		{"somebody else's certificate behind", func() shown {
			public, private := newKey(t)
			return shown{serviceKey, [][]byte{certificate(t, public, private, nil), serviceCert}, private}
		}, "no replica act"},
		{"a replica that another service signed", replica(strangerPrivate, nil), "not signed"},
		{"a replica of another service", replica(servicePrivate, func(c *x509.Certificate) { c.URIs = []*url.URL{replicaOf(Key{2})} }), "no replica act"},
		{"a replica that has expired", replica(servicePrivate, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Second) }), "good from"},
		{"a replica for years", replica(servicePrivate, func(c *x509.Certificate) { c.NotAfter = time.Now().AddDate(1, 0, 0) }), "no replica act"},
		{"a large certificate", single(func(c *x509.Certificate) {
			c.DNSNames = slices.Repeat([]string{"a.name.that.takes.some.room.example"}, 400)
		}), "bytes"},
		{"three", func() shown {
			s := single(nil)()
			s.chain = [][]byte{s.chain[0], s.chain[0], s.chain[0]}
			return s
		}, "chain of 3"},
		{"a thousand", func() shown {
			s := single(nil)()
			s.chain = slices.Repeat(s.chain, 1000)
			return s
		}, ""},
	} {
		s := test.show()
		t.Run(test.name, func(t *testing.T) {
			l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
				Certificates: []tls.Certificate{{Certificate: s.chain, PrivateKey: s.key}},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			ctx, cancel := context.WithCancel(t.Context())
			served := make(chan error)
			go func() { served <- rpc.Serve(ctx, l, client{capnp.NewServer(&counter{})}, nil) }()
			r, _ := NewReference(s.want, nil, at(l))
			c := newVat(t, nil).Restore(t.Context(), r)
			_, err = add(t.Context(), c, 1)
			c.Release()
			if len(s.chain) == 1000 {
				if err == nil {
					t.Error("a chain of 1000 certificates is good")
				}
			} else if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("got %v, want %q", err, test.err)
			}
			if _, ok := errors.AsType[*WrongKeyError](err); ok != (test.name == "another key") {
				t.Errorf("%v, WrongKeyError is %t", err, ok)
			}
			cancel()
			<-served
		})
	}
}

func TestVerifyChain(t *testing.T) {
	if err := checkKey(wronglySized(t)); err == nil {
		t.Error("RSA of 16 384 bits")
	}
	small := wronglySized(t)
	small.N.Rsh(small.N, 16384-1024)
	if err := checkKey(small); err == nil {
		t.Error("RSA of 1024 bits")
	}
	if err := checkKey("x"); err == nil {
		t.Error("a string")
	}
	if _, err := verifyChain(nil, time.Now()); err == nil {
		t.Error("no certificate")
	}
	// Go's own limit comes before ours.
	_, private := newKey(t)
	der := certificate(t, wronglySized(t), private, nil)
	chain, err := parseChain(der)
	if err == nil {
		_, err = verifyChain(chain, time.Now())
	}
	if err == nil {
		t.Error("a certificate with an RSA key of 16 384 bits")
	}
}

// What clients may show (T06).
func TestClientsCertificate(t *testing.T) {
	s := newShop("a")
	server := serving(t, s, nil)
	public, private := newKey(t)
	_, other := newKey(t)
	cert := func(change func(*x509.Certificate)) [][]byte {
		return [][]byte{certificate(t, public, private, change)}
	}
	for _, test := range []struct {
		name  string
		chain [][]byte
		key   ed25519.PrivateKey
		peer  Key
		ok    bool
	}{
		{"none", nil, nil, Key{}, true},
		{"its own", cert(nil), private, keyOf(t, public), true},
		{"expired", cert(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Second) }), private, Key{}, false},
		{"somebody else's", cert(nil), other, Key{}, false},
		{"three", slices.Repeat(cert(nil), 3), private, Key{}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := &tls.Config{InsecureSkipVerify: true}
			if test.chain != nil {
				config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					return &tls.Certificate{Certificate: test.chain, PrivateKey: test.key}, nil
				}
			}
			before := s.count()
			err := restoreOver(t, server.o.At[0].Address, config, "a")
			if (err == nil) != test.ok {
				t.Errorf("got %v", err)
			}
			if test.ok && (s.count() != before+1 || s.last() != test.peer) {
				t.Errorf("asked as %s, want %s", s.last(), test.peer)
			}
			if !test.ok && s.count() != before {
				t.Error("something was restored")
			}
		})
	}
}

// restoreOver restores a secret with a TLS client of our own making.
func restoreOver(t *testing.T, address string, config *tls.Config, secret string) error {
	t.Helper()
	nc, err := tls.Dial("tcp", address, config)
	if err != nil {
		return err
	}
	conn := rpc.NewConn(nc, nil)
	defer conn.Close()
	c := rpc.BootstrapObject[client](t.Context(), conn, []byte(secret))
	defer c.Release()
	_, err = add(t.Context(), c.Client, 1)
	return err
}

// What a client may say before there is a connection (T06 SNI, T08, ALPN).
func TestHandshakes(t *testing.T) {
	server := serving(t, newShop("a"), nil)
	for _, test := range []struct {
		name   string
		config *tls.Config
		ok     bool
	}{
		{"TLS 1.3", &tls.Config{}, true},
		{"another name", &tls.Config{ServerName: "bank.example"}, true},
		{"our protocol", &tls.Config{NextProtos: []string{protocol}}, true},
		{"our protocol and others", &tls.Config{NextProtos: []string{"h2", protocol}}, true},
		{"another protocol", &tls.Config{NextProtos: []string{"h2", "http/1.1"}}, false},
		{"TLS 1.2", &tls.Config{MaxVersion: tls.VersionTLS12}, false},
		{"TLS 1.0", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, false},
		{"renegotiation", &tls.Config{Renegotiation: tls.RenegotiateFreelyAsClient}, true}, // there is none in TLS 1.3
	} {
		test.config.InsecureSkipVerify = true
		if err := restoreOver(t, server.o.At[0].Address, test.config, "a"); (err == nil) != test.ok {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// A client that gets a server of an old version says so.
func TestOldServer(t *testing.T) {
	public, private := newKey(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{certificate(t, public, private, nil)}, PrivateKey: private}},
		MaxVersion:   tls.VersionTLS12,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.(*tls.Conn).Handshake()
			c.Close()
		}
	}()
	r, _ := NewReference(keyOf(t, public), nil, at(l))
	if err := newVat(t, nil).Restore(t.Context(), r).Resolve(t.Context()); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("got %v", err)
	}
}

// tickets counts what a server gives a client to come back with.
type tickets struct {
	mu  sync.Mutex
	put int
}

func (c *tickets) Get(string) (*tls.ClientSessionState, bool) { return nil, false }
func (c *tickets) Put(_ string, s *tls.ClientSessionState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s != nil {
		c.put++
	}
}

// There are no tickets, so nothing is resumed after trust has changed, and no early data can be
// replayed: both need one (T07, T12).
func TestNoResumption(t *testing.T) {
	server := serving(t, newShop("a"), nil)
	cache := &tickets{}
	config := &tls.Config{InsecureSkipVerify: true, ClientSessionCache: cache, ServerName: "x"}
	for range 3 {
		if err := restoreOver(t, server.o.At[0].Address, config, "a"); err != nil {
			t.Fatal(err)
		}
	}
	if cache.put != 0 {
		t.Errorf("the server gave %d tickets", cache.put)
	}
	if c := server.server(); !c.SessionTicketsDisabled {
		t.Error("the server would resume")
	}
	if c := server.client(Key{1}); !c.SessionTicketsDisabled || c.ClientSessionCache != nil {
		t.Error("the client would resume")
	}
	// The negative control: a server that gives tickets is found out.
	public, private := newKey(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate(t, public, private, nil)}, PrivateKey: private}}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err == nil {
			io.Copy(c, c)
			c.Close()
		}
	}()
	c, err := tls.Dial("tcp", l.Addr().String(), config)
	if err != nil {
		t.Fatal(err)
	}
	c.Write([]byte("x"))
	c.Read(make([]byte, 1))
	c.Close()
	if cache.put == 0 {
		t.Error("the test finds no tickets where there are some")
	}
}

// A plain program at a TLS address is told, in its language, and the other way round both ends say
// what is wrong (T08).
func TestPlainMeetsTLS(t *testing.T) {
	server := serving(t, newShop("a"), nil)
	conn, err := rpc.Dial(t.Context(), "tcp", server.o.At[0].Address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := rpc.Bootstrap[client](t.Context(), conn).Resolve(t.Context()); err == nil || !strings.Contains(err.Error(), "speaks TLS") {
		t.Errorf("a plain program: %v", err)
	}

	var log safeBuffer
	l := listen(t)
	plain := newVat(t, &Options{Restore: newShop("a").restore, Logger: logTo(&log)})
	go plain.ServePlain(context.Background(), l)
	r, _ := NewReference(Key{1}, []byte("a"), at(l))
	if err := newVat(t, nil).Restore(t.Context(), r).Resolve(t.Context()); err == nil || !strings.Contains(err.Error(), "not speak TLS") {
		t.Errorf("a TLS program: %v", err)
	}
	eventually(t, "the plain server says what came", func() bool { return strings.Contains(log.String(), "the peer speaks TLS") })
}

// A peer that is silent does not keep a handshake for ever, on either side.
func TestSilentHandshake(t *testing.T) {
	s := newShop("a")
	server := serving(t, s, &Options{Limits: Limits{Handshake: 50 * time.Millisecond}})
	c, err := net.Dial("tcp", server.o.At[0].Address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the server: %v", err)
	}
	l := listen(t)
	r, _ := NewReference(Key{1}, nil, at(l))
	me := newVat(t, &Options{Limits: Limits{Handshake: 50 * time.Millisecond}})
	if err := me.Restore(t.Context(), r).Resolve(t.Context()); !errors.Is(err, capnp.Disconnected) {
		t.Errorf("the client: %v", err)
	}
}

// Who sends records after the handshake that are none is cut off, and harms nobody else (T08).
func TestGarbageAfterHandshake(t *testing.T) {
	s := newShop("a")
	server := serving(t, s, nil)
	raw, err := net.Dial("tcp", server.o.At[0].Address)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	tc := tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
	if err := tc.Handshake(); err != nil {
		t.Fatal(err)
	}
	raw.Write(bytes.Repeat([]byte{22, 3, 3, 0, 5, 24, 0, 0, 1, 1}, 100)) // not encrypted
	raw.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.Copy(io.Discard, raw); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("not cut off: %v", err)
	}
	honest := newVat(t, nil).Restore(t.Context(), refTo(t, server, "a"))
	mustAdd(t, honest)
	honest.Release()
}

// relay passes bytes on, changed by change, until the test ends.
func relay(t *testing.T, to string, change func(n int, p []byte)) net.Listener {
	l := listen(t)
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); all.Wait() })
	all.Go(func() {
		for {
			a, err := l.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", to)
			if err != nil {
				a.Close()
				return
			}
			t.Cleanup(func() { a.Close(); b.Close() })
			pass := func(from, to net.Conn, up bool) {
				defer from.Close()
				defer to.Close()
				p := make([]byte, 4096)
				total := 0
				for {
					n, err := from.Read(p)
					if up && change != nil {
						change(total, p[:n])
					}
					total += n
					if n > 0 {
						if _, err := to.Write(p[:n]); err != nil {
							return
						}
					}
					if err != nil {
						return
					}
				}
			}
			all.Go(func() { pass(a, b, true) })
			all.Go(func() { pass(b, a, false) })
		}
	})
	return l
}

// Who stands in between can pass bytes on, or not; neither read, change nor be somebody (T09, T10).
func TestRelay(t *testing.T) {
	s := newShop("a")
	server := serving(t, s, nil)
	address := server.o.At[0].Address

	through := relay(t, address, nil)
	r, _ := NewReference(server.Key(), []byte("a"), at(through))
	me := newVat(t, nil)
	c := me.Restore(t.Context(), r)
	mustAdd(t, c)
	c.Release()
	if s.last() != me.Key() {
		t.Error("through a relay the peer is somebody else")
	}

	var seen safeBuffer
	spying := relay(t, address, func(_ int, p []byte) { seen.Write(p) })
	r, _ = NewReference(server.Key(), []byte("a secret that would be seen"), at(spying))
	newVat(t, nil).Restore(t.Context(), r).Resolve(t.Context())
	if seen.Len() == 0 || strings.Contains(seen.String(), "would be seen") {
		t.Error("the relay sees the secret, or nothing at all")
	}

	before := s.count()
	changing := relay(t, address, func(at int, p []byte) {
		if at > 1000 && len(p) > 20 {
			p[len(p)-3] ^= 1
		}
	})
	r, _ = NewReference(server.Key(), []byte("a"), at(changing))
	if err := newVat(t, nil).Restore(t.Context(), r).Resolve(t.Context()); err == nil || s.count() != before {
		t.Errorf("changed bytes came through: %v", err)
	}

	// M gives his own key with the address of B: B has another. And B's key with his own address.
	mallory := serving(t, newShop("a"), nil)
	for name, r := range map[string]func() (Reference, error){
		"his key, my address": func() (Reference, error) { return NewReference(mallory.Key(), []byte("a"), server.o.At[0]) },
		"my key, his address": func() (Reference, error) { return NewReference(server.Key(), []byte("a"), mallory.o.At[0]) },
	} {
		r, _ := r()
		err := newVat(t, nil).Restore(t.Context(), r).Resolve(t.Context())
		if _, ok := errors.AsType[*WrongKeyError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Who a peer is comes from TLS alone: what it says of itself, in whatever message, changes nothing
// (T11). Here a thief presents everything that an owner would, but the key.
func TestIdentityComesFromTLS(t *testing.T) {
	owner := newTestIdentity(t)
	sealed := &counter{}
	restore := func(_ context.Context, secret []byte, peer Key) (capnp.Client, error) {
		if string(secret) != "sealed" || peer != owner.Key() {
			return capnp.Client{}, errors.New("not yours")
		}
		return capnp.NewServer(sealed), nil
	}
	l := listen(t)
	server := newVat(t, &Options{Restore: restore, At: []Address{at(l)}})
	go server.Serve(context.Background(), l)
	try := func(v *Vat) error {
		c := v.Restore(t.Context(), refTo(t, server, "sealed"))
		defer c.Release()
		return c.Resolve(t.Context())
	}
	if err := try(newVat(t, &Options{Identity: owner})); err != nil {
		t.Errorf("the owner: %v", err)
	}
	if err := try(newVat(t, nil)); err == nil {
		t.Error("somebody else has it")
	}
	// With the owner's certificate, which is public, but not its key.
	thief := newTestIdentity(t)
	forged := &Identity{key: owner.key, private: thief.private, own: func() *tls.Certificate {
		return &tls.Certificate{Certificate: owner.own().Certificate, PrivateKey: thief.private()}
	}}
	if err := try(newVat(t, &Options{Identity: forged})); err == nil {
		t.Error("a thief with the owner's certificate has it")
	}
	// As a replica of the owner, signed by himself.
	leaf, err := signReplica(thief.Public(), &Identity{key: owner.key, private: thief.private}, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	thief.acting.Store(&Delegation{leaf: leaf, issuer: owner.own().Certificate[0], service: owner.Key(), expires: time.Now().Add(time.Hour)})
	if err := try(newVat(t, &Options{Identity: thief})); err == nil {
		t.Error("a thief who certified himself has it")
	}
}

// The first bytes of a Cap'n Proto message are never those of a TLS handshake that the plain
// server takes for one.
func TestPlainServerKnowsMessages(t *testing.T) {
	var b bytes.Buffer
	mb := capnp.NewMessage(nil)
	schema.NewRootMessage(mb).NewBootstrap()
	if err := frame.NewWriter(&b).Write(mb); err != nil {
		t.Fatal(err)
	}
	x, y := net.Pipe()
	go func() { x.Write(b.Bytes()); x.Close() }()
	if got, err := io.ReadAll(&plainConn{Conn: y}); err != nil || !bytes.Equal(got, b.Bytes()) {
		t.Errorf("read %x, %v", got, err)
	}
}

// A server whose key is another one after a break is another server: what heals does not go there,
// and says why (T06).
func TestKeySwappedOnReconnect(t *testing.T) {
	s := newShop("a")
	server := serving(t, s, nil)
	me := newVat(t, nil)
	c := me.Live(refTo(t, server, "a"))
	defer c.Release()
	mustAdd(t, c)
	address := server.o.At[0].Address
	server.Close()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	impostor := newShop("a")
	other := newVat(t, &Options{Restore: impostor.restore})
	go other.Serve(context.Background(), l)
	eventually(t, "it says who answers", func() bool {
		_, err := add(t.Context(), c, 1)
		_, ok := errors.AsType[*WrongKeyError](err)
		return ok
	})
	if impostor.count() != 0 {
		t.Error("the impostor was asked for something")
	}
}
