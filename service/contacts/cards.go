package contacts

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"strings"

	"lanyard.dev/service/contacts/vcard"
)

// An entry is a contact as it stands in the book.
type entry struct {
	id      int64
	name    string // public
	card    vcard.Card
	blocked bool
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

var errNoContact = failed("there is no such contact")

// where makes the condition that a card is in all the groups, and has all the words in the fields.
func where(tags, words []string, m mask) (string, []any) {
	var sql strings.Builder
	var args []any
	for _, t := range tags {
		sql.WriteString(` AND EXISTS (SELECT 1 FROM tags t WHERE t.card = c.id AND t.tag = ?)`)
		args = append(args, t)
	}
	for _, w := range words {
		sql.WriteString(` AND EXISTS (SELECT 1 FROM terms t WHERE t.card = c.id AND (1 << t.field) & ? AND instr(t.text, ?))`)
		args = append(args, int64(m), w)
	}
	return sql.String(), args
}

// entries reads a page of the cards after one, oldest first.
func (v *view) entries(ctx context.Context, after int64, words []string, most int) ([]entry, error) {
	cond, args := where(v.tags, words, v.mask)
	rows, err := v.s.read.QueryContext(ctx,
		`SELECT c.id, c.name, c.vcard, c.blocked FROM cards c WHERE c.id > ?`+cond+` ORDER BY c.id LIMIT ?`,
		append(append([]any{after}, args...), most)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entry
	for rows.Next() {
		var e entry
		var text []byte
		if err := rows.Scan(&e.id, &e.name, &text, &e.blocked); err != nil {
			return nil, err
		}
		if e.card, err = parseStored(text); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// names reads a page of names.
func (v *view) names(ctx context.Context, after int64, words []string, most int) ([]entry, error) {
	cond, args := where(v.tags, words, 1<<FieldName)
	rows, err := v.s.read.QueryContext(ctx, `SELECT c.id, c.name FROM cards c WHERE c.id > ?`+cond+` ORDER BY c.id LIMIT ?`,
		append(append([]any{after}, args...), most)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []entry
	for rows.Next() {
		var e entry
		if err := rows.Scan(&e.id, &e.name); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// entry reads one card, if it is in all the groups.
func (v *view) entry(ctx context.Context, q querier, id int64) (entry, error) {
	cond, args := where(v.tags, nil, 0)
	e := entry{id: id}
	var text []byte
	err := q.QueryRowContext(ctx, `SELECT c.name, c.vcard, c.blocked FROM cards c WHERE c.id = ?`+cond,
		append([]any{id}, args...)...).Scan(&e.name, &text, &e.blocked)
	if errors.Is(err, sql.ErrNoRows) {
		return entry{}, errNoContact
	}
	if err == nil {
		e.card, err = parseStored(text)
	}
	return e, err
}

// parseStored reads what store wrote.
func parseStored(text []byte) (vcard.Card, error) {
	for c, err := range vcard.Parse(text, &vcard.Limits{Line: 2 * maxCard, Properties: 1 << 20}) {
		return c, err
	}
	return nil, errors.New("a card of the book is damaged")
}

// contentUID is a UID for a card that has none. It depends on what stands in the card, so that
// importing that twice is importing it once.
func contentUID(c vcard.Card) string {
	h := sha256.Sum256(c.Append(nil, vcard.V4))
	return "urn:lanyard:" + hex.EncodeToString(h[:16])
}

// store writes a card, which has a UID; id 0 makes a new one.
func store(ctx context.Context, tx *sql.Tx, id int64, c vcard.Card) (entry, error) {
	if c.Text("FN") == "" {
		// A card has to have one. The public name tells nothing that it should not.
		c.Set("FN", publicName(c))
	}
	if err := check(c); err != nil {
		return entry{}, err
	}
	e := entry{id: id, name: publicName(c), card: c}
	uid, text := c.Text("UID"), c.Append(nil, vcard.V4)
	var other int64
	switch err := tx.QueryRowContext(ctx, `SELECT id FROM cards WHERE uid = ? AND id <> ?`, uid, id).Scan(&other); {
	case err == nil:
		return entry{}, failed("another contact has this UID")
	case !errors.Is(err, sql.ErrNoRows):
		return entry{}, err
	}
	if id == 0 {
		res, err := tx.ExecContext(ctx, `INSERT INTO cards (uid, name, vcard) VALUES (?, ?, ?)`, uid, e.name, text)
		if err != nil {
			return entry{}, err
		}
		if e.id, err = res.LastInsertId(); err != nil {
			return entry{}, err
		}
	} else if _, err := tx.ExecContext(ctx, `UPDATE cards SET uid = ?, name = ?, vcard = ? WHERE id = ?`, uid, e.name, text, id); err != nil {
		return entry{}, err
	}
	return e, index(ctx, tx, e)
}

// index writes what of a card is searched, and its groups.
func index(ctx context.Context, tx *sql.Tx, e entry) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM terms WHERE card = ?`, e.id); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM tags WHERE card = ?`, e.id); err != nil {
		return err
	}
	terms := map[Field][]string{FieldName: {e.name}}
	for _, p := range e.card {
		switch f := fieldOf(p.Name); f {
		case FieldPhoto:
		case FieldName:
			// What may not be shown may not be found.
			if !tellsAddress(e.card) {
				terms[f] = append(terms[f], strings.Join(p.Parts(), " "))
			}
		default:
			terms[f] = append(terms[f], p.Text())
		}
	}
	for f, t := range terms {
		text := fold(strings.Join(t, " "))
		if _, err := tx.ExecContext(ctx, `INSERT INTO terms VALUES (?, ?, ?)`, e.id, int64(f), text); err != nil {
			return err
		}
	}
	for _, g := range groupsOf(e.card) {
		if _, err := tx.ExecContext(ctx, `INSERT INTO tags VALUES (?, ?, ?)`, e.id, fold(g), g); err != nil {
			return err
		}
	}
	return nil
}

// room fails when the book is full.
func (s *Service) room(ctx context.Context, q querier) error {
	var n int
	if err := q.QueryRowContext(ctx, `SELECT count(*) FROM cards`).Scan(&n); err != nil {
		return err
	}
	if n >= s.options.Contacts {
		return failed("the book is full: %d contacts", n)
	}
	return nil
}
