package contacts

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"lanyard.dev/capnp"
)

func (d *desk) take(b ContactBook, vcards string) (added, updated uint32, problems []string, err error) {
	res, err := b.ImportCards(d.ctx, func(p ContactBookImportCardsParamsBuilder) { p.SetVcards([]byte(vcards)) }).Wait()
	for _, p := range res.Problems().All() {
		problems = append(problems, p)
	}
	return res.Added(), res.Updated(), problems, err
}

func vcf(lines ...string) string {
	return "BEGIN:VCARD\r\nVERSION:4.0\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCARD\r\n"
}

// TestImport is M07: what can be read comes in, what cannot is told, and importing twice is importing
// once, with UIDs and without.
func TestImport(t *testing.T) {
	d := newDesk(t)
	file := "\ufeff" + vcf("FN:Carol", "UID:urn:uuid:1", "EMAIL:carol@example.com", "X-ODD;P=\"a;b\":raw\\,value", "CATEGORIES:Crew,Friends") +
		vcf("FN:Dave", "TEL;TYPE=cell:+1") +
		vcf("FN:Twin", "UID:urn:uuid:1") +
		vcf("FN:Bad", "nonsense") +
		vcf("FN:Long", "NOTE:"+strings.Repeat("x", 2<<20)) +
		"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Erin\r\nN:Erin;;;;\r\nPHOTO;VALUE=uri:file:///etc/passwd\r\nEND:VCARD\r\n"
	added, updated, problems, err := d.take(d.book, file)
	if err != nil || added != 3 || updated != 0 {
		t.Fatalf("added %d, updated %d, %q, %v", added, updated, problems, err)
	}
	d.want("problems", problems, []string{"card 3 has the UID of card 1", `line 22: no colon in "nonsense"`, "line 27: longer than 1048576 bytes"})
	added, updated, _, err = d.take(d.book, file)
	if err != nil || added != 0 || updated != 3 {
		t.Errorf("again: added %d, updated %d, %v", added, updated, err)
	}
	d.want("names", d.names(NameBook(d.book)), []string{"Carol", "Dave", "Erin"})

	// What the book does not know survives it, and what points elsewhere is not followed.
	for _, version := range []CardBookVersion{CardBookVersionV3, CardBookVersionV4} {
		res, err := d.book.ExportCards(d.ctx, func(p CardBookExportCardsParamsBuilder) { p.SetVersion(version) }).Wait()
		out := ok(t, res, err).Vcards()
		for _, want := range []string{"X-ODD;P=\"a;b\":raw\\,value\r\n", "CATEGORIES:Crew,Friends\r\n", "PHOTO;VALUE=uri:file:///etc/passwd\r\n", "TEL;TYPE=cell:+1\r\n"} {
			if !bytes.Contains(out, []byte(want)) {
				t.Errorf("version %v: no %q in\n%s", version, want, out)
			}
		}
		if bytes.Contains(out, []byte("root:")) {
			t.Error("somebody's file is in a card")
		}
		e := newDesk(t)
		added, _, problems, err := e.take(e.book, string(out))
		if err != nil || added != 3 || len(problems) != 0 {
			t.Errorf("version %v into another book: %d, %q, %v", version, added, problems, err)
		}
	}
	l, err := d.book.List(d.ctx, nil).Wait()
	if erin := ok(t, l, err).Cards().At(2); erin.HasPhoto() {
		t.Error("a photo was made of a reference")
	}
}

// TestImportLimits: n passes, n+1 does not.
func TestImportLimits(t *testing.T) {
	d := newDesk(t, func(o *Options) { o.Contacts = 3 })
	var file strings.Builder
	for i := range 4 {
		file.WriteString(vcf(fmt.Sprintf("FN:%d", i)))
	}
	added, _, problems, err := d.take(d.book, file.String())
	if err != nil || added != 3 || len(problems) != 1 || !strings.Contains(problems[0], "full") {
		t.Errorf("added %d, %q, %v", added, problems, err)
	}
	_, err = d.book.Add(d.ctx, nil).Wait()
	d.wantErr("one more", err, capnp.Failed)
	_, _, _, err = d.take(d.book, strings.Repeat("x", maxImport+1))
	d.wantErr("a file that is too long", err, capnp.Failed)
	if _, _, _, err = d.take(d.book, strings.Repeat("x", maxImport)); err != nil {
		t.Error(err)
	}
	_, _, problems, err = d.take(d.book, strings.Repeat(vcf("x"), maxProblems+5))
	if err != nil || len(problems) != maxProblems+1 || problems[maxProblems] != "and 5 more" {
		t.Errorf("%d problems, %v", len(problems), err)
	}
	for over, pass := range map[int]bool{0: true, 1: false} {
		e := newDesk(t)
		_, err := e.book.Add(e.ctx, func(p ContactBookAddParamsBuilder) {
			card := p.NewCard()
			card.SetName(strings.Repeat("x", maxName+over))
			card.NewEmails(maxLines)
			card.SetGroups([]string{strings.Repeat("g", maxGroup)})
		}).Wait()
		if (err == nil) != pass {
			t.Errorf("a name of %d bytes: %v", maxName+over, err)
		}
		_, err = e.book.Add(e.ctx, func(p ContactBookAddParamsBuilder) { p.NewCard().NewEmails(maxLines + over) }).Wait()
		if (err == nil) != pass {
			t.Errorf("%d emails: %v", maxLines+over, err)
		}
		_, err = e.book.Add(e.ctx, func(p ContactBookAddParamsBuilder) {
			p.NewCard().SetGroups([]string{strings.Repeat("g", maxGroup+over)})
		}).Wait()
		if (err == nil) != pass {
			t.Errorf("a group's name of %d bytes: %v", maxGroup+over, err)
		}
	}
}
