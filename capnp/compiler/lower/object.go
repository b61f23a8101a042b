package lower

import (
	"fmt"

	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/ir"
)

// object is a struct being filled.
type object struct{ *ir.Object }

// spend counts the words of something new against the limit.
func (c *evaluation) spend(expr ast.Expr, words int) bool {
	if c.l.words > c.l.limits.ValueWords {
		return false
	}
	c.l.words += words
	if c.l.words > c.l.limits.ValueWords {
		c.u.report(expr.Pos(), diag.ValueTooBig, fmt.Sprintf("The values of this schema take more than %d words.", c.l.limits.ValueWords))
		return false
	}
	return true
}

func (c *evaluation) newStruct(expr ast.Expr, node *ir.Node) (object, bool) {
	s := node.Struct
	if !c.spend(expr, int(s.DataWords+s.Pointers)+1) {
		return object{}, false
	}
	return object{&ir.Object{Kind: ir.StructObject, Words: uint16(s.DataWords), Pointers: uint16(s.Pointers)}}, true
}

// set stores a field: its bits or pointer, and that it is the active one.
func (o object) set(in *ir.Struct, f *ir.Field, bits uint64, ptr *ir.Object) {
	o.activate(in, f)
	if f.Type.Pointer() {
		o.setPtr(f.Offset, ptr)
		return
	}
	if f.Default != nil {
		bits ^= f.Default.Bits
	}
	o.setBits(f.Offset, width(f.Type), bits)
}

// activate makes f the member of its union that is set.
func (o object) activate(in *ir.Struct, f *ir.Field) {
	if f.Discriminant != ir.NoDiscriminant {
		o.setBits(in.DiscriminantOffset, 16, uint64(f.Discriminant))
	}
}

// clear makes a field zero; a group by each of its members, with the first
// member of its union active.
func (o object) clear(in *ir.Struct, f *ir.Field) {
	o.activate(in, f)
	switch {
	case f.Group != nil:
		for _, g := range f.Group.Struct.Fields {
			if g.Discriminant == 0 || g.Discriminant == ir.NoDiscriminant {
				o.clear(f.Group.Struct, g)
			}
		}
	case f.Type.Pointer():
		o.setPtr(f.Offset, nil)
	default:
		o.setBits(f.Offset, width(f.Type), 0)
	}
}

func (o object) setPtr(i uint32, p *ir.Object) {
	if o.Ptrs == nil {
		o.Ptrs = make([]*ir.Object, o.Pointers)
	}
	o.Ptrs[i] = p
}

// setBits stores width bits at an offset in units of width.
func (o object) setBits(off uint32, width int, bits uint64) {
	if width == 0 {
		return
	}
	if o.Data == nil {
		if bits == 0 {
			return
		}
		o.Data = make([]byte, int(o.Words)*8)
	}
	putBits(o.Data, int(off), width, bits)
}

func putBits(data []byte, off, width int, bits uint64) {
	if width == 1 {
		mask := byte(1) << (off % 8)
		data[off/8] &^= mask
		data[off/8] |= byte(bits&1) << (off % 8)
		return
	}
	for i := range width / 8 {
		data[off*width/8+i] = byte(bits >> (8 * i))
	}
}

// width is the number of bits of a scalar type.
func width(t *ir.Type) int {
	switch t.Kind {
	case ir.Bool:
		return 1
	case ir.Int8, ir.Uint8:
		return 8
	case ir.Int16, ir.Uint16, ir.EnumType:
		return 16
	case ir.Int32, ir.Uint32, ir.Float32:
		return 32
	case ir.Int64, ir.Uint64, ir.Float64:
		return 64
	}
	return 0
}

// list evaluates a list literal.
func (c *evaluation) list(x *ast.List, t *ir.Type) (value, bool) {
	n := len(x.Elems)
	o := &ir.Object{Len: n}
	switch {
	case t.Elem.Kind == ir.StructType:
		node := c.l.structOf(t.Elem)
		if node == nil {
			return value{}, false
		}
		o.Kind, o.Words, o.Pointers = ir.StructList, uint16(node.Struct.DataWords), uint16(node.Struct.Pointers)
		o.Ptrs = make([]*ir.Object, n)
	case t.Elem.Pointer():
		o.Kind, o.Ptrs = ir.PointerList, make([]*ir.Object, n)
	default:
		o.Kind, o.ElemBits = ir.ScalarList, width(t.Elem)
		o.Data = make([]byte, (n*o.ElemBits+63)/64*8)
	}
	if !c.spend(x, o.Measure().Size+1) {
		return value{}, false
	}
	for i, elem := range x.Elems {
		v, ok := c.typed(elem, t.Elem)
		switch {
		case !ok:
		case o.Kind == ir.ScalarList:
			if o.ElemBits > 0 {
				putBits(o.Data, i, o.ElemBits, bits(v, t.Elem))
			}
		case o.Kind == ir.StructList:
			o.Ptrs[i] = v.ptr.Resized(o.Words, o.Pointers)
		default:
			o.Ptrs[i] = v.ptr
		}
	}
	return value{kind: listValue, typ: t, ptr: o.Measure()}, true
}

