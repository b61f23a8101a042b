package contacts

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"

	"lanyard.dev/capnp"
)

// A key names a view, a mailer or a queue for ever, and is the secret of the ids that it shows.
//
// Every key is derived from that of what it was narrowed from, the narrowing and the label; the first
// one stands in the book. So the same narrowing gives the same ids after a restart, and another label
// gives others, which cannot be compared.
type key [32]byte

// derive makes the key of what comes out of something.
func (k key) derive(how string, with ...string) key {
	mac := hmac.New(sha256.New, k[:])
	for _, part := range append([]string{how}, with...) {
		mac.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		mac.Write([]byte(part))
	}
	return key(mac.Sum(nil))
}

// row is the key as the database has it: enough to find rows, not to make ids.
func (k key) row() []byte {
	r := k.derive("row")
	return r[:16]
}

// show makes an id of a row's number: an encryption of the number and eight zero bytes, in 26
// letters. Whoever does not have the key can neither compare ids of two views nor make one up.
func (k key) show(what string, n int64) string {
	var block [aes.BlockSize]byte
	binary.BigEndian.PutUint64(block[:], uint64(n))
	k.cipher(what).Encrypt(block[:], block[:])
	return letters().EncodeToString(block[:])
}

// find is the reverse of show; it fails for what show did not make.
func (k key) find(what, id string) (int64, bool) {
	b, err := letters().DecodeString(id)
	if err != nil || len(b) != aes.BlockSize || letters().EncodeToString(b) != id {
		return 0, false
	}
	k.cipher(what).Decrypt(b, b)
	n := int64(binary.BigEndian.Uint64(b))
	return n, binary.BigEndian.Uint64(b[8:]) == 0 && n > 0
}

func (k key) cipher(what string) cipher.Block {
	secret := k.derive("ids", what)
	c, err := aes.NewCipher(secret[:])
	if err != nil {
		panic("contacts: " + err.Error()) // only for keys of odd sizes
	}
	return c
}

func letters() *base32.Encoding {
	return base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
}

// after finds where a page begins.
func (k key) after(what, id string) (int64, error) {
	if id == "" {
		return 0, nil
	}
	if n, ok := k.find(what, id); ok {
		return n, nil
	}
	return 0, capnp.NewError(capnp.Failed, "after is not an id from here")
}
