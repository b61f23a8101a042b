package contacts

import (
	"context"
	"database/sql"
	"slices"

	"lanyard.dev/capnp"
	"lanyard.dev/service/contacts/vcard"
)

// nameBook implements NameBook.
type nameBook struct {
	UnimplementedNameBook
	v *view
}

// cardBook implements CardBook.
type cardBook struct {
	UnimplementedCardBook
	nameBook
}

// contactBook implements ContactBook.
type contactBook struct {
	UnimplementedContactBook
	cardBook
}

func newNameBook(v *view) NameBook { return NewNameBook(&nameBook{v: v}) }
func newCardBook(v *view) CardBook { return NewCardBook(&cardBook{nameBook: nameBook{v: v}}) }
func newContactBook(v *view) ContactBook {
	return NewContactBook(&contactBook{cardBook: cardBook{nameBook: nameBook{v: v}}})
}

// Names implements NameBook.
func (b *nameBook) Names(ctx context.Context, call NameBookNamesCall) error {
	call.Unblock()
	p := call.Params()
	after, err := b.v.key.after("contact", p.After())
	if err != nil {
		return err
	}
	n := page(int(p.Max()), 100, 500)
	found, err := b.v.names(ctx, after, nil, n+1)
	if err != nil {
		return b.v.s.trouble(err)
	}
	r := call.Results()
	if len(found) > n {
		found = found[:n]
		r.SetNext(b.v.show(found[n-1].id))
	}
	b.fillNames(r.NewNames(len(found)), found)
	return nil
}

func (b *nameBook) fillNames(l capnp.ListBuilder[NameBookNameBuilder], found []entry) {
	for i, n := range l.All() {
		n.SetId(b.v.show(found[i].id))
		n.SetName(found[i].name)
	}
}

// FindNames implements NameBook.
func (b *nameBook) FindNames(ctx context.Context, call NameBookFindNamesCall) error {
	call.Unblock()
	w, err := words(call.Params().Text())
	if err != nil {
		return err
	}
	found, err := b.v.names(ctx, 0, w, page(int(call.Params().Max()), 100, 500))
	if err != nil {
		return b.v.s.trouble(err)
	}
	b.fillNames(call.Results().NewNames(len(found)), found)
	return nil
}

// Pick implements NameBook.
func (b *nameBook) Pick(_ context.Context, call NameBookPickCall) error {
	id, err := b.v.find(call.Params().Id())
	if err != nil {
		return err
	}
	call.Results().SetContact(newContactName(&person{v: b.v, id: id}))
	return nil
}

// List implements CardBook.
func (b *cardBook) List(ctx context.Context, call CardBookListCall) error {
	call.Unblock()
	p := call.Params()
	found, next, err := b.page(ctx, p.After(), p.Max())
	if err != nil {
		return err
	}
	r := call.Results()
	r.SetNext(next)
	for i, c := range r.NewCards(len(found)).All() {
		b.v.fill(c, found[i])
	}
	return nil
}

// maxPage bounds the cards in one answer, in bytes of their vCards.
const maxPage = 2 << 20

// page reads a page of cards.
func (b *cardBook) page(ctx context.Context, after string, most uint16) (found []entry, next string, err error) {
	from, err := b.v.key.after("contact", after)
	if err != nil {
		return nil, "", err
	}
	n := page(int(most), 50, 200)
	found, err = b.v.entries(ctx, from, nil, n+1)
	if err != nil {
		return nil, "", b.v.s.trouble(err)
	}
	size := 0
	for i := range found {
		if size += len(found[i].card.Append(nil, vcard.V4)); i > 0 && size > maxPage || i == n {
			found = found[:i]
			next = b.v.show(found[i-1].id)
			break
		}
	}
	return found, next, nil
}

