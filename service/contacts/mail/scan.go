package mail

import (
	"io"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Scan offers the new mails of a maildir to somebody, with the addresses that they came for. Those
// that are taken move to cur; the others stay.
func Scan(dir string, take func(to []string, r io.ReadSeeker) (taken bool, err error)) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	folder, err := root.Open("new")
	if err != nil {
		return err
	}
	entries, err := folder.ReadDir(maxScan)
	folder.Close()
	if err != nil && err != io.EOF {
		return err
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		name := filepath.Join("new", e.Name())
		taken, err := offer(root, name, take)
		if err != nil {
			return err
		}
		if taken {
			if err := root.Rename(name, filepath.Join("cur", e.Name()+":2,S")); err != nil {
				return err
			}
		}
	}
	return nil
}

const maxScan = 1000 // mails at a time

func offer(root *os.Root, name string, take func([]string, io.ReadSeeker) (bool, error)) (bool, error) {
	f, err := root.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	m, err := mail.ReadMessage(io.LimitReader(f, maxInbound))
	if err != nil {
		return false, nil // no mail that we could understand
	}
	var to []string
	for _, h := range []string{"Delivered-To", "X-Original-To"} {
		to = append(to, m.Header[h]...)
	}
	for _, h := range []string{"To", "Cc"} {
		list, _ := m.Header.AddressList(h)
		for _, a := range list {
			to = append(to, a.Address)
		}
	}
	return take(to, f)
}
