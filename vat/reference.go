package vat

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// What a reference may have. A token that somebody sends is bounded before it is looked at.
const (
	maxText      = 4096 // characters of a reference
	maxSecret    = 1024 // bytes
	maxAddresses = 16
)

// Reference is the bits that name a capability: the key of the vat that has it, where that vat may
// be found, and the secret that stands for the capability there. Who has the bits has the
// capability, so they are shown by Reveal and WriteCap alone: printing a Reference, in whatever
// way, leaves the secret out. The zero Reference names nothing.
//
//	capnp://sha-256:FINGERPRINT@HOST:PORT/SECRET
//	capnp://sha-256:FINGERPRINT/PATH/OF/SOCKET/SECRET    with an @ before the path
//	capnp://insecure@HOST:PORT/SECRET                    no TLS, no key
//
// More addresses follow as a query, "?at=HOST:PORT&at=/PATH/OF/SOCKET", which programs that do not
// know it leave alone. docs/references.md has the grammar.
type Reference struct {
	key    Key
	at     []Address
	secret func() []byte // a function, because printing what contains a Reference shows what other fields lead to
}

// NewReference makes a reference. The zero key means that the vat is spoken to without TLS; an empty secret stands for
// what the vat gives to everybody. secret is copied.
func NewReference(key Key, secret []byte, at ...Address) (Reference, error) {
	switch {
	case len(at) == 0:
		return Reference{}, errors.New("a reference needs an address")
	case len(at) > maxAddresses:
		return Reference{}, fmt.Errorf("a reference has at most %d addresses, not %d", maxAddresses, len(at))
	case len(secret) > maxSecret:
		return Reference{}, fmt.Errorf("a secret has at most %d bytes, not %d", maxSecret, len(secret))
	}
	for i, a := range at {
		if err := a.check(); err != nil {
			return Reference{}, err
		}
		if slices.Contains(at[:i], a) {
			return Reference{}, fmt.Errorf("address %s stands there twice", a)
		}
	}
	secret = bytes.Clone(secret)
	return Reference{key, slices.Clone(at), func() []byte { return secret }}, nil
}

const scheme = "capnp://"

// Parse reads a reference. It is strict: every reference has one text. White space around it is an
// error, too; ReadCap takes it off. Errors contain nothing of the secret.
func Parse(text string) (Reference, error) {
	r, err := parse(text)
	if err != nil {
		return Reference{}, fmt.Errorf("not a reference: %w", err)
	}
	return r, nil
}

func parse(text string) (Reference, error) {
	if len(text) > maxText {
		return Reference{}, fmt.Errorf("it has more than %d characters", maxText)
	}
	rest, ok := strings.CutPrefix(text, scheme)
	if !ok {
		return Reference{}, fmt.Errorf("it does not start with %q", scheme)
	}
	who, rest, ok := strings.Cut(rest, "@")
	if !ok {
		return Reference{}, errors.New(`it has no "@"`)
	}
	var key Key
	if who != insecureName {
		var err error
		if key, err = ParseKey(who); err != nil {
			return Reference{}, err
		}
	}
	where, query, more := strings.Cut(rest, "?")
	var at []Address
	var secret string
	if i := strings.LastIndexByte(where, '/'); i >= 0 {
		where, secret = where[:i], where[i+1:]
		if secret == "" && where != "" && where[0] != '/' {
			return Reference{}, errors.New(`it ends with "/" where no secret follows`)
		}
	}
	first, err := ParseAddress(where)
	if err != nil {
		return Reference{}, err
	}
	if strings.HasPrefix(where, "unix:") {
		return Reference{}, errors.New(`a path is written without "unix:"`)
	}
	at = append(at, first)
	if more {
		for part := range strings.SplitSeq(query, "&") {
			s, ok := strings.CutPrefix(part, "at=")
			if !ok || strings.HasPrefix(s, "unix:") {
				return Reference{}, errors.New(`after "?" there are addresses only: at=HOST:PORT or at=/PATH`)
			}
			if len(at) == maxAddresses {
				return Reference{}, fmt.Errorf("it has more than %d addresses", maxAddresses)
			}
			a, err := ParseAddress(s)
			if err != nil {
				return Reference{}, err
			}
			at = append(at, a)
		}
	}
	bits, err := b64.DecodeString(secret)
	if err != nil || strings.ContainsAny(secret, "\r\n") {
		return Reference{}, errors.New("the secret is not URL-safe base64 without padding")
	}
	return NewReference(key, bits, at...)
}

const insecureName = "insecure"

// IsZero reports whether r names nothing.
func (r Reference) IsZero() bool { return r.secret == nil }

// Key returns the key that the vat must prove to have; the zero Key if it is spoken to without TLS.
func (r Reference) Key() Key { return r.key }

// Addresses returns where the vat may be found, the best hint first.
func (r Reference) Addresses() []Address { return slices.Clone(r.at) }

// Secret returns what stands for the capability at its vat.
func (r Reference) Secret() []byte {
	if r.secret == nil {
		return nil
	}
	return bytes.Clone(r.secret())
}

// At returns a reference to the same capability with other addresses.
func (r Reference) At(at ...Address) (Reference, error) {
	return NewReference(r.key, r.Secret(), at...)
}

// Equal reports whether r and s are the same bits, the order of addresses included.
func (r Reference) Equal(s Reference) bool {
	return r.key == s.key && slices.Equal(r.at, s.at) && r.IsZero() == s.IsZero() && bytes.Equal(r.Secret(), s.Secret())
}

// Reveal returns the reference as Parse reads it, with the secret: for the one who is meant to have
// it, never for logs or argument lists.
func (r Reference) Reveal() string {
	if r.IsZero() {
		return ""
	}
	return r.text(b64.EncodeToString(r.secret()))
}

// String returns the reference without its secret.
func (r Reference) String() string {
	if r.IsZero() {
		return "no reference"
	}
	secret := ""
	if len(r.secret()) > 0 {
		secret = "…"
	}
	return r.text(secret)
}

// GoString returns what String does.
func (r Reference) GoString() string { return r.String() }

// LogValue implements slog.LogValuer: what String returns.
func (r Reference) LogValue() slog.Value { return slog.StringValue(r.String()) }

func (r Reference) text(secret string) string {
	var b strings.Builder
	b.WriteString(scheme)
	if r.key.IsZero() {
		b.WriteString(insecureName)
	} else {
		b.WriteString(r.key.String())
	}
	b.WriteByte('@')
	b.WriteString(r.at[0].text())
	if secret != "" || r.at[0].Network == "unix" {
		b.WriteByte('/')
		b.WriteString(secret)
	}
	for i, a := range r.at[1:] {
		b.WriteByte("?&"[min(i, 1)])
		b.WriteString("at=")
		b.WriteString(a.text())
	}
	return b.String()
}
