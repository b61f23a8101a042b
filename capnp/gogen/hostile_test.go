package gogen_test

import (
	"errors"
	"strings"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/gogen"
	"lanyard.dev/capnp/schema"
)

const fileID = 0x9eb32e19f86ee174

// request builds a request for one file with nodes as no compiler makes them. add gets the nodes to fill in; the
// first is the file, which names all others.
func request(n int, add func(nodes capnp.ListBuilder[schema.NodeBuilder])) schema.CodeGeneratorRequest {
	m := capnp.NewMessage(nil)
	req := schema.NewRootCodeGeneratorRequest(m)
	f := req.NewRequestedFiles(1).At(0)
	f.SetId(fileID)
	f.SetFilename("x.capnp")
	nodes := req.NewNodes(n + 1)
	nodes.At(0).SetId(fileID)
	nodes.At(0).SetDisplayName("x.capnp")
	nodes.At(0).SetFile()
	nested := nodes.At(0).NewNestedNodes(n)
	for i := range n {
		node := nodes.At(i + 1)
		node.SetId(uint64(i + 1))
		node.SetScopeId(fileID)
		node.SetDisplayName("x.capnp:" + string(rune('A'+i)))
		node.SetDisplayNamePrefixLength(8)
		nested.At(i).SetId(uint64(i + 1))
	}
	add(nodes)
	return capnp.Root[schema.CodeGeneratorRequest](m.Seal())
}

func generateRequest(req schema.CodeGeneratorRequest) ([]gogen.File, error) {
	return gogen.Generate(req, &gogen.Options{Packages: map[string]string{"x.capnp": "example.org/p"}})
}

func TestBrokenRequests(t *testing.T) {
	tests := []struct {
		name string
		n    int
		add  func(nodes capnp.ListBuilder[schema.NodeBuilder])
		want string
	}{
		{"name with code in it", 1, func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
			nodes.At(1).SetDisplayName("x.capnp:A struct{}\nfunc init() {}\ntype B")
			nodes.At(1).NewStruct()
		}, "no exported Go identifier"},
		{"field name with code in it", 1, func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
			f := nodes.At(1).NewStruct()
			f.SetDataWordCount(1)
			f.NewFields(1).At(0).SetName("a() int { panic(1) }\n//")
			f.EditFields().At(0).SetDiscriminantValue(0xffff)
		}, "no exported Go identifier"},
		{"prefix beyond the name", 1, func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
			nodes.At(1).SetDisplayNamePrefixLength(1 << 31)
			nodes.At(1).NewStruct()
		}, "no exported Go identifier"},
		{"field outside the struct", 1, func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
			f := nodes.At(1).NewStruct().NewFields(1).At(0)
			f.SetName("a")
			f.NewSlot().SetOffset(0xffffffff)
			f.EditSlot().NewType().SetUint64()
			f.EditSlot().NewDefaultValue().SetUint64(0)
		}, "A.a: it lies outside its struct"},
		{"pointer outside the struct", 1, func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
			f := nodes.At(1).NewStruct().NewFields(1).At(0)
			f.SetName("a")
			f.NewSlot().SetOffset(1 << 16)
			f.EditSlot().NewType().SetText()
			f.EditSlot().NewDefaultValue().SetText("")
		}, "A.a: it lies outside its struct"},
		{"default of another type", 1, func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
			s := nodes.At(1).NewStruct()
			s.SetDataWordCount(1)
			f := s.NewFields(1).At(0)
			f.SetName("a")
			f.NewSlot().NewType().SetUint64()
			f.EditSlot().NewDefaultValue().SetBool(true)
		}, "A.a: its default is not of its type"},
		{"type that does not exist", 1, func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
			s := nodes.At(1).NewStruct()
			s.SetPointerCount(1)
			f := s.NewFields(1).At(0)
			f.SetName("a")
			f.NewSlot().NewType().NewStruct().SetTypeId(77)
			f.EditSlot().NewDefaultValue().NewStruct()
		}, "x.capnp: it uses @0x4d, which the request does not describe"},
		{"unknown kind of type", 1, func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
			s := nodes.At(1).NewStruct()
			s.SetPointerCount(1)
			f := s.NewFields(1).At(0)
			f.SetName("a")
			capnp.StructBuilder(f.NewSlot().NewType()).SetUint16(0, 99)
			capnp.StructBuilder(f.EditSlot().NewDefaultValue()).SetUint16(0, 99)
		}, "A.a: its type has the unknown kind 99"},
		{"group of another struct", 2, func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
			nodes.At(2).NewStruct().SetIsGroup(true)
			f := nodes.At(1).NewStruct().NewFields(1).At(0)
			f.SetName("a")
			f.NewGroup().SetTypeId(2)
		}, "A.a: its group is not declared in the same struct"},
		{"group that is itself", 1, func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
			s := nodes.At(1).NewStruct()
			s.SetIsGroup(true)
			f := s.NewFields(1).At(0)
			f.SetName("a")
			f.NewGroup().SetTypeId(1)
		}, "A.a: its group is not declared in the same struct"},
		{"interface that extends nothing known", 1, func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
			nodes.At(1).NewInterface().NewSuperclasses(1).At(0).SetId(5)
		}, "A: it extends @0x5, which the request does not describe"},
		{"interface that extends a struct", 2, func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
			nodes.At(1).NewInterface().NewSuperclasses(1).At(0).SetId(2)
			nodes.At(2).NewStruct()
		}, "A: it extends @0x2, which"},
		{"method without parameters", 1, func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
			nodes.At(1).NewInterface().NewMethods(1).At(0).SetName("m")
		}, "A.m: its parameters or results are @0x0"},
		{"two nodes with one name", 2, func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
			nodes.At(1).NewStruct()
			nodes.At(2).NewStruct()
			nodes.At(2).SetDisplayName("x.capnp:A")
		}, "its Go name A is taken by A"},
		{"two values with one name", 1, func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
			l := nodes.At(1).NewEnum().NewEnumerants(2)
			l.At(0).SetName("a")
			l.At(1).SetName("a")
		}, "A.a: its Go name AA is taken by A.a"},
		{"constant of another type", 1, func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
			c := nodes.At(1).NewConst()
			c.NewType().SetInt8()
			c.NewValue().SetText("x")
		}, "A: its value is not of its type"},
		{"file without a node", 0, func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
			nodes.At(0).SetId(3)
		}, "x.capnp: the request has no node for this file"},
		{"name that grows", 40, func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
			for i := range 40 {
				n := nodes.At(i + 1)
				n.SetDisplayName("x.capnp:" + strings.Repeat("A", 100))
				n.NewStruct()
				if i > 0 {
					n.SetScopeId(uint64(i))
					nodes.At(i).NewNestedNodes(1).At(0).SetId(uint64(i + 1))
				}
			}
		}, "its Go name is too long"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := generateRequest(request(test.n, test.add))
			ps, ok := errors.AsType[gogen.Problems](err)
			if !ok || !strings.Contains(ps.Error(), test.want) {
				t.Errorf("error is %v, want %q", err, test.want)
			}
			if ok && strings.ContainsAny(strings.Join(strings.Split(ps.Error(), "\n"), ""), "\x00\r\x1b") {
				t.Errorf("error has control characters: %q", err)
			}
		})
	}
}

