//go:build unix

package private

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// openFlags: a link is not followed, a pipe not waited for.
const openFlags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK | syscall.O_CLOEXEC

func isLink(err error) bool { return errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.EMLINK) }

// Mine reports why a file or folder is not only its owner's: others can use it, or the owner is
// somebody else.
func Mine(path string, info fs.FileInfo) error {
	if s, ok := info.Sys().(*syscall.Stat_t); ok && int(s.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to somebody else", path)
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	if info.IsDir() {
		return fmt.Errorf("others can enter %s, where secrets are: chmod 700 it", path)
	}
	return fmt.Errorf("others can open %s, which holds a secret: chmod 600 it, and think about who may have read it", path)
}
