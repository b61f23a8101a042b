// Package mail builds mails and hands them to a mail system: an SMTP server, a maildir, or a list in
// memory. It is not for people's mail programs: it sends what one sender wrote to one recipient, and
// everything but subject and content is made here.
package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
)

// A Message is one mail.
type Message struct {
	// ID names the mail for ever: it is the Message-ID without its brackets, and the same at every
	// try, so that whoever gets a mail twice can tell. Letters, digits and dots, an @, a domain.
	ID string
	// From is whose name the mail goes out in, To who gets it.
	From, To mail.Address
	// Return gets the mail system's notices of failure; empty: From.
	Return string
	// ReplyTo gets the answers; empty: From.
	ReplyTo string
	// InReplyTo is the ID of the mail that this one answers, if it does.
	InReplyTo string
	Date      time.Time

	Content
}

// Content is what the sender wrote.
type Content struct {
	Subject     string
	Text, HTML  string
	Attachments []Attachment
}

// An Attachment is a file in a mail.
type Attachment struct {
	Name      string
	MediaType string // empty: application/octet-stream
	Content   []byte
}

// A Transport hands mails to a mail system. It may be used from several goroutines.
type Transport interface {
	// Deliver returns when the mail system has taken the mail and will not lose it. An error that
	// [Refused] matches will not go away by trying again.
	Deliver(ctx context.Context, m *Message) error
}

// Refused is what errors match with which a mail system has refused a mail for good.
const Refused = refusal("refused")

type refusal string

func (r refusal) Error() string { return string(r) }

// refused marks an error as final.
func refused(err error) error { return fmt.Errorf("%w: %w", Refused, err) }

// What a mail may hold.
const (
	MaxSubject        = 500       // bytes
	MaxText           = 256 << 10 // bytes, of text and of HTML each
	MaxAttachments    = 10
	MaxAttached       = 4 << 20 // bytes, of all attachments together
	MaxAttachmentName = 200     // bytes
)

// Check says what is wrong with the content, in words for whoever wrote it.
func (c *Content) Check() error {
	switch {
	case len(c.Subject) > MaxSubject:
		return fmt.Errorf("the subject is longer than %d bytes", MaxSubject)
	case !plain(c.Subject):
		return errors.New("the subject contains a line break or another control character")
	case c.Text == "" && c.HTML == "":
		return errors.New("the mail has neither text nor html")
	case len(c.Text) > MaxText || len(c.HTML) > MaxText:
		return fmt.Errorf("text and html may have %d bytes each", MaxText)
	case !utf8.ValidString(c.Text) || !utf8.ValidString(c.HTML) || strings.ContainsRune(c.Text, 0) || strings.ContainsRune(c.HTML, 0):
		return errors.New("text and html must be UTF-8 without NUL")
	case len(c.Attachments) > MaxAttachments:
		return fmt.Errorf("more than %d attachments", MaxAttachments)
	}
	size := 0
	for i, a := range c.Attachments {
		if size += len(a.Content); size > MaxAttached {
			return fmt.Errorf("the attachments have more than %d bytes together", MaxAttached)
		}
		if err := a.check(); err != nil {
			return fmt.Errorf("attachment %d: %w", i+1, err)
		}
	}
	return nil
}

