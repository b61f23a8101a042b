package contacts

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"lanyard.dev/capnp"
	"lanyard.dev/service/contacts/vcard"
)

// A mask is a set of fields.
type mask uint32

const allFields mask = 1<<(FieldOther+1) - 1

// maskOf reads a list of fields. The name is always in it.
func maskOf(l capnp.List[Field]) (mask, error) {
	m := mask(1) << FieldName
	for _, f := range l.All() {
		if f > FieldOther {
			return 0, failed("unknown field %d", uint16(f))
		}
		m |= 1 << f
	}
	return m, nil
}

func (m mask) has(f Field) bool { return m&(1<<f) != 0 }

// fieldOf says which field shows a property.
func fieldOf(property string) Field {
	switch property {
	case "FN", "N":
		return FieldName
	case "NICKNAME":
		return FieldNickname
	case "EMAIL":
		return FieldEmails
	case "TEL":
		return FieldPhones
	case "ADR":
		return FieldPostal
	case "ORG":
		return FieldOrganization
	case "TITLE":
		return FieldTitle
	case "BDAY":
		return FieldBirthday
	case "NOTE":
		return FieldNote
	case "URL":
		return FieldUrls
	case "PHOTO":
		return FieldPhoto
	case "CATEGORIES":
		return FieldGroups
	case "UID":
		return FieldUid
	}
	return FieldOther
}

// only returns what a view with the mask shows of a card. Names that tell an address are replaced
// where addresses are not shown.
func only(c vcard.Card, m mask) vcard.Card {
	if m == allFields {
		return c
	}
	var out vcard.Card
	for _, p := range c {
		if m.has(fieldOf(p.Name)) {
			out = append(out, p)
		}
	}
	if !m.has(FieldEmails) && tellsAddress(c) {
		n := out.All("N")
		for i := len(n) - 1; i >= 0; i-- {
			out = append(out[:n[i]], out[n[i]+1:]...)
		}
		out.Set("FN", publicName(c))
	}
	return out
}

// tellsAddress reports whether one of the card's addresses stands in its name.
func tellsAddress(c vcard.Card) bool {
	var name strings.Builder
	for _, p := range c {
		if fieldOf(p.Name) == FieldName {
			name.WriteString(strings.ToLower(p.Text()) + "\n")
		}
	}
	for _, e := range emails(c) {
		if e = strings.ToLower(e); e != "" && strings.Contains(name.String(), e) {
			return true
		}
	}
	return false
}

const nameless = "(no name)"

// publicName is what anybody may know who may know the name.
func publicName(c vcard.Card) string {
	fn := strings.Join(strings.Fields(c.Text("FN")), " ")
	if fn == "" {
		n, _ := c.First("N")
		if p := append(n.Parts(), "", ""); true {
			fn = strings.TrimSpace(p[1] + " " + p[0])
		}
	}
	for _, alternative := range []string{c.Text("NICKNAME"), firstPart(c, "ORG")} {
		if fn == "" {
			fn = alternative
		}
	}
	if fn == "" || tellsAddress(c) {
		return nameless
	}
	return fn
}

func firstPart(c vcard.Card, name string) string {
	p, _ := c.First(name)
	return p.Parts()[0]
}

// emails returns the card's addresses, the preferred one first.
func emails(c vcard.Card) []string {
	var out []string
	best, _ := c.First("EMAIL")
	for _, i := range c.All("EMAIL") {
		a := strings.TrimPrefix(strings.TrimSpace(c[i].Text()), "mailto:")
		if c[i].Value == best.Value && len(out) > 0 {
			out = append([]string{a}, out...)
		} else {
			out = append(out, a)
		}
	}
	return out
}

// fill writes what a view with the mask shows of a card. What it does not show is not in the bytes.
func fill(b CardBuilder, c vcard.Card, m mask) {
	c = only(c, m)
	text := func(name string, set func(string)) {
		if s := c.Text(name); s != "" {
			set(s)
		}
	}
	text("FN", b.SetName)
	if c.Text("FN") == "" {
		b.SetName(publicName(c))
	}
	if n, ok := c.First("N"); ok {
		parts := append(n.Parts(), "", "")
		b.SetFamily(parts[0])
		b.SetGiven(parts[1])
	}
	text("NICKNAME", b.SetNickname)
	text("TITLE", b.SetTitle)
	text("BDAY", b.SetBirthday)
	text("NOTE", b.SetNote)
	text("UID", b.SetUid)
	if org, ok := c.First("ORG"); ok {
		b.SetOrganization(strings.TrimRight(strings.Join(org.Parts(), ", "), ", "))
	}
	fillLines(c, "EMAIL", b.NewEmails, func(p vcard.Property) string {
		return strings.TrimPrefix(strings.TrimSpace(p.Text()), "mailto:")
	})
	fillLines(c, "TEL", b.NewPhones, func(p vcard.Property) string { return strings.TrimPrefix(p.Text(), "tel:") })
	fillLines(c, "ADR", b.NewPostal, func(p vcard.Property) string { return joined(p.Parts()) })
	fillLines(c, "URL", b.NewUrls, vcard.Property.Text)
	if photo, ok := c.First("PHOTO"); ok {
		if _, content, ok := photo.Data(); ok {
			b.SetPhoto(content)
		}
	}
	if g := groupsOf(c); len(g) > 0 {
		b.SetGroups(g)
	}
	var other []vcard.Property
	for _, p := range c {
		if fieldOf(p.Name) == FieldOther {
			other = append(other, p)
		}
	}
	if len(other) > 0 {
		for i, p := range b.NewOther(len(other)).All() {
			p.SetName(other[i].Name)
			p.SetValue(other[i].Value)
		}
	}
}

