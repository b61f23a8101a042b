package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func message() *Message {
	return &Message{
		ID:      "abc@example.org",
		From:    netmail.Address{Name: "Älice", Address: "alice@example.org"},
		To:      netmail.Address{Name: "Carol", Address: "carol@example.com"},
		ReplyTo: "reply+x@example.org",
		Date:    time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
		Content: Content{Subject: "Grüße", Text: "one\n.\n..two\rthree\r\nfour"},
	}
}

// parts reads a built mail with the standard library.
func parts(t *testing.T, m *Message) (h netmail.Header, bodies map[string]string) {
	t.Helper()
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b.Bytes()) {
		if !bytes.HasSuffix(line, []byte("\r\n")) || bytes.Count(line, []byte("\r")) > 1 || len(line) > 998 {
			t.Errorf("line %q", line)
		}
	}
	r, err := netmail.ReadMessage(&b)
	if err != nil {
		t.Fatal(err)
	}
	bodies = map[string]string{}
	var walk func(kind, encoding, name string, body io.Reader)
	walk = func(kind, encoding, name string, body io.Reader) {
		media, params, err := mime.ParseMediaType(kind)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(media, "multipart/") {
			mr := multipart.NewReader(body, params["boundary"])
			for {
				p, err := mr.NextRawPart()
				if err == io.EOF {
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				walk(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p.FileName(), p)
			}
		}
		if strings.EqualFold(encoding, "quoted-printable") {
			body = quotedprintable.NewReader(body)
		}
		all, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		bodies[media+" "+name] = string(all)
	}
	walk(r.Header.Get("Content-Type"), r.Header.Get("Content-Transfer-Encoding"), "", r.Body)
	return r.Header, bodies
}

func TestBuild(t *testing.T) {
	m := message()
	m.HTML = "<p>hi"
	m.InReplyTo = "before@example.com"
	m.Attachments = []Attachment{{Name: "größe.png", MediaType: "image/png", Content: []byte("png")}, {Name: "x", Content: []byte("y")}}
	h, bodies := parts(t, m)
	for name, want := range map[string]string{
		"From": "=?utf-8?q?=C3=84lice?= <alice@example.org>", "To": `"Carol" <carol@example.com>`,
		"Reply-To": "=?utf-8?q?=C3=84lice?= <reply+x@example.org>", "Message-Id": "<abc@example.org>", "In-Reply-To": "<before@example.com>",
		"Date": "Sun, 22 Nov 2026 12:00:00 +0000", "Bcc": "", "User-Agent": "", "X-Mailer": "",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if s, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject")); s != "Grüße" || err != nil {
		t.Errorf("subject %q", s)
	}
	if got := bodies["text/plain "]; got != "one\r\n.\r\n..two\r\nthree\r\nfour" {
		t.Errorf("text %q", got)
	}
	if bodies["text/html "] != "<p>hi" || len(bodies) != 4 {
		t.Errorf("bodies %q", bodies)
	}
}

