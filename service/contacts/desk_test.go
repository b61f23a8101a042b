package contacts

import (
	"context"
	"errors"
	netmail "net/mail"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"lanyard.dev/service/contacts/mail"
)

// A desk is a book, its owner, and a clock that is moved by hand.
type desk struct {
	*testing.T
	ctx  context.Context
	path string
	sink *mail.Sink
	opts Options
	s    *Service
	book ContactBook

	mu  sync.Mutex
	now time.Time
}

// newDesk opens a new book whose outbox moves only when it is flushed. change may alter the options.
func newDesk(t *testing.T, change ...func(*Options)) *desk {
	t.Helper()
	d := &desk{
		T: t, ctx: t.Context(), path: filepath.Join(t.TempDir(), "book.db"), sink: &mail.Sink{},
		now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
	}
	d.opts = Options{
		Transport: d.sink, From: netmail.Address{Name: "Alice", Address: "alice@example.org"},
		Replies: "reply@example.org", Every: -1, Clock: d.clock,
	}
	for _, c := range change {
		c(&d.opts)
	}
	d.open()
	t.Cleanup(func() { d.s.Close() })
	return d
}

func (d *desk) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *desk) wait(t time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(t)
}

func (d *desk) open() {
	d.Helper()
	s, err := Open(d.ctx, d.path, &d.opts)
	if err != nil {
		d.Fatal(err)
	}
	d.s = s
	c, err := s.Objects(d.ctx, "book")
	if err != nil {
		d.Fatal(err)
	}
	d.book = ContactBook{Client: c}
}

// restart closes the book and opens it again. What was held before is gone.
func (d *desk) restart() {
	d.Helper()
	if err := d.s.Close(); err != nil {
		d.Fatal(err)
	}
	d.open()
}

func (d *desk) flush() {
	d.Helper()
	if err := d.s.Flush(d.ctx); err != nil {
		d.Fatal(err)
	}
}

// ok takes a result or fails.
func ok[R any](t testing.TB, r R, err error) R {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A person to add.
type someone struct {
	name, email string
	groups      []string
	note        string
}

func (p someone) fill(b CardBuilder) {
	b.SetName(p.name)
	b.SetNote(p.note)
	if p.email != "" {
		l := b.NewEmails(1).At(0)
		l.SetKind("home")
		l.SetValue(p.email)
	}
	if len(p.groups) > 0 {
		b.SetGroups(p.groups)
	}
}

func (d *desk) add(b ContactBook, p someone) string {
	d.Helper()
	res, err := b.Add(d.ctx, func(a ContactBookAddParamsBuilder) { p.fill(a.NewCard()) }).Wait()
	return ok(d, res, err).Id()
}

func (d *desk) contact(b ContactBook, id string) Contact {
	return b.Contact(d.ctx, func(p ContactBookContactParamsBuilder) { p.SetId(id) }).Contact()
}

func (d *desk) mailer(c Contact) ContactMailer { return c.Mailer(d.ctx, nil).Mailer() }

// send sends a mail and returns the receipt's id.
func (d *desk) send(m ContactMailer, key, subject string) (string, error) {
	res, err := m.Send(d.ctx, func(p ContactMailerSendParamsBuilder) {
		p.SetKey(key)
		b := p.NewDraft()
		b.SetSubject(subject)
		b.SetText("Hello.\n")
	}).Wait()
	return res.Receipt().Id(), err
}

// names lists a book's names, sorted by age.
func (d *desk) names(b NameBook) []string {
	d.Helper()
	res, err := b.Names(d.ctx, nil).Wait()
	var out []string
	for _, n := range ok(d, res, err).Names().All() {
		out = append(out, n.Name())
	}
	return out
}

func (d *desk) found(b CardBook, text string) []string {
	d.Helper()
	res, err := b.Find(d.ctx, func(p CardBookFindParamsBuilder) { p.SetText(text) }).Wait()
	var out []string
	for _, c := range ok(d, res, err).Cards().All() {
		out = append(out, c.Name())
	}
	return out
}

func (d *desk) want(what string, got, want []string) {
	d.Helper()
	if !slices.Equal(got, want) {
		d.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func (d *desk) wantErr(what string, err error, want error) {
	d.Helper()
	if !errors.Is(err, want) {
		d.Errorf("%s: got %v, want %v", what, err, want)
	}
}

// state is what became of the nth mail.
func (d *desk) state(n int) ContactBookMail {
	d.Helper()
	res, err := d.book.Mails(d.ctx, nil).Wait()
	l := ok(d, res, err).Mails()
	if n >= l.Len() {
		d.Fatalf("there are %d mails", l.Len())
	}
	return l.At(n)
}