func fillLines(c vcard.Card, name string, list func(int) capnp.ListBuilder[CardLineBuilder], value func(vcard.Property) string) {
	all := c.All(name)
	if len(all) == 0 {
		return
	}
	// The preferred one is the first.
	best, _ := c.First(name)
	for i, n := range all {
		if c[n].Value == best.Value {
			copy(all[1:i+1], all[:i])
			all[0] = n
			break
		}
	}
	for i, line := range list(len(all)).All() {
		line.SetKind(c[all[i]].Kind())
		line.SetValue(value(c[all[i]]))
	}
}

// joined puts the parts that are not empty below each other.
func joined(parts []string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, "\n")
}

// groupsOf returns the card's groups.
func groupsOf(c vcard.Card) []string {
	var out []string
	seen := map[string]bool{}
	for _, i := range c.All("CATEGORIES") {
		for _, g := range c[i].List() {
			if g = strings.TrimSpace(g); g != "" && !seen[fold(g)] {
				seen[fold(g)] = true
				out = append(out, g)
			}
		}
	}
	return out
}

// setGroups replaces the card's groups.
func setGroups(c *vcard.Card, groups []string) {
	c.Set("CATEGORIES", "x")
	for _, i := range c.All("CATEGORIES") {
		(*c)[i].Value = vcard.Join(',', groups...)
	}
	if len(groups) == 0 {
		c.Set("CATEGORIES", "")
	}
}

const (
	maxCard  = 512 << 10 // bytes of its vCard
	maxName  = 500       // bytes
	maxLines = 100       // of each list
	maxGroup = 100       // bytes
)

// merge replaces the fields m of c by those of a message.
func merge(c *vcard.Card, from Card, m mask) error {
	texts := []struct {
		field          Field
		property, text string
	}{
		{FieldName, "FN", from.Name()}, {FieldNickname, "NICKNAME", from.Nickname()}, {FieldTitle, "TITLE", from.Title()},
		{FieldBirthday, "BDAY", from.Birthday()}, {FieldNote, "NOTE", from.Note()}, {FieldOrganization, "ORG", from.Organization()},
	}
	for _, t := range texts {
		if !m.has(t.field) {
			continue
		}
		if t.field != FieldNote && (len(t.text) > maxName || !plain(t.text)) {
			return failed("%s is longer than %d bytes or has a line break", strings.ToLower(t.property), maxName)
		}
		c.Set(t.property, t.text)
	}
	if m.has(FieldName) {
		c.Set("N", "")
		if from.Family() != "" || from.Given() != "" {
			*c = append(*c, vcard.Property{Name: "N", Value: vcard.Join(';', from.Family(), from.Given(), "", "", "")})
		}
	}
	lists := []struct {
		field    Field
		property string
		lines    capnp.List[CardLine]
		value    func(string) string
	}{
		{FieldEmails, "EMAIL", from.Emails(), vcard.Escape}, {FieldPhones, "TEL", from.Phones(), vcard.Escape},
		{FieldUrls, "URL", from.Urls(), vcard.Escape},
		{FieldPostal, "ADR", from.Postal(), func(s string) string { return vcard.Join(';', "", "", s, "", "", "", "") }},
	}
	for _, l := range lists {
		if !m.has(l.field) {
			continue
		}
		if l.lines.Len() > maxLines {
			return failed("more than %d of one kind", maxLines)
		}
		c.Set(l.property, "")
		for _, line := range l.lines.All() {
			p := vcard.Property{Name: l.property, Value: l.value(line.Value())}
			if kind := line.Kind(); kind != "" {
				if len(kind) > maxGroup || !plain(kind) {
					return failed("%q is no kind", kind)
				}
				p.Params = []vcard.Param{{Name: "TYPE", Values: []string{kind}}}
			}
			*c = append(*c, p)
		}
	}
	if m.has(FieldPhoto) {
		c.Set("PHOTO", "")
		if from.HasPhoto() {
			*c = append(*c, vcard.Property{Name: "PHOTO", Value: vcard.DataValue(from.Photo())})
		}
	}
	if m.has(FieldGroups) {
		var groups []string
		for _, g := range from.Groups().All() {
			groups = append(groups, g)
		}
		setGroups(c, groups)
	}
	if m.has(FieldUid) && from.Uid() != "" {
		c.Set("UID", from.Uid())
	}
	return nil
}

// check bounds a card that is about to be stored.
func check(c vcard.Card) error {
	groups := groupsOf(c)
	if len(groups) > maxLines {
		return failed("a contact in more than %d groups", maxLines)
	}
	for _, g := range groups {
		if err := checkGroup(g); err != nil {
			return err
		}
	}
	for _, p := range c {
		if !utf8.ValidString(p.Value) || strings.ContainsRune(p.Value, 0) {
			return failed("%s is not text", p.Name)
		}
		if f := fieldOf(p.Name); (f == FieldName || f == FieldUid) && len(p.Value) > 4*maxName {
			return failed("%s is longer than %d bytes", p.Name, 4*maxName)
		}
	}
	if n := len(c.Append(nil, vcard.V4)); n > maxCard {
		return failed("a card of %d bytes; it may have %d", n, maxCard)
	}
	return nil
}

func checkGroup(g string) error {
	if strings.TrimSpace(g) == "" || len(g) > maxGroup || !plain(g) {
		return failed("a group's name has 1 to %d bytes in one line", maxGroup)
	}
	return nil
}

func checkLabel(label string) error {
	if len(label) > maxGroup || !plain(label) {
		return failed("a label has up to %d bytes in one line", maxGroup)
	}
	return nil
}

// plain reports whether s is one line of text.
func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 })
}

func failed(format string, args ...any) error {
	return capnp.NewError(capnp.Failed, fmt.Sprintf(format, args...))
}
