package typeid_test

import (
	"bytes"
	"fmt"
	"testing"

	"lanyard.dev/capnp/compiler/typeid"
)

// The expected values are those of C++'s type-id-test.
func TestDerivedIDsEqualUpstream(t *testing.T) {
	const file, node, iface = 0xa93fc509624c72d9, 0xe682ab4cf923a417, 0x88eb12a0e0af92b2
	for _, tt := range []struct {
		what      string
		got, want uint64
	}{
		{"child of a file", typeid.Child(file, "Node"), node},
		{"child of a struct", typeid.Child(node, "NestedNode"), 0xdebf55bbfa0fc242},
		{"group", typeid.Group(node, 7), 0x9ea0b19b37fb4435},
		{"params of method 0", typeid.Params(iface, 0, false), 0xb874edc0d559b391},
		{"results of method 0", typeid.Params(iface, 0, true), 0xb04fcaddab714ba4},
		{"params of method 1", typeid.Params(iface, 1, false), 0xd044893357b42568},
		{"results of method 1", typeid.Params(iface, 1, true), 0x9bf141df4247d52f},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %#x, want %#x", tt.what, tt.got, tt.want)
		}
	}
}

func TestNewSetsTheTopBit(t *testing.T) {
	id, err := typeid.New(bytes.NewReader(make([]byte, 8)))
	if err != nil || id != typeid.Min {
		t.Errorf("New(zeroes) = %#x, %v; want %#x", id, err, typeid.Min)
	}
	if _, err := typeid.New(bytes.NewReader(make([]byte, 7))); err == nil {
		t.Error("New on a short source succeeded")
	}
}

func ExampleFormat() {
	fmt.Println(typeid.Format(0x85150b117366d14b))
	// Output: @0x85150b117366d14b
}