// Find implements CardBook.
func (b *cardBook) Find(ctx context.Context, call CardBookFindCall) error {
	call.Unblock()
	w, err := words(call.Params().Text())
	if err != nil {
		return err
	}
	found, err := b.v.entries(ctx, 0, w, page(int(call.Params().Max()), 50, 200))
	if err != nil {
		return b.v.s.trouble(err)
	}
	size := 0
	for i := range found {
		if size += len(found[i].card.Append(nil, vcard.V4)); i > 0 && size > maxPage {
			found = found[:i]
			break
		}
	}
	for i, c := range call.Results().NewCards(len(found)).All() {
		b.v.fill(c, found[i])
	}
	return nil
}

// Look implements CardBook.
func (b *cardBook) Look(_ context.Context, call CardBookLookCall) error {
	id, err := b.v.find(call.Params().Id())
	if err != nil {
		return err
	}
	call.Results().SetContact(newContactCard(&person{v: b.v, id: id}))
	return nil
}

// Groups implements CardBook. A view that does not show groups has none.
func (b *cardBook) Groups(ctx context.Context, call CardBookGroupsCall) error {
	call.Unblock()
	if !b.v.mask.has(FieldGroups) {
		return nil
	}
	cond, args := where(b.v.tags, nil, 0)
	rows, err := b.v.s.read.QueryContext(ctx, `SELECT min(g.name), count(*) FROM tags g JOIN cards c ON c.id = g.card
		WHERE 1`+cond+` GROUP BY g.tag ORDER BY g.tag LIMIT 1000`, args...)
	if err != nil {
		return b.v.s.trouble(err)
	}
	defer rows.Close()
	type group struct {
		name string
		size uint32
	}
	var groups []group
	for rows.Next() {
		var g group
		if err := rows.Scan(&g.name, &g.size); err != nil {
			return b.v.s.trouble(err)
		}
		groups = append(groups, g)
	}
	for i, g := range call.Results().NewGroups(len(groups)).All() {
		g.SetName(groups[i].name)
		g.SetSize(groups[i].size)
	}
	return b.v.s.trouble(rows.Err())
}

// ExportCards implements CardBook.
func (b *cardBook) ExportCards(ctx context.Context, call CardBookExportCardsCall) error {
	call.Unblock()
	p := call.Params()
	version := vcard.V4
	if p.Version() == CardBookVersionV3 {
		version = vcard.V3
	}
	found, next, err := b.page(ctx, p.After(), p.Max())
	if err != nil {
		return err
	}
	var out []byte
	for _, e := range found {
		out = only(e.card, b.v.mask).Append(out, version)
	}
	call.Results().SetNext(next)
	call.Results().SetVcards(out)
	return nil
}

// NameOnly implements CardBook.
func (b *cardBook) NameOnly(_ context.Context, call CardBookNameOnlyCall) error {
	v, err := b.v.narrower("nameOnly", call.Params().Label())
	if err != nil {
		return err
	}
	v.mask = 1 << FieldName
	call.Results().SetBook(newNameBook(v))
	return nil
}

// Fields implements CardBook.
func (b *cardBook) Fields(_ context.Context, call CardBookFieldsCall) error {
	m, err := maskOf(call.Params().Mask())
	if err != nil {
		return err
	}
	v, err := b.v.fields(m, call.Params().Label())
	if err != nil {
		return err
	}
	call.Results().SetBook(newCardBook(v))
	return nil
}

// Members implements CardBook.
func (b *cardBook) Members(_ context.Context, call CardBookMembersCall) error {
	if !b.v.mask.has(FieldGroups) {
		return failed("this view of the book has no groups")
	}
	v, err := b.v.group("members", call.Params().Group(), call.Params().Label())
	if err != nil {
		return err
	}
	call.Results().SetBook(newCardBook(v))
	return nil
}

