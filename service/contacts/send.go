package contacts

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"lanyard.dev/ocap"
	"lanyard.dev/service/contacts/mail"
)

// How mail is taken. Everything the answer depends on is decided here, in one transaction that does
// not look at the contact: the same statements run and the same rows are written whether the contact
// exists, is blocked, or has an address that mail bounces from. What becomes of the mail is the
// outbox's business, which runs by the clock and not because of what was sent.

func expired(at time.Time) error {
	return ocap.Expired.Errorf("the mailer ended at %s", at.UTC().Format(time.RFC3339))
}

const maxKey = 200 // bytes of the sender's key

// send takes a mail.
func (m *sender) send(ctx context.Context, d Draft, clientKey string, port *replyPort, receipt func() ReceiptBuilder) error {
	if clientKey == "" || len(clientKey) > maxKey || !utf8.ValidString(clientKey) {
		return failed("send needs a key: up to %d bytes that are new for each mail", maxKey)
	}
	c := content(d)
	answers := ""
	if port != nil {
		c.Subject, answers = port.subject, port.answers
	}
	if err := m.check(&c, port != nil); err != nil {
		return err
	}
	draft, err := json.Marshal(c)
	if err != nil {
		return m.s.trouble(err)
	}
	hash := sha256.Sum256(draft)
	client := sha256.Sum256([]byte(clientKey))
	tags, err := json.Marshal(m.tags)
	if err != nil {
		return m.s.trouble(err)
	}
	var id int64
	err = m.s.change(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		var before []byte
		err = tx.QueryRowContext(ctx, `SELECT id, content FROM mails WHERE mailer = ? AND client = ?`,
			m.key.row(), client[:16]).Scan(&id, &before)
		switch {
		case err == nil && string(before) == string(hash[:16]):
			return nil // taken before
		case err == nil:
			return failed("another mail was sent with this key")
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		now := m.s.now().UnixMilli()
		if m.s.waiting.Load() >= int64(m.s.options.Waiting) {
			return ocap.Later(time.Hour, "too much mail waits already")
		}
		for _, l := range m.layers {
			if l.kind == budget {
				if err := l.room(ctx, tx, now); err != nil {
					return err
				}
			}
		}
		state := ContactBookMailStateQueued
		if m.held() {
			state = ContactBookMailStateWaiting
		}
		res, err := tx.ExecContext(ctx, `INSERT INTO mails
			(mailer, client, content, card, tags, label, subject, draft, answers, state, hold, due, created)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)`,
			m.key.row(), client[:16], hash[:16], m.card, string(tags), m.label, c.Subject, draft, answers, state, now, now)
		if err != nil {
			return err
		}
		if id, err = res.LastInsertId(); err != nil {
			return err
		}
		if err := m.enter(ctx, tx, id, now); err != nil {
			return err
		}
		m.s.waiting.Add(1)
		return nil
	})
	if err != nil {
		return m.s.trouble(err)
	}
	r := receipt()
	r.SetId(m.key.show("receipt", id))
	r.SetHeld(m.held())
	return nil
}

