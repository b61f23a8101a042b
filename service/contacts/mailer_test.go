package contacts

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
	"lanyard.dev/service/contacts/mail"
)

// carol adds a contact and returns her id.
func (d *desk) carol() string {
	return d.add(d.book, someone{name: "Carol", email: "carol@example.com"})
}

func TestSend(t *testing.T) {
	d := newDesk(t)
	m := d.mailer(d.contact(d.book, d.carol()))
	res, err := m.Send(d.ctx, func(p ContactMailerSendParamsBuilder) {
		p.SetKey("1")
		b := p.NewDraft()
		b.SetSubject("Lunch?")
		b.SetText("At one.")
		b.SetHtml("<p>At one.")
		a := b.NewAttachments(1).At(0)
		a.SetName("menu.txt")
		a.SetMediaType("text/plain")
		a.SetContent([]byte("soup"))
	}).Wait()
	if r := ok(t, res, err).Receipt(); len(r.Id()) != 26 || r.Held() {
		t.Errorf("receipt %v", r)
	}
	if len(d.sink.Messages()) != 0 {
		t.Error("the answer waited for the delivery")
	}
	d.flush()
	got := d.sink.Messages()
	if len(got) != 1 {
		t.Fatalf("%d mails", len(got))
	}
	if g := got[0]; g.To.String() != `"Carol" <carol@example.com>` || g.From.String() != `"Alice" <alice@example.org>` ||
		g.Subject != "Lunch?" || g.Text != "At one." || g.HTML != "<p>At one." || len(g.Attachments) != 1 ||
		!strings.HasPrefix(g.ReplyTo, "reply+") || !strings.HasSuffix(g.ID, "@example.org") || !g.Date.Equal(d.clock()) {
		t.Errorf("got %+v", g)
	}
	if s := d.state(0); s.State() != ContactBookMailStateSent || s.Contact() == "" || s.Tries() != 1 {
		t.Errorf("the owner sees %v", s)
	}
	d.flush()
	if len(d.sink.Messages()) != 1 {
		t.Error("it was sent twice")
	}
}

// TestSendIsIdempotent: the same key sends once, also after a restart and from many at a time.
func TestSendIsIdempotent(t *testing.T) {
	d := newDesk(t)
	id := d.carol()
	m := d.mailer(d.contact(d.book, id))
	first, err := d.send(m, "k", "one")
	ok(t, 0, err)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if again, err := d.send(m, "k", "one"); err != nil || again != first {
				t.Errorf("again: %q, %v, want %q", again, err, first)
			}
		})
	}
	all.Wait()
	d.restart()
	m = d.mailer(d.contact(d.book, id))
	if again, err := d.send(m, "k", "one"); err != nil || again != first {
		t.Errorf("after a restart: %q, %v, want %q", again, err, first)
	}
	_, err = d.send(m, "k", "two")
	d.wantErr("another mail with the key", err, capnp.Failed)
	_, err = d.send(m, "", "two")
	d.wantErr("no key", err, capnp.Failed)
	_, err = d.send(m, strings.Repeat("k", maxKey+1), "two")
	d.wantErr("a long key", err, capnp.Failed)
	_, err = d.send(m, strings.Repeat("k", maxKey), "two")
	ok(t, 0, err)
	// Another holder's keys are another holder's.
	bobs := d.contact(d.book, id).Mailer(d.ctx, func(p ContactMailerParamsBuilder) { p.NewPolicy().SetLabel("bob") }).Mailer()
	if other, err := d.send(bobs, "k", "one"); err != nil || other == first {
		t.Errorf("bob's: %q, %v", other, err)
	}
	d.flush()
	if n := len(d.sink.Messages()); n != 3 {
		t.Errorf("%d mails went out, want 3", n)
	}
}

