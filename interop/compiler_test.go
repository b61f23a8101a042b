package interop_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestCppGeneratorBehindOurCompiler: C++'s own code generator, run by our
// program under the name capnp, makes the headers that it makes for capnp.
func TestCppGeneratorBehindOurCompiler(t *testing.T) {
	need(t, cpp)
	ourCompiler := filepath.Join(t.TempDir(), "capnp")
	if err := os.Symlink(need(t, ours).calcServer[0], ourCompiler); err != nil {
		t.Fatal(err)
	}
	for _, schema := range []string{"../service/calculator/calculator.capnp", "testservice/testservice.capnp"} {
		t.Run(filepath.Base(schema), func(t *testing.T) {
			var headers [2][]byte
			for i, compiler := range []string{"capnp", ourCompiler} {
				dir := t.TempDir()
				cmd := exec.Command(compiler, "compile", "-I../capnp/schemas", "-oc++:"+dir, "--src-prefix="+filepath.Dir(schema), schema)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
				}
				var err error
				if headers[i], err = os.ReadFile(filepath.Join(dir, filepath.Base(schema)+".h")); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(headers[0], headers[1]) {
				t.Errorf("the headers differ:\n%s", firstDifference(headers[1], headers[0]))
			}
		})
	}
}

// firstDifference shows the first line in which two texts differ.
func firstDifference(got, want []byte) string {
	g, w := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range min(len(g), len(w)) {
		if !bytes.Equal(g[i], w[i]) {
			return "got:  " + string(g[i]) + "\nwant: " + string(w[i])
		}
	}
	return "one is longer"
}
