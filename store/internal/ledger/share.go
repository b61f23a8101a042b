package ledger

import (
	"context"
	"crypto/subtle"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"lanyard.dev/store"
)

// The sizes that Share and Revoke refuse to exceed.
const (
	maxLabel  = 256
	maxObject = 4 << 10
	maxText   = 4 << 10
	maxSteps  = 64 << 10
	maxOwner  = 1 << 10
	maxReason = 1 << 10
)

// lastTime bounds expiries: the year 9999.
var lastTime = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{store.ErrInvalid}, args...)...)
}

// checkText refuses what a database, or a terminal, might stumble over.
func checkText(what, s string, max int, lines bool) error {
	switch {
	case len(s) > max:
		return invalid("%s has %d bytes, at most %d are allowed", what, len(s), max)
	case !utf8.ValidString(s):
		return invalid("%s is no valid UTF-8", what)
	case strings.IndexFunc(s, func(r rune) bool { return unicode.IsControl(r) && !(lines && (r == '\n' || r == '\t')) }) >= 0:
		return invalid("%s has control characters", what)
	}
	return nil
}

func checkShare(by store.EdgeID, s *store.Share) error {
	if s.Label == "" {
		return invalid("a share needs a label")
	}
	if err := checkText("the label", s.Label, maxLabel, false); err != nil {
		return err
	}
	if err := checkText("the object", s.Object, maxObject, false); err != nil {
		return err
	}
	if err := checkText("the text", s.Text, maxText, true); err != nil {
		return err
	}
	switch {
	case by == store.Host && s.Object == "":
		return invalid("a root needs an object")
	case len(s.Steps) > maxSteps:
		return invalid("the steps have %d bytes, at most %d are allowed", len(s.Steps), maxSteps)
	case s.SealedFor != nil && len(s.SealedFor) == 0:
		return invalid("sealed for an empty key")
	case len(s.SealedFor) > maxOwner:
		return invalid("the owner's key has %d bytes, at most %d are allowed", len(s.SealedFor), maxOwner)
	case s.Uses < 0:
		return invalid("uses are %d", s.Uses)
	case !s.Expires.IsZero() && (s.Expires.After(lastTime) || s.Expires.Unix() < 0):
		return invalid("the expiry is out of range")
	}
	return nil
}

// hash is what the database has of a secret.
func (l *Ledger) hash(s store.Secret) []byte { return l.key.Sum("secret", s[:]) }

// Share implements store.Ledger.
func (l *Ledger) Share(ctx context.Context, by store.EdgeID, s store.Share) (store.Edge, store.Secret, error) {
	if err := checkShare(by, &s); err != nil {
		return store.Edge{}, store.Secret{}, err
	}
	var secret store.Secret
	if s.Stored {
		secret = store.NewSecret()
	}
	var edge store.Edge
	err := l.update(ctx, func(t *Tx) error {
		c, err := l.acting(ctx, t, by)
		if err != nil {
			return err
		}
		r := row{
			parent: int64(by), depth: int64(len(c.rows)) + 1, label: s.Label, object: s.Object,
			steps: s.Steps, words: s.Text, created: c.now, expires: never, maxUses: s.Uses,
			sealedFor: s.SealedFor, alive: true,
		}
		if by != store.Host {
			r.from = c.last().label
			if r.object == "" {
				r.object = c.last().object
			}
		}
		if !s.Expires.IsZero() {
			r.expires = s.Expires.UnixMicro()
		}
		switch {
		case r.depth > store.MaxDepth:
			return invalid("a chain has at most %d edges", store.MaxDepth)
		case r.expires <= c.now:
			return invalid("the expiry is in the past")
		}
		if s.Stored {
			r.hash = l.hash(secret)
		}
		if err := t.must(ctx, l.dialect.NextID, nil, []any{&r.id}); err != nil {
			return err
		}
		r.mac = r.sum(l.key)
		fresh, err := l.insert(ctx, t, &r, r.parent)
		if err == nil && !fresh { // perhaps a sibling that has expired has the label
			if err = l.freeLabel(ctx, t, r.parent, r.label, c.now); err == nil {
				fresh, err = l.insert(ctx, t, &r, r.parent)
			}
		}
		switch {
		case err != nil:
			return err
		case !fresh:
			return store.ErrLabel
		}
		if err := l.note(ctx, t, c.now, store.VerbShared, r.id, by, 0, ""); err != nil {
			return err
		}
		edge = r.edge(c.now)
		return nil
	})
	if err != nil {
		return store.Edge{}, store.Secret{}, err
	}
	return edge, secret, nil
}

// freeLabel takes the label from a sibling that has expired: nothing else
// happens at that moment that could.
func (l *Ledger) freeLabel(ctx context.Context, t *Tx, parent int64, label string, now int64) error {
	_, err := t.exec(ctx, `update ledger_edges set held = $4 where parent = $1 and label = $2 and held and expires <= $3`,
		parent, label, now, false)
	return err
}

// Restore implements store.Ledger. Whatever the answer, it is one query, whose
// rows are read and checked to the end: an unknown secret finds the decoy.
func (l *Ledger) Restore(ctx context.Context, s store.Secret, owner []byte) (store.Chain, error) {
	var out store.Chain
	err := l.read(ctx, func(t *Tx) error {
		c, err := l.chain(ctx, t, chainOfSecret, l.hash(s))
		if err != nil {
			return err
		}
		if len(c.rows) == 0 {
			return fmt.Errorf("%w: the decoy is missing", store.ErrCorrupt)
		}
		e := c.last()
		sealed := subtle.ConstantTimeCompare(e.sealedFor, owner) == 1
		out = c.public()
		if ok := e.alive && (e.sealedFor == nil || sealed); !ok {
			out = store.Chain{}
			return store.ErrUnknown
		}
		return nil
	})
	return out, err
}

// Lookup implements store.Ledger.
func (l *Ledger) Lookup(ctx context.Context, edge store.EdgeID) (store.Chain, error) {
	var out store.Chain
	err := l.read(ctx, func(t *Tx) error {
		c, err := l.reach(ctx, t, edge, edge, true)
		if err == nil {
			out = c.public()
		}
		return err
	})
	return out, err
}

// Rotate implements store.Ledger.
func (l *Ledger) Rotate(ctx context.Context, by, edge store.EdgeID) (store.Secret, error) {
	secret := store.NewSecret()
	err := l.update(ctx, func(t *Tx) error {
		c, err := l.reach(ctx, t, by, edge, true)
		if err != nil {
			return err
		}
		if !c.alive() {
			return store.ErrUnknown
		}
		r := *c.last()
		r.hash = l.hash(secret)
		if _, err := t.exec(ctx, `update ledger_edges set hash = $2, mac = $3 where id = $1`, r.id, r.hash, r.sum(l.key)); err != nil {
			return err
		}
		_, err = l.happen(ctx, t, c.now, store.VerbRotated, r.id, by, 0, "")
		return err
	})
	if err != nil {
		return store.Secret{}, err
	}
	l.engine.Appended()
	return secret, nil
}
