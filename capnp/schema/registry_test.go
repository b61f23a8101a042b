package schema_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/packed"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/capnp/schemas/httpovercapnp"
	"lanyard.dev/capnp/schemas/rpc"
)

func ExampleLoad() {
	reg, err := schema.Load(rpc.RpcSchema())
	if err != nil {
		fmt.Println(err)
		return
	}
	message, _ := reg.Node(0x91b79f1f808db032)
	fmt.Println(message.DisplayName())
	for _, f := range message.Struct().Fields().All() {
		if f.Name() == "call" {
			target, _ := reg.Node(f.Slot().Type().Struct().TypeId())
			fmt.Println("call is a", target.DisplayName())
		}
	}
	// Output:
	// capnp/rpc.capnp:Message
	// call is a capnp/rpc.capnp:Call
}

// Every type that a loaded node mentions is there, whatever package it comes from.
func TestLoadIsComplete(t *testing.T) {
	reg, err := schema.Load(httpovercapnp.HttpOverCapnpSchema(), schema.SchemaSchema())
	if err != nil {
		t.Fatal(err)
	}
	var missing []uint64
	need := func(id uint64) {
		if _, ok := reg.Node(id); !ok && id != 0 && !slices.Contains(missing, id) {
			missing = append(missing, id)
		}
	}
	count := 0
	for n := range reg.All() {
		count++
		for _, f := range n.Struct().Fields().All() {
			t := f.Slot().Type()
			for t.Which() == schema.TypeWhichList {
				t = t.List().ElementType()
			}
			need(t.Struct().TypeId())
			need(t.Enum().TypeId())
			need(t.Interface().TypeId())
			need(f.Group().TypeId())
		}
		for _, m := range n.Interface().Methods().All() {
			need(m.ParamStructType())
			need(m.ResultStructType())
		}
		for _, c := range n.NestedNodes().All() {
			need(c.Id())
		}
	}
	if count < 50 {
		t.Errorf("only %d nodes", count)
	}
	for _, id := range missing {
		t.Errorf("@%#x is missing", id)
	}
}

func TestLoadRefusesDamage(t *testing.T) {
	good := rpc.RpcSchema()
	for name, nodes := range map[string]string{
		"cut off":   good.Nodes[:len(good.Nodes)/2],
		"not words": "\xff",
		"a bomb":    strings.Repeat("\x00\xff", 1<<20),
		"no root":   "",
		"a bad pointer": string(packed.Pack(nil, []byte{
			0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
		})),
	} {
		f := capnp.SchemaFile{ID: good.ID, Name: "x.capnp", Nodes: nodes}
		if _, err := schema.Load(f); err == nil || !strings.HasPrefix(err.Error(), "schema of x.capnp: ") {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}
