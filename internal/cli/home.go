package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"lanyard.dev/internal/cli/petname"
	"lanyard.dev/internal/private"
	"lanyard.dev/vat"
)

// A home is the folder where a person's identity, petnames and configuration are.
type home struct {
	dir   string
	names *petname.Store
}

// homeDir is $LANYARD_HOME, or lanyard in the folder where configurations are.
func homeDir() (string, error) {
	if dir := os.Getenv("LANYARD_HOME"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("%w; set LANYARD_HOME to a folder of yours", err)
	}
	return filepath.Join(dir, "lanyard"), nil
}

// openHome opens the home that "lanyard init" has made.
func openHome() (*home, error) {
	dir, err := homeDir()
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(filepath.Join(dir, identityFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, hinted(fmt.Errorf("there is no identity in %s", dir), "lanyard init makes one")
	}
	if err := private.Dir(dir); err != nil {
		return nil, err
	}
	names, err := petname.Open(filepath.Join(dir, petnameDir))
	if err != nil {
		return nil, err
	}
	return &home{dir, names}, nil
}

// What is in a home.
const (
	identityFile = "identity.pem"
	serverFile   = "server.pem"
	configFile   = "lanyard.toml"
	petnameDir   = "petnames"
)

func (h *home) identity() (*vat.Identity, error) {
	return vat.LoadIdentity(filepath.Join(h.dir, identityFile))
}

// server returns the identity of what this home serves, which is another than its owner's: the two talk to each other
// like strangers. It is made when it is first needed.
func (h *home) server() (*vat.Identity, error) {
	file := filepath.Join(h.dir, serverFile)
	id, err := vat.LoadIdentity(file)
	if errors.Is(err, fs.ErrNotExist) {
		return vat.CreateIdentity(file)
	}
	return id, err
}

// reference returns what is kept under a petname.
func (h *home) reference(name string) (vat.Reference, error) {
	text, err := h.names.Reference(name)
	if err != nil {
		return vat.Reference{}, hinted(err, "lanyard ls lists what is; lanyard add NAME adds")
	}
	r, err := parseReference(text)
	if err != nil {
		return r, fmt.Errorf("petname %s: %w", name, err)
	}
	return r, nil
}
