package convert

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
)

// tool is the capnp program. Without it tests are skipped, unless LANYARD_INTEROP=require.
type tool struct{ path string }

func needTool(t *testing.T) tool {
	t.Helper()
	policy := os.Getenv("LANYARD_INTEROP")
	if policy == "off" {
		t.Skip("LANYARD_INTEROP=off")
	}
	path, err := exec.LookPath("capnp")
	if err != nil {
		if policy == "require" {
			t.Fatal("LANYARD_INTEROP=require: ", err)
		}
		t.Skip("no capnp tool here; LANYARD_INTEROP=require makes this a failure")
	}
	return tool{path}
}

// convert is the tool's command of that name.
func (c tool) convert(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(c.path, append([]string{"convert", "--quiet"}, args...)...)
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, stderr.Bytes())
	}
	return out
}

// text converts to the text form, one line a message.
func (c tool) text(t *testing.T, in []byte, from, typ string) string {
	t.Helper()
	return string(c.convert(t, in, "--short", from+":text", "every.capnp", typ))
}
