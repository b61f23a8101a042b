package compiler_test

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/internal/wire"
)

// dump is a request as text that diffs well: nodes and source info by id, the
// rest as it is. Cap'n Proto before 1.0 knows no positions. The source info of
// parameter lists is left out: released versions give all of it the id 0.
func dump(req schema.CodeGeneratorRequest, positions bool) string {
	d := &dumper{positions: positions}
	nodes := map[uint64]schema.Node{}
	for _, n := range req.Nodes().All() {
		if _, twice := nodes[n.Id()]; twice {
			d.line(0, "node @%x twice", n.Id())
		}
		nodes[n.Id()] = n
	}
	for _, id := range sortedKeys(nodes) {
		d.node(nodes[id])
	}
	infos := map[uint64]schema.NodeSourceInfo{}
	for _, s := range req.SourceInfo().All() {
		n := nodes[s.Id()]
		if s.Id() == 0 || n.Which() == schema.NodeWhichStruct && n.ScopeId() == 0 {
			continue
		}
		if _, twice := infos[s.Id()]; twice {
			d.line(0, "source info @%x twice", s.Id())
		}
		infos[s.Id()] = s
	}
	for _, id := range sortedKeys(infos) {
		d.info(infos[id])
	}
	for _, f := range req.RequestedFiles().All() {
		d.line(0, "file @%x %q", f.Id(), f.Filename())
		for _, i := range f.Imports().All() {
			d.line(1, "import @%x %q", i.Id(), i.Name())
		}
		if positions {
			d.identifiers(f)
		}
	}
	return d.b.String()
}

