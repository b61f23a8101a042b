package contacts

import (
	"slices"
	"strconv"
	"strings"

	"lanyard.dev/service/contacts/vcard"
)

// A view is what one book capability shows: which contacts, which of their fields, under which ids.
// It is narrowed by making another one; nothing widens it.
type view struct {
	s    *Service
	key  key
	mask mask
	tags []string // groups, folded; a contact is in all of them
	put  []string // the same as the owner wrote them, for contacts that are added
}

const maxGroups = 8 // that a view is inside

// narrower makes the view that a narrowing with a label gives.
func (v *view) narrower(how, label string, with ...string) (*view, error) {
	if err := checkLabel(label); err != nil {
		return nil, err
	}
	n := *v
	n.key = v.key.derive(how, append(with, label)...)
	return &n, nil
}

func (v *view) fields(m mask, label string) (*view, error) {
	n, err := v.narrower("fields", label, strconv.Itoa(int(v.mask&m)))
	if err == nil {
		n.mask &= m
	}
	return n, err
}

func (v *view) group(how, group, label string) (*view, error) {
	group = strings.TrimSpace(group)
	if err := checkGroup(group); err != nil {
		return nil, err
	}
	n, err := v.narrower(how, label, fold(group))
	if err != nil || slices.Contains(v.tags, fold(group)) {
		return n, err
	}
	if len(v.tags) == maxGroups {
		return nil, failed("a group within more than %d groups", maxGroups)
	}
	n.tags = append(slices.Clip(v.tags), fold(group))
	n.put = append(slices.Clip(v.put), group)
	return n, nil
}

// show and find turn contacts into ids and back.
func (v *view) show(id int64) string { return v.key.show("contact", id) }

func (v *view) find(id string) (int64, error) {
	if n, ok := v.key.find("contact", id); ok {
		return n, nil
	}
	return 0, errNoContact
}

// fill writes what the view shows of an entry.
func (v *view) fill(b CardBuilder, e entry) {
	b.SetId(v.show(e.id))
	fill(b, e.card, v.mask)
}

// holds reports whether a card is in all of the view's groups.
func (v *view) holds(c vcard.Card) bool {
	if len(v.tags) == 0 {
		return true
	}
	var have []string
	for _, g := range groupsOf(c) {
		have = append(have, fold(g))
	}
	for _, t := range v.tags {
		if !slices.Contains(have, t) {
			return false
		}
	}
	return true
}

// tag puts a card into the view's groups.
func (v *view) tag(c *vcard.Card) {
	groups := groupsOf(*c)
	for _, g := range v.put {
		if !slices.ContainsFunc(groups, func(have string) bool { return fold(have) == fold(g) }) {
			groups = append(groups, g)
		}
	}
	if len(v.put) > 0 {
		setGroups(c, groups)
	}
}

// page bounds what is asked for at once.
func page(max, usual, most int) int {
	if max == 0 {
		return usual
	}
	return min(max, most)
}