// Add implements ContactBook.
func (b *contactBook) Add(ctx context.Context, call ContactBookAddCall) error {
	var c vcard.Card
	if err := merge(&c, call.Params().Card(), allFields); err != nil {
		return err
	}
	b.v.tag(&c)
	if c.Text("UID") == "" {
		// Two contacts that say the same are two.
		c.Set("UID", newUID())
	}
	var e entry
	err := b.v.s.change(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		if err := b.v.s.room(ctx, tx); err != nil {
			return err
		}
		e, err = store(ctx, tx, 0, c)
		return err
	})
	if err != nil {
		return b.v.s.trouble(err)
	}
	b.v.s.changed(nil, &e)
	call.Results().SetId(b.v.show(e.id))
	call.Results().SetContact(newContact(&person{v: b.v, id: e.id}))
	return nil
}

// Update implements ContactBook.
func (b *contactBook) Update(ctx context.Context, call ContactBookUpdateCall) error {
	p := call.Params()
	m := allFields
	if only := p.Only(); only.Len() > 0 {
		m = 0
		for _, f := range only.All() {
			if f > FieldOther {
				return failed("unknown field %d", uint16(f))
			}
			m |= 1 << f
		}
	}
	id, err := b.v.find(p.Id())
	if err != nil {
		return err
	}
	return b.rewrite(ctx, id, func(c *vcard.Card) error {
		if err := merge(c, p.Card(), m); err != nil {
			return err
		}
		b.v.tag(c)
		return nil
	})
}

// rewrite changes a card.
func (b *contactBook) rewrite(ctx context.Context, id int64, how func(*vcard.Card) error) error {
	var before, after entry
	err := b.v.s.change(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		if before, err = b.v.entry(ctx, tx, id); err != nil {
			return err
		}
		c := slices.Clone(before.card)
		if err := how(&c); err != nil {
			return err
		}
		after, err = store(ctx, tx, id, c)
		return err
	})
	if err == nil {
		b.v.s.changed(&before, &after)
	}
	return b.v.s.trouble(err)
}

// Remove implements ContactBook.
func (b *contactBook) Remove(ctx context.Context, call ContactBookRemoveCall) error {
	id, err := b.v.find(call.Params().Id())
	if err != nil {
		return err
	}
	var before entry
	err = b.v.s.change(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		if before, err = b.v.entry(ctx, tx, id); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM cards WHERE id = ?`, id)
		return err
	})
	switch {
	case err == errNoContact:
		return nil // as it was to be
	case err == nil:
		b.v.s.changed(&before, nil)
	}
	return b.v.s.trouble(err)
}

// Contact implements ContactBook. It does not look whether the contact exists: a mailer that was got
// this way has to work on when it does not.
func (b *contactBook) Contact(_ context.Context, call ContactBookContactCall) error {
	id, err := b.v.find(call.Params().Id())
	if err != nil {
		return err
	}
	call.Results().SetContact(newContact(&person{v: b.v, id: id}))
	return nil
}

// Block implements ContactBook.
func (b *contactBook) Block(ctx context.Context, call ContactBookBlockCall) error {
	id, err := b.v.find(call.Params().Id())
	if err != nil {
		return err
	}
	return b.v.s.trouble(b.v.s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := b.v.entry(ctx, tx, id); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE cards SET blocked = ? WHERE id = ?`, call.Params().Blocked(), id)
		return err
	}))
}

// ReadOnly implements ContactBook.
func (b *contactBook) ReadOnly(_ context.Context, call ContactBookReadOnlyCall) error {
	v, err := b.v.narrower("readOnly", call.Params().Label())
	if err != nil {
		return err
	}
	call.Results().SetBook(newCardBook(v))
	return nil
}

// Group implements ContactBook.
func (b *contactBook) Group(_ context.Context, call ContactBookGroupCall) error {
	v, err := b.v.group("group", call.Params().Group(), call.Params().Label())
	if err != nil {
		return err
	}
	call.Results().SetBook(newContactBook(v))
	return nil
}

// Approvals implements ContactBook.
func (b *contactBook) Approvals(_ context.Context, call ContactBookApprovalsCall) error {
	call.Results().SetQueue(NewApprovalQueue(&queue{s: b.v.s, key: b.v.key.derive("approvals"), owner: true}))
	return nil
}
