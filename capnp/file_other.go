//go:build !unix

package capnp

import (
	"errors"
	"os"
)

// DupFile returns errors.ErrUnsupported on this system.
func DupFile(*os.File) (*os.File, error) { return nil, errors.ErrUnsupported }
