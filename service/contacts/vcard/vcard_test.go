package vcard

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	peer "github.com/emersion/go-vcard"
)

// parse reads one card.
func parse(t testing.TB, text string) Card {
	t.Helper()
	for c, err := range Parse([]byte(text), nil) {
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		return c
	}
	t.Fatal("no card")
	return nil
}

// differ says how want and got differ.
func differ(want, got any) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return fmt.Sprintf("got  %q\nwant %q", got, want)
}

// card puts lines between BEGIN and END.
func card(version string, lines ...string) string {
	return "BEGIN:VCARD\r\nVERSION:" + version + "\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCARD\r\n"
}

func TestParse(t *testing.T) {
	c := parse(t, card("4.0", "FN:Carol\\, Captain\\; Danvers", "n:Danvers;Carol\\;x;;;", "item1.EMAIL;TYPE=\"work,home\";PREF=1:c@example.com",
		"EMAIL;TYPE=home:h@example.com", "X-ODD;P=\"a;b:c\";Q=x^ny^'z^^:raw\\,value", "NOTE:one\\ntwo", " three", "CATEGORIES:a\\,b,c"))
	if got := c.Text("FN"); got != "Carol, Captain; Danvers" {
		t.Errorf("FN %q", got)
	}
	n, _ := c.First("N")
	if diff := differ([]string{"Danvers", "Carol;x", "", "", ""}, n.Parts()); diff != "" {
		t.Error(diff)
	}
	e, _ := c.First("EMAIL")
	if e.Text() != "c@example.com" || e.Group != "item1" || e.Pref() != 1 || e.Kind() != "work,home" {
		t.Errorf("EMAIL %+v", e)
	}
	odd, _ := c.First("X-ODD")
	if diff := differ(Property{Name: "X-ODD", Params: []Param{{"P", []string{"a;b:c"}}, {"Q", []string{"x\ny\"z^"}}}, Value: `raw\,value`}, odd); diff != "" {
		t.Error(diff)
	}
	if got := c.Text("NOTE"); got != "one\ntwothree" {
		t.Errorf("NOTE %q", got)
	}
	g, _ := c.First("CATEGORIES")
	if diff := differ([]string{"a,b", "c"}, g.List()); diff != "" {
		t.Error(diff)
	}
}

// TestRoundTrip: a card that is written and read says the same, in both versions, also where nobody
// here knows what it says.
func TestRoundTrip(t *testing.T) {
	c := parse(t, card("4.0", "FN:C", "N:D;C;;;", "item1.X-ABLABEL:_$!<Home>!$_", "X-ODD;P=\"a;b:c,d\";Q=x^ny^'z^^:raw\\,va\\;lue\\n;,",
		"NOTE:"+strings.Repeat("grün ", 100), "CATEGORIES:a\\,b,c", "PHOTO:data:image/png;base64,iVBORw0KGgo=", "KEY:https://example.com/key,x", "EMAIL;TYPE=home;PREF=1:x@example.com", "X-EMPTY:"))
	for _, v := range []Version{V3, V4} {
		out := c.Append(nil, v)
		for line := range strings.Lines(string(out)) {
			if len(line) > 77 || !strings.HasSuffix(line, "\r\n") {
				t.Errorf("version %s: a line of %d bytes: %q", v, len(line), line)
			}
		}
		if diff := differ(c, parse(t, string(out))); diff != "" {
			t.Errorf("version %s: %s", v, diff)
		}
		// Another reader agrees on the texts.
		other, err := peer.NewDecoder(bytes.NewReader(out)).Decode()
		if err != nil || other.Value("FN") != "C" || other.Value("NOTE") != c.Text("NOTE") || other.Value("EMAIL") != "x@example.com" {
			t.Errorf("version %s: go-vcard reads %v, %v", v, other, err)
		}
	}
}

