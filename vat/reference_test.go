package vat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const fp = "s16WV4JeGusAL_nTjvICiQOFqm3LqYrDj3K-HXdMi8s"

// The forms of mirage/capnp-rpc, from its tests and its README, parse and print unchanged.
func TestParsePrintsUnchanged(t *testing.T) {
	for _, text := range []string{
		"capnp://insecure@/sock/",
		"capnp://insecure@localhost:7000",
		"capnp://sha-256:" + fp + "@localhost:7000/bWFpbg",
		"capnp://sha-256:" + fp + "@/sock/bWFpbg",
		"capnp://sha-256:3Tj5y5Q2qpqN3Sbh0GRPxgORZw98_NtrU2nLI0-Tn6g@127.0.0.1:7000/eBIndzZyoVDxaJdZ8uh_xBx5V1lfXWTJCDX-qEkgNZ4",
		"capnp://sha-256:LPp-7l74zqvGcRgcP8b7-kdSpwwzxlA555lYC8W8prc@/tmp/calc.socket/",
		"capnp://insecure@127.0.0.1:7000",
		"capnp://sha-256:" + fp + "@[2001:db8::1]:7000/bWFpbg",
		"capnp://sha-256:" + fp + "@a.example:7000/bWFpbg?at=b.example:7001&at=/run/c.sock&at=[::1]:9",
		"capnp://sha-256:" + fp + "@/run/c.sock/?at=b.example:7001",
		"capnp://sha-256:" + fp + "@b.example:7001?at=c.example:7001",
	} {
		r, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := r.Reveal(); got != text {
			t.Errorf("parsed %s, printed %s", text, got)
		}
		again, err := NewReference(r.Key(), r.Secret(), r.Addresses()...)
		if err != nil || !again.Equal(r) {
			t.Errorf("%s: made again it is %s, %v", text, again, err)
		}
	}
}

// hostile are tokens that are no references (reliability P16, T15).
func hostile() map[string]string {
	ok := "capnp://sha-256:" + fp + "@h:1/"
	return map[string]string{
		"empty":               "",
		"a megabyte":          ok + strings.Repeat("A", 1<<20),
		"10 000 addresses":    ok + "AA?at=" + strings.Join(repeat("x:1", 10000), "&at="),
		"17 addresses":        ok + "AA?at=" + strings.Join(numbered("x%d:1", 16), "&at="),
		"the same twice":      ok + "AA?at=h:1",
		"secret too long":     ok + strings.Repeat("A", 1368),
		"SQL":                 ok + "'; drop table edges; --",
		"NUL in the secret":   ok + "AA\x00AA",
		"NUL in the host":     "capnp://sha-256:" + fp + "@h\x00:1/AA",
		"homoglyph host":      "capnp://sha-256:" + fp + "@еxample.com:1/AA",
		"homoglyph scheme":    "сapnp://sha-256:" + fp + "@h:1/AA",
		"punycode by hand":    "capnp://sha-256:" + fp + "@-xn--a:1/AA",
		"%2e in the host":     "capnp://sha-256:" + fp + "@a%2eb:1/AA",
		"%2e%2e in the path":  "capnp://sha-256:" + fp + "@/run/%2e%2e/x/AA",
		".. in the path":      "capnp://sha-256:" + fp + "@/run/../x/AA",
		"// in the path":      "capnp://sha-256:" + fp + "@/run//x/AA",
		"relative path":       "capnp://sha-256:" + fp + "@run/x/AA",
		"long path":           "capnp://sha-256:" + fp + "@/" + strings.Repeat("x", 103) + "/AA",
		"space around":        " " + ok + "AA",
		"newline behind":      ok + "AA\n",
		"newline in base64":   ok + "AA\nAA",
		"padding":             ok + "AA==",
		"standard base64":     ok + "+/+/",
		"loose last bits":     ok + "AB",
		"upper case scheme":   "CAPNP://sha-256:" + fp + "@h:1/AA",
		"another scheme":      "http://sha-256:" + fp + "@h:1/AA",
		"another hash":        "capnp://sha-512:" + fp + "@h:1/AA",
		"short fingerprint":   "capnp://sha-256:" + fp[1:] + "@h:1/AA",
		"zero fingerprint":    "capnp://sha-256:" + strings.Repeat("A", 43) + "@h:1/AA",
		"loose fingerprint":   "capnp://sha-256:" + fp[:42] + "t@h:1/AA",
		"no fingerprint":      "capnp://h:1/AA",
		"nothing but who":     "capnp://sha-256:" + fp + "@",
		"no port":             "capnp://sha-256:" + fp + "@h/AA",
		"port 0":              "capnp://sha-256:" + fp + "@h:0/AA",
		"port 070":            "capnp://sha-256:" + fp + "@h:070/AA",
		"port 65536":          "capnp://sha-256:" + fp + "@h:65536/AA",
		"no host":             "capnp://sha-256:" + fp + "@:1/AA",
		"IPv6 zone":           "capnp://sha-256:" + fp + "@[fe80::1%eth0]:1/AA",
		"IPv4 in brackets":    "capnp://sha-256:" + fp + "@[127.0.0.1]:1/AA",
		"a slash and nothing": ok,
		"another query":       ok + "AA?to=x:1",
		"empty query":         ok + "AA?",
		"fragment":            ok + "AA#x",
		"two @":               "capnp://sha-256:" + fp + "@x@h:1/AA",
		"unix: in it":         "capnp://sha-256:" + fp + "@unix:/run/x/AA",
		"invalid UTF-8":       "capnp://sha-256:" + fp + "@h\xff:1/AA",
	}
}

