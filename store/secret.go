package store

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
)

// A Secret is what a stored reference consists of: 32 bytes from crypto/rand.
// Who has them has the grant. It prints as <secret>, whatever the verb; code
// that must write it down uses s[:].
type Secret [32]byte

const redacted = "<secret>"

// NewSecret makes a secret.
func NewSecret() Secret {
	var s Secret
	rand.Read(s[:]) // never fails: it ends the program instead
	return s
}

// ParseSecret takes the bytes of a secret; any other length is ErrUnknown, like
// a secret that nobody issued.
func ParseSecret(b []byte) (Secret, error) {
	var s Secret
	if len(b) != len(s) {
		return s, ErrUnknown
	}
	copy(s[:], b)
	return s, nil
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s == Secret{} }

func (s Secret) String() string { return redacted }

// GoString is for %#v.
func (s Secret) GoString() string { return redacted }

// Format is for every other verb, %x among them.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue is for package log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText is for encoders that were not meant to see a secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// A Key keys the hashes of a ledger's secrets. It stands outside the database:
// a copy of the database alone restores nothing. All vats that share a ledger
// have the same key. It prints as <secret>.
type Key [32]byte

// NewKey makes a key.
func NewKey() Key {
	var k Key
	rand.Read(k[:])
	return k
}

func (k Key) String() string { return redacted }

// GoString is for %#v.
func (k Key) GoString() string { return redacted }

// Format is for every other verb, %x among them.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue is for package log/slog.
func (k Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText is for encoders that were not meant to see a key.
func (k Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Sum is HMAC-SHA-256 under the key: of a purpose, which must not contain NUL,
// and the data. It is for engines.
func (k Key) Sum(purpose string, data []byte) []byte {
	h := hmac.New(sha256.New, k[:])
	io.WriteString(h, purpose)
	h.Write([]byte{0})
	h.Write(data)
	return h.Sum(nil)
}
