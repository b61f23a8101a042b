package store

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"lanyard.dev/internal/private"
)

// LoadKey reads a key file: 64 hexadecimal digits. ErrKey if it is no regular
// file (a symbolic link is none), can be read or written by others than its
// owner, belongs to somebody else, or holds something else; [fs.ErrNotExist] if there is none.
func LoadKey(path string) (Key, error) {
	var k Key
	text, err := private.Read(path, 1<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if err != nil {
		return k, fmt.Errorf("%w: %w", ErrKey, err)
	}
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(b) != len(k) {
		return k, fmt.Errorf("%w: the key file does not hold 64 hexadecimal digits", ErrKey)
	}
	copy(k[:], b)
	return k, nil
}

// CreateKey makes a key and writes it to a file of mode 0600, durably and whole or not
// at all. If the file exists already, it is an error that matches [fs.ErrExist].
func CreateKey(path string) (Key, error) {
	k := NewKey()
	if err := private.Create(path, []byte(hex.EncodeToString(k[:])+"\n")); err != nil {
		return Key{}, err
	}
	return k, nil
}

// LoadOrCreateKey reads a key file, or makes it if it is missing and may be made.
func LoadOrCreateKey(path string, create bool) (Key, error) {
	k, err := LoadKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if !create {
		return k, fmt.Errorf("%w: the key file is missing; without it no reference can be restored", ErrKey)
	}
	k, err = CreateKey(path)
	if errors.Is(err, fs.ErrExist) { // somebody else was faster
		return LoadKey(path)
	}
	return k, err
}
