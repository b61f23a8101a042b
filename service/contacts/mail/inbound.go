package mail

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"strings"
	"unicode/utf8"
)

// An Answer is what somebody wrote back: what a program may show, and nothing of the headers.
type Answer struct {
	// ID is the Message-ID, without its brackets; it may be anything.
	ID      string
	Subject string
	Text    string
	// Automatic means that no person wrote it: a bounce, an out-of-office notice, a list.
	Automatic bool
}

const (
	maxInbound = 8 << 20
	maxParts   = 100
	maxNesting = 8
)

// ReadAnswer reads a mail that came in. Of the content it takes the first text, or else the first
// HTML without its tags; attachments are left out.
func ReadAnswer(r io.Reader) (*Answer, error) {
	limited := &io.LimitedReader{R: r, N: maxInbound + 1}
	m, err := mail.ReadMessage(limited)
	if err != nil {
		return nil, errors.New("the mail has no proper header")
	}
	h := m.Header
	subject, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
	if err != nil {
		subject = h.Get("Subject")
	}
	a := &Answer{
		ID:        strings.Trim(strings.TrimSpace(h.Get("Message-Id")), "<>"),
		Subject:   clip(clean(subject, false), MaxSubject),
		Automatic: automatic(h),
	}
	w := walker{}
	if err := w.walk(h.Get("Content-Type"), h.Get("Content-Transfer-Encoding"), "", m.Body, 0); err != nil {
		return nil, err
	}
	if limited.N <= 0 {
		return nil, fmt.Errorf("the mail has more than %d bytes", maxInbound)
	}
	if a.Text = w.text; a.Text == "" {
		a.Text = w.html
	}
	a.Text = clip(clean(a.Text, true), MaxText)
	return a, nil
}

// automatic reports what RFC 3834 and custom have for mail that no person wrote.
func automatic(h mail.Header) bool {
	auto := strings.ToLower(strings.TrimSpace(h.Get("Auto-Submitted")))
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	switch strings.ToLower(strings.TrimSpace(h.Get("Precedence"))) {
	case "bulk", "junk", "list", "auto_reply":
		return true
	}
	return auto != "" && auto != "no" || kind == "multipart/report" || kind == "message/delivery-status" ||
		strings.TrimSpace(h.Get("Return-Path")) == "<>" ||
		h.Get("List-Id") != "" || h.Get("X-Autoreply") != "" || h.Get("X-Autorespond") != "" || h.Get("X-Failed-Recipients") != ""
}

// walker looks for text in the parts of a mail.
type walker struct {
	parts      int
	text, html string
}

func (w *walker) walk(contentType, encoding, disposition string, body io.Reader, depth int) error {
	if w.parts++; w.parts > maxParts || depth > maxNesting {
		return errors.New("the mail has too many parts")
	}
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind, params = "text/plain", nil
	}
	if strings.HasPrefix(kind, "multipart/") {
		r := multipart.NewReader(body, params["boundary"])
		for {
			p, err := r.NextRawPart()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return errors.New("the mail's parts cannot be told apart")
			}
			if err := w.walk(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p.Header.Get("Content-Disposition"), p, depth+1); err != nil {
				return err
			}
		}
	}
	if d, _, _ := mime.ParseMediaType(disposition); d == "attachment" {
		return nil
	}
	switch {
	case kind == "text/plain" && w.text == "":
		w.text = read(body, encoding, params["charset"])
	case kind == "text/html" && w.html == "":
		w.html = tags().ReplaceAllString(read(body, encoding, params["charset"]), " ")
	}
	return nil
}

func tags() *regexp.Regexp {
	return regexp.MustCompile(`(?is)<(script|style)\b.*?</(script|style)>|<[^>]*>`)
}

// read decodes a text. What cannot be decoded is replaced.
func read(body io.Reader, encoding, charset string) string {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	b, _ := io.ReadAll(io.LimitReader(body, MaxText+1)) // as much as can be decoded
	switch strings.ToLower(charset) {
	case "iso-8859-1", "iso-8859-15", "windows-1252":
		runes := make([]rune, len(b))
		for i, c := range b {
			runes[i] = rune(c)
		}
		return string(runes)
	}
	return string(b)
}

// clean makes bytes from outside a text: UTF-8 without control characters.
func clean(s string, lines bool) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		if r == '\n' && lines || r == '\t' && lines || r >= ' ' && r != 0x7f && !(r >= 0x80 && r < 0xa0) {
			return r
		}
		return -1
	}, s)
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
