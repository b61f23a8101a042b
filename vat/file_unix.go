//go:build unix

package vat

import (
	"errors"
	"io/fs"
	"syscall"
)

// openFlags: a link is not followed, a pipe not waited for.
const openFlags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK | syscall.O_CLOEXEC

const checksModes = true

func isSymlink(err error) bool {
	return errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.EMLINK)
}

// ownerOf is the user whose file it is.
func ownerOf(info fs.FileInfo) *int {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return new(int(s.Uid))
	}
	return nil
}