// TestOldEncodings is what version 3.0 has for pictures and preferences, and what people put in it
// from 2.1.
func TestOldEncodings(t *testing.T) {
	c := parse(t, "\ufeff"+card("3.0", "FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=BCrgen=20=", "M=C3=BCller", "N:M;J;;;",
		"EMAIL;TYPE=INTERNET;TYPE=HOME:a@example.com", "EMAIL;TYPE=WORK,pref:b@example.com", "TEL;CELL:1", "PHOTO;ENCODING=b;TYPE=PNG:iVBORw0", " KGgo="))
	if got := c.Text("FN"); got != "Jürgen Müller" {
		t.Errorf("FN %q", got)
	}
	if got := c.Text("EMAIL"); got != "b@example.com" {
		t.Errorf("preferred EMAIL %q", got)
	}
	tel, _ := c.First("TEL")
	if tel.Kind() != "cell" {
		t.Errorf("TEL is %q", tel.Kind())
	}
	photo, _ := c.First("PHOTO")
	if media, content, ok := photo.Data(); media != "image/png" || string(content) != "\x89PNG\r\n\x1a\n" || !ok {
		t.Errorf("PHOTO %+v", photo)
	}
}

// TestPhotoIsNotFetched is M07: what a card points at stays where it is.
func TestPhotoIsNotFetched(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("hush-hush"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, v := range []string{"3.0", "4.0"} {
		c := parse(t, card(v, "FN:x", "N:x;;;;", "PHOTO;VALUE=uri:file://"+secret, "LOGO:"+secret))
		for _, i := range append(c.All("PHOTO"), c.All("LOGO")...) {
			if _, content, ok := c[i].Data(); ok {
				t.Errorf("version %s: %s holds %q", v, c[i].Name, content)
			}
		}
		if out := c.Append(nil, V4); bytes.Contains(out, []byte("hush")) || !bytes.Contains(bytes.ReplaceAll(out, []byte("\r\n "), nil), []byte(secret)) {
			t.Errorf("version %s: written as\n%s", v, out)
		}
	}
}

// TestParseRefuses is M07: what is wrong is said, with the line, and the next card is read.
func TestParseRefuses(t *testing.T) {
	next := card("4.0", "FN:Next")
	for _, test := range []struct{ text, want string }{
		{card("2.1", "FN:x"), `line 1: version "2.1" is not 3.0 or 4.0`},
		{"BEGIN:VCARD\r\nFN:x\r\nEND:VCARD\r\n", "line 1: the card has no VERSION"},
		{card("4.0", "FN:x", "no colon"), `line 4: no colon in "no colon"`},
		{card("4.0", "F N:x"), `line 3: odd property name "F N"`},
		{card("4.0", ":x"), `line 3: odd property name ""`},
		{card("4.0", `FN;P="x:y`), "line 3: odd parameter in FN"},
		{card("4.0", "FN:\xff"), "line 3: not UTF-8"},
		{card("4.0", "FN:a\x00b"), "line 3: contains a control character"},
		{card("4.0", "FN:a\rb"), "line 3: contains a control character"},
		{card("4.0", "FN:x", "BEGIN:VCARD", "END:VCARD"), "line 1: a card within a card"},
		{card("4.0", "FN;ENCODING=QUOTED-PRINTABLE:=00"), "line 1: FN: contains a control character"},
		{card("4.0", "FN;ENCODING=QUOTED-PRINTABLE:=ff"), "line 1: FN: malformed quoted-printable"},
		{card("4.0", "PHOTO;ENCODING=b:***"), "line 1: PHOTO: malformed base64"},
		{card("4.0", "FN;ENCODING=ROT13:x"), `line 1: FN: unknown encoding "ROT13"`},
		{card("4.0", "FN;CHARSET=KOI8-R:x"), `line 1: FN: charset "KOI8-R" is not UTF-8`},
		{"nonsense\r\nEND:VCARD\r\n", "line 1: a card begins with BEGIN:VCARD"},
		{card("4.0", "NOTE:"+strings.Repeat("x", 1<<20)), "line 3: longer than 1048576 bytes"},
		{card("4.0", "NOTE:x"+strings.Repeat("\r\n y", 1<<20)), "line 3: longer than 1048576 bytes"},
		{card("4.0", "NOTE:"+strings.Repeat("x", 10<<20)), "line 3: longer than 1048576 bytes"},
		{card("4.0", "NOTE;ENCODING=QUOTED-PRINTABLE:x"+strings.Repeat("=\r\n=41", 1<<19)), "line 3: longer than 1048576 bytes"},
		{card("4.0", strings.Repeat("NOTE:x\r\n", 1001)), "line 1003: more than 1000 properties in one card"},
	} {
		var got []string
		var names strings.Builder
		for c, err := range Parse([]byte(test.text+next), nil) {
			if err != nil {
				got = append(got, err.Error())
				if _, ok := errors.AsType[*Error](err); !ok {
					t.Errorf("%T is no *Error", err)
				}
				continue
			}
			names.WriteString(c.Text("FN"))
		}
		if len(got) == 0 || got[0] != test.want || names.String() != "Next" {
			t.Errorf("got %q and card %q, want %q and the next card, from %.60q", got, names.String(), test.want, test.text)
		}
	}
	for c, err := range Parse([]byte("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:x"), nil) {
		if err == nil {
			t.Errorf("a card without END: %v", c)
		}
	}
	for c, err := range Parse([]byte("\xff\xfeB\x00"), nil) {
		if err == nil || !strings.Contains(err.Error(), "UTF-16") {
			t.Errorf("UTF-16: %v, %v", c, err)
		}
	}
}

// TestLimits: n passes, n+1 does not.
func TestLimits(t *testing.T) {
	limits := &Limits{Line: 20, Properties: 3, Cards: 2}
	for _, test := range []struct {
		text string
		errs int
	}{
		{card("4.0", "NOTE:"+strings.Repeat("x", 15)), 0},
		{card("4.0", "NOTE:"+strings.Repeat("x", 16)), 1},
		{card("4.0", "NOTE:x", "NOTE:x", "NOTE:x"), 0},
		{card("4.0", "NOTE:x", "NOTE:x", "NOTE:x", "NOTE:x"), 1},
		{strings.Repeat(card("4.0", "FN:x"), 2), 0},
		{strings.Repeat(card("4.0", "FN:x"), 3), 1},
	} {
		errs := 0
		for _, err := range Parse([]byte(test.text), limits) {
			if err != nil {
				errs++
			}
		}
		if errs != test.errs {
			t.Errorf("%d errors, want %d, from\n%s", errs, test.errs, test.text)
		}
	}
}

// FuzzParse: nothing panics, and what was read is read again from what is written.
func FuzzParse(f *testing.F) {
	f.Add([]byte(card("4.0", "FN:C", "N:D;C;;;", "item1.X;P=\"a;b\":c\\,d", "PHOTO:data:image/png;base64,AA==")))
	f.Add([]byte("\ufeff" + card("3.0", "FN;ENCODING=QUOTED-PRINTABLE:a=", " =41=0Ab", "EMAIL;TYPE=pref,x:y", "PHOTO;ENCODING=b;TYPE=PNG:AA==")))
	f.Fuzz(func(t *testing.T, data []byte) {
		for c, err := range Parse(data, &Limits{Line: 1000}) {
			if err != nil || len(c.All("FN")) == 0 || len(c.All("N")) == 0 {
				continue
			}
			for p := range c {
				c[p].Parts()
				c[p].List()
				c[p].Kind()
				c[p].Data()
			}
			again := 0
			for d, err := range Parse(c.Append(nil, V4), &Limits{Line: 10_000}) {
				again++
				if err != nil {
					t.Fatalf("%v\n%q", err, c)
				}
				if diff := differ(c, d); diff != "" {
					t.Fatalf("%s\nwritten:\n%s", diff, c.Append(nil, V4))
				}
			}
			if again != 1 {
				t.Fatalf("read again as %d cards", again)
			}
		}
	})
}