// TestBuildRefuses is M01 and M02 again, at the last place where it can be stopped.
func TestBuildRefuses(t *testing.T) {
	for what, spoil := range map[string]func(*Message){
		"subject":     func(m *Message) { m.Subject = "a\r\nBcc: b@example.com" },
		"bare LF":     func(m *Message) { m.Subject = "a\nb" },
		"name":        func(m *Message) { m.To.Name = "a\r\nBcc: b@example.com" },
		"sender":      func(m *Message) { m.From.Name = "a\nb" },
		"to":          func(m *Message) { m.To.Address = "a@example.com\r\nBcc: b@example.com" },
		"quoted":      func(m *Message) { m.To.Address = `"a@evil> x"@example.com` },
		"command":     func(m *Message) { m.To.Address = "a@example.com> SIZE=1" },
		"two":         func(m *Message) { m.To.Address = "a@example.com,b@example.com" },
		"none":        func(m *Message) { m.To.Address = "" },
		"return":      func(m *Message) { m.Return = "a@example.com>\r\nRCPT TO:<b@example.com" },
		"reply":       func(m *Message) { m.ReplyTo = "a b@example.com" },
		"id":          func(m *Message) { m.ID = "a@b>\r\nX: y" },
		"no id":       func(m *Message) { m.ID = "" },
		"answers":     func(m *Message) { m.InReplyTo = "a@b>\r\nX: y" },
		"attachment":  func(m *Message) { m.Attachments = []Attachment{{Name: "a\r\nb"}} },
		"media type":  func(m *Message) { m.Attachments = []Attachment{{Name: "a", MediaType: "a/b\r\nX: y"}} },
		"parameters":  func(m *Message) { m.Attachments = []Attachment{{Name: "a", MediaType: "a/b; c=d"}} },
		"nested mail": func(m *Message) { m.Attachments = []Attachment{{Name: "a", MediaType: "message/rfc822"}} },
	} {
		m := message()
		spoil(m)
		if _, err := m.WriteTo(io.Discard); err == nil {
			t.Errorf("%s: it was built", what)
		}
		if err := new(Sink).Deliver(t.Context(), m); !errors.Is(err, Refused) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestMaildir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	d, err := NewMaildir(dir)
	if err != nil {
		t.Fatal(err)
	}
	list := func(sub string) []string {
		l, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, e := range l {
			out = append(out, e.Name())
		}
		return out
	}
	for range 2 {
		if err := d.Deliver(t.Context(), message()); err != nil {
			t.Fatal(err)
		}
	}
	names := list("new")
	if len(names) != 1 || len(list("tmp")) != 0 {
		t.Fatalf("new has %q, tmp %q", names, list("tmp"))
	}
	f, err := os.Open(filepath.Join(dir, "new", names[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if m, err := netmail.ReadMessage(f); err != nil || m.Header.Get("To") != `"Carol" <carol@example.com>` {
		t.Errorf("%v, %v", m, err)
	}
	// A mail program has read it: it does not come again.
	if err := os.Rename(filepath.Join(dir, "new", names[0]), filepath.Join(dir, "cur", names[0]+":2,S")); err != nil {
		t.Fatal(err)
	}
	if err := d.Deliver(t.Context(), message()); err != nil || len(list("new")) != 0 {
		t.Errorf("new has %q, %v", list("new"), err)
	}
	bad := message()
	bad.Subject = "\n"
	if err := d.Deliver(context.Background(), bad); !errors.Is(err, Refused) || len(list("tmp")) != 0 {
		t.Errorf("a bad mail: %v, tmp has %q", err, list("tmp"))
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestScan(t *testing.T) {
	dir := t.TempDir()
	if _, err := NewMaildir(dir); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"mine":   "Delivered-To: reply+a@example.org\r\nTo: x@example.org, Y <y@example.org>\r\n\r\nhi",
		"others": "To: z@example.org\r\n\r\nhi",
		"broken": "nonsense",
	} {
		if err := os.WriteFile(filepath.Join(dir, "new", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "new", "link")); err != nil {
		t.Fatal(err)
	}
	var seen []string
	err := Scan(dir, func(to []string, r io.ReadSeeker) (bool, error) {
		seen = append(seen, strings.Join(to, " "))
		return len(to) == 3, nil
	})
	if err != nil || len(seen) != 2 || seen[0] != "reply+a@example.org x@example.org y@example.org" {
		t.Errorf("seen %q, %v", seen, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "cur", "mine:2,S")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "new", "others")); err != nil {
		t.Error(err)
	}
}

func TestReadAnswer(t *testing.T) {
	plain := "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <m@x>\r\n"
	for _, test := range []struct {
		mail, text string
		auto       bool
	}{
		{plain + "\r\nhello\r\nyou", "hello\nyou", false},
		{plain + "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe=1B[2J", "Grüße[2J", false},
		{plain + "Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=", "hello", false},
		{plain + "Content-Type: text/html\r\n\r\n<style>p{}</style><p>hello</p><script>x()</script>", "  hello  ", false},
		{plain + "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>html\r\n--b\r\nContent-Type: text/plain\r\n\r\ntext\r\n--b\r\nContent-Disposition: attachment\r\n\r\nfile\r\n--b--\r\n", "text", false},
		{plain + "Auto-Submitted: auto-replied\r\n\r\nI am away", "I am away", true},
		{plain + "Auto-Submitted: no\r\n\r\nhi", "hi", false},
		{plain + "Precedence: bulk\r\n\r\nhi", "hi", true},
		{plain + "Return-Path: <>\r\n\r\nhi", "hi", true},
		{plain + "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nfailed\r\n--b--\r\n", "failed", true},
	} {
		a, err := ReadAnswer(strings.NewReader(test.mail))
		if err != nil {
			t.Errorf("%v in\n%s", err, test.mail)
			continue
		}
		if a.Text != test.text || a.Automatic != test.auto || a.Subject != "Grüße" || a.ID != "m@x" {
			t.Errorf("got %+v from\n%s", a, test.mail)
		}
	}
}

// TestReadAnswerLimits is M04 for what comes in.
func TestReadAnswerLimits(t *testing.T) {
	nested := func(n int) string {
		var b strings.Builder
		fmt.Fprintf(&b, "Subject: x\r\nContent-Type: multipart/mixed; boundary=b0\r\n\r\n")
		for i := range n - 1 {
			fmt.Fprintf(&b, "--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n", i, i+1)
		}
		fmt.Fprintf(&b, "--b%d\r\n\r\nhi\r\n", n-1)
		for i := range n {
			fmt.Fprintf(&b, "--b%d--\r\n", n-1-i)
		}
		return b.String()
	}
	many := func(n int) string {
		return "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", n) + "--b--\r\n"
	}
	for _, test := range []struct {
		what, mail string
		pass       bool
	}{
		{"nesting n", nested(maxNesting), true},
		{"nesting n+1", nested(maxNesting + 1), false},
		{"nesting 1000", nested(1000), false},
		{"parts n", many(maxParts - 1), true},
		{"parts n+1", many(maxParts), false},
		{"bytes n+1", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: attachment\r\n\r\n" + strings.Repeat("x", maxInbound), false},
		{"no header", "nonsense", false},
	} {
		a, err := ReadAnswer(strings.NewReader(test.mail))
		if (err == nil) != test.pass {
			t.Errorf("%s: %v, %v", test.what, a, err)
		}
	}
	a, err := ReadAnswer(strings.NewReader("Subject: x\r\n\r\n" + strings.Repeat("x", 2*MaxText)))
	if err != nil || len(a.Text) != MaxText {
		t.Errorf("a long text: %d bytes, %v", len(a.Text), err)
	}
}
