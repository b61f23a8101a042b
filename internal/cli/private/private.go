// Package private reads and writes files that only their owner may read: references, identities, databases. It is not
// for files that others should see.
package private

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// MaxSize is how long a file may be that Read reads.
const MaxSize = 1 << 20

// Dir makes a folder that only its owner can enter, with its parents, unless it is there. One that others can enter is
// refused: what they could do to its files nobody would notice.
func Dir(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err == nil || !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder (links are not followed)", path)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("others can enter %s, where secrets are: chmod 700 it", path)
	}
	return mine(path, info)
}

// Read returns what a file holds. A link, a file that others can read or write, and one of another owner are refused.
func Read(path string) ([]byte, error) {
	before, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if err := check(path, before); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// What was opened may not be what was looked at.
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !os.SameFile(before, info) {
		return nil, fmt.Errorf("%s was replaced while it was opened", path)
	}
	if err := check(path, info); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err == nil && len(data) > MaxSize {
		err = fmt.Errorf("%s is longer than %d bytes", path, MaxSize)
	}
	return data, err
}

func check(path string, info fs.FileInfo) error {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%s is a link, which is not followed: where it points may change", path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", path)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("others can open %s, which holds a secret: chmod 600 it, and think about who may have read it", path)
	}
	return mine(path, info)
}

// Create writes a new file that only its owner can read; one that is there is left alone, and the error is
// fs.ErrExist. A crash leaves the whole file or none.
func Create(path string, data []byte) error { return write(path, data, os.Link) }

// Replace writes a file like Create, in place of the one that is there.
func Replace(path string, data []byte) error { return write(path, data, os.Rename) }

func write(path string, data []byte, commit func(from, to string) error) (err error) {
	// CreateTemp makes files of mode 0600.
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := commit(f.Name(), path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
		}
		return err
	}
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		dir.Sync() // best effort: not every file system can
		dir.Close()
	}
	return nil
}
