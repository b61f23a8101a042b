package mail

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// A server is a real SMTP server on a port of this machine, and what it got.
type server struct {
	addr string
	tls  *tls.Config
	mu   sync.Mutex
	log  []string
	mail []string
	// What it answers to recipients.
	rcpt func(to string) error
}

func (s *server) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

func (s *server) got() (log, mail []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.log...), append([]string(nil), s.mail...)
}

func (s *server) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, secure := c.TLSConnectionState()
	return &session{s, secure}, nil
}

type session struct {
	s      *server
	secure bool
}

func (s *session) AuthMechanisms() []string { return []string{"PLAIN"} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		s.s.note("auth %s tls=%v", user, s.secure)
		if password != "swordfish" {
			return &smtp.SMTPError{Code: 535, Message: "no"}
		}
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.s.note("from %s tls=%v", from, s.secure)
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.s.note("to %s", to)
	if s.s.rcpt != nil {
		return s.s.rcpt(to)
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	s.s.mail = append(s.s.mail, string(b))
	return err
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// certificate makes one for a name, and the roots that vouch for it.
func certificate(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// serve starts a server, with STARTTLS or with TLS from the start, and gives a client of it.
func serve(t *testing.T, implicit bool) (*server, *SMTP) {
	t.Helper()
	cert, roots := certificate(t, "mail.example.org")
	s := &server{tls: &tls.Config{Certificates: []tls.Certificate{cert}}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := smtp.NewServer(s)
	srv.Domain = "mail.example.org"
	srv.TLSConfig = s.tls
	srv.ReadTimeout, srv.WriteTimeout = 10*time.Second, 10*time.Second
	srv.ErrorLog = quiet{}
	if implicit {
		l = tls.NewListener(l, s.tls)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Close()
		<-done
	})
	s.addr = l.Addr().String()
	return s, &SMTP{Addr: s.addr, ImplicitTLS: implicit, User: "alice", Password: "swordfish", Timeout: 10 * time.Second,
		TLS: &tls.Config{RootCAs: roots, ServerName: "mail.example.org"}}
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func TestSMTP(t *testing.T) {
	for _, implicit := range []bool{false, true} {
		s, c := serve(t, implicit)
		m := message()
		m.Return = "bounces@example.org"
		if err := c.Deliver(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		log, mail := s.got()
		if got := strings.Join(log, "; "); got != "auth alice tls=true; from bounces@example.org tls=true; to carol@example.com" {
			t.Errorf("implicit %v: the server saw %s", implicit, got)
		}
		// Lines that are a dot arrive as they were.
		if len(mail) != 1 || !strings.Contains(mail[0], "one\r\n.\r\n..two\r\nthree\r\nfour") && !strings.Contains(mail[0], "one\r\n=2E\r\n=2E.two") {
			t.Errorf("implicit %v: the server got %q", implicit, mail)
		}
	}
}

// TestSMTPErrors tells what will pass from what will not.
func TestSMTPErrors(t *testing.T) {
	s, c := serve(t, false)
	for _, test := range []struct {
		code    int
		refused bool
	}{{550, true}, {553, true}, {450, false}, {421, false}} {
		s.rcpt = func(string) error { return &smtp.SMTPError{Code: test.code, Message: "no"} }
		if err := c.Deliver(t.Context(), message()); err == nil || errors.Is(err, Refused) != test.refused {
			t.Errorf("%d: %v", test.code, err)
		}
	}
	c.Password = "wrong"
	if err := c.Deliver(t.Context(), message()); err == nil || errors.Is(err, Refused) || strings.Contains(err.Error(), "wrong") {
		t.Errorf("a wrong password: %v", err)
	}
	gone := &SMTP{Addr: "127.0.0.1:1", Timeout: time.Second}
	if err := gone.Deliver(t.Context(), message()); err == nil || errors.Is(err, Refused) {
		t.Errorf("no server: %v", err)
	}
	if got := fmt.Sprintf("%v %+v %#v %s", c, *c, *c, c.Password); strings.Contains(got, "wrong") {
		t.Errorf("the password is printed: %s", got)
	}
}

// TestSMTPCertificates: a server that cannot prove who it is gets nothing.
func TestSMTPCertificates(t *testing.T) {
	s, c := serve(t, false)
	_, others := certificate(t, "mail.example.org")
	for what, config := range map[string]*tls.Config{
		"unknown authority": {RootCAs: others, ServerName: "mail.example.org"},
		"another name":      {RootCAs: c.TLS.RootCAs, ServerName: "other.example.org"},
		"the address":       {RootCAs: c.TLS.RootCAs},
		"the system's":      nil,
		"no check":          {InsecureSkipVerify: true},
	} {
		d := *c
		d.TLS = config
		if err := d.Deliver(t.Context(), message()); err == nil || errors.Is(err, Refused) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if log, mail := s.got(); len(log)+len(mail) > 0 {
		t.Errorf("the server saw %q", log)
	}
}

// TestSMTPStripped is M05: somebody in the middle who hides STARTTLS, or answers to it with more than
// he should, gets neither password nor mail.
func TestSMTPStripped(t *testing.T) {
	_, c := serve(t, false)
	for what, attack := range map[string]func(say func(string), line string) bool{
		"no STARTTLS": func(say func(string), line string) bool {
			say("250-mail.example.org\r\n250 AUTH PLAIN LOGIN\r\n")
			return strings.HasPrefix(line, "EHLO")
		},
		"refused": func(say func(string), line string) bool {
			if line == "STARTTLS" {
				say("454 not now\r\n")
			} else {
				say("250-mail.example.org\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n")
			}
			return true
		},
		"injected": func(say func(string), line string) bool {
			if line == "STARTTLS" {
				say("220 go\r\n250-mail.example.org\r\n250 AUTH PLAIN\r\n235 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n")
			} else {
				say("250-mail.example.org\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n")
			}
			return true
		},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		heard := make(chan string, 1)
		go func() {
			var all strings.Builder
			defer func() { heard <- all.String() }()
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(5 * time.Second))
			say := func(s string) { io.WriteString(conn, s) }
			say("220 mail.example.org\r\n")
			for r := bufio.NewScanner(io.TeeReader(conn, &all)); r.Scan(); {
				if !attack(say, r.Text()) {
					return
				}
			}
		}()
		d := *c
		d.Addr = l.Addr().String()
		d.Timeout = 3 * time.Second
		if err := d.Deliver(t.Context(), message()); err == nil || errors.Is(err, Refused) {
			t.Errorf("%s: %v", what, err)
		}
		l.Close()
		got := <-heard
		for _, secret := range []string{"AUTH", "MAIL", "RCPT", "DATA", "carol", "swordfish"} {
			if strings.Contains(got, secret) {
				t.Errorf("%s: the attacker heard %q", what, got)
			}
		}
	}
}