func repeat(s string, n int) (out []string) {
	for range n {
		out = append(out, s)
	}
	return out
}

func numbered(format string, n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf(format, i))
	}
	return out
}

func TestParseRefuses(t *testing.T) {
	for name, text := range hostile() {
		if r, err := Parse(text); err == nil {
			t.Errorf("%s: parsed as %s", name, r.Reveal())
		} else if len(err.Error()) > 1000 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
	}
	edge := "capnp://sha-256:" + fp + "@h:1/" + strings.Repeat("A", 1364) // 1023 bytes
	if _, err := Parse(edge); err != nil {
		t.Error(err)
	}
	if _, err := Parse("capnp://sha-256:" + fp + "@h:1/AA?at=" + strings.Join(numbered("x%d:1", 15), "&at=")); err != nil {
		t.Error(err)
	}
}

// However a reference is printed, and whatever it stands in, the secret does not come out.
func TestReferenceHidesItsSecret(t *testing.T) {
	secret := "correct horse battery staple"
	r, err := NewReference(Key{1}, []byte(secret), Address{"tcp", "h:1"})
	if err != nil {
		t.Fatal(err)
	}
	encoded := b64.EncodeToString([]byte(secret))
	var out bytes.Buffer
	type box struct{ inner Reference }
	for _, f := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, f+"\n", r)
		fmt.Fprintf(&out, f+"\n", &r)
		fmt.Fprintf(&out, f+"\n", box{r})
		fmt.Fprintf(&out, f+"\n", []any{r, map[string]Reference{"x": r}})
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "r", r, "box", box{r})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "r", r, "box", box{r})
	j, _ := json.Marshal(struct{ R Reference }{r})
	out.Write(j)
	for _, leak := range []string{secret, encoded, fmt.Sprintf("%x", secret), fmt.Sprintf("%v", []byte(secret))[1:30], encoded[:12]} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("the secret comes out as %s:\n%s", leak, out.String())
		}
	}
	if !strings.Contains(r.Reveal(), encoded) {
		t.Error("Reveal does not reveal")
	}
	if want := "capnp://" + r.Key().String() + "@h:1/…"; r.String() != want {
		t.Errorf("String: %s", r)
	}
	for name, text := range hostile() { // errors
		if i := strings.LastIndexByte(text, '/'); i > 8 && len(text[i+1:]) > 8 && !strings.Contains(text, "?") {
			if _, err := Parse(text); err != nil && strings.Contains(err.Error(), text[i+1:]) {
				t.Errorf("%s: the error has the secret: %v", name, err)
			}
		}
	}
}

func TestReferenceZero(t *testing.T) {
	var r Reference
	if !r.IsZero() || r.Reveal() != "" || r.Secret() != nil || !r.Equal(Reference{}) || r.String() == "" {
		t.Error("the zero reference is something")
	}
	if _, err := NewReference(Key{1}, nil); err == nil {
		t.Error("a reference without address")
	}
	if err := WriteCap(t.TempDir()+"/x.cap", r); err == nil {
		t.Error("nothing was written")
	}
	if _, err := New(&Options{At: []Address{{"udp", "h:1"}}}); err == nil {
		t.Error("udp")
	}
	if _, err := ParseAddress("unix:x"); err == nil {
		t.Error("a relative path")
	}
	a, err := ParseAddress("unix:/x")
	if err != nil || a.String() != "unix:/x" {
		t.Error(a, err)
	}
	if _, err := ParseKey("x"); err == nil || errors.Is(err, nil) {
		t.Error("a key")
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range hostile() {
		f.Add(text[:min(len(text), 5000)])
	}
	f.Add("capnp://sha-256:" + fp + "@a.example:7000/bWFpbg?at=b.example:7001&at=/run/c.sock&at=[::1]:9")
	f.Add("capnp://insecure@/sock/")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse(text)
		if err != nil {
			return
		}
		if got := r.Reveal(); got != text {
			t.Errorf("%q is printed as %q", text, got)
		}
	})
}
