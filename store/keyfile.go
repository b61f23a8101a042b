package store

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// LoadKey reads a key file: 64 hexadecimal digits. ErrKey if it is no regular
// file (a symbolic link is none), can be read or written by others than its
// owner, or holds something else; [fs.ErrNotExist] if there is none.
func LoadKey(path string) (Key, error) {
	var k Key
	before, err := os.Lstat(path)
	if err != nil {
		return k, err
	}
	if !before.Mode().IsRegular() {
		return k, fmt.Errorf("%w: the key file is no regular file", ErrKey)
	}
	f, err := os.Open(path)
	if err != nil {
		return k, err
	}
	defer f.Close()
	// What was opened is what was looked at, and its mode is that of the open file.
	info, err := f.Stat()
	if err != nil {
		return k, err
	}
	if !os.SameFile(before, info) {
		return k, fmt.Errorf("%w: the key file changed while it was opened", ErrKey)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return k, fmt.Errorf("%w: the key file has mode %#o, others may not read it (chmod 600)", ErrKey, info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, 1<<10))
	if err != nil {
		return k, err
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
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return Key{}, err
	}
	defer os.Remove(f.Name())
	_, err = io.WriteString(f, hex.EncodeToString(k[:])+"\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return Key{}, err
	}
	if err := os.Link(f.Name(), path); err != nil { // unlike a rename, never over another one
		return Key{}, err
	}
	d, err := os.Open(dir)
	if err != nil {
		return Key{}, err
	}
	return k, errors.Join(d.Sync(), d.Close())
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