// structure evaluates a struct literal.
func (c *evaluation) structure(x *ast.Tuple, t *ir.Type) (value, bool) {
	node := c.l.structOf(t)
	if node == nil {
		return value{}, false
	}
	o, ok := c.newStruct(x, node)
	if !ok {
		return value{}, false
	}
	c.fill(o, node.Struct, t, x.Args)
	return value{kind: structValue, typ: t, ptr: o.Measure()}, true
}

// fill stores the fields of a struct or group. The type is the struct's.
func (c *evaluation) fill(o object, in *ir.Struct, t *ir.Type, args []ast.Arg) {
	for _, a := range args {
		if a.Name == nil {
			if _, bad := a.Value.(*ast.Bad); !bad {
				c.u.report(a.Value.Pos(), diag.FieldName, "Missing field name.")
			}
			continue
		}
		f := c.l.field(in, a.Name.Text)
		switch {
		case f == nil && c.l.incomplete(t):
		case f == nil:
			c.u.report(a.Name.Span, diag.NoField, fmt.Sprintf("Struct has no field named '%s'.", a.Name.Text))
		case f.Group != nil:
			c.fillGroup(o, in, f, t, a.Value)
		default:
			if v, ok := c.typed(a.Value, c.l.bind(f.Type, t.Brand)); ok {
				o.set(in, f, bits(v, f.Type), v.ptr)
			}
		}
	}
}

func (c *evaluation) fillGroup(o object, in *ir.Struct, f *ir.Field, t *ir.Type, expr ast.Expr) {
	o.clear(in, f)
	inner := f.Group.Struct
	if tuple, ok := expr.(*ast.Tuple); ok {
		c.fill(o, inner, t, tuple.Args)
		return
	}
	// A value that is no struct stands for the first field.
	c.l.groupName = f.Name
	v, ok := c.eval(expr, &ir.Type{Kind: ir.StructType, ID: f.Group.ID})
	if !ok {
		return
	}
	if len(inner.Fields) > 0 && inner.Fields[0].Group == nil {
		first := inner.Fields[0]
		if c.fits(expr, &v, c.l.bind(first.Type, t.Brand)) {
			o.set(inner, first, bits(v, first.Type), v.ptr)
			return
		}
	}
	c.u.report(expr.Pos(), diag.TypeMismatch, "Type mismatch; expected group.")
}

// field finds a field by name.
func (l *lowerer) field(s *ir.Struct, name string) *ir.Field {
	byName := l.fields[s]
	if byName == nil {
		byName = make(map[string]*ir.Field, len(s.Fields))
		for _, f := range s.Fields {
			if byName[f.Name] == nil {
				byName[f.Name] = f
			}
		}
		l.fields[s] = byName
	}
	return byName[name]
}

// incomplete reports whether the struct has members that did not parse: the
// fields that it lacks may be those.
func (l *lowerer) incomplete(t *ir.Type) bool {
	d := l.program.Decl(t.ID)
	return d != nil && d.AST != nil && anyBroken(d.AST.Decls)
}

// embed evaluates the content of a file.
func (c *evaluation) embed(x *ast.Embed, t *ir.Type) (value, bool) {
	content, err := c.l.program.Embed(c.u.module, x.Path.Text)
	if err != nil {
		c.l.program.ReportHint(c.u.module, x.Path.Span, diag.EmbedFailed, "Couldn't read file for embed: "+x.Path.Text, err.Error())
		return value{}, false
	}
	if !c.spend(x, len(content)/8+1) {
		return value{}, false
	}
	switch t.Kind {
	case ir.Text:
		return blob(textValue, string(content)), true
	case ir.Data:
		return blob(dataValue, string(content)), true
	case ir.StructType:
		o, err := readMessage(content, c.l.limits.ValueWords, c.l.limits.ValueDepth)
		if err != nil {
			c.l.program.ReportHint(c.u.module, x.Path.Span, diag.EmbedMessage, "Embedded file is not a valid Cap'n Proto message.", err.Error())
			return value{}, false
		}
		return value{kind: structValue, typ: t, ptr: o}, true
	}
	c.u.report(x.Span, diag.EmbedType, "Embeds can only be used when Text, Data, or a struct is expected.")
	return value{}, false
}