// TestBudgets: n pass and n+1 does not, in any window, nested, over restarts, and whoever holds it.
func TestBudgets(t *testing.T) {
	d := newDesk(t)
	id := d.carol()
	get := func(sends, per uint32) ContactMailer {
		wide := d.mailer(d.contact(d.book, id))
		return wide.Budget(d.ctx, func(p ContactMailerBudgetParamsBuilder) {
			p.SetSends(sends)
			p.SetPerSeconds(per)
		}).Mailer()
	}
	remaining := func(m ContactMailer, want uint32) {
		t.Helper()
		res, err := m.Remaining(d.ctx, nil).Wait()
		if got := ok(t, res, err).Sends(); got != want {
			t.Errorf("%d remain, want %d", got, want)
		}
	}
	hourly := get(3, 3600)
	for i := range 3 {
		remaining(hourly, uint32(3-i))
		_, err := d.send(hourly, fmt.Sprint(i), "x")
		ok(t, 0, err)
		d.wait(10 * time.Minute)
	}
	remaining(hourly, 0)
	_, err := d.send(hourly, "3", "x")
	d.wantErr("one too many", err, ocap.Exhausted)
	d.wantErr("one too many", err, capnp.Overloaded)
	if after, ok := ocap.RetryAfter(err); !ok || after != 30*time.Minute {
		t.Errorf("try again after %v", after)
	}
	_, err = d.send(hourly, "0", "x")
	ok(t, 0, err) // it was taken before
	d.restart()
	hourly = get(3, 3600)
	_, err = d.send(hourly, "3", "x")
	d.wantErr("after a restart", err, ocap.Exhausted)
	d.wait(30*time.Minute - time.Millisecond)
	_, err = d.send(hourly, "3", "x")
	d.wantErr("a moment too early", err, ocap.Exhausted)
	d.wait(time.Millisecond)
	remaining(hourly, 1)
	_, err = d.send(hourly, "3", "x")
	ok(t, 0, err)
	remaining(hourly, 0)

	// For ever; nested budgets all hold; a wider one inside gives no more.
	once := get(1, 0)
	_, err = d.send(once, "a", "x")
	ok(t, 0, err)
	d.wait(1000 * time.Hour)
	_, err = d.send(once, "b", "x")
	d.wantErr("a second one", err, ocap.Exhausted)
	d.wantErr("a second one", err, capnp.Failed)
	more := once.Budget(d.ctx, func(p ContactMailerBudgetParamsBuilder) { p.SetSends(100) }).Mailer()
	_, err = d.send(more, "b", "x")
	d.wantErr("a wider one inside", err, ocap.Exhausted)
	remaining(more, 0)
	none := get(0, 0)
	_, err = d.send(none, "a", "x")
	d.wantErr("none at all", err, ocap.Exhausted)
}

// TestDefaultBudget: a mailer whose policy says nothing has the book's.
func TestDefaultBudget(t *testing.T) {
	d := newDesk(t, func(o *Options) { o.Sends, o.Per = 2, time.Hour })
	m := d.mailer(d.contact(d.book, d.carol()))
	for i := range 2 {
		_, err := d.send(m, fmt.Sprint(i), "x")
		ok(t, 0, err)
	}
	_, err := d.send(m, "2", "x")
	d.wantErr("the third", err, ocap.Exhausted)
}

