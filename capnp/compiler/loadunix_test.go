//go:build unix

package compiler_test

import (
	"syscall"
	"testing"

	"lanyard.dev/capnp/compiler"
	"lanyard.dev/capnp/compiler/diag"
)

// TestOnlyRegularFilesAreRead: opening a FIFO would wait for ever, reading a
// device need not end.
func TestOnlyRegularFilesAreRead(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := syscall.Mkfifo("fifo.capnp", 0o666); err != nil {
		t.Skip(err)
	}
	write(t, map[string]string{"main.capnp": "struct A { x @0 :import \"fifo.capnp\".X; } const d :Data = embed \"fifo.capnp\"; const e :Data = embed \"/zero\";"})
	res, err := compiler.Compile([]string{"main.capnp"}, &compiler.Options{ImportPaths: []string{"/dev"}})
	if err != nil {
		t.Fatal(err)
	}
	wantCodes(t, res, diag.EmbedFailed, diag.ImportFailed)
	for _, d := range res.Diags {
		if d.Hint != "not a regular file" {
			t.Errorf("%s: hint %q", d, d.Hint)
		}
	}
	if _, err := compiler.Compile([]string{"fifo.capnp"}, nil); err == nil {
		t.Error("compiles a FIFO")
	}
}