// Nodes that lie in each other, or are listed many times, end.
func TestRequestsWithLoops(t *testing.T) {
	tests := map[string]func(nodes capnp.ListBuilder[schema.NodeBuilder]){
		"scopes": func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
			nodes.At(1).SetScopeId(2)
			nodes.At(2).SetScopeId(1)
			for i := range 2 {
				nodes.At(i + 1).NewStruct()
				l := nodes.At(i + 1).NewNestedNodes(50)
				for j := range 50 {
					l.At(j).SetId(uint64(2 - i))
				}
			}
		},
		"file in itself": func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
			nodes.At(0).SetScopeId(1)
			nodes.At(1).NewStruct()
			l := nodes.At(1).NewNestedNodes(50)
			for j := range 50 {
				l.At(j).SetId(fileID)
			}
		},
		"superclasses": func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
			for i := range 2 {
				nodes.At(i + 1).NewInterface().NewSuperclasses(1).At(0).SetId(uint64(2 - i))
			}
		},
		"groups": func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
			for i := range 2 {
				n := nodes.At(i + 1)
				n.SetScopeId(uint64(2 - i))
				s := n.NewStruct()
				s.SetIsGroup(i == 1)
				l := s.NewFields(30)
				for j := range 30 {
					l.At(j).SetName("a" + string(rune('a'+j)))
					l.At(j).NewGroup().SetTypeId(uint64(2 - i))
				}
			}
			nodes.At(1).SetScopeId(fileID)
		},
	}
	for name, add := range tests {
		t.Run(name, func(t *testing.T) {
			files, err := generateRequest(request(2, add))
			if err == nil {
				checkSource(t, files[0].Source)
			}
		})
	}
}

func TestManyAncestors(t *testing.T) {
	const n = 1200
	_, err := generateRequest(request(n, func(nodes capnp.ListBuilder[schema.NodeBuilder]) {
		for i := range n {
			nodes.At(i + 1).SetDisplayName("x.capnp:I" + strings.Repeat("i", i%7) + string(rune('a'+i%26)))
			nodes.At(i + 1).NewInterface()
			if i > 0 {
				nodes.At(i + 1).EditInterface().NewSuperclasses(1).At(0).SetId(uint64(i))
			}
		}
	}))
	if err == nil || !strings.Contains(err.Error(), "too many interfaces") {
		t.Errorf("error is %.200v", err)
	}
}
