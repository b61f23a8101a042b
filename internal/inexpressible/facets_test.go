package inexpressible

import (
	"context"
	netmail "net/mail"
	"path/filepath"
	"strings"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
	"lanyard.dev/service/calculator"
	"lanyard.dev/service/contacts"
	"lanyard.dev/service/contacts/mail"
)

// A facet is something that somebody may be given.
type facet struct {
	name string
	c    capnp.Client
	has  map[key]bool // the methods that it has
	as   uint64       // its interface
}

// rooms makes every facet of every service. Each test has services of its own: what is tried may change them.
func rooms(t *testing.T, a *atlas) []facet {
	t.Helper()
	var out []facet
	add := func(name string, c capnp.Client, as string, only ...*capnp.Method) {
		t.Cleanup(c.Release)
		id := a.id(t, as)
		f := facet{name: name, c: c, as: id, has: a.of(id)}
		if only != nil {
			f.has = map[key]bool{}
			for _, m := range only {
				f.has[key{m.InterfaceID(), m.MethodID()}] = true
			}
		}
		out = append(out, f)
	}
	calculators(t, add)
	books(t, add)
	return out
}

// An adder adds a facet. It is of an interface of a service, with all methods or only some.
type adder func(name string, c capnp.Client, as string, only ...*capnp.Method)

func calculators(t *testing.T, add adder) {
	ctx := t.Context()
	c := calculator.New(nil)
	add("calculator", c.Client, "Calculator")
	value := c.Evaluate(ctx, nil).Value()
	add("value", value.Client, "Calculator.Value")
	plus := c.GetOperator(ctx, nil).Func()
	add("operator", plus.Client, "Calculator.Function")
	f := c.DefFunction(ctx, nil).Func()
	add("function", f.Client, "Calculator.Function")

	guest := ocap.Facet(c, calculator.CalculatorEvaluateMethod)
	add("guest's calculator", guest.Client, "Calculator", calculator.CalculatorEvaluateMethod)
	add("guest's value", guest.Evaluate(ctx, nil).Value().Client, "Calculator.Value")
	add("calculator of nothing", ocap.Facet(c).Client, "Calculator", []*capnp.Method{}...)
}

// watcher is the one interface that clients of a book implement.
type watcher struct {
	contacts.UnimplementedCardBookWatcher
}

func (watcher) Changed(context.Context, contacts.CardBookWatcherChangedCall) error { return nil }

