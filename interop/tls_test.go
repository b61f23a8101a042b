package interop_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lanyard.dev/rpc"
	"lanyard.dev/service/calculator"
)

// TestTLS: pycapnp and Go talk through TLS, which is neither side's business but the transport's.
func TestTLS(t *testing.T) {
	py := need(t, python)
	file := certificate(t)
	want := strings.Join(steps, "\n") + "\ndone 5\n"

	t.Run("pycapnp-to-go", func(t *testing.T) {
		cert, err := tls.LoadX509KeyPair(file, file)
		if err != nil {
			t.Fatal(err)
		}
		l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() {
			served <- rpc.ServeEach(ctx, l, func(context.Context) calculator.Calculator { return calculator.New(nil) }, nil)
		}()
		out := client(t, 60*time.Second, py.calcClient, l.Addr().String(), "--repeat", "5", "--tls", file)
		if out != want {
			t.Errorf("client printed:\n%s\nwant:\n%s", out, want)
		}
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	t.Run("go-to-pycapnp", func(t *testing.T) {
		s := serve(t, py.calcServer, "127.0.0.1:0", "--tls", file)
		out := client(t, 60*time.Second, need(t, ours).calcClient, s.addr, "-repeat", "5", "-tls", file)
		if out != want {
			t.Errorf("client printed:\n%s\nwant:\n%s", out, want)
		}
	})
	t.Run("no-tls", func(t *testing.T) { // a client without TLS gets nowhere, and says so
		s := serve(t, py.calcServer, "127.0.0.1:0", "--tls", file)
		conn, err := rpc.Dial(t.Context(), "tcp", s.addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		c := rpc.Bootstrap[calculator.Calculator](t.Context(), conn)
		defer c.Release()
		if err := c.Resolve(t.Context()); err == nil {
			t.Error("a server that wants TLS answered without")
		}
	})
}

// certificate makes a certificate for 127.0.0.1 and its key, in one file.
func certificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},

		IsCA:                  true, // it vouches for itself
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, b := range []*pem.Block{{Type: "CERTIFICATE", Bytes: der}, {Type: "PRIVATE KEY", Bytes: private}} {
		if err := pem.Encode(&out, b); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
