package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// A peer is one implementation: a server and a client that loads it.
type peer struct {
	name           string
	server, client []string
	ours           bool
}

const interop = "../interop"

// findPeers builds what can be built here: ours, and the C++ that is installed.
// The first C++ is what the others are compared with.
func findPeers(ctx context.Context, dir string) ([]peer, error) {
	var peers []peer
	cpp := filepath.Join(interop, "build")
	if err := command(ctx, "make", "-s", "-C", interop, "cpp"); err == nil {
		peers = append(peers, built("C++", cpp))
	} else {
		fmt.Fprintln(os.Stderr, "bench: no C++ here:", err)
	}
	if prefix := os.Getenv("CAPNP_PREFIX"); prefix != "" {
		build := filepath.Join(dir, "cpp")
		if err := command(ctx, "make", "-s", "-C", interop, "cpp", "BUILD="+build, "CAPNP_PREFIX="+prefix); err != nil {
			return nil, fmt.Errorf("CAPNP_PREFIX: %w", err)
		}
		peers = append(peers, built("C++ of CAPNP_PREFIX", build))
	}
	ours := filepath.Join(dir, "gopeer")
	if err := command(ctx, "go", "build", "-o", ours, "lanyard.dev/interop/gopeer"); err != nil {
		return nil, err
	}
	peers = append(peers, peer{name: "Lanyard", server: []string{ours, "serve"}, client: []string{ours, "load"}, ours: true})
	return peers, nil
}

func built(name, dir string) peer {
	return peer{name: name, server: []string{filepath.Join(dir, "probeserver")}, client: []string{filepath.Join(dir, "probeclient")}}
}

// command runs something to its end; the error holds what it said.
func command(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	// Make passes its own options on through the environment; CAPNP_PREFIX is for
	// the second build only.
	for _, kv := range os.Environ() {
		if !bytes.HasPrefix([]byte(kv), []byte("CAPNP_PREFIX=")) && !bytes.HasPrefix([]byte(kv), []byte("MAKE")) {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", cmd, err), errors.New(string(bytes.TrimSpace(out))))
	}
	return nil
}
