package gogen_test

import (
	"strings"
	"testing"
)

// A schema that uses the annotations of lanyard.capnp needs no Go package for them.
func TestLanyardAnnotationsImportNothing(t *testing.T) {
	src, err := generate(t, `
using Lanyard = import "/lanyard.capnp";
interface Door $Lanyard.readOnly {
  look @0 (key :Text $Lanyard.secret) -> (open :Bool) $Lanyard.idempotent;
}
struct Key { bits @0 :Data $Lanyard.secret; }
`)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(src, "/schemas") || strings.Contains(src, "Imports:") {
		t.Errorf("the code imports the annotations:\n%s", src)
	}
}
