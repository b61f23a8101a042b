package vat

import (
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// maxLifetime is how long a Delegation may be good for: it cannot be taken back.
const maxLifetime = 32 * 24 * time.Hour

// Delegation says that a replica acts for a service for some time. It is no secret, and cannot be
// taken back before its time: keep it short, a day or so, and renew it.
type Delegation struct {
	leaf, issuer     []byte // certificates, DER: the replica's, signed by the service, and the service's own
	replica, service Key
	expires          time.Time
}

// Certify lets a replica, whose public key is given, act for id, the service, from now on for
// lifetime, at most 32 days.
func (id *Identity) Certify(replica ed25519.PublicKey, lifetime time.Duration) (Delegation, error) {
	if lifetime <= 0 || lifetime > maxLifetime {
		return Delegation{}, fmt.Errorf("a replica is certified for at most %s, not %s", maxLifetime, lifetime)
	}
	leaf, err := signReplica(replica, id, time.Now(), lifetime)
	if err != nil {
		return Delegation{}, err
	}
	return newDelegation(leaf, id.own().Certificate[0])
}

// Delegate makes a replica act for the service that certified it: peers that ask for the service's
// key accept the replica. Connections made before that stay as they are.
func (id *Identity) Delegate(d Delegation) error {
	if d.replica != id.key {
		return errors.New("the delegation is for another replica")
	}
	id.acting.Store(&d)
	return nil
}

// ParseDelegation reads what Marshal writes.
func ParseDelegation(text []byte) (Delegation, error) {
	var ders [][]byte
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		if block.Type != certificateBlock || len(ders) == maxChain {
			return Delegation{}, errors.New("a delegation is two certificates")
		}
		ders, text = append(ders, block.Bytes), rest
	}
	if len(ders) != maxChain {
		return Delegation{}, errors.New("a delegation is two certificates")
	}
	return newDelegation(ders[0], ders[1])
}

func newDelegation(leaf, issuer []byte) (Delegation, error) {
	chain, err := parseChain(leaf, issuer)
	if err != nil {
		return Delegation{}, err
	}
	p, err := verifyChain(chain, time.Now())
	if err != nil {
		return Delegation{}, err
	}
	return Delegation{leaf, issuer, p.own, p.service, chain[0].NotAfter}, nil
}

const certificateBlock = "CERTIFICATE"

// Marshal returns the delegation as PEM.
func (d Delegation) Marshal() []byte {
	out := pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: d.leaf})
	return append(out, pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: d.issuer})...)
}

// Service returns the key that is acted for.
func (d Delegation) Service() Key { return d.service }

// Replica returns the key that acts.
func (d Delegation) Replica() Key { return d.replica }

// Expires returns when the delegation ends.
func (d Delegation) Expires() time.Time { return d.expires }
