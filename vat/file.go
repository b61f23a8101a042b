package vat

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxFile is the largest file that ReadCap and LoadIdentity look into.
const maxFile = 16 << 10

// readPrivate reads a file that holds a secret. What others could have read, or put there, is
// refused. Errors hold nothing of the content.
func readPrivate(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|openFlags, 0)
	if isSymlink(err) {
		return nil, fmt.Errorf("%s is a symbolic link: name the file itself", path)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", path)
	case ownerOf(info) != nil && *ownerOf(info) != os.Geteuid():
		return nil, fmt.Errorf("%s belongs to somebody else", path)
	case checksModes && info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("others can read or write %s (mode %04o): its secret may be known; chmod 600 it, or get a new one", path, info.Mode().Perm())
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	return data, err
}

// writePrivate makes a file with mode 0600, whole or not at all. Unless it may replace what is
// there, that is an error.
func writePrivate(path string, data []byte, replace bool) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*.tmp") // 0600
	if err != nil {
		return err
	}
	defer func() {
		f.Close()
		os.Remove(f.Name())
	}()
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return err
	}
	if replace {
		err = os.Rename(f.Name(), path)
	} else if err = os.Link(f.Name(), path); errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("%s exists: %w", path, fs.ErrExist)
	}
	if err != nil {
		return err
	}
	if d, err := os.Open(dir); err == nil { // so that the name, too, survives a power failure
		d.Sync()
		d.Close()
	}
	return nil
}