// enter charges the budgets and puts the mail into the queues, the one nearest to the sender first.
func (m *sender) enter(ctx context.Context, tx *sql.Tx, id, now int64) error {
	position := 0
	for i := len(m.layers) - 1; i >= 0; i-- {
		var err error
		switch l := m.layers[i]; l.kind {
		case budget:
			_, err = tx.ExecContext(ctx, `INSERT INTO charges VALUES (?, ?, ?)`, l.key.row(), id, now)
		case approval:
			_, err = tx.ExecContext(ctx, `INSERT INTO holds (mail, position, queue, owner) VALUES (?, ?, ?, ?)`,
				id, position, l.queue.row(), l.owner)
			position++
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// left says how many mails a budget allows now, and when it allows more; zero: never.
func (l layer) left(ctx context.Context, q querier, now int64) (left uint32, more time.Duration, err error) {
	since := int64(math.MinInt64)
	if l.per > 0 {
		since = now - l.per.Milliseconds()
	}
	var n int64
	var first sql.NullInt64
	err = q.QueryRowContext(ctx, `SELECT count(*), min(at) FROM charges WHERE budget = ? AND at > ?`, l.key.row(), since).Scan(&n, &first)
	if err != nil {
		return 0, 0, err
	}
	if n < int64(l.sends) {
		return l.sends - uint32(n), 0, nil
	}
	if l.per > 0 && first.Valid {
		more = time.Duration(first.Int64-since) * time.Millisecond
	}
	return 0, more, nil
}

// room fails when a budget is used up, and forgets charges that no longer count.
func (l layer) room(ctx context.Context, tx *sql.Tx, now int64) error {
	left, more, err := l.left(ctx, tx, now)
	switch {
	case err != nil:
		return err
	case left == 0 && l.sends > 0 && l.per > 0:
		return ocap.Later(more, "the mailer's %s used up for %s", mails(l.sends), l.per)
	case left == 0:
		return ocap.Exhausted.Errorf("the mailer's %s used up", mails(l.sends))
	}
	if l.per > 0 {
		_, err = tx.ExecContext(ctx, `DELETE FROM charges WHERE budget = ? AND at <= ?`, l.key.row(), now-l.per.Milliseconds())
	}
	return err
}

func mails(n uint32) string {
	if n == 1 {
		return "one mail is"
	}
	return fmt.Sprintf("%d mails are", n)
}

// remaining says what the mailer can still send.
func (m *sender) remaining(ctx context.Context) (sends uint32, notAfter int64, err error) {
	end := m.notAfter()
	if !end.IsZero() {
		notAfter = end.Unix()
	}
	if !end.IsZero() && !m.s.now().Before(end) {
		return 0, notAfter, nil
	}
	sends = math.MaxUint32
	for _, l := range m.layers {
		if l.kind == budget {
			left, _, err := l.left(ctx, m.s.read, m.s.now().UnixMilli())
			if err != nil {
				return 0, 0, m.s.trouble(err)
			}
			sends = min(sends, left)
		}
	}
	return sends, notAfter, nil
}

// queue implements ApprovalQueue.
type queue struct {
	UnimplementedApprovalQueue
	s     *Service
	key   key
	owner bool
}

// next are the mails whose next hold is one of this queue.
const nextHolds = ` FROM holds h JOIN mails m ON m.id = h.mail AND m.hold = h.position
	WHERE h.queue = ? AND h.decision IS NULL AND m.state = ?`

// List implements ApprovalQueue.
func (q *queue) List(ctx context.Context, call ApprovalQueueListCall) error {
	call.Unblock()
	after, err := q.key.after("pending", call.Params().After())
	if err != nil {
		return err
	}
	n := page(int(call.Params().Max()), 20, 100)
	rows, err := q.s.read.QueryContext(ctx,
		`SELECT m.id, m.draft, m.label, m.created, coalesce((SELECT c.name FROM cards c WHERE c.id = m.card), '')`+
			nextHolds+` AND m.id > ? ORDER BY m.id LIMIT ?`,
		q.key.row(), ContactBookMailStateWaiting, after, n+1)
	if err != nil {
		return q.s.trouble(err)
	}
	defer rows.Close()
	type pending struct {
		id, created int64
		content     mail.Content
		label, to   string
	}
	var found []pending
	var next string
	for size := 0; rows.Next(); {
		var p pending
		var draft []byte
		if err := rows.Scan(&p.id, &draft, &p.label, &p.created, &p.to); err != nil {
			return q.s.trouble(err)
		}
		if err := json.Unmarshal(draft, &p.content); err != nil {
			return q.s.trouble(err)
		}
		if size += len(draft); len(found) == n || len(found) > 0 && size > maxPage {
			next = q.key.show("pending", found[len(found)-1].id)
			break
		}
		found = append(found, p)
	}
	if err := rows.Err(); err != nil {
		return q.s.trouble(err)
	}
	call.Results().SetNext(next)
	for i, b := range call.Results().NewMails(len(found)).All() {
		b.SetId(q.key.show("pending", found[i].id))
		fillDraft(b.NewDraft(), found[i].content)
		b.SetLabel(found[i].label)
		b.SetCreated(found[i].created / 1000)
		if q.owner {
			b.SetTo(found[i].to)
		}
	}
	return nil
}

// Approve implements ApprovalQueue.
func (q *queue) Approve(ctx context.Context, call ApprovalQueueApproveCall) error {
	d, err := q.decide(ctx, call.Params().Id(), ApprovalQueueDecisionApproved)
	call.Results().SetDecision(d)
	return err
}

// Reject implements ApprovalQueue.
func (q *queue) Reject(ctx context.Context, call ApprovalQueueRejectCall) error {
	d, err := q.decide(ctx, call.Params().Id(), ApprovalQueueDecisionRejected)
	call.Results().SetDecision(d)
	return err
}

// decide records a decision, unless there is one.
func (q *queue) decide(ctx context.Context, pending string, want ApprovalQueueDecision) (ApprovalQueueDecision, error) {
	id, ok := q.key.find("pending", pending)
	if !ok {
		return 0, failed("there is no such mail in this queue")
	}
	got, over := want, false
	err := q.s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var position, next int64
		var decided sql.NullInt64
		err := tx.QueryRowContext(ctx, `SELECT h.position, h.decision, m.hold FROM holds h JOIN mails m ON m.id = h.mail
			WHERE h.mail = ? AND h.queue = ? ORDER BY h.decision IS NOT NULL, h.position LIMIT 1`, id, q.key.row()).Scan(&position, &decided, &next)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return failed("there is no such mail in this queue")
		case err != nil:
			return err
		case decided.Valid:
			got = ApprovalQueueDecision(decided.Int64)
			return nil
		case position != next:
			return failed("somebody else decides before you")
		}
		if _, err := tx.ExecContext(ctx, `UPDATE holds SET decision = ? WHERE mail = ? AND position = ?`, want, id, position); err != nil {
			return err
		}
		if want == ApprovalQueueDecisionRejected {
			over = true
			_, err = tx.ExecContext(ctx, `UPDATE mails SET state = ?, draft = NULL WHERE id = ?`, ContactBookMailStateRejected, id)
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE mails SET hold = hold + 1, due = ?,
			state = CASE WHEN hold + 1 = (SELECT count(*) FROM holds WHERE mail = id) THEN ? ELSE state END
			WHERE id = ?`, q.s.now().UnixMilli(), ContactBookMailStateQueued, id)
		return err
	})
	if err == nil && over {
		q.s.waiting.Add(-1)
	}
	return got, q.s.trouble(err)
}