// TestRacingBudget: many at a time get as much as one after the other.
func TestRacingBudget(t *testing.T) {
	d := newDesk(t)
	wide := d.mailer(d.contact(d.book, d.carol()))
	var all sync.WaitGroup
	var mu sync.Mutex
	taken := 0
	for i := range 40 {
		m := wide.Budget(d.ctx, func(p ContactMailerBudgetParamsBuilder) { p.SetSends(10) }).Mailer()
		all.Go(func() {
			_, err := d.send(m, fmt.Sprint(i), "x")
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				taken++
			} else if !errors.Is(err, ocap.Exhausted) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if taken != 10 {
		t.Errorf("%d were taken, want 10", taken)
	}
}

func TestNarrowedMailers(t *testing.T) {
	d := newDesk(t)
	wide := d.mailer(d.contact(d.book, d.carol()))
	end := d.clock().Add(time.Hour)

	until := wide.Expires(d.ctx, func(p ContactMailerExpiresParamsBuilder) { p.SetAt(end.Unix()) }).Mailer()
	later := until.Expires(d.ctx, func(p ContactMailerExpiresParamsBuilder) { p.SetAt(end.Add(time.Hour).Unix()) }).Mailer()
	res, err := later.Remaining(d.ctx, nil).Wait()
	if got := ok(t, res, err).NotAfter(); got != end.Unix() {
		t.Errorf("it ends at %d, want %d", got, end.Unix())
	}
	_, err = d.send(later, "1", "x")
	ok(t, 0, err)
	d.wait(time.Hour - time.Nanosecond)
	_, err = d.send(later, "2", "x")
	ok(t, 0, err)
	d.wait(time.Nanosecond)
	_, err = d.send(later, "3", "x")
	d.wantErr("at the end", err, ocap.Expired)

	prefixed := wide.SubjectPrefix(d.ctx, func(p ContactMailerSubjectPrefixParamsBuilder) { p.SetPrefix("[shop] ") }).Mailer()
	twice := prefixed.SubjectPrefix(d.ctx, func(p ContactMailerSubjectPrefixParamsBuilder) { p.SetPrefix("[sale] ") }).Mailer()
	_, err = d.send(twice, "4", "x")
	ok(t, 0, err)
	d.flush()
	if got := d.state(2).Subject(); got != "[shop] [sale] x" {
		t.Errorf("subject %q", got)
	}
	_, err = wide.SubjectPrefix(d.ctx, func(p ContactMailerSubjectPrefixParamsBuilder) { p.SetPrefix("a\r\nBcc: b@c.d") }).Wait()
	d.wantErr("a prefix with a line break", err, capnp.Failed)

	text := wide.TextOnly(d.ctx, nil).Mailer()
	_, err = text.Send(d.ctx, func(p ContactMailerSendParamsBuilder) {
		p.SetKey("5")
		b := p.NewDraft()
		b.SetText("x")
		b.SetHtml("<img src=//tracker>")
	}).Wait()
	d.wantErr("html", err, capnp.Failed)
	_, err = d.send(text, "5", "x")
	ok(t, 0, err)

	m := wide
	for range maxLayers - 1 { // the book's budget is one
		m = m.TextOnly(d.ctx, nil).Mailer()
	}
	_, err = m.Remaining(d.ctx, nil).Wait()
	ok(t, 0, err)
	_, err = m.TextOnly(d.ctx, nil).Wait()
	d.wantErr("one narrowing too many", err, capnp.Failed)
}

// TestInjection is M01 and M03: nothing that a sender writes becomes a header or a command.
func TestInjection(t *testing.T) {
	d := newDesk(t)
	m := d.mailer(d.contact(d.book, d.carol()))
	for i, odd := range []string{"a\r\nBcc: b@example.com", "a\nX: y", "a\rX: y", "a\x00", "a\u2028b", "a\u0085b", "\x1b[2J"} {
		_, err := d.send(m, fmt.Sprint(i), odd)
		d.wantErr(fmt.Sprintf("subject %q", odd), err, capnp.Failed)
		for _, where := range []func(DraftAttachmentBuilder){
			func(a DraftAttachmentBuilder) { a.SetName(odd) },
			func(a DraftAttachmentBuilder) { a.SetName("x"); a.SetMediaType("text/plain; x=" + odd) },
			func(a DraftAttachmentBuilder) { a.SetName("x"); a.SetMediaType(odd) },
		} {
			_, err := m.Send(d.ctx, func(p ContactMailerSendParamsBuilder) {
				p.SetKey("x")
				b := p.NewDraft()
				b.SetText("x")
				where(b.NewAttachments(1).At(0))
			}).Wait()
			d.wantErr(fmt.Sprintf("attachment %q", odd), err, capnp.Failed)
		}
	}
	// The name on the card comes from elsewhere.
	odd := d.add(d.book, someone{name: `Eve" <x@example.net>, "`, email: "eve@example.com"})
	_, err := d.send(d.mailer(d.contact(d.book, odd)), "1", "From: x")
	ok(t, 0, err)
	d.flush()
	var b bytes.Buffer
	if _, err := d.sink.Messages()[0].WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(b.String(), "\r\n\r\n")
	if !strings.Contains(head, "To: \"Eve\\\" <x@example.net>, \\\"\" <eve@example.com>") {
		t.Errorf("the header is\n%s", head)
	}
}

// TestDraftLimits is M04: n passes, n+1 does not.
func TestDraftLimits(t *testing.T) {
	d := newDesk(t)
	m := d.mailer(d.contact(d.book, d.carol()))
	n := 0
	try := func(what string, pass bool, fill func(DraftBuilder)) {
		t.Helper()
		n++
		_, err := m.Send(d.ctx, func(p ContactMailerSendParamsBuilder) {
			p.SetKey(fmt.Sprint(n))
			b := p.NewDraft()
			b.SetText("x")
			fill(b)
		}).Wait()
		if (err == nil) != pass {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, over := range []int{0, 1} {
		pass := over == 0
		try("subject", pass, func(b DraftBuilder) { b.SetSubject(strings.Repeat("x", mail.MaxSubject+over)) })
		try("text", pass, func(b DraftBuilder) { b.SetText(strings.Repeat("x", mail.MaxText+over)) })
		try("html", pass, func(b DraftBuilder) { b.SetHtml(strings.Repeat("x", mail.MaxText+over)) })
		try("attachments", pass, func(b DraftBuilder) {
			for _, a := range b.NewAttachments(mail.MaxAttachments + over).All() {
				a.SetName("x")
			}
		})
		try("attached bytes", pass, func(b DraftBuilder) {
			for _, a := range b.NewAttachments(2).All() {
				a.SetName("x")
				a.SetContent(make([]byte, mail.MaxAttached/2+over))
			}
		})
		try("attachment's name", pass, func(b DraftBuilder) {
			b.NewAttachments(1).At(0).SetName(strings.Repeat("x", mail.MaxAttachmentName+over))
		})
	}
	try("nothing", false, func(b DraftBuilder) { b.SetText("") })
	try("mail in mail", false, func(b DraftBuilder) {
		a := b.NewAttachments(1).At(0)
		a.SetName("x")
		a.SetMediaType("message/rfc822")
	})
	try("path", false, func(b DraftBuilder) { b.NewAttachments(1).At(0).SetName("../x") })
}

// TestDaysMail is M06: whatever mailers there are, a contact and the book have a day's limit, and
// who sends is not told.
func TestDaysMail(t *testing.T) {
	d := newDesk(t, func(o *Options) { o.ContactDay, o.BookDay = 2, 3 })
	carol, dave := d.carol(), d.add(d.book, someone{name: "Dave", email: "dave@example.com"})
	for i := range 4 {
		for _, id := range []string{carol, dave} {
			m := d.contact(d.book, id).Mailer(d.ctx, func(p ContactMailerParamsBuilder) { p.NewPolicy().SetLabel(fmt.Sprint(i)) }).Mailer()
			_, err := d.send(m, "1", "x")
			ok(t, 0, err)
			d.flush()
		}
	}
	count := func(want int) {
		t.Helper()
		if got := len(d.sink.Messages()); got != want {
			t.Errorf("%d mails went out, want %d", got, want)
		}
	}
	count(3)
	if s := d.state(7); s.State() != ContactBookMailStateDelayed {
		t.Errorf("the last is %v", s.State())
	}
	d.wait(day + time.Hour)
	for range 4 {
		d.flush()
	}
	count(6)
}

// TestWaitingMail bounds the outbox: n are taken, n+1 is not, and room comes back.
func TestWaitingMail(t *testing.T) {
	d := newDesk(t, func(o *Options) { o.Waiting = 2 })
	m := d.mailer(d.contact(d.book, d.carol()))
	for i := range 2 {
		_, err := d.send(m, fmt.Sprint(i), "x")
		ok(t, 0, err)
	}
	_, err := d.send(m, "2", "x")
	d.wantErr("one too many", err, capnp.Overloaded)
	d.restart()
	m = d.mailer(d.contact(d.book, d.state(0).Contact()))
	_, err = d.send(m, "2", "x")
	d.wantErr("after a restart", err, capnp.Overloaded)
	d.flush()
	_, err = d.send(m, "2", "x")
	ok(t, 0, err)
}

// TestRetries: what fails is tried again, later and later, and given up; what is refused is not.
func TestRetries(t *testing.T) {
	answer := errors.New("no route")
	tries := 0
	d := newDesk(t)
	d.sink.Answer = func(*mail.Message) error { tries++; return answer }
	m := d.mailer(d.contact(d.book, d.carol()))
	_, err := d.send(m, "1", "x")
	ok(t, 0, err)
	for range 5 * 24 * 6 {
		d.wait(10 * time.Minute)
		d.flush()
	}
	if s := d.state(0); s.State() != ContactBookMailStateBounced || !strings.Contains(s.Detail(), "no route") || tries < 10 || tries > 30 {
		t.Errorf("after %d tries: %v", tries, s)
	}
	answer, tries = mail.Refused, 0
	_, err = d.send(m, "2", "x")
	ok(t, 0, err)
	d.flush()
	d.wait(time.Hour)
	d.flush()
	if s := d.state(1); s.State() != ContactBookMailStateBounced || tries != 1 {
		t.Errorf("after %d tries: %v", tries, s)
	}
}

// TestAddressesOfCards is M02: odd addresses get no mail, the next one on the card does.
func TestAddressesOfCards(t *testing.T) {
	d := newDesk(t)
	for _, odd := range []string{`"a@evil> x"@example.com`, "a b@example.com", "a@b@example.com", "a@example.com>", "<a@example.com>",
		"a@", "@example.com", "a@-x.com", "a..b@example.com", "a@[127.0.0.1]", "a@exa\u200bmple.com", "a,b@example.com"} {
		id := d.add(d.book, someone{name: "x", email: odd})
		_, err := d.send(d.mailer(d.contact(d.book, id)), "1", "x")
		ok(t, 0, err)
	}
	d.flush()
	for _, m := range d.sink.Messages() {
		t.Errorf("mail went to %q", m.To.Address)
	}
	if s := d.state(0); s.State() != ContactBookMailStateDropped {
		t.Errorf("the first is %v", s.State())
	}
}
