package vat

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
)

// Key names a vat, or the service that several replicas offer: it is the SHA-256 of a public key, as
// DER SubjectPublicKeyInfo. It is no secret. The zero Key stands for nobody: a peer that has shown
// none, or a connection without TLS.
type Key [sha256.Size]byte

// hashName is the only hash that references use.
const hashName = "sha-256"

// b64 is how keys and secrets are written.
var b64 = base64.RawURLEncoding.Strict()

// KeyOf returns the Key of a public key of the kinds that certificates can have.
func KeyOf(public crypto.PublicKey) (Key, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return Key{}, err
	}
	return sha256.Sum256(der), nil
}

// ParseKey reads what String writes. The zero Key has no text.
func ParseKey(s string) (Key, error) {
	digest, ok := strings.CutPrefix(s, hashName+":")
	if !ok {
		return Key{}, fmt.Errorf("a key starts with %q", hashName+":")
	}
	return parseDigest(digest)
}

func parseDigest(s string) (k Key, err error) {
	if len(s) != b64.EncodedLen(len(k)) {
		return Key{}, fmt.Errorf("a fingerprint has %d characters, not %d", b64.EncodedLen(len(k)), len(s))
	}
	if _, err := b64.Decode(k[:], []byte(s)); err != nil {
		return Key{}, fmt.Errorf("a fingerprint is written in URL-safe base64 without padding")
	}
	if k.IsZero() {
		return Key{}, fmt.Errorf("the fingerprint is all zeros")
	}
	return k, nil
}

// String returns the key as references have it, "sha-256:" and its fingerprint; "nobody" for the
// zero Key.
func (k Key) String() string {
	if k.IsZero() {
		return "nobody"
	}
	return hashName + ":" + k.digest()
}

func (k Key) digest() string { return b64.EncodeToString(k[:]) }

// IsZero reports whether k stands for nobody.
func (k Key) IsZero() bool { return k == Key{} }

// Compare orders keys.
func (k Key) Compare(l Key) int { return bytes.Compare(k[:], l[:]) }
