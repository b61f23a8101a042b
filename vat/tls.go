package vat

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"lanyard.dev/capnp"
)

// protocol is what handshakes name, so that a program which speaks something else over TLS finds
// out. Who names none is let in: the OCaml implementation, Python's ssl.
const protocol = "capnp-rpc"

// config is what both sides have in common: TLS 1.3, nothing resumed, nothing sent early, and of
// what a certificate says only the key.
func (v *Vat) config() *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{protocol},
		SessionTicketsDisabled: true,
		InsecureSkipVerify:     true, // no authorities and no names: VerifyConnection pins the key
	}
}

// client is the configuration to dial the vat that has key.
func (v *Vat) client(key Key) *tls.Config {
	c := v.config()
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return v.id.certificate(), nil
	}
	c.VerifyConnection = func(s tls.ConnectionState) error {
		p, err := verifyChain(s.PeerCertificates, v.now())
		if err != nil {
			return fmt.Errorf("%w: %w", errCertificate, err)
		}
		if !p.is(key) {
			return &WrongKeyError{Want: key, Got: p.own}
		}
		return nil
	}
	return c
}

// server is the configuration for those who connect. They may stay anonymous, but a key that they
// show they have to have.
func (v *Vat) server() *tls.Config {
	c := v.config()
	c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return v.id.certificate(), nil }
	c.ClientAuth = tls.RequestClientCert
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return nil
		}
		if _, err := verifyChain(s.PeerCertificates, v.now()); err != nil {
			return fmt.Errorf("%w: %w", errCertificate, err)
		}
		return nil
	}
	return c
}

var errCertificate = errors.New("the peer shows")

// WrongKeyError says that who answers at an address is not who was asked for.
type WrongKeyError struct {
	Want, Got Key
}

// Error says so.
func (e *WrongKeyError) Error() string {
	return fmt.Sprintf("another vat answers there: its key is %s, not %s", e.Got, e.Want)
}

// handshake does one, in limited time, and says who the peer is.
func handshake(ctx context.Context, c *tls.Conn, atMost time.Duration, now func() time.Time) (peer, error) {
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	if err := c.HandshakeContext(ctx); err != nil {
		return peer{}, handshakeError(err)
	}
	s := c.ConnectionState()
	if len(s.PeerCertificates) == 0 {
		return peer{}, nil
	}
	return verifyChain(s.PeerCertificates, now())
}

// handshakeError says what went wrong: disconnected is what may go better at another time.
func handshakeError(err error) error {
	kind, reason := capnp.Failed, err.Error()
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &plain):
		reason = "the other side does not speak TLS"
	case errors.Is(err, context.DeadlineExceeded):
		kind, reason = capnp.Disconnected, "the handshake took too long"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		kind, reason = capnp.Disconnected, "the other side ended the connection during the handshake; it may not speak TLS"
	case errors.Is(err, context.Canceled), isNet(err) && !isAlert(err):
		kind = capnp.Disconnected
	}
	return &capnp.Exception{Kind: kind, Reason: reason, Cause: err}
}

func isNet(err error) bool {
	_, ok := errors.AsType[net.Error](err)
	return ok
}

// isAlert tells what the other side says from what the network does.
func isAlert(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error"
}
