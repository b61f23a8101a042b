package vat

import (
	"crypto/ed25519"
	"time"
)

// Identity is a vat's private key: who has it is the vat. Copies are one identity.
type Identity struct{}

// NewIdentity makes an identity that lasts as long as the process.
func NewIdentity() (*Identity, error) { panic("soon") }

// LoadIdentity reads the identity in a file: a PEM block with an Ed25519 key in PKCS#8. The file
// must be a regular file of this user's that nobody else can read.
func LoadIdentity(path string) (*Identity, error) { panic("soon") }

// CreateIdentity makes an identity and a file for it, mode 0600, which must not exist; its folder
// must. The file is there whole or not at all.
func CreateIdentity(path string) (*Identity, error) { panic("soon") }

// Key returns the name of the vat.
func (id *Identity) Key() Key { panic("soon") }

// Public returns the public key.
func (id *Identity) Public() ed25519.PublicKey { panic("soon") }

// String returns what Key's String does: the private key is never printed.
func (id *Identity) String() string { return id.Key().String() }

// Certify lets a replica, whose public key is given, act for id, the service, for some time.
func (id *Identity) Certify(replica ed25519.PublicKey, lifetime time.Duration) (Delegation, error) {
	panic("soon")
}

// Delegate makes a replica act for the service that certified it: peers that ask for the service's
// key accept the replica. Connections made before that stay as they are.
func (id *Identity) Delegate(d Delegation) error { panic("soon") }

// Delegation says that a replica acts for a service for some time. It is no secret.
type Delegation struct{}

// ParseDelegation reads what Marshal writes.
func ParseDelegation(pem []byte) (Delegation, error) { panic("soon") }

// Marshal returns the delegation as PEM.
func (d Delegation) Marshal() []byte { panic("soon") }

// Service returns the key that is acted for, Expires until when.
func (d Delegation) Service() Key { panic("soon") }

// Expires returns when the delegation ends.
func (d Delegation) Expires() time.Time { panic("soon") }
