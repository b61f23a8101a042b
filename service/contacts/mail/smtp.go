package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// An SMTP submits mail to a server, never without TLS and never without knowing that it is the
// server: there is no option for that.
type SMTP struct {
	// Addr is HOST:PORT. Port 465 is TLS from the start, every other begins with STARTTLS.
	Addr string
	// ImplicitTLS is TLS from the start on any port.
	ImplicitTLS bool
	// User and Password log in; empty: no login.
	User     string
	Password Password
	// Hello is the name to introduce this machine by. Default "localhost", which tells nothing.
	Hello string
	// TLS is for roots of one's own; the zero value is the system's. ServerName is the host of Addr
	// if it is empty. InsecureSkipVerify is refused.
	TLS *tls.Config
	// Timeout bounds one delivery. Default one minute.
	Timeout time.Duration

	_ struct{}
}

// A Password does not print itself.
type Password string

// String hides it.
func (Password) String() string { return "(password)" }

// GoString hides it.
func (Password) GoString() string { return "(password)" }

// LogValue hides it.
func (Password) LogValue() slog.Value { return slog.StringValue("(password)") }

// Deliver implements Transport.
func (s *SMTP) Deliver(ctx context.Context, m *Message) error {
	g, err := m.build()
	if err != nil {
		return refused(err)
	}
	var line line
	defer line.close()
	c, err := s.client(&line)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout())
	defer cancel()
	err = c.DialAndSendWithContext(ctx, g)
	if g.IsDelivered() {
		return nil // what went wrong came after the server had taken it
	}
	if e, ok := errors.AsType[*gomail.SendError](err); ok && !e.IsTemp() && e.ErrorCode() >= 500 {
		return refused(err)
	}
	return err
}

// A line is the connection of one delivery. The library leaves it open when the server does not get
// as far as it should, so it is closed here.
type line struct {
	tls  *tls.Config // nil: not from the start
	conn net.Conn
}

func (l *line) dial(ctx context.Context, network, address string) (_ net.Conn, err error) {
	if l.tls != nil {
		l.conn, err = (&tls.Dialer{Config: l.tls}).DialContext(ctx, network, address)
	} else {
		l.conn, err = new(net.Dialer).DialContext(ctx, network, address)
	}
	return l.conn, err
}

func (l *line) close() {
	if l.conn != nil {
		l.conn.Close()
	}
}

func (s *SMTP) client(l *line) (*gomail.Client, error) {
	host, portText, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return nil, fmt.Errorf("smtp server: %w", err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, fmt.Errorf("smtp server: odd port in %q", s.Addr)
	}
	config := &tls.Config{}
	if s.TLS != nil {
		config = s.TLS.Clone()
	}
	if config.InsecureSkipVerify {
		return nil, errors.New("smtp server: its certificate must be checked")
	}
	if config.ServerName == "" {
		config.ServerName = host
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	hello := s.Hello
	if hello == "" {
		hello = "localhost"
	}
	opts := []gomail.Option{
		gomail.WithPort(port), gomail.WithTLSPolicy(gomail.TLSMandatory), gomail.WithTLSConfig(config),
		gomail.WithHELO(hello), gomail.WithTimeout(s.timeout()), gomail.WithoutNoop(),
		gomail.WithDialContextFunc(l.dial),
	}
	if s.ImplicitTLS || port == 465 {
		l.tls = config
		opts = append(opts, gomail.WithSSL())
	}
	if s.User != "" {
		// Plain, in TLS; the library refuses it outside.
		opts = append(opts, gomail.WithSMTPAuth(gomail.SMTPAuthPlain),
			gomail.WithUsername(s.User), gomail.WithPassword(string(s.Password)))
	}
	return gomail.NewClient(host, opts...)
}

func (s *SMTP) timeout() time.Duration {
	if s.Timeout > 0 {
		return s.Timeout
	}
	return time.Minute
}
