package vat

import (
	"errors"
	"fmt"
	"strings"

	"lanyard.dev/internal/private"
)

// maxFile is the largest file that ReadCap and LoadIdentity look into.
const maxFile = 16 << 10

// ReadCap reads the reference in a .cap file, which must be a regular file of this user's that
// nobody else can read. Errors contain the path, and nothing of the secret.
func ReadCap(path string) (Reference, error) {
	data, err := private.Read(path, maxFile)
	if err != nil {
		return Reference{}, err
	}
	r, err := Parse(strings.Trim(string(data), " \t\r\n"))
	if err != nil {
		return Reference{}, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// WriteCap writes a reference to a .cap file that only this user can read, in place of what was
// there. It is there whole or not at all.
func WriteCap(path string, r Reference) error {
	if r.IsZero() {
		return errors.New("there is no reference to write")
	}
	return private.Replace(path, []byte(r.Reveal()+"\n"))
}
