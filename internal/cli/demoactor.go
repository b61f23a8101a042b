package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	netmail "net/mail"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/grant"
	"lanyard.dev/ocap/narrow"
	"lanyard.dev/service/contacts"
	"lanyard.dev/service/contacts/mail"
	"lanyard.dev/store"
	"lanyard.dev/store/sqlite"
	"lanyard.dev/vat"
)

// The people of the demo are processes of their own: one serves the book, the others hold what they
// were given. A process does what stands in the lines that it reads, and answers each with a line.
// References go through these pipes, as they would through a mail or a message.

// An order is a line for an actor.
type order struct {
	Do, Reference, Text, Key string
}

// An echo is the answer. Kind and Reason are those of a call that failed.
type echo struct {
	Text, Kind, Reason string
}

func demoActorCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "actor ROLE FOLDER",
		Hidden: true,
		Args:   arguments("ROLE", "FOLDER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			play := holder
			if args[0] == "host" {
				play = bookHost
			}
			return play(cmd.Context(), args[1], cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

// orders answers lines until there are no more.
func orders(in io.Reader, out io.Writer, do func(order) (string, error)) error {
	enc := json.NewEncoder(out)
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return err
		}
		text, err := do(o)
		r := echo{Text: text}
		if err != nil {
			r.Kind, r.Reason = capnp.Failed.Error(), err.Error()
			if e, ok := errors.AsType[*capnp.Exception](err); ok {
				r.Kind, r.Reason = e.Kind.Error(), e.Reason
			}
		}
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

func demoSchemas() (*schema.Registry, error) {
	return schema.Load(contacts.ContactsSchema(), grant.GrantSchema(), narrow.NarrowSchema())
}

// bookHost serves a contact book that it keeps in the folder, with the ledger of who was given what.
// Mail goes into a maildir beside them.
func bookHost(ctx context.Context, dir string, in io.Reader, out io.Writer) (err error) {
	path := func(name string) string { return filepath.Join(dir, name) }
	identity, err := vat.LoadIdentity(path("identity"))
	if errors.Is(err, os.ErrNotExist) {
		identity, err = vat.CreateIdentity(path("identity"))
	}
	if err != nil {
		return err
	}
	outgoing, err := mail.NewMaildir(path("mail"))
	if err != nil {
		return err
	}
	book, err := contacts.Open(ctx, path("book.db"), &contacts.Options{
		Transport: outgoing, From: netmail.Address{Name: "Carol", Address: "carol@example.org"}, Every: 20 * time.Millisecond,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	ledger, err := sqlite.Open(ctx, path("ledger.db"), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ledger.Close()) }()
	reg, err := demoSchemas()
	if err != nil {
		return err
	}
	var v *vat.Vat
	reference := func(s store.Secret) (string, error) {
		r, err := v.Reference(s[:])
		return r.Reveal(), err
	}
	keeper, err := grant.New(ctx, ledger, ledger, reg, book.Objects, &grant.Options{
		Reference: reference,
		Root:      func(string) uint64 { return contacts.ContactBookAddMethod.InterfaceID() },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keeper.Close()) }()
	v, err = vat.New(&vat.Options{
		Identity: identity, Registry: reg,
		At: []vat.Address{{Network: "unix", Address: path("socket")}},
		Restore: func(ctx context.Context, secret []byte, peer vat.Key) (capnp.Client, error) {
			s, err := store.ParseSecret(secret)
			if err != nil {
				return capnp.Client{}, err
			}
			return keeper.Restore(ctx, s, peer[:])
		},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	if err := os.Remove(path("socket")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err // it is left when the process was killed
	}
	l, err := net.Listen("unix", path("socket"))
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- v.Serve(ctx, l) }()
	defer func() { v.Close(); err = errors.Join(err, <-served) }()
	return orders(in, out, func(o order) (string, error) {
		switch o.Do {
		case "issue":
			_, secret, err := keeper.Issue(ctx, "book", &grant.Terms{Label: o.Text})
			if err != nil {
				return "", err
			}
			return reference(secret)
		case "serve":
			return "serving", nil
		}
		return "", fmt.Errorf("no order %q", o.Do)
	})
}

// holder is somebody who was given a reference to a mailer.
func holder(ctx context.Context, _ string, in io.Reader, out io.Writer) (err error) {
	reg, err := demoSchemas()
	if err != nil {
		return err
	}
	v, err := vat.New(&vat.Options{Registry: reg})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	var held capnp.Client
	defer func() { held.Release() }()
	return orders(in, out, func(o order) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, demoPatience)
		defer cancel()
		switch o.Do {
		case "hold":
			r, err := vat.Parse(o.Reference)
			if err != nil {
				return "", err
			}
			held.Release()
			held = v.Live(r)
			return "held", nil
		case "send":
			return demoSend(ctx, contacts.ContactMailer{Client: held}, o.Text, o.Key)
		case "look":
			// A client of a wider type is easy to have; the object is what it is.
			res, err := contacts.ContactCard{Client: held}.Card(ctx, nil).Wait()
			return res.Card().Name(), err
		case "list":
			_, err := contacts.ContactBook{Client: held}.List(ctx, nil).Wait()
			return "listed", err
		case "share":
			return demoShare(ctx, reg, held, o.Key,
				demoStep{contacts.ContactMailerSubjectPrefixMethod, "prefix", o.Text},
				demoStep{contacts.ContactMailerBudgetMethod, "sends", uint32(1)})
		}
		return "", fmt.Errorf("no order %q", o.Do)
	})
}

// demoPatience is how long anybody waits for an answer.
const demoPatience = 15 * time.Second

// demoSend sends a mail.
func demoSend(ctx context.Context, m contacts.ContactMailer, subject, key string) (string, error) {
	p := m.Send(ctx, func(p contacts.ContactMailerSendParamsBuilder) {
		p.SetKey(key)
		draft := p.NewDraft()
		draft.SetSubject(subject)
		draft.SetText("Hello!")
	})
	defer p.Release()
	_, err := p.Wait()
	return "taken", err
}

// A demoStep goes on from an object to what a method of it returns.
type demoStep struct {
	method *capnp.Method
	param  string
	value  any
}

// demoShare shares what the steps lead to, under a label, and returns the reference.
func demoShare(ctx context.Context, reg *schema.Registry, c capnp.Client, label string, path ...demoStep) (string, error) {
	var steps []narrow.Step
	for _, s := range path {
		m, ok := dynamic.MethodAt(reg, s.method.InterfaceID(), s.method.MethodID())
		if !ok {
			return "", fmt.Errorf("no schema for %s", s.method)
		}
		call, err := narrow.NewPathCall(m, "", func(b dynamic.StructBuilder) error {
			if s.param == "" {
				return nil
			}
			return b.Set(s.param, s.value)
		})
		if err != nil {
			return "", err
		}
		steps = append(steps, narrow.Call(*call))
	}
	var filled error
	p := grant.Grant{Client: c}.Share(ctx, func(p grant.GrantShareParamsBuilder) {
		p.SetLabel(label)
		filled = narrow.Write(p.NewSteps(len(steps)), steps)
	})
	defer p.Release()
	res, err := p.Wait()
	return res.Reference().Text(), errors.Join(filled, err)
}
