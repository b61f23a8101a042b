package contacts

import (
	"context"
	"encoding/json"
	"errors"
	netmail "net/mail"
	"slices"
	"strings"
	"sync"
	"time"

	"lanyard.dev/service/contacts/mail"
)

// The outbox looks for mail that is due, by the clock. Before a mail is handed over it is put off for
// a while in the database, so that a process which is killed meanwhile tries again later, and another
// one does not at the same time. A mail system that took a mail just before we were killed gets it
// again, under the same Message-ID; a maildir has it once all the same.

const (
	claimed    = 2 * time.Minute // how long a try may take
	atOnce     = 4               // mails on their way
	roundSize  = 500
	day        = 24 * time.Hour
	maxDetail  = 500 // bytes
	rateWait   = time.Hour
	firstRetry = time.Minute
	lastRetry  = 6 * time.Hour
)

// work looks at the outbox until the book is closed.
func (s *Service) work(ctx context.Context) {
	tick := time.NewTicker(s.options.Every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.trouble(s.Flush(ctx))
		case <-ctx.Done():
			return
		}
	}
}

// Flush looks at the outbox and the inbox once: it tries all mail that is due, and takes answers.
func (s *Service) Flush(ctx context.Context) error {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	var errs []error
	if s.options.Inbox != "" && s.options.Replies != "" {
		errs = append(errs, s.fetch(ctx))
	}
	if s.options.Transport == nil {
		return errors.Join(errs...)
	}
	due, err := s.due(ctx)
	var (
		round sync.WaitGroup
		slots = make(chan struct{}, atOnce)
		mu    sync.Mutex
	)
	errs = append(errs, err)
	for _, id := range due {
		slots <- struct{}{}
		round.Go(func() {
			defer func() { <-slots }()
			if err := s.try(ctx, id); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	}
	round.Wait()
	return errors.Join(errs...)
}

// due lists the mails whose time has come.
func (s *Service) due(ctx context.Context) ([]int64, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT id FROM mails WHERE state IN (?, ?) AND due <= ? ORDER BY due, id LIMIT ?`,
		ContactBookMailStateQueued, ContactBookMailStateDelayed, s.now().UnixMilli(), roundSize)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

// A letter is a mail that is due.
type letter struct {
	id, created, card int64
	tags              []string
	content           mail.Content
	answers           string
	tries             int
	leaves            bool // it counts among those on their way
}

// try does what is to be done with one mail.
func (s *Service) try(ctx context.Context, id int64) error {
	now := s.now()
	res, err := s.write.ExecContext(ctx, `UPDATE mails SET due = ?, tries = tries + 1 WHERE id = ? AND state IN (?, ?) AND due <= ?`,
		now.Add(claimed).UnixMilli(), id, ContactBookMailStateQueued, ContactBookMailStateDelayed, now.UnixMilli())
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); n == 0 {
		return err // somebody else has it
	}
	l, err := s.letter(ctx, id)
	if err != nil {
		return err
	}
	defer s.arrived(l)
	state, detail, again, err := s.post(ctx, l)
	if err != nil {
		return err
	}
	due := s.now().Add(again).UnixMilli()
	if len(detail) > maxDetail {
		detail = strings.ToValidUTF8(detail[:maxDetail], "")
	}
	over := state != ContactBookMailStateQueued && state != ContactBookMailStateDelayed
	// The outcome is written even if the book is being closed.
	_, err = s.write.ExecContext(context.WithoutCancel(ctx), `UPDATE mails SET state = ?, detail = ?, due = ?,
		draft = CASE WHEN ? THEN NULL ELSE draft END WHERE id = ?`, state, detail, due, over, id)
	if err == nil && over {
		s.waiting.Add(-1)
	}
	return err
}

func (s *Service) letter(ctx context.Context, id int64) (*letter, error) {
	l := &letter{id: id}
	var tags string
	var draft []byte
	err := s.read.QueryRowContext(ctx, `SELECT card, tags, draft, answers, tries, created FROM mails WHERE id = ?`, id).
		Scan(&l.card, &tags, &draft, &l.answers, &l.tries, &l.created)
	if err != nil {
		return nil, err
	}
	return l, errors.Join(json.Unmarshal([]byte(tags), &l.tags), json.Unmarshal(draft, &l.content))
}

// post hands one mail over, or says why not, and when to try again.
func (s *Service) post(ctx context.Context, l *letter) (state ContactBookMailState, detail string, again time.Duration, err error) {
	v := view{s: s, tags: l.tags, mask: allFields}
	e, err := v.entry(ctx, s.read, l.card)
	var address string
	switch {
	case err == errNoContact:
		return ContactBookMailStateDropped, "the contact was removed or left the group", 0, nil
	case err != nil:
		return 0, "", 0, err
	case e.blocked:
		return ContactBookMailStateDropped, "the contact is blocked", 0, nil
	}
	if i := slices.IndexFunc(emails(e.card), func(a string) bool { return mail.CheckAddress(a) == nil }); i >= 0 {
		address = emails(e.card)[i]
	} else {
		return ContactBookMailStateDropped, "the contact has no address that mail can be sent to", 0, nil
	}
	if full, err := s.leave(ctx, l); full || err != nil {
		return ContactBookMailStateDelayed, "more mail than goes out in a day", rateWait, err
	}
	name := e.name
	if name == nameless || !plain(name) {
		name = ""
	}
	m := &mail.Message{
		ID:        s.messageID(l.id),
		From:      s.options.From,
		To:        netmail.Address{Name: name, Address: address},
		ReplyTo:   s.alias(l.id),
		InReplyTo: l.answers,
		Date:      time.UnixMilli(l.created),
		Content:   l.content,
	}
	ctx, cancel := context.WithTimeout(ctx, claimed-10*time.Second)
	defer cancel()
	switch err := s.options.Transport.Deliver(ctx, m); {
	case err == nil:
		return ContactBookMailStateSent, "", 0, nil
	case errors.Is(err, mail.Refused):
		return ContactBookMailStateBounced, err.Error(), 0, nil
	case s.now().Sub(m.Date) > s.options.GiveUp:
		return ContactBookMailStateBounced, "given up: " + err.Error(), 0, nil
	default:
		wait := firstRetry << min(l.tries-1, 10)
		return ContactBookMailStateQueued, err.Error(), min(wait, lastRetry), nil
	}
}

// leave counts the mail among those on their way, unless a day's mail to the contact, or to all, has
// gone out.
func (s *Service) leave(ctx context.Context, l *letter) (full bool, err error) {
	s.leaving.Lock()
	defer s.leaving.Unlock()
	since := s.now().Add(-day).UnixMilli()
	var one, all int
	err = s.read.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM mails WHERE card = ? AND state = ? AND due > ?),
		(SELECT count(*) FROM mails WHERE state = ? AND due > ?)`,
		l.card, ContactBookMailStateSent, since, ContactBookMailStateSent, since).Scan(&one, &all)
	for card, n := range s.onWay {
		all += n
		if card == l.card {
			one += n
		}
	}
	if err != nil || one >= s.options.ContactDay || all >= s.options.BookDay {
		return true, err
	}
	s.onWay[l.card]++
	l.leaves = true
	return false, nil
}

// arrived takes it out again.
func (s *Service) arrived(l *letter) {
	s.leaving.Lock()
	defer s.leaving.Unlock()
	if l.leaves {
		if s.onWay[l.card]--; s.onWay[l.card] == 0 {
			delete(s.onWay, l.card)
		}
	}
}

// messageID names a mail.
func (s *Service) messageID(id int64) string {
	_, domain, _ := strings.Cut(s.options.From.Address, "@")
	return s.key.show("message", id) + "@" + domain
}

// Mails implements ContactBook.
func (b *contactBook) Mails(ctx context.Context, call ContactBookMailsCall) error {
	call.Unblock()
	v, p := b.v, call.Params()
	after, err := v.key.after("mail", p.After())
	if err != nil {
		return err
	}
	n := page(int(p.Max()), 50, 200)
	// A group's book has the mail of those who are in the group.
	cond := ""
	args := []any{after}
	if len(v.tags) > 0 {
		in, more := where(v.tags, nil, 0)
		cond = ` AND EXISTS (SELECT 1 FROM cards c WHERE c.id = m.card` + in + `)`
		args = append(args, more...)
	}
	rows, err := v.s.read.QueryContext(ctx, `SELECT m.id, m.card, m.subject, m.state, m.detail, m.created, m.tries,
		EXISTS (SELECT 1 FROM cards c WHERE c.id = m.card) FROM mails m WHERE m.id > ?`+cond+` ORDER BY m.id LIMIT ?`, append(args, n+1)...)
	if err != nil {
		return v.s.trouble(err)
	}
	defer rows.Close()
	type row struct {
		id, card, created int64
		subject, detail   string
		state             ContactBookMailState
		tries             uint32
		there             bool
	}
	var found []row
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.id, &r.card, &r.subject, &r.state, &r.detail, &r.created, &r.tries, &r.there); err != nil {
			return v.s.trouble(err)
		}
		found = append(found, r)
	}
	if err := rows.Err(); err != nil {
		return v.s.trouble(err)
	}
	if len(found) > n {
		found = found[:n]
		call.Results().SetNext(v.key.show("mail", found[n-1].id))
	}
	for i, m := range call.Results().NewMails(len(found)).All() {
		r := found[i]
		m.SetId(v.key.show("mail", r.id))
		if r.there {
			m.SetContact(v.show(r.card))
		}
		m.SetSubject(r.subject)
		m.SetState(r.state)
		m.SetDetail(r.detail)
		m.SetCreated(r.created / 1000)
		m.SetTries(r.tries)
	}
	return nil
}
