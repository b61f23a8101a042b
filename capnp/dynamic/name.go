package dynamic

import (
	"fmt"
	"strings"

	"lanyard.dev/capnp/schema"
)

// shortName is a node's name without that of its file.
func shortName(n schema.Node, id uint64) string {
	name := n.DisplayName()
	if _, after, ok := strings.Cut(name, ":"); ok {
		name = after
	}
	if name == "" {
		return fmt.Sprintf("@%#016x", id)
	}
	return clip(name)
}

// clip shortens what a stranger may have written, for errors.
func clip(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// find returns the only node of a kind with a name: that of the schema, or the last parts of it.
func find(reg *schema.Registry, name string, want schema.NodeWhich) (schema.Node, error) {
	var found []schema.Node
	for n := range reg.All() {
		if n.Which() != want || n.Struct().IsGroup() || n.ScopeId() == 0 && want != schema.NodeWhichFile && isMade(n) {
			continue
		}
		switch full := n.DisplayName(); {
		case full == name || shortName(n, n.Id()) == name:
			return n, nil
		case strings.HasSuffix(full, "."+name) || strings.HasSuffix(full, "/"+name):
			found = append(found, n)
		}
	}
	switch len(found) {
	case 0:
		return schema.Node{}, fmt.Errorf("no %s is called %q", want, clip(name))
	case 1:
		return found[0], nil
	}
	return schema.Node{}, fmt.Errorf("%q may be %s or %s", clip(name), shortName(found[0], 0), shortName(found[1], 0))
}

// isMade reports whether a struct came with a method and has no name of its own.
func isMade(n schema.Node) bool { return strings.Contains(n.DisplayName(), "$") }

// FindStruct returns the struct type with a name, which may leave out the file and what it is nested in as long
// as only one type is meant.
func FindStruct(reg *schema.Registry, name string) (StructType, error) {
	n, err := find(reg, name, schema.NodeWhichStruct)
	if err != nil {
		return StructType{}, err
	}
	return StructType{reg, n.Id(), n, nil}, nil
}

// FindInterface returns the interface with a name, as [FindStruct] does.
func FindInterface(reg *schema.Registry, name string) (Interface, error) {
	n, err := find(reg, name, schema.NodeWhichInterface)
	if err != nil {
		return Interface{}, err
	}
	return Interface{reg, n.Id(), n, nil}, nil
}
