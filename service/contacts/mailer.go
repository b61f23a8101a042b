package contacts

import (
	"context"
	"strconv"
	"strings"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/service/contacts/mail"
)

// A sender is what a mailer stands for: a contact, and the narrowings between it and the holder.
// It knows a number, never an address, and nothing of it depends on whether that contact exists.
type sender struct {
	s      *Service
	key    key
	card   int64
	tags   []string // groups that the contact must be in when mail goes out
	label  string
	layers []layer
}

// A layer is one narrowing.
type layer struct {
	kind   layerKind
	key    key // of budgets: whose charges
	sends  uint32
	per    time.Duration // 0: for ever
	at     time.Time
	prefix string
	queue  key
	owner  bool // of approvals: the queue is a book's
}

type layerKind int

const (
	budget layerKind = iota
	expiry
	subjectPrefix
	approval
	textOnly
)

const (
	maxLayers = 32
	maxPrefix = 100 // bytes
	maxBudget = 100_000
)

// with adds a narrowing.
func (m *sender) with(l layer, how, label string) (*sender, error) {
	if err := checkLabel(label); err != nil {
		return nil, err
	}
	if len(m.layers) >= maxLayers {
		return nil, failed("a mailer narrowed more than %d times", maxLayers)
	}
	var with []string
	switch l.kind {
	case budget:
		if l.sends > maxBudget {
			return nil, failed("a budget has up to %d mails", maxBudget)
		}
		with = []string{strconv.Itoa(int(l.sends)), strconv.Itoa(int(l.per / time.Second))}
	case expiry:
		with = []string{strconv.FormatInt(l.at.Unix(), 10)}
	case subjectPrefix:
		if len(l.prefix) > maxPrefix || !plain(l.prefix) {
			return nil, failed("a prefix has up to %d bytes in one line", maxPrefix)
		}
		with = []string{l.prefix}
	}
	n := *m
	n.key = m.key.derive(how, append(with, label)...)
	n.label = label
	if l.kind == budget {
		l.key = n.key
	}
	n.layers = append(m.layers[:len(m.layers):len(m.layers)], l)
	return &n, nil
}

// check applies what can be decided without the book, and puts the prefixes on; those that are in the
// subject of an answer already are not repeated.
func (m *sender) check(c *mail.Content, answer bool) error {
	var prefix strings.Builder
	for _, l := range m.layers {
		switch l.kind {
		case expiry:
			if !m.s.now().Before(l.at) {
				return expired(l.at)
			}
		case subjectPrefix:
			if !answer || !strings.Contains(c.Subject, l.prefix) {
				prefix.WriteString(l.prefix)
			}
		case textOnly:
			if c.HTML != "" || len(c.Attachments) > 0 {
				return failed("this mailer takes text only")
			}
		}
	}
	c.Subject = prefix.String() + c.Subject
	if err := c.Check(); err != nil {
		return failed("%v", err)
	}
	return nil
}

// notAfter is when the mailer ends; zero: never.
func (m *sender) notAfter() time.Time {
	var end time.Time
	for _, l := range m.layers {
		if l.kind == expiry && (end.IsZero() || l.at.Before(end)) {
			end = l.at
		}
	}
	return end
}

func (m *sender) held() bool {
	for _, l := range m.layers {
		if l.kind == approval {
			return true
		}
	}
	return false
}

// mailer implements ContactMailer.
type mailer struct {
	UnimplementedContactMailer
	m *sender
}

func newMailer(m *sender) ContactMailer { return NewContactMailer(&mailer{m: m}) }

// Send implements ContactMailer.
func (m *mailer) Send(ctx context.Context, call ContactMailerSendCall) error {
	p := call.Params()
	return m.m.send(ctx, p.Draft(), p.Key(), nil, call.Results().NewReceipt)
}

// Remaining implements ContactMailer.
func (m *mailer) Remaining(ctx context.Context, call ContactMailerRemainingCall) error {
	sends, end, err := m.m.remaining(ctx)
	if err != nil {
		return err
	}
	call.Results().SetSends(sends)
	call.Results().SetNotAfter(end)
	return nil
}

// narrowed answers an attenuator.
func (m *mailer) narrowed(l layer, how, label string, set func(ContactMailer)) error {
	n, err := m.m.with(l, how, label)
	if err == nil {
		set(newMailer(n))
	}
	return err
}

// Budget implements ContactMailer.
func (m *mailer) Budget(_ context.Context, call ContactMailerBudgetCall) error {
	p := call.Params()
	return m.narrowed(layer{kind: budget, sends: p.Sends(), per: time.Duration(p.PerSeconds()) * time.Second},
		"budget", p.Label(), call.Results().SetMailer)
}

// Expires implements ContactMailer.
func (m *mailer) Expires(_ context.Context, call ContactMailerExpiresCall) error {
	p := call.Params()
	return m.narrowed(layer{kind: expiry, at: time.Unix(p.At(), 0)}, "expires", p.Label(), call.Results().SetMailer)
}

// SubjectPrefix implements ContactMailer.
func (m *mailer) SubjectPrefix(_ context.Context, call ContactMailerSubjectPrefixCall) error {
	p := call.Params()
	return m.narrowed(layer{kind: subjectPrefix, prefix: p.Prefix()}, "prefix", p.Label(), call.Results().SetMailer)
}

// RequireApproval implements ContactMailer.
func (m *mailer) RequireApproval(_ context.Context, call ContactMailerRequireApprovalCall) error {
	label := call.Params().Label()
	return m.narrowed(layer{kind: approval, queue: m.m.key.derive("approvals", label)},
		"approval", label, call.Results().SetMailer)
}

// Approvals implements ContactMailer.
func (m *mailer) Approvals(_ context.Context, call ContactMailerApprovalsCall) error {
	label := call.Params().Label()
	if err := checkLabel(label); err != nil {
		return err
	}
	call.Results().SetQueue(NewApprovalQueue(&queue{s: m.m.s, key: m.m.key.derive("approvals", label)}))
	return nil
}

// TextOnly implements ContactMailer.
func (m *mailer) TextOnly(_ context.Context, call ContactMailerTextOnlyCall) error {
	return m.narrowed(layer{kind: textOnly}, "text", call.Params().Label(), call.Results().SetMailer)
}

// content reads a draft.
func content(d Draft) mail.Content {
	c := mail.Content{Subject: d.Subject(), Text: d.Text(), HTML: d.Html()}
	for i, a := range d.Attachments().All() {
		if i > mail.MaxAttachments {
			break // one too many is enough to be refused
		}
		c.Attachments = append(c.Attachments, mail.Attachment{Name: a.Name(), MediaType: a.MediaType(), Content: a.Content()})
	}
	return c
}

// fillDraft writes a draft.
func fillDraft(b DraftBuilder, c mail.Content) {
	b.SetSubject(c.Subject)
	b.SetText(c.Text)
	b.SetHtml(c.HTML)
	if len(c.Attachments) == 0 {
		return
	}
	var l capnp.ListBuilder[DraftAttachmentBuilder] = b.NewAttachments(len(c.Attachments))
	for i, a := range l.All() {
		a.SetName(c.Attachments[i].Name)
		a.SetMediaType(c.Attachments[i].MediaType)
		a.SetContent(c.Attachments[i].Content)
	}
}
