//go:build unix

package private

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// mine reports a file or folder of somebody else's.
func mine(path string, info fs.FileInfo) error {
	if s, ok := info.Sys().(*syscall.Stat_t); ok && int(s.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to another user", path)
	}
	return nil
}
