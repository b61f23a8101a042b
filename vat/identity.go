package vat

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"lanyard.dev/internal/private"
)

// Identity is a vat's private key: who has it is the vat. Printing one shows its Key.
type Identity struct {
	key     Key
	private func() ed25519.PrivateKey  // functions: see Reference
	own     func() *tls.Certificate    // for the vat itself
	acting  atomic.Pointer[Delegation] // nil: only for itself
}

const privateBlock = "PRIVATE KEY"

// NewIdentity makes an identity that lasts as long as the process.
func NewIdentity() (*Identity, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return newIdentity(private)
}

func newIdentity(private ed25519.PrivateKey) (*Identity, error) {
	public := private.Public().(ed25519.PublicKey)
	key, err := KeyOf(public)
	if err != nil {
		return nil, err
	}
	der, err := selfSigned(private)
	if err != nil {
		return nil, err
	}
	own := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
	return &Identity{
		key:     key,
		private: func() ed25519.PrivateKey { return private },
		own:     func() *tls.Certificate { return own },
	}, nil
}

// LoadIdentity reads the identity in a file: a PEM block with an Ed25519 key in PKCS#8. The file
// must be a regular file of this user's that nobody else can read.
func LoadIdentity(path string) (*Identity, error) {
	data, err := private.Read(path, maxFile)
	if err != nil {
		return nil, err
	}
	key, err := parsePrivate(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return newIdentity(key)
}

// parsePrivate does not say what is wrong with a key: that might show some of it.
func parsePrivate(data []byte) (ed25519.PrivateKey, error) {
	block, rest := pem.Decode(data)
	if block == nil || block.Type != privateBlock || len(block.Headers) > 0 {
		return nil, errors.New("it has no PEM block " + privateBlock)
	}
	if next, _ := pem.Decode(rest); next != nil {
		return nil, errors.New("it has more than one PEM block")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("its key is not valid PKCS#8")
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("its key is a %T, not an Ed25519 key", key)
	}
	return private, nil
}

// CreateIdentity makes an identity and a file for it, mode 0600, which must not exist; its folder
// must. The file is there whole or not at all.
func CreateIdentity(path string) (*Identity, error) {
	id, err := NewIdentity()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(id.private())
	if err != nil {
		return nil, err
	}
	data := pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: der})
	if err := private.Create(path, data); err != nil {
		return nil, err
	}
	return id, nil
}

// Key returns the name of the vat, not of a service that it acts for.
func (id *Identity) Key() Key { return id.key }

// Public returns the public key.
func (id *Identity) Public() ed25519.PublicKey { return id.private().Public().(ed25519.PublicKey) }

// String returns what Key's String does: the private key is never printed.
func (id *Identity) String() string { return id.key.String() }

// GoString returns what String does.
func (id *Identity) GoString() string { return id.String() }

// LogValue implements slog.LogValuer: what String returns.
func (id *Identity) LogValue() slog.Value { return slog.StringValue(id.String()) }

// peer is what id proves to others now.
func (id *Identity) peer() peer {
	p := peer{own: id.key}
	if d := id.acting.Load(); d != nil && time.Now().Before(d.expires) {
		p.service = d.service
	}
	return p
}

// certificate is what id shows in handshakes now.
func (id *Identity) certificate() *tls.Certificate {
	if d := id.acting.Load(); d != nil && time.Now().Before(d.expires) {
		return &tls.Certificate{Certificate: [][]byte{d.leaf, d.issuer}, PrivateKey: id.private()}
	}
	return id.own()
}
