package cli

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/grant"
	"lanyard.dev/service/contacts"
	"lanyard.dev/vat"
)

// A play is the second half of the demo: a contact book, and four people, each a process.
type play struct {
	*walk
	dir  string
	reg  *schema.Registry
	vat  *vat.Vat
	book contacts.ContactBook // Alice's; she is this process
	dave string               // his id
	bob  *actor
	dan  *actor
	host *actor
}

// people plays it.
func people(w *walk) (err error) {
	dir, err := os.MkdirTemp("", "lanyard-demo-")
	if err != nil {
		return err
	}
	p := &play{walk: w, dir: dir}
	defer func() { err = errors.Join(err, p.end(), os.RemoveAll(dir)) }()
	for _, act := range []func() error{p.theBook, p.oneMailer, p.kept, p.sharedOn, p.takenBack} {
		if err := act(); err != nil {
			return err
		}
	}
	return nil
}

func (p *play) end() error {
	var errs []error
	p.book.Release()
	if p.vat != nil {
		errs = append(errs, p.vat.Close())
	}
	for _, a := range []*actor{p.bob, p.dan, p.host} {
		if a != nil {
			errs = append(errs, a.end())
		}
	}
	return errors.Join(errs...)
}

func (p *play) theBook() (err error) {
	if p.host, err = startActor(p.ctx, "host", p.dir); err != nil {
		return err
	}
	text, err := p.host.say(order{Do: "issue", Text: "alice"})
	if err != nil {
		return err
	}
	reference, err := vat.Parse(text)
	if err != nil {
		return err
	}
	if p.reg, err = demoSchemas(); err != nil {
		return err
	}
	if p.vat, err = vat.New(&vat.Options{Registry: p.reg}); err != nil {
		return err
	}
	p.book = contacts.ContactBook{Client: p.vat.Live(reference)}
	p.say("A contact book", fmt.Sprintf(`Carol's process (%d) serves a contact book. Alice is this process (%d) and has a
reference to all of it: an address, the fingerprint of Carol's key, and a secret.`, p.host.cmd.Process.Pid, os.Getpid()))
	p.line("the reference", reference.String())
	for _, who := range []string{"Dave", "Erin"} {
		err := p.do("Alice: add "+who, func(ctx context.Context) (string, error) {
			a := p.book.Add(ctx, func(a contacts.ContactBookAddParamsBuilder) {
				card := a.NewCard()
				card.SetName(who)
				card.NewEmails(1).At(0).SetValue(strings.ToLower(who) + "@example.com")
			})
			defer a.Release()
			res, err := a.Wait()
			p.dave = cmp.Or(p.dave, res.Id())
			return "added", err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *play) oneMailer() (err error) {
	p.say("One contact, and less than that", `Bob may write to Dave, and need not know who that is. So Alice gives him neither
book nor card, but book.contact(Dave).mailer(). That is an object of its own: what
it is sent has a subject and a text, and no place for an address.`)
	var reference string
	if err := p.do("Alice: share the mailer as bob", func(ctx context.Context) (string, error) {
		reference, err = demoShare(ctx, p.reg, p.book.Client, "bob",
			demoStep{contacts.ContactBookContactMethod, "id", p.dave}, demoStep{contacts.ContactMailerMethod, "", nil})
		return "shared", err
	}); err != nil {
		return err
	}
	if p.bob, err = startActor(p.ctx, "holder", ""); err != nil {
		return err
	}
	if _, err := p.bob.say(order{Do: "hold", Reference: reference}); err != nil {
		return err
	}
	p.note(fmt.Sprintf("Bob (process %d) gets the reference", p.bob.cmd.Process.Pid))
	if err := p.sends("Bob", p.bob, "Lunch?", "1"); err != nil {
		return err
	}
	if err := p.fails("Bob: read the card", p.bob, order{Do: "look"}, capnp.Unimplemented); err != nil {
		return err
	}
	if err := p.fails("Bob: list the book", p.bob, order{Do: "list"}, capnp.Unimplemented); err != nil {
		return err
	}
	return p.arrived("Lunch?")
}

func (p *play) kept() (err error) {
	p.say("Kept", `Carol's process is killed, as if by a power cut, and started again. Bob still holds
what he held: his reference heals by itself. And a mail that he sends twice, because
he cannot know whether the first one came through, arrives once.`)
	if err := p.host.kill(); err != nil {
		return err
	}
	killed := p.host.cmd.Process.Pid
	if p.host, err = startActor(p.ctx, "host", p.dir); err != nil {
		return err
	}
	if _, err := p.host.say(order{Do: "serve"}); err != nil {
		return err
	}
	p.note(fmt.Sprintf("Carol's process %d is dead; %d has the same book and the same key", killed, p.host.cmd.Process.Pid))
	for range 2 {
		if err := p.sends("Bob", p.bob, "Still lunch?", "2"); err != nil {
			return err
		}
	}
	return p.arrived("Still lunch?")
}

func (p *play) sharedOn() (err error) {
	p.say("Shared on", `Bob lets Dan write, too: one mail, whose subject says that it comes through Bob. He
asks nobody, and he cannot give more than he has.`)
	reference := ""
	if reference, err = p.bob.say(order{Do: "share", Text: "[via Bob] ", Key: "dan"}); err != nil {
		return err
	}
	p.line("Bob: share one mail as dan", "shared")
	if p.dan, err = startActor(p.ctx, "holder", ""); err != nil {
		return err
	}
	if _, err := p.dan.say(order{Do: "hold", Reference: reference}); err != nil {
		return err
	}
	p.note(fmt.Sprintf("Dan (process %d) gets the reference", p.dan.cmd.Process.Pid))
	if err := p.sends("Dan", p.dan, "Hi from Dan", "1"); err != nil {
		return err
	}
	if err := p.fails("Dan: a second mail", p.dan, order{Do: "send", Text: "Me again", Key: "2"}, capnp.Failed); err != nil {
		return err
	}
	return p.arrived("[via Bob] Hi from Dan")
}

func (p *play) takenBack() error {
	p.say("Taken back", `Alice looks at what she gave, and takes it back. Dan's comes from Bob's, so it goes
as well. Her own book stays.`)
	g := grant.Grant{Client: p.book.Client}
	bob := func(b grant.SelectorBuilder) { b.SetLabels([]string{"bob"}) }
	if err := p.do("Alice: whom would it affect?", func(ctx context.Context) (string, error) {
		a := g.Preview(ctx, func(a grant.GrantPreviewParamsBuilder) { bob(a.NewEdge()); a.SetMax(10) })
		defer a.Release()
		res, err := a.Wait()
		var labels []string
		for _, e := range res.Affected().Edges().All() {
			labels = append(labels, e.Label())
		}
		return strings.Join(labels, ", "), err
	}); err != nil {
		return err
	}
	if err := p.do("Alice: revoke bob", func(ctx context.Context) (string, error) {
		r := g.Revoke(ctx, func(r grant.GrantRevokeParamsBuilder) { bob(r.NewEdge()); r.SetReason("the project is over") })
		defer r.Release()
		_, err := r.Wait()
		return "revoked", err
	}); err != nil {
		return err
	}
	if err := p.fails("Bob: send", p.bob, order{Do: "send", Text: "Hello?", Key: "3"}, capnp.Failed); err != nil {
		return err
	}
	if err := p.fails("Dan: send", p.dan, order{Do: "send", Text: "Hello?", Key: "3"}, capnp.Failed); err != nil {
		return err
	}
	// Nothing has come that was refused, nor anything twice.
	mails, err := os.ReadDir(filepath.Join(p.dir, "mail", "new"))
	if err != nil {
		return err
	}
	if len(mails) != 3 {
		return fmt.Errorf("%d mails arrived, want 3", len(mails))
	}
	return p.do("Alice: list the book", func(ctx context.Context) (string, error) {
		l := p.book.Names(ctx, nil)
		defer l.Release()
		res, err := l.Wait()
		var names []string
		for _, n := range res.Names().All() {
			names = append(names, n.Name())
		}
		return strings.Join(names, ", "), err
	})
}

// do does something as Alice.
func (p *play) do(what string, do func(context.Context) (string, error)) error {
	ctx, cancel := context.WithTimeout(p.ctx, demoPatience)
	defer cancel()
	result, err := do(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	p.line(what, result)
	return nil
}

func (p *play) line(what, result string) { fmt.Fprintf(p.out, "     %-36s  %s\n", what, result) }

func (p *play) note(what string) { fmt.Fprintf(p.out, "     (%s)\n", what) }

// sends lets somebody send a mail.
func (p *play) sends(who string, a *actor, subject, key string) error {
	what := fmt.Sprintf("%s: send %q", who, subject)
	text, err := a.say(order{Do: "send", Text: subject, Key: key})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	p.line(what, text)
	return nil
}

// fails lets somebody do what must fail.
func (p *play) fails(what string, a *actor, o order, kind capnp.Kind) error {
	r, err := a.tell(o)
	if err != nil {
		return err
	}
	if r.Kind != kind.Error() {
		return fmt.Errorf("%s: got %q, %s %s; it should have been refused", what, r.Text, r.Kind, r.Reason)
	}
	p.line(what, r.Kind)
	fmt.Fprintf(p.out, "     %-36s  “%s”\n", "", printable(r.Reason))
	return nil
}

// arrived waits for exactly one mail with the subject, and shows it as the mail system got it.
func (p *play) arrived(subject string) error {
	box := filepath.Join(p.dir, "mail", "new")
	for end := time.Now().Add(demoPatience); ; {
		files, err := os.ReadDir(box)
		if err != nil {
			return err
		}
		var got []*mail.Message
		for _, f := range files {
			b, err := os.ReadFile(filepath.Join(box, f.Name()))
			if err != nil {
				return err
			}
			m, err := mail.ReadMessage(strings.NewReader(string(b)))
			if err != nil {
				return err
			}
			if m.Header.Get("Subject") == subject {
				got = append(got, m)
			}
		}
		switch {
		case len(got) > 1:
			return fmt.Errorf("%q arrived %d times", subject, len(got))
		case len(got) == 1:
			fmt.Fprint(p.out, "\n     Carol's mail system has got, once:\n")
			for _, h := range []string{"From", "To", "Subject"} {
				fmt.Fprintf(p.out, "       %s: %s\n", h, printable(got[0].Header.Get(h)))
			}
			return nil
		case time.Now().After(end):
			return fmt.Errorf("%q did not arrive", subject)
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-p.ctx.Done():
			return p.ctx.Err()
		}
	}
}

// An actor is a process that does what it is told.
type actor struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// startActor starts this program again, in another role.
func startActor(ctx context.Context, role, dir string) (*actor, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Args = []string{"lanyard", "demo", "actor", role, dir}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &actor{cmd, in, bufio.NewScanner(out)}, nil
}

// tell gives an order and waits for what came of it.
func (a *actor) tell(o order) (r echo, err error) {
	b, err := json.Marshal(o)
	if err != nil {
		return r, err
	}
	if _, err := a.in.Write(append(b, '\n')); err != nil {
		return r, err
	}
	if !a.out.Scan() {
		return r, errors.Join(errors.New("an actor has ended"), a.out.Err())
	}
	return r, json.Unmarshal(a.out.Bytes(), &r)
}

// say is tell for what must succeed.
func (a *actor) say(o order) (string, error) {
	r, err := a.tell(o)
	if err == nil && r.Kind != "" {
		err = fmt.Errorf("%s: %s: %s", o.Do, r.Kind, r.Reason)
	}
	return r.Text, err
}

// end lets the process end in good order.
func (a *actor) end() error {
	a.in.Close()
	return a.cmd.Wait()
}

// kill ends it in no order at all.
func (a *actor) kill() error {
	if err := a.cmd.Process.Kill(); err != nil {
		return err
	}
	a.in.Close()
	a.cmd.Wait() // says that it was killed
	return nil
}