func (a *Attachment) check() error {
	switch {
	case a.Name == "" || a.Name == "." || a.Name == "..":
		return errors.New("it has no name")
	case len(a.Name) > MaxAttachmentName:
		return fmt.Errorf("its name is longer than %d bytes", MaxAttachmentName)
	case !plain(a.Name) || strings.ContainsAny(a.Name, `/\`):
		return errors.New("its name contains a slash, a line break or another control character")
	case a.MediaType == "":
		return nil
	}
	kind, params, err := mime.ParseMediaType(a.MediaType)
	top, _, ok := strings.Cut(kind, "/")
	if err != nil || !ok || len(params) > 0 || kind != strings.ToLower(a.MediaType) {
		return errors.New("its media type is not of the form image/png")
	}
	if top == "message" || top == "multipart" {
		return errors.New("mails within mails are not sent")
	}
	return nil
}

// plain reports whether s is text without control characters, line breaks of any alphabet included.
func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029'
	})
}

// CheckAddress says whether mail can be sent to an address: letters, digits and a few signs, an @
// and a domain. Quoted local parts and other oddities of RFC 5322 are refused, because the programs
// on the way do not agree on what they mean.
func CheckAddress(s string) error {
	local, domain, ok := strings.Cut(s, "@")
	odd := func(ok func(r rune) bool) func(rune) bool { return func(r rune) bool { return !ok(r) } }
	alnum := func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' }
	switch {
	case !ok || local == "" || len(local) > 64 || len(domain) > 253,
		strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, ".."),
		strings.ContainsFunc(local, odd(func(r rune) bool { return alnum(r) || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~.", r) })):
		return errors.New("not an address that mail can be sent to")
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.ContainsFunc(label, odd(func(r rune) bool { return alnum(r) || r == '-' })) {
			return errors.New("not an address that mail can be sent to")
		}
	}
	return nil
}

// build makes the mail. It checks everything again, so that no caller can get a header in.
func (m *Message) build() (*gomail.Msg, error) {
	if err := m.Content.Check(); err != nil {
		return nil, err
	}
	for _, a := range []string{m.From.Address, m.To.Address, m.Return, m.ReplyTo} {
		if err := CheckAddress(a); err != nil && a != "" {
			return nil, err
		}
	}
	if err := errors.Join(CheckAddress(m.From.Address), CheckAddress(m.To.Address)); err != nil {
		return nil, err
	}
	for _, id := range []string{m.ID, m.InReplyTo} {
		if err := CheckAddress(id); err != nil && id != "" || m.ID == "" {
			return nil, errors.New("odd message id")
		}
	}
	if !plain(m.From.Name) || !plain(m.To.Name) {
		return nil, errors.New("a name contains a control character")
	}
	g := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithEncoding(gomail.EncodingQP))
	g.FromMailAddress(&m.From)
	g.ToMailAddress(&m.To)
	if m.Return != "" {
		g.EnvelopeFromMailAddress(&mail.Address{Address: m.Return})
	}
	if m.ReplyTo != "" {
		g.ReplyToMailAddress(&mail.Address{Name: m.From.Name, Address: m.ReplyTo})
	}
	g.SetMessageIDWithValue(m.ID)
	g.SetDateWithValue(m.Date)
	if m.InReplyTo != "" {
		g.SetGenHeader(gomail.HeaderInReplyTo, "<"+m.InReplyTo+">")
		g.SetGenHeader(gomail.HeaderReferences, "<"+m.InReplyTo+">")
	}
	g.Subject(m.Subject)
	if m.Text != "" {
		g.SetBodyString(gomail.TypeTextPlain, lineBreaks(m.Text))
	}
	switch {
	case m.HTML != "" && m.Text != "":
		g.AddAlternativeString(gomail.TypeTextHTML, lineBreaks(m.HTML))
	case m.HTML != "":
		g.SetBodyString(gomail.TypeTextHTML, lineBreaks(m.HTML))
	}
	for _, a := range m.Attachments {
		kind := a.MediaType
		if kind == "" {
			kind = "application/octet-stream"
		}
		if err := g.AttachReader(a.Name, bytes.NewReader(a.Content), gomail.WithFileContentType(gomail.ContentType(kind))); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// lineBreaks makes all of them CR LF: a lone one is read differently on the way.
func lineBreaks(s string) string {
	return strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(s)
}

// WriteTo writes the mail as it goes over the wire.
func (m *Message) WriteTo(w io.Writer) (int64, error) {
	g, err := m.build()
	if err != nil {
		return 0, err
	}
	return g.WriteTo(w)
}
