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

// MaxSize is how long files of people's may be: see Read.
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
	}
	return Mine(path, info)
}

// Read returns what a file of at most max bytes holds. A link, a file that others can read or write, and one of another owner are refused.
// Errors hold nothing of the content.
func Read(path string, max int) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|openFlags, 0)
	if isLink(err) {
		return nil, fmt.Errorf("%s is a link, which is not followed: where it points may change", path)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	if err := Mine(path, info); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(max)+1))
	if err == nil && len(data) > max {
		err = fmt.Errorf("%s is longer than %d bytes", path, max)
	}
	return data, err
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
