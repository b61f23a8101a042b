package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// An implementation is one implementation: a program that serves, calls itself, or both.
type implementation struct {
	name     string
	program  []string // as package peer describes it
	compiler []string // writes a CodeGeneratorRequest to standard output, given schema files; or nil
	cpp      bool
	library  string // what its client says it is
}

// base is the peer that the others are compared with: the newest C++.
func base(peers []*implementation) *implementation {
	for _, p := range peers {
		if p.cpp {
			return p
		}
	}
	return nil
}

// findPeers builds what can be built here; missing says what cannot.
func findPeers(ctx context.Context, o *options) (peers []*implementation, missing []string, err error) {
	here, err := moduleFolder(ctx)
	if err != nil {
		return nil, nil, err
	}
	root := filepath.Dir(here)
	build := filepath.Join(here, "build")
	schemas := filepath.Join(root, "capnp", "schemas")
	add := func(p *implementation) {
		if o.peers.MatchString(p.name) {
			peers = append(peers, p)
		}
	}

	goBuild := filepath.Join(build, "go")
	if err := command(ctx, here, "go", "build", "-o", goBuild+"/", "./peers/..."); err != nil {
		return nil, nil, err
	}
	cli := filepath.Join(goBuild, "cli")
	if err := command(ctx, root, "go", "build", "-o", cli, "./cmd/lanyard"); err != nil {
		return nil, nil, err
	}
	add(&implementation{name: "lanyard", program: []string{filepath.Join(goBuild, "lanyard")},
		compiler: []string{cli, "schema", "compile", "-o-", "--no-standard-import", "-I", schemas, "--src-prefix", schemas}})

	cppCompiler := func(program string) []string {
		return []string{program, "compile", "-o-", "--no-standard-import", "-I" + schemas, "--src-prefix=" + schemas}
	}
	cpp := filepath.Join(here, "peers", "cpp")
	if prefix := os.Getenv("CAPNP_PREFIX"); prefix != "" {
		to := filepath.Join(build, fmt.Sprintf("cpp-%08x", crc32.ChecksumIEEE([]byte(prefix))))
		if err := command(ctx, cpp, "make", "-s", "-j2", "BUILD="+to, "CAPNP_PREFIX="+prefix); err != nil {
			return nil, nil, fmt.Errorf("CAPNP_PREFIX: %w", err)
		}
		add(&implementation{name: "cpp-prefix", program: []string{filepath.Join(to, "peer")}, compiler: cppCompiler(filepath.Join(prefix, "bin", "capnp")), cpp: true})
	} else {
		missing = append(missing, "a newer C++: CAPNP_PREFIX is not set")
	}
	if err := command(ctx, cpp, "make", "-s", "-j2", "BUILD="+filepath.Join(build, "cpp")); err == nil {
		add(&implementation{name: "cpp", program: []string{filepath.Join(build, "cpp", "peer")}, compiler: cppCompiler("capnp"), cpp: true})
	} else {
		missing = append(missing, "the installed C++: it does not build (interop/setup installs it)")
		fmt.Fprintln(os.Stderr, "bench/rpc: no C++ here:", err)
	}
	python := filepath.Join(root, "interop", "build", "venv", "bin", "python")
	if err := command(ctx, here, python, "-c", "import capnp"); err == nil {
		add(&implementation{name: "pycapnp", program: []string{python, filepath.Join(here, "peers", "python", "peer.py")}})
	} else {
		missing = append(missing, "pycapnp: interop/setup installs it")
	}
	for _, name := range []string{"grpc", "netrpc", "raw"} {
		add(&implementation{name: name, program: []string{filepath.Join(goBuild, name)}})
	}
	if len(peers) == 0 {
		return nil, nil, errors.New("no peer has such a name")
	}
	return peers, missing, nil
}

// moduleFolder is where bench's go.mod is.
func moduleFolder(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	folder := filepath.Dir(strings.TrimSpace(string(out)))
	if _, err := os.Stat(filepath.Join(folder, "peers", "cpp")); err != nil {
		return "", errors.New("run this in the folder bench, or by make bench")
	}
	return folder, err
}

// command runs something to its end; the error holds what it said.
func command(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	// Make passes its own options on through the environment; CAPNP_PREFIX is for
	// one of the builds only.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return strings.HasPrefix(kv, "CAPNP_PREFIX=") || strings.HasPrefix(kv, "MAKE")
	})
	out, err := cmd.CombinedOutput()
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", cmd, err), errors.New(string(bytes.TrimSpace(out))))
	}
	return nil
}
