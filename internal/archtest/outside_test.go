package archtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// outsideProgram is what a user of the module might write first.
const outsideProgram = `package main

import (
	"fmt"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
)

func main() {
	m := capnp.NewMessage(nil)
	root := capnp.NewRootStruct(m, capnp.StructSize{DataWords: 1, Pointers: 1})
	root.SetUint32(0, 42)
	root.SetText(0, "from outside")
	back, _, err := frame.Unmarshal(frame.Marshal(m), nil)
	if err != nil {
		panic(err)
	}
	s := capnp.Root[capnp.Struct](back)
	fmt.Println(s.Uint32(0), s.Text(0))
}
`

// TestOutsideModule builds and runs a program in a module of its own that
// finds this one through a replace line, with no network.
func TestOutsideModule(t *testing.T) {
	if testing.Short() {
		t.Skip("builds another module")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, data := range map[string]string{
		"go.mod":  "module outside.example\n\ngo 1.26\n\nrequire lanyard.dev v0.0.0\n\nreplace lanyard.dev => " + root + "\n",
		"go.sum":  string(sum),
		"main.go": outsideProgram,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "run", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "42 from outside" {
		t.Errorf("go run in a module of its own: %v\n%s", err, out)
	}
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mod), "github.com") {
		t.Errorf("a user of the core inherits dependencies:\n%s", mod)
	}
}
