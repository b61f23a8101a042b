package reflection

import (
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
)

// maxName bounds a name.
const maxName = 512

// sortOf is what a node is.
func sortOf(n schema.Node) (s sort, ok bool) {
	switch n.Which() {
	case schema.NodeWhichStruct:
		if n.Struct().IsGroup() {
			return groupNode, true
		}
		return structNode, true
	case schema.NodeWhichEnum:
		return enumNode, true
	case schema.NodeWhichInterface:
		return interfaceNode, true
	case schema.NodeWhichFile, schema.NodeWhichConst, schema.NodeWhichAnnotation:
		return anyNode, true
	}
	return anyNode, false
}

// fits reports whether a node is what a reference needs.
func (s sort) fits(is sort) bool { return s == is || s == anyNode && is != groupNode }

// verify checks what can be checked of a node by itself. parent is the node of a group's struct, null for others.
func verify(n, parent schema.Node) error {
	if n.Id()>>63 == 0 {
		return errors.New("its id is none")
	}
	if err := displayName(n.DisplayName()); err != nil {
		return err
	}
	if int64(n.DisplayNamePrefixLength()) > int64(len(n.DisplayName())) {
		return errors.New("its name is shorter than the prefix of it")
	}
	for _, p := range n.Parameters().All() {
		if err := identifier(p.Name()); err != nil {
			return err
		}
	}
	switch n.Which() {
	case schema.NodeWhichStruct:
		return verifyStruct(n, parent)
	case schema.NodeWhichEnum:
		return verifyEnum(n)
	case schema.NodeWhichInterface:
		return verifyInterface(n)
	case schema.NodeWhichFile, schema.NodeWhichConst, schema.NodeWhichAnnotation:
		return nil
	}
	return errors.New("it is of a kind that nobody knows")
}

// displayName checks a name that is shown to people: nothing in it may move a cursor.
func displayName(s string) error {
	if s == "" || len(s) > maxName || !utf8.ValidString(s) {
		return errors.New("its name is empty, too long or no UTF-8")
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return errors.New("its name has characters that cannot be printed")
		}
	}
	return nil
}

// identifier checks the name of a member.
func identifier(s string) error {
	if s == "" || len(s) > maxName {
		return errors.New("a name in it is empty or too long")
	}
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return fmt.Errorf("%.40q in it is no name", s)
		}
	}
	return nil
}

// names checks that members have names, each its own.
type names map[string]bool

func (n names) add(s string) error {
	if err := identifier(s); err != nil {
		return err
	}
	if n[s] {
		return fmt.Errorf("two members of it are called %q", s)
	}
	n[s] = true
	return nil
}

func verifyStruct(n, parent schema.Node) error {
	s := n.Struct()
	if s.IsGroup() {
		switch p := parent.Struct(); {
		case capnp.IsNull(parent) || n.ScopeId() != parent.Id():
			return errors.New("it is a group of another struct")
		case p.DataWordCount() != s.DataWordCount() || p.PointerCount() != s.PointerCount():
			return errors.New("it is a group of another size than its struct")
		}
	}
	count := int(s.DiscriminantCount())
	if count > 0 && (uint64(s.DiscriminantOffset())+1)*16 > uint64(s.DataWordCount())*64 {
		return errors.New("the tag of its union lies outside")
	}
	called, tags := names{}, make([]bool, count)
	members := 0
	for _, f := range s.Fields().All() {
		if err := called.add(f.Name()); err != nil {
			return err
		}
		if tag := f.DiscriminantValue(); tag != schema.FieldNoDiscriminantConst {
			if int(tag) >= count || tags[tag] {
				return fmt.Errorf("the tag of %s is none of its union's", f.Name())
			}
			tags[tag] = true
			members++
		}
		switch f.Which() {
		case schema.FieldWhichGroup:
		case schema.FieldWhichSlot:
			if err := verifySlot(s, f.Slot()); err != nil {
				return fmt.Errorf("%s: %w", f.Name(), err)
			}
		default:
			return fmt.Errorf("%s is of a kind that nobody knows", f.Name())
		}
	}
	if members != count {
		return errors.New("its union lacks members")
	}
	return nil
}

func verifySlot(s schema.NodeStruct, f schema.FieldSlot) error {
	bits, pointer, err := sizeOf(f.Type())
	switch at := uint64(f.Offset()); {
	case err != nil:
		return err
	case pointer && at >= uint64(s.PointerCount()), bits > 0 && (at+1)*bits > uint64(s.DataWordCount())*64:
		return errors.New("it lies outside of the struct")
	}
	// The variants of Type and Value are in the same order.
	if v := f.DefaultValue(); f.HasDefaultValue() && uint16(v.Which()) != uint16(f.Type().Which()) {
		return errors.New("its default is of another type")
	}
	return nil
}

// sizeOf returns the size of a field in the data section, or that it is a pointer.
func sizeOf(t schema.Type) (bits uint64, pointer bool, err error) {
	switch t.Which() {
	case schema.TypeWhichVoid:
		return 0, false, nil
	case schema.TypeWhichBool:
		return 1, false, nil
	case schema.TypeWhichInt8, schema.TypeWhichUint8:
		return 8, false, nil
	case schema.TypeWhichInt16, schema.TypeWhichUint16, schema.TypeWhichEnum:
		return 16, false, nil
	case schema.TypeWhichInt32, schema.TypeWhichUint32, schema.TypeWhichFloat32:
		return 32, false, nil
	case schema.TypeWhichInt64, schema.TypeWhichUint64, schema.TypeWhichFloat64:
		return 64, false, nil
	case schema.TypeWhichText, schema.TypeWhichData, schema.TypeWhichList, schema.TypeWhichStruct,
		schema.TypeWhichInterface, schema.TypeWhichAnyPointer:
		return 0, true, nil
	}
	return 0, false, errors.New("it is of a type that nobody knows")
}

func verifyEnum(n schema.Node) error {
	called := names{}
	if n.Enum().Enumerants().Len() > 1<<16 {
		return errors.New("it has too many values")
	}
	for _, e := range n.Enum().Enumerants().All() {
		if err := called.add(e.Name()); err != nil {
			return err
		}
	}
	return nil
}

func verifyInterface(n schema.Node) error {
	called := names{}
	if n.Interface().Methods().Len() > 1<<16 {
		return errors.New("it has too many methods")
	}
	for _, m := range n.Interface().Methods().All() {
		if err := called.add(m.Name()); err != nil {
			return err
		}
	}
	seen := map[uint64]bool{n.Id(): true}
	for _, s := range n.Interface().Superclasses().All() {
		if seen[s.Id()] {
			return errors.New("it extends itself, or one interface twice")
		}
		seen[s.Id()] = true
	}
	return nil
}
