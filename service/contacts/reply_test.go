package contacts

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
	"lanyard.dev/service/contacts/mail"
)

func (d *desk) replies(m ContactMailer) []Reply {
	d.Helper()
	res, err := m.Replies(d.ctx, nil).Wait()
	var out []Reply
	for _, r := range ok(d, res, err).Replies().All() {
		out = append(out, r)
	}
	return out
}

// answer is what Carol's mail program writes.
func answer(id, extra string) string {
	return "From: Carol <carol@example.com>\r\nTo: x\r\nMessage-ID: <" + id + ">\r\nSubject: Re: Lunch? (carol@example.com)\r\n" + extra +
		"\r\nYes!\r\n-- \r\nwrite to Carol.D@Example.com or carol at example.com\r\nOn Sunday, <alice@example.org> wrote:\r\n> mailto:carol@example.com\r\n"
}

// TestReplies: an answer comes to the holder of the mailer that the mail was sent with, without the
// address; it brings a few mails, and those answer the answer.
func TestReplies(t *testing.T) {
	d := newDesk(t)
	id := d.carol()
	get := func(label string) ContactMailer {
		return d.contact(d.book, id).Mailer(d.ctx, func(p ContactMailerParamsBuilder) {
			p.NewPolicy().SetLabel(label)
			p.EditPolicy().SetSends(1)
		}).Mailer()
	}
	bobs := get("bob")
	receipt, err := d.send(bobs, "1", "Lunch?")
	ok(t, 0, err)
	to := func() string { return d.sink.Messages()[0].ReplyTo }
	d.flush()
	if err := d.s.Receive(d.ctx, strings.ToUpper(to()), strings.NewReader(answer("r1@mail.example.com", ""))); err != nil {
		t.Fatal(err)
	}
	if err := d.s.Receive(d.ctx, to(), strings.NewReader(answer("r1@mail.example.com", ""))); err != nil {
		t.Fatal(err) // delivered twice
	}
	d.restart()
	bobs = get("bob")
	if n := len(d.replies(get("dan"))); n != 0 {
		t.Errorf("dan has %d of bob's replies", n)
	}
	got := d.replies(bobs)
	if len(got) != 1 || got[0].Receipt() != receipt || got[0].Subject() != "Re: Lunch? ((address))" || got[0].Received() != d.clock().Unix() {
		t.Fatalf("bob's replies: %v", got)
	}
	text := got[0].Text()
	if low := strings.ToLower(text); strings.Contains(low, "@") || strings.Contains(low, "example") || !strings.HasPrefix(text, "Yes!\n") {
		t.Errorf("the text is %q", text)
	}

	// The mailer is used up, the reply can be answered, three times.
	_, err = d.send(bobs, "2", "x")
	d.wantErr("another mail", err, ocap.Exhausted)
	reply := func(key string) error {
		p := got[0].Port().Reply(d.ctx, func(p ReplyPortReplyParamsBuilder) {
			p.SetKey(key)
			p.NewDraft().SetText("One o'clock.")
		})
		defer p.Release()
		_, err := p.Wait()
		return err
	}
	for _, key := range []string{"a", "b", "c", "a"} {
		ok(t, 0, reply(key))
	}
	d.wantErr("a fourth answer", reply("d"), ocap.Exhausted)
	got = d.replies(bobs)
	d.wantErr("a fourth answer through another port", reply("d"), ocap.Exhausted)
	res, err := got[0].Port().Remaining(d.ctx, nil).Wait()
	if r := ok(t, res, err); r.Sends() != 0 || r.NotAfter() != d.clock().Add(portTime).Unix() {
		t.Errorf("remaining: %v", r)
	}
	d.flush()
	mails := d.sink.Messages()
	if m := mails[len(mails)-1]; len(mails) != 4 || m.InReplyTo != "r1@mail.example.com" || m.Subject != "Re: Lunch? ((address))" || m.To.Address != "carol@example.com" {
		t.Errorf("%d mails, the last is %+v", len(mails), m)
	}
	d.wait(portTime)
	d.wantErr("an answer too late", reply("e"), ocap.Expired)
}