func sortedKeys[V any](m map[uint64]V) []uint64 {
	var keys []uint64
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

type dumper struct {
	b         strings.Builder
	positions bool
}

func (d *dumper) line(depth int, format string, args ...any) {
	d.b.WriteString(strings.Repeat("  ", depth))
	fmt.Fprintf(&d.b, format, args...)
	d.b.WriteByte('\n')
}

// at is a position, if those are wanted.
func (d *dumper) at(start, end uint32) string {
	if !d.positions {
		return ""
	}
	if end == 0 {
		return " [?)"
	}
	return fmt.Sprintf(" [%d,%d)", start, end)
}

func (d *dumper) node(n schema.Node) {
	d.line(0, "node @%x %q prefix %d scope @%x generic %t %v%s", n.Id(), n.DisplayName(), n.DisplayNamePrefixLength(),
		n.ScopeId(), n.IsGeneric(), n.Which(), d.at(n.StartByte(), n.EndByte()))
	for _, p := range n.Parameters().All() {
		d.line(1, "parameter %q", p.Name())
	}
	for _, c := range n.NestedNodes().All() {
		d.line(1, "nested @%x %q", c.Id(), c.Name())
	}
	d.annotations(1, n.Annotations())
	switch n.Which() {
	case schema.NodeWhichStruct:
		d.structure(n.Struct())
	case schema.NodeWhichEnum:
		for _, e := range n.Enum().Enumerants().All() {
			d.line(1, "enumerant %q order %d", e.Name(), e.CodeOrder())
			d.annotations(2, e.Annotations())
		}
	case schema.NodeWhichInterface:
		d.iface(n.Interface())
	case schema.NodeWhichConst:
		d.line(1, "type %s", typeText(n.Const().Type()))
		d.value(1, n.Const().Value())
	case schema.NodeWhichAnnotation:
		a := n.Annotation()
		d.line(1, "type %s", typeText(a.Type()))
		d.line(1, "targets %t %t %t %t %t %t %t %t %t %t %t %t", a.TargetsFile(), a.TargetsConst(), a.TargetsEnum(),
			a.TargetsEnumerant(), a.TargetsStruct(), a.TargetsField(), a.TargetsUnion(), a.TargetsGroup(),
			a.TargetsInterface(), a.TargetsMethod(), a.TargetsParam(), a.TargetsAnnotation())
	}
}

func (d *dumper) structure(s schema.NodeStruct) {
	d.line(1, "size %d %d encoding %v group %t union %d at %d", s.DataWordCount(), s.PointerCount(),
		s.PreferredListEncoding(), s.IsGroup(), s.DiscriminantCount(), s.DiscriminantOffset())
	for _, f := range s.Fields().All() {
		ordinal := "implicit"
		if f.Ordinal().Which() == schema.FieldOrdinalWhichExplicit {
			ordinal = fmt.Sprint("@", f.Ordinal().Explicit())
		}
		d.line(1, "field %q %s order %d tag %d", f.Name(), ordinal, f.CodeOrder(), f.DiscriminantValue())
		d.annotations(2, f.Annotations())
		if f.Which() == schema.FieldWhichGroup {
			d.line(2, "group @%x", f.Group().TypeId())
			continue
		}
		slot := f.Slot()
		d.line(2, "offset %d type %s explicit default %t", slot.Offset(), typeText(slot.Type()), slot.HadExplicitDefault())
		d.value(2, slot.DefaultValue())
	}
}

func (d *dumper) iface(n schema.NodeInterface) {
	for _, s := range n.Superclasses().All() {
		d.line(1, "extends @%x%s", s.Id(), brandText(s.Brand()))
	}
	for _, m := range n.Methods().All() {
		d.line(1, "method %q order %d", m.Name(), m.CodeOrder())
		for _, p := range m.ImplicitParameters().All() {
			d.line(2, "implicit %q", p.Name())
		}
		d.line(2, "params @%x%s", m.ParamStructType(), brandText(m.ParamBrand()))
		d.line(2, "results @%x%s", m.ResultStructType(), brandText(m.ResultBrand()))
		d.annotations(2, m.Annotations())
	}
}

func (d *dumper) annotations(depth int, all capnp.List[schema.Annotation]) {
	for _, a := range all.All() {
		d.line(depth, "annotation @%x%s", a.Id(), brandText(a.Brand()))
		d.value(depth+1, a.Value())
	}
}

func typeText(t schema.Type) string {
	switch t.Which() {
	case schema.TypeWhichList:
		return "List(" + typeText(t.List().ElementType()) + ")"
	case schema.TypeWhichEnum:
		return fmt.Sprintf("enum @%x%s", t.Enum().TypeId(), brandText(t.Enum().Brand()))
	case schema.TypeWhichStruct:
		return fmt.Sprintf("struct @%x%s", t.Struct().TypeId(), brandText(t.Struct().Brand()))
	case schema.TypeWhichInterface:
		return fmt.Sprintf("interface @%x%s", t.Interface().TypeId(), brandText(t.Interface().Brand()))
	case schema.TypeWhichAnyPointer:
		a := t.AnyPointer()
		switch a.Which() {
		case schema.TypeAnyPointerWhichParameter:
			return fmt.Sprintf("parameter @%x %d", a.Parameter().ScopeId(), a.Parameter().ParameterIndex())
		case schema.TypeAnyPointerWhichImplicitMethodParameter:
			return fmt.Sprintf("method parameter %d", a.ImplicitMethodParameter().ParameterIndex())
		}
		return "any " + fmt.Sprint(a.Unconstrained().Which())
	}
	return fmt.Sprint(t.Which())
}

func brandText(b schema.Brand) string {
	var all []string
	for _, s := range b.Scopes().All() {
		text := fmt.Sprintf("@%x inherit", s.ScopeId())
		if s.Which() == schema.BrandScopeWhichBind {
			var types []string
			for _, x := range s.Bind().All() {
				if x.Which() == schema.BrandBindingWhichUnbound {
					types = append(types, "unbound")
					continue
				}
				types = append(types, typeText(x.Type()))
			}
			text = fmt.Sprintf("@%x(%s)", s.ScopeId(), strings.Join(types, ", "))
		}
		all = append(all, text)
	}
	if len(all) == 0 {
		return ""
	}
	return " brand {" + strings.Join(all, "; ") + "}"
}

func (d *dumper) value(depth int, v schema.Value) {
	which := v.Which()
	switch which {
	case schema.ValueWhichVoid, schema.ValueWhichInterface:
		d.line(depth, "value %v", which)
	case schema.ValueWhichText, schema.ValueWhichData, schema.ValueWhichList, schema.ValueWhichStruct, schema.ValueWhichAnyPointer:
		d.line(depth, "value %v", which)
		d.object(depth+1, wire.Struct(v).Ptr(0))
	case schema.ValueWhichFloat32:
		d.line(depth, "value %v %v %#x", which, v.Float32(), math.Float32bits(v.Float32()))
	case schema.ValueWhichFloat64:
		d.line(depth, "value %v %v %#x", which, v.Float64(), math.Float64bits(v.Float64()))
	default:
		s := wire.Struct(v)
		d.line(depth, "value %v %#x %#x %#x", which, s.Uint16(2), s.Uint32(4), s.Uint64(8))
	}
}

// object dumps what a pointer leads to, as it is on the wire.
func (d *dumper) object(depth int, p wire.Ptr) {
	switch capnp.Ptr(p).Kind() {
	case capnp.PtrNull:
		d.line(depth, "null")
	case capnp.PtrStruct:
		d.wireStruct(depth, p.Struct())
	case capnp.PtrList:
		l := p.List(wire.KindAny)
		d.line(depth, "list of %d, element size %d", l.Len(), l.ElemSize())
		for i := range l.Len() {
			switch l.ElemSize() {
			case 0:
			case 1:
				d.line(depth+1, "%t", l.Bool(i))
			case 6:
				d.object(depth+1, l.Ptr(i))
			case 7:
				d.wireStruct(depth+1, l.Struct(i))
			default:
				d.line(depth+1, "%#x", l.Uint64(i)|uint64(l.Uint32(i))|uint64(l.Uint16(i))|uint64(l.Uint8(i)))
			}
		}
	default:
		d.line(depth, "capability")
	}
}

func (d *dumper) wireStruct(depth int, s wire.Struct) {
	d.line(depth, "struct of %v: %x", s.Size(), s.Data())
	for i := range s.Size().Pointers {
		d.object(depth+1, s.Ptr(i))
	}
}

func (d *dumper) info(s schema.NodeSourceInfo) {
	d.line(0, "source @%x%s %q", s.Id(), d.at(s.StartByte(), s.EndByte()), s.DocComment())
	for i, m := range s.Members().All() {
		d.line(1, "member %d%s %q", i, d.at(m.StartByte(), m.EndByte()), m.DocComment())
	}
}

// identifiers are dumped in order of place and without repetition: the order
// in which a compiler meets them is its own business.
func (d *dumper) identifiers(f schema.CodeGeneratorRequestRequestedFile) {
	var all []string
	for _, i := range f.FileSourceInfo().Identifiers().All() {
		all = append(all, fmt.Sprintf("identifier [%6d,%6d) @%x", i.StartByte(), i.EndByte(), i.TypeId()))
	}
	slices.Sort(all)
	for _, line := range slices.Compact(all) {
		d.line(1, "%s", line)
	}
}
