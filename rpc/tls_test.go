package rpc_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"strings"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	schema "lanyard.dev/capnp/schemas/rpc"
	"lanyard.dev/rpc"
)

// tlsConfigs makes a server's and its client's, with a certificate of their own.
func tlsConfigs(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"server"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: roots, ServerName: "server"}
}

// overTLS serves s on a TLS listener and returns a connection to it.
func overTLS(t *testing.T, s capnp.Dispatcher) (c *tls.Conn, stop func() error) {
	t.Helper()
	server, client := tlsConfigs(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- rpc.Serve(ctx, l, T{capnp.NewServer(s)}, &rpc.Options{DrainTimeout: time.Minute})
	}()
	if c, err = tls.Dial("tcp", l.Addr().String(), client); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); c.Close() })
	return c, func() error { cancel(); return <-served }
}

// Calls travel over TLS as over anything else, and when the server shuts down the last results
// arrive before its close_notify does.
func TestTLS(t *testing.T) {
	w := newWorker()
	tc, stop := overTLS(t, w)
	conn := rpc.NewConn(tc, nil)
	c := rpc.Bootstrap[T](t.Context(), conn)
	for range 100 {
		if _, err := add(t.Context(), c, 0).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	var calls []capnp.Promise[capnp.Struct]
	for n := range uint64(100) {
		calls = append(calls, add(t.Context(), c, 1+n))
	}
	for end := time.Now().Add(20 * time.Second); w.begun.Load() < 100; <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d of 100 calls arrived", w.begun.Load())
		}
	}
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	close(w.gate)
	for i, p := range calls {
		if _, err := p.Wait(); err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	<-conn.Done()
	if err := conn.Err(); !errors.Is(err, capnp.Disconnected) || !strings.Contains(err.Error(), "closed") {
		t.Errorf("ended with %v, want a proper close", err)
	}
}

// A peer that ends its half (close_notify, but no FIN) gets the answer to what it asked, and the
// other half ended.
func TestTLSHalfClose(t *testing.T) {
	tc, _ := overTLS(t, &server{})
	mb := capnp.NewMessage(nil)
	schema.NewRootMessage(mb).NewBootstrap().SetQuestionId(7)
	if _, err := tc.Write(frame.Marshal(mb)); err != nil {
		t.Fatal(err)
	}
	if err := tc.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	tc.SetReadDeadline(time.Now().Add(20 * time.Second))
	b, err := io.ReadAll(tc) // an end without close_notify would be an error
	if err != nil {
		t.Fatalf("after %d bytes: %v", len(b), err)
	}
	m, err := frame.NewReader(bytes.NewReader(b), nil).Read()
	if err != nil {
		t.Fatal(err)
	}
	if r := capnp.Root[schema.Message](m); r.Which() != schema.MessageWhichReturn || r.Return().AnswerId() != 7 {
		t.Errorf("got a %v", r.Which())
	}
}