// TestRepliesThatTell: what programs answer, what blocked and removed contacts answer, and what
// strangers send does not reach the holder.
func TestRepliesThatTell(t *testing.T) {
	d := newDesk(t)
	id := d.carol()
	m := d.mailer(d.contact(d.book, id))
	_, err := d.send(m, "1", "Lunch?")
	ok(t, 0, err)
	d.flush()
	to := d.sink.Messages()[0].ReplyTo
	none := func(what string) {
		t.Helper()
		if n := len(d.replies(m)); n != 0 {
			t.Fatalf("%s: %d replies", what, n)
		}
	}
	for _, extra := range []string{"Auto-Submitted: auto-replied\r\n", "Return-Path: <>\r\n", "Precedence: bulk\r\n", "Content-Type: multipart/report; boundary=x\r\n"} {
		if err := d.s.Receive(d.ctx, to, strings.NewReader(strings.Replace(answer("auto@x", extra), "\r\nYes!", "\r\n--x\r\n\r\nYes!\r\n--x--", 1))); err != nil {
			t.Error(err)
		}
		none(extra)
	}
	if s := d.state(0); !strings.HasPrefix(s.Detail(), "automatic answer") {
		t.Errorf("the owner sees %q", s.Detail())
	}
	for _, odd := range []string{"", "reply@example.org", "reply+x@example.org", to[:20] + "@example.org", strings.Replace(to, "example.org", "example.net", 1),
		strings.Replace(to, "reply", "rely", 1), strings.Replace(to, "@", "a@", 1)} {
		if err := d.s.Receive(d.ctx, odd, strings.NewReader(answer("x@x", ""))); !errors.Is(err, ErrNoSuchMail) {
			t.Errorf("to %q: %v", odd, err)
		}
	}
	block := func(on bool) {
		_, err := d.book.Block(d.ctx, func(p ContactBookBlockParamsBuilder) { p.SetId(id); p.SetBlocked(on) }).Wait()
		ok(t, 0, err)
	}
	block(true)
	if err := d.s.Receive(d.ctx, to, strings.NewReader(answer("blocked@x", ""))); err != nil {
		t.Error(err)
	}
	none("blocked")
	block(false)
	for range maxAnswers + 1 {
		if err := d.s.Receive(d.ctx, to, strings.NewReader(answer(newUID()+"@x", ""))); err != nil {
			t.Error(err)
		}
	}
	if n := len(d.replies(m)); n != maxAnswers {
		t.Errorf("%d replies to one mail, want %d", n, maxAnswers)
	}
	_, err = d.book.Remove(d.ctx, func(p ContactBookRemoveParamsBuilder) { p.SetId(id) }).Wait()
	ok(t, 0, err)
	if err := d.s.Receive(d.ctx, to, strings.NewReader(answer("removed@x", ""))); err != nil {
		t.Error(err)
	}
	if n := len(d.replies(m)); n != maxAnswers {
		t.Errorf("%d replies after the contact was removed", n)
	}
}

// TestReplyKeepsNarrowings: what a mailer may not, its ports may not either.
func TestReplyKeepsNarrowings(t *testing.T) {
	d := newDesk(t)
	m := d.contact(d.book, d.carol()).Mailer(d.ctx, func(p ContactMailerParamsBuilder) {
		b := p.NewPolicy()
		b.SetTextOnly(true)
		b.SetSubjectPrefix("[shop] ")
		b.SetNotAfter(d.clock().Add(48 * time.Hour).Unix())
	}).Mailer().RequireApproval(d.ctx, nil).Mailer()
	_, err := d.send(m, "1", "Lunch?")
	ok(t, 0, err)
	q := d.contact(d.book, d.state(0).Contact()).Mailer(d.ctx, func(p ContactMailerParamsBuilder) {
		b := p.NewPolicy()
		b.SetTextOnly(true)
		b.SetSubjectPrefix("[shop] ")
		b.SetNotAfter(d.clock().Add(48 * time.Hour).Unix())
	}).Mailer().Approvals(d.ctx, nil).Queue()
	_, err = d.approve(q, d.pending(q)[0])
	ok(t, 0, err)
	d.flush()
	ok(t, 0, d.s.Receive(d.ctx, d.sink.Messages()[0].ReplyTo, strings.NewReader(strings.Replace(answer("r@x", ""), "Re: Lunch?", "Aw: hi", 1))))
	port := d.replies(m)[0].Port()
	_, err = port.Reply(d.ctx, func(p ReplyPortReplyParamsBuilder) {
		p.SetKey("html")
		p.NewDraft().SetHtml("x")
	}).Wait()
	d.wantErr("html", err, capnp.Failed)
	res, err := port.Reply(d.ctx, func(p ReplyPortReplyParamsBuilder) {
		p.SetKey("text")
		p.NewDraft().SetText("x")
	}).Wait()
	if !ok(t, res, err).Receipt().Held() || len(d.pending(q)) != 1 {
		t.Error("the answer needs no approval")
	}
	if s := d.state(1).Subject(); s != "[shop] Re: Aw: hi ((address))" {
		t.Errorf("subject %q", s)
	}
	d.wait(48 * time.Hour)
	_, err = port.Reply(d.ctx, func(p ReplyPortReplyParamsBuilder) {
		p.SetKey("late")
		p.NewDraft().SetText("x")
	}).Wait()
	d.wantErr("too late", err, ocap.Expired)
}

// TestInbox: answers are found in a maildir.
func TestInbox(t *testing.T) {
	inbox := t.TempDir()
	if _, err := mail.NewMaildir(inbox); err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, func(o *Options) { o.Inbox = inbox })
	m := d.mailer(d.contact(d.book, d.carol()))
	_, err := d.send(m, "1", "Lunch?")
	ok(t, 0, err)
	d.flush()
	for name, text := range map[string]string{
		"answer": "Delivered-To: " + d.sink.Messages()[0].ReplyTo + "\r\n" + answer("r@x", ""),
		"other":  answer("s@x", ""),
		"broken": "Delivered-To: " + d.sink.Messages()[0].ReplyTo + "\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--y",
	} {
		if err := os.WriteFile(filepath.Join(inbox, "new", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d.flush()
	d.flush()
	if n := len(d.replies(m)); n != 1 {
		t.Errorf("%d replies", n)
	}
	left, err := os.ReadDir(filepath.Join(inbox, "new"))
	if err != nil || len(left) != 1 || left[0].Name() != "other" {
		t.Errorf("left in new: %v, %v", left, err)
	}
}
