package cli

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/mail"
	"slices"

	"lanyard.dev/capnp"
	"lanyard.dev/internal/cli/config"
	"lanyard.dev/internal/private"
	"lanyard.dev/service/calculator"
	"lanyard.dev/service/contacts"
	transport "lanyard.dev/service/contacts/mail"
)

// A hosted is an object of a configuration.
type hosted struct {
	iface uint64
	open  func(ctx context.Context) (capnp.Client, error)
}

// openObjects opens the services of a configuration. What has to be closed is added to closers.
func openObjects(ctx context.Context, cfg *config.Config, log *slog.Logger, closers *[]func() error) (map[string]*hosted, error) {
	out := map[string]*hosted{}
	for _, name := range slices.Sorted(maps.Keys(cfg.Objects)) {
		o := cfg.Objects[name]
		switch o.Service {
		case config.Calculator:
			out[name] = &hosted{calculator.CalculatorEvaluateMethod.InterfaceID(), func(context.Context) (capnp.Client, error) {
				return calculator.New(nil).Client, nil
			}}
		case config.Contacts:
			options := &contacts.Options{Logger: log.With("object", name)}
			if err := setMail(options, o.Mail); err != nil {
				return nil, fmt.Errorf("objects.%s.mail: %w", name, err)
			}
			s, err := contacts.Open(ctx, o.Database, options)
			if err != nil {
				return nil, fmt.Errorf("objects.%s: %w", name, err)
			}
			*closers = append(*closers, s.Close)
			out[name] = &hosted{contacts.ContactBookAddMethod.InterfaceID(), func(ctx context.Context) (capnp.Client, error) {
				return s.Objects(ctx, "book")
			}}
		}
	}
	return out, nil
}

// setMail says how a book's mail goes out.
func setMail(o *contacts.Options, m *config.Mail) error {
	if m == nil {
		return nil
	}
	from, err := mail.ParseAddress(m.From)
	if err != nil {
		return fmt.Errorf("from: %w", err)
	}
	o.From = *from
	o.Replies, o.Inbox = m.Replies, m.Inbox
	if m.Maildir != "" {
		o.Transport, err = transport.NewMaildir(m.Maildir)
		return err
	}
	smtp := &transport.SMTP{Addr: m.SMTP, User: m.User}
	if m.Password != "" {
		text, err := private.Read(m.Password, private.MaxSize)
		if err != nil {
			return err
		}
		smtp.Password = transport.Password(bytes.TrimRight(text, "\r\n"))
	}
	o.Transport = smtp
	return nil
}
