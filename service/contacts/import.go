package contacts

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"lanyard.dev/capnp"
	"lanyard.dev/service/contacts/vcard"
)

const (
	maxImport   = 7 << 20 // bytes of one file
	maxProblems = 100     // that are told
)

// ImportCards implements ContactBook. All cards that can be read come in together, or none.
func (b *contactBook) ImportCards(ctx context.Context, call ContactBookImportCardsCall) error {
	data := call.Params().Vcards()
	if len(data) > maxImport {
		return failed("%d bytes of vCards; import at most %d at a time", len(data), maxImport)
	}
	call.Unblock()
	i := importer{v: b.v, seen: map[string]int{}}
	err := b.v.s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n := 0
		for c, err := range vcard.Parse(data, nil) {
			n++
			if err == nil {
				err = i.take(ctx, tx, n, c)
			}
			if err == nil {
				continue
			}
			if bad, ok := errors.AsType[*vcard.Error](err); ok {
				i.problem(bad.Error())
			} else if bad, ok := errors.AsType[*problem](err); ok {
				i.problem(bad.text)
			} else {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return b.v.s.trouble(err)
	}
	for _, c := range i.changes {
		b.v.s.changed(c.before, c.after)
	}
	r := call.Results()
	r.SetAdded(i.added)
	r.SetUpdated(i.updated)
	if i.more > 0 {
		i.problems = append(i.problems, fmt.Sprintf("and %d more", i.more))
	}
	r.SetProblems(i.problems)
	return nil
}

// A problem is one card's.
type problem struct{ text string }

func (p *problem) Error() string { return p.text }

type importer struct {
	v              *view
	seen           map[string]int // UIDs, and the number of the card
	added, updated uint32
	problems       []string
	more           int
	changes        []struct{ before, after *entry }
}

func (i *importer) problem(text string) {
	if len(i.problems) < maxProblems {
		i.problems = append(i.problems, text)
	} else {
		i.more++
	}
}

// take stores the nth card of a file.
func (i *importer) take(ctx context.Context, tx *sql.Tx, n int, c vcard.Card) error {
	uid := c.Text("UID")
	if first := i.seen[uid]; first > 0 && uid != "" {
		return &problem{fmt.Sprintf("card %d has the UID of card %d", n, first)}
	}
	i.seen[uid] = n
	c = slices.Clone(c)
	var before *entry
	id := int64(0)
	if uid == "" {
		// The same card again is the same contact.
		uid = contentUID(c)
		c.Set("UID", uid)
	}
	err := tx.QueryRowContext(ctx, `SELECT id FROM cards WHERE uid = ?`, uid).Scan(&id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if id != 0 {
		e, err := i.v.entry(ctx, tx, id)
		if err == errNoContact {
			// It is in the book, but not in this group: who imports into a group may not change it.
			return &problem{fmt.Sprintf("card %d cannot be added here", n)}
		}
		if err != nil {
			return err
		}
		before = &e
	} else if err := i.v.s.room(ctx, tx); err != nil {
		return &problem{fmt.Sprintf("card %d: %v", n, err)}
	}
	i.v.tag(&c)
	e, err := store(ctx, tx, id, c)
	if err != nil {
		if _, ok := errors.AsType[*capnp.Exception](err); ok {
			return &problem{fmt.Sprintf("card %d: %v", n, err)}
		}
		return err
	}
	if before == nil {
		i.added++
	} else {
		e.blocked = before.blocked
		i.updated++
	}
	i.changes = append(i.changes, struct{ before, after *entry }{before, &e})
	return nil
}

// newUID makes up a UID.
func newUID() string {
	b := make([]byte, 16)
	rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