func books(t *testing.T, add adder) {
	ctx := t.Context()
	sink := &mail.Sink{}
	s, err := contacts.Open(ctx, filepath.Join(t.TempDir(), "book.db"), &contacts.Options{
		Transport: sink, From: netmail.Address{Address: "alice@example.org"}, Replies: "reply@example.org", Every: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	book := s.Book()
	res, err := book.Add(ctx, func(p contacts.ContactBookAddParamsBuilder) {
		card := p.NewCard()
		card.SetName("Carol Danvers")
		card.NewEmails(1).At(0).SetValue("carol@example.org")
		card.SetGroups([]string{"friends"})
	}).Wait()
	if err != nil {
		t.Fatal(err)
	}
	id := res.Id()

	add("book", book.Client, "ContactBook")
	group := book.Group(ctx, func(p contacts.ContactBookGroupParamsBuilder) { p.SetGroup("friends") }).Book()
	add("group", group.Client, "ContactBook")
	reader := book.ReadOnly(ctx, nil).Book()
	add("book to read", reader.Client, "CardBook")
	fields := book.Fields(ctx, func(p contacts.CardBookFieldsParamsBuilder) {
		p.SetMask([]contacts.Field{contacts.FieldName, contacts.FieldNickname})
	}).Book()
	add("book with two fields", fields.Client, "CardBook")
	members := book.Members(ctx, func(p contacts.CardBookMembersParamsBuilder) { p.SetGroup("friends") }).Book()
	add("members", members.Client, "CardBook")
	add("members' names", members.NameOnly(ctx, nil).Book().Client, "NameBook")
	names := book.NameOnly(ctx, nil).Book()
	add("names", names.Client, "NameBook")
	watching := reader.Watch(ctx, func(p contacts.CardBookWatchParamsBuilder) {
		p.SetWatcher(contacts.NewCardBookWatcher(watcher{}))
	}).Watching()
	add("watching", watching.Client, "CardBook.Watching")

	contact := book.Contact(ctx, func(p contacts.ContactBookContactParamsBuilder) { p.SetId(id) }).Contact()
	add("contact", contact.Client, "Contact")
	card := contact.ReadOnly(ctx, nil).Contact()
	add("contact's card", card.Client, "ContactCard")
	add("contact's name", contact.NameOnly(ctx, nil).Contact().Client, "ContactName")
	// Every view has ids of its own.
	idIn := func(b contacts.NameBook) string {
		res, err := b.Names(ctx, nil).Wait()
		if err != nil || res.Names().Len() != 1 {
			t.Fatalf("%d names, %v", res.Names().Len(), err)
		}
		return res.Names().At(0).Id()
	}
	looked := reader.Look(ctx, func(p contacts.CardBookLookParamsBuilder) { p.SetId(idIn(contacts.NameBook(reader))) }).Contact()
	add("contact of a book to read", looked.Client, "ContactCard")
	picked := names.Pick(ctx, func(p contacts.NameBookPickParamsBuilder) { p.SetId(idIn(names)) }).Contact()
	add("contact picked by name", picked.Client, "ContactName")

	mailer := contact.Mailer(ctx, nil).Mailer()
	add("mailer", mailer.Client, "ContactMailer")
	text := mailer.TextOnly(ctx, nil).Mailer()
	add("mailer of text", text.Client, "ContactMailer")
	few := mailer.Budget(ctx, func(p contacts.ContactMailerBudgetParamsBuilder) { p.SetSends(3) }).Mailer()
	add("mailer with a budget", few.Client, "ContactMailer")
	asked := mailer.RequireApproval(ctx, nil).Mailer()
	add("mailer that needs approval", asked.Client, "ContactMailer")
	add("queue", mailer.Approvals(ctx, nil).Queue().Client, "ApprovalQueue")
	add("owner's queue", book.Approvals(ctx, nil).Queue().Client, "ApprovalQueue")
	sender := ocap.Facet(mailer, contacts.ContactMailerSendMethod)
	add("mailer to send only", sender.Client, "ContactMailer", contacts.ContactMailerSendMethod)
	add("port", replyPort(t, s, sink, mailer).Client, "ReplyPort")
}

// replyPort lets the contact answer a mail, and gives what comes with the answer.
func replyPort(t *testing.T, s *contacts.Service, sink *mail.Sink, m contacts.ContactMailer) contacts.ReplyPort {
	t.Helper()
	ctx := t.Context()
	if _, err := m.Send(ctx, func(p contacts.ContactMailerSendParamsBuilder) {
		p.SetKey("1")
		p.NewDraft().SetText("Hello")
	}).Wait(); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	sent := sink.Messages()
	if len(sent) != 1 {
		t.Fatalf("%d mails were sent", len(sent))
	}
	const answer = "From: carol@example.org\r\nSubject: Re\r\n\r\nHello yourself\r\n"
	if err := s.Receive(ctx, sent[0].ReplyTo, strings.NewReader(answer)); err != nil {
		t.Fatal(err)
	}
	res, err := m.Replies(ctx, nil).Wait()
	if err != nil || res.Replies().Len() != 1 {
		t.Fatalf("%d answers, %v", res.Replies().Len(), err)
	}
	return res.Replies().At(0).Port()
}

// untyped is a client of no interface in particular.
type untyped struct{ capnp.Client }

// another is a second reference.
func another(c capnp.Client) capnp.Client { return capnp.AddRef(untyped{c}).Client }
