package contacts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"lanyard.dev/service/contacts/mail"
)

// Answers. Each mail goes out with a Reply-To of its own: the owner's address for replies with a
// token behind a plus sign. What comes in there is kept for the mailer that the mail was sent with,
// as text, without headers, and without anything that looks like an address. Answers of programs
// (bounces, out-of-office notices) would tell the holder about the address, so the owner gets those.
//
// An answer brings a ReplyPort: the right to a few more mails to whoever answered.

const (
	maxAnswers = 20 // to one mail
	portSends  = 3
	portTime   = 14 * day
)

// ErrNoSuchMail is what Receive returns for mail that is not an answer to one of ours.
var ErrNoSuchMail = errors.New("contact book: this answers none of the book's mails")

// alias is the address for answers to a mail, or "".
func (s *Service) alias(id int64) string {
	local, domain, ok := strings.Cut(s.options.Replies, "@")
	if !ok {
		return ""
	}
	return local + "+" + s.key.show("alias", id) + "@" + domain
}

// answered finds the mail that an address for answers belongs to.
func (s *Service) answered(address string) (int64, bool) {
	local, domain, ok := strings.Cut(s.options.Replies, "@")
	if !ok {
		return 0, false
	}
	rest, ok := strings.CutPrefix(strings.ToLower(address), strings.ToLower(local)+"+")
	if !ok {
		return 0, false
	}
	token, ok := strings.CutSuffix(rest, "@"+strings.ToLower(domain))
	if !ok {
		return 0, false
	}
	return s.key.find("alias", token)
}

// Receive takes a mail that came in for an address. It returns nil also for mail that is kept from
// mailers: automatic answers, those of blocked contacts, too many of them.
func (s *Service) Receive(ctx context.Context, to string, r io.Reader) error {
	id, ok := s.answered(to)
	if !ok {
		return ErrNoSuchMail
	}
	a, err := mail.ReadAnswer(r)
	if err != nil {
		return fmt.Errorf("contact book: %w", err)
	}
	return s.keep(ctx, id, a)
}

// keep keeps the answer to a mail for whoever sent that.
func (s *Service) keep(ctx context.Context, id int64, a *mail.Answer) error {
	err := s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var mailer []byte
		var blocked bool
		var have int
		err := tx.QueryRowContext(ctx, `SELECT m.mailer, c.blocked, (SELECT count(*) FROM replies WHERE mail = m.id)
			FROM mails m JOIN cards c ON c.id = m.card WHERE m.id = ? AND m.state = ?`, id, ContactBookMailStateSent).Scan(&mailer, &blocked, &have)
		switch {
		case errors.Is(err, sql.ErrNoRows), err == nil && (blocked || have >= maxAnswers):
			return nil
		case err != nil:
			return err
		case a.Automatic:
			_, err := tx.ExecContext(ctx, `UPDATE mails SET detail = ? WHERE id = ?`, "automatic answer: "+a.Subject, id)
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT OR IGNORE INTO replies (mail, mailer, message, subject, text, received) VALUES (?, ?, ?, ?, ?, ?)`,
			id, mailer, a.ID, hideAddresses(a.Subject), hideAddresses(a.Text), s.now().UnixMilli())
		return err
	})
	return s.trouble(err)
}

// hideAddresses takes out what looks like an address: people's mail programs quote it.
func hideAddresses(s string) string {
	return regexp.MustCompile(`(?i)(mailto:)?[^\s<>()\[\]"',;:@]+(@|%40| at )[^\s<>()\[\]"',;:@]+\.[^\s<>()\[\]"',;:@]+`).ReplaceAllString(s, "(address)")
}

// fetch takes answers out of the inbox.
func (s *Service) fetch(ctx context.Context) error {
	return mail.Scan(s.options.Inbox, func(to []string, r io.ReadSeeker) (bool, error) {
		for _, address := range to {
			id, ok := s.answered(address)
			if !ok {
				continue
			}
			if _, err := r.Seek(0, io.SeekStart); err != nil {
				return false, err
			}
			a, err := mail.ReadAnswer(r)
			if err != nil {
				s.options.Logger.Warn("contact book: an answer cannot be read", "err", err)
				return true, nil
			}
			return true, s.keep(ctx, id, a)
		}
		return false, nil
	})
}

// Replies implements ContactMailer.
func (m *mailer) Replies(ctx context.Context, call ContactMailerRepliesCall) error {
	call.Unblock()
	s, k, p := m.m.s, m.m.key, call.Params()
	after, err := k.after("reply", p.After())
	if err != nil {
		return err
	}
	n := page(int(p.Max()), 20, 100)
	rows, err := s.read.QueryContext(ctx, `SELECT id, mail, message, subject, text, received FROM replies
		WHERE mailer = ? AND id > ? ORDER BY id LIMIT ?`, k.row(), after, n+1)
	if err != nil {
		return s.trouble(err)
	}
	defer rows.Close()
	type reply struct {
		id, mail, received     int64
		message, subject, text string
	}
	var found []reply
	for rows.Next() {
		var r reply
		if err := rows.Scan(&r.id, &r.mail, &r.message, &r.subject, &r.text, &r.received); err != nil {
			return s.trouble(err)
		}
		found = append(found, r)
	}
	if err := rows.Err(); err != nil {
		return s.trouble(err)
	}
	if len(found) > n {
		found = found[:n]
		call.Results().SetNext(k.show("reply", found[n-1].id))
	}
	for i, b := range call.Results().NewReplies(len(found)).All() {
		r := found[i]
		b.SetId(k.show("reply", r.id))
		b.SetReceipt(k.show("receipt", r.mail))
		b.SetSubject(r.subject)
		b.SetText(r.text)
		b.SetReceived(r.received / 1000)
		port, err := m.m.port(k.show("reply", r.id), time.UnixMilli(r.received))
		if err != nil {
			return err
		}
		answers := r.message
		if mail.CheckAddress(answers) != nil {
			answers = ""
		}
		b.SetPort(NewReplyPort(&replyPort{m: port, subject: answerTo(r.subject), answers: answers}))
	}
	return nil
}

// port is the sender for answers to a reply: it has the mailer's narrowings, but for its budgets a
// small one of its own.
func (m *sender) port(reply string, received time.Time) (*sender, error) {
	n := *m
	n.key = m.key.derive("reply", reply)
	n.layers = nil
	for _, l := range m.layers {
		if l.kind != budget {
			n.layers = append(n.layers, l)
		}
	}
	p, err := n.with(layer{kind: budget, sends: portSends}, "port", "")
	if err != nil {
		return nil, err
	}
	return p.with(layer{kind: expiry, at: received.Add(portTime)}, "expires", "")
}

// answerTo is the subject of an answer.
func answerTo(subject string) string {
	if len(subject) >= 3 && strings.EqualFold(subject[:3], "re:") {
		return subject
	}
	return "Re: " + subject
}

// replyPort implements ReplyPort.
type replyPort struct {
	UnimplementedReplyPort
	m                *sender
	subject, answers string
}

// Reply implements ReplyPort.
func (p *replyPort) Reply(ctx context.Context, call ReplyPortReplyCall) error {
	a := call.Params()
	return p.m.send(ctx, a.Draft(), a.Key(), p, call.Results().NewReceipt)
}

// Remaining implements ReplyPort.
func (p *replyPort) Remaining(ctx context.Context, call ReplyPortRemainingCall) error {
	sends, end, err := p.m.remaining(ctx)
	if err != nil {
		return err
	}
	call.Results().SetSends(sends)
	call.Results().SetNotAfter(end)
	return nil
}
