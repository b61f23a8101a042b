package vat

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"time"
)

// What a peer may show. A chain is one certificate, whose key is what references name, or two: a
// replica's, signed by the key of the service it acts for, and one with that key. Certificates are
// containers of keys here: names, extensions and authorities in them mean nothing, except that they
// must not have expired.
const (
	maxChain       = 2
	maxCertificate = 8 << 10 // bytes of one
	minRSA         = 2048
	maxRSA         = 4096
)

// subject is what certificates say of the owner: nothing.
var subject = pkix.Name{CommonName: "capnp"}

// selfSigned makes the certificate of a key that stands for itself. It is always the same.
func selfSigned(private ed25519.PrivateKey) ([]byte, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      subject,
		NotBefore:    time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // RFC 5280: no end
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	return x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
}

// replicaOf is the name that a replica's certificate carries: what the service has signed it for.
func replicaOf(service Key) *url.URL {
	return &url.URL{Scheme: "urn", Opaque: "lanyard:replica-of:" + service.String()}
}

// backdated is for how long a certificate is good already when it is made: clocks differ.
const backdated = 5 * time.Minute

func signReplica(replica ed25519.PublicKey, service *Identity, now time.Time, lifetime time.Duration) ([]byte, error) {
	if len(replica) != ed25519.PublicKeySize {
		return nil, errors.New("this is no Ed25519 public key")
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)),
		Subject:      subject,
		NotBefore:    now.Add(-backdated),
		NotAfter:     now.Add(lifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		URIs:         []*url.URL{replicaOf(service.key)},
	}
	issuer := &x509.Certificate{Subject: subject}
	return x509.CreateCertificate(rand.Reader, template, issuer, replica, service.private())
}

func parseChain(ders ...[]byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for _, der := range ders {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, errors.New("a certificate is malformed")
		}
		chain = append(chain, c)
	}
	return chain, nil
}

// peer is who a vat has proven to be.
type peer struct {
	own     Key       // of the certificate whose private key it has
	service Key       // that it acts for; mostly zero
	until   time.Time // when that ends
}

// name is the one key that stands for the peer: capabilities that were given to a service are for all its replicas.
func (p peer) name() Key {
	if !p.service.IsZero() {
		return p.service
	}
	return p.own
}

// is reports whether the peer has proven to be k, or to act for it.
func (p peer) is(k Key) bool { return !k.IsZero() && (k == p.own || k == p.service) }

// verifyChain says who has shown a chain, if TLS has verified that the first certificate's private key is had.
func verifyChain(chain []*x509.Certificate, now time.Time) (peer, error) {
	if len(chain) == 0 || len(chain) > maxChain {
		return peer{}, fmt.Errorf("a chain of %d certificates, not 1 or %d", len(chain), maxChain)
	}
	for _, c := range chain {
		if len(c.Raw) > maxCertificate {
			return peer{}, fmt.Errorf("a certificate of more than %d bytes", maxCertificate)
		}
		if err := checkKey(c.PublicKey); err != nil {
			return peer{}, err
		}
		if now.Before(c.NotBefore) || now.After(c.NotAfter) {
			return peer{}, fmt.Errorf("a certificate that is good from %s to %s only", c.NotBefore.Format(time.DateTime), c.NotAfter.Format(time.DateTime))
		}
	}
	own, err := KeyOf(chain[0].PublicKey)
	if err != nil || len(chain) == 1 {
		return peer{own: own}, err
	}
	service, err := KeyOf(chain[1].PublicKey)
	if err != nil {
		return peer{}, err
	}
	leaf := chain[0]
	named := slices.ContainsFunc(leaf.URIs, func(u *url.URL) bool { return u.String() == replicaOf(service).String() })
	switch {
	case !named || leaf.NotAfter.Sub(leaf.NotBefore) > maxLifetime+backdated:
		return peer{}, errors.New("a certificate that lets no replica act for a service")
	case chain[1].CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) != nil:
		return peer{}, errors.New("a replica's certificate that its service has not signed")
	}
	return peer{own, service, chain[0].NotAfter}, nil
}

// checkKey takes the kinds of keys that are safe and cheap to verify. Lanyard's are Ed25519, those
// of the OCaml implementation mostly RSA.
func checkKey(public crypto.PublicKey) error {
	switch k := public.(type) {
	case ed25519.PublicKey:
		return nil
	case *ecdsa.PublicKey:
		return nil
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n < minRSA || n > maxRSA {
			return fmt.Errorf("an RSA key of %d bits, not %d to %d", n, minRSA, maxRSA)
		}
		return nil
	}
	return fmt.Errorf("a key of a kind that is not taken: %T", public)
}
