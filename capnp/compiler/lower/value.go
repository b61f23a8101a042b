package lower

import (
	"fmt"
	"math"

	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/ir"
	"lanyard.dev/capnp/compiler/resolve"
)

// defaultValue is the value that a type has where none is given.
func defaultValue(t *ir.Type) *ir.Value { return &ir.Value{Kind: t.Kind} }

// bootstrap compiles a value at once if that takes no knowledge of other
// types' fields, else later.
func (u *unit) bootstrap(expr ast.Expr, t *ir.Type, into *ir.Value) {
	*into = *defaultValue(t)
	switch t.Kind {
	case ir.List, ir.StructType, ir.InterfaceType, ir.AnyPointer:
		u.pending = append(u.pending, pending{expr, t, into})
	default:
		u.value(expr, t, into, true)
	}
}

// value compiles a whole constant, default or annotation value.
func (u *unit) value(expr ast.Expr, t *ir.Type, into *ir.Value, early bool) {
	c := evaluation{u: u, l: u.l, early: early}
	v, ok := c.typed(expr, t)
	if u.l.brandsSpent {
		u.l.brandsSpent = false
		u.report(expr.Pos(), diag.BrandTooBig, "The generic types in this value stand for too many types.")
	}
	if !ok {
		return
	}
	if v.ptr != nil {
		u.l.total += v.ptr.Size
		switch {
		case u.l.total > u.l.limits.ValueWords:
			u.report(expr.Pos(), diag.ValueTooBig, fmt.Sprintf("The values of this schema take more than %d words.", u.l.limits.ValueWords))
			return
		case v.ptr.Depth > u.l.limits.ValueDepth:
			u.report(expr.Pos(), diag.ValueTooBig, fmt.Sprintf("This value nests deeper than %d objects.", u.l.limits.ValueDepth))
			return
		}
		into.Ptr = v.ptr
	}
	into.Bits = bits(v, t)
}

// valueKind tells what an expression turned out to be.
type valueKind uint8

const (
	voidValue valueKind = iota
	boolValue
	intValue  // negative, in n
	uintValue // in n
	floatValue
	textValue
	dataValue
	enumValue
	listValue
	structValue
	anyValue // a constant of type AnyPointer
)

// value is what an expression evaluates to.
type value struct {
	kind valueKind
	n    uint64
	f    float64
	typ  *ir.Type   // of an enum, list or struct
	ptr  *ir.Object // of what lives behind a pointer; nil is null
}

// evaluation is the evaluation of one value.
type evaluation struct {
	u     *unit
	l     *lowerer
	early bool // only constants of scalar type have their values yet
}

// typed evaluates expr as a value of type t.
func (c *evaluation) typed(expr ast.Expr, t *ir.Type) (value, bool) {
	if t.Kind == ir.AnyPointer && (t.Any == ir.AnyParam || t.Any == ir.AnyImplicitParam) {
		c.u.report(expr.Pos(), diag.UnboundValue, "Cannot interpret value because the type is a generic type parameter which is not "+
			"yet bound. We don't know what type to expect here.")
		return value{}, false
	}
	v, ok := c.eval(expr, t)
	if !ok {
		return value{}, false
	}
	if c.fits(expr, &v, t) {
		return v, true
	}
	// A value that is no struct stands for the first field.
	if t.Kind == ir.StructType {
		if node := c.l.structOf(t); node != nil && len(node.Struct.Fields) > 0 {
			f := node.Struct.Fields[0]
			if f.Group == nil && c.fits(expr, &v, c.l.bind(f.Type, t.Brand)) {
				return c.wrap(expr, t, node, f, v)
			}
		}
	}
	c.mismatch(expr, t)
	return value{}, false
}

func (c *evaluation) wrap(expr ast.Expr, t *ir.Type, node *ir.Node, f *ir.Field, v value) (value, bool) {
	o, ok := c.newStruct(expr, node)
	if !ok {
		return value{}, false
	}
	o.set(node.Struct, f, bits(v, f.Type), v.ptr)
	return value{kind: structValue, typ: t, ptr: o.Measure()}, true
}

func (c *evaluation) mismatch(expr ast.Expr, t *ir.Type) {
	c.u.report(expr.Pos(), diag.TypeMismatch, fmt.Sprintf("Type mismatch; expected %s.", c.l.typeName(t)))
}

// eval evaluates expr. The type only helps where the expression's own is not
// obvious; whether they agree is for fits.
func (c *evaluation) eval(expr ast.Expr, t *ir.Type) (value, bool) {
	switch x := expr.(type) {
	case *ast.Int:
		return c.integer(x)
	case *ast.Float:
		return value{kind: floatValue, f: x.Value}, true
	case *ast.String:
		if t.Kind == ir.Data {
			return blob(dataValue, x.Value), true
		}
		return blob(textValue, x.Value), true
	case *ast.Binary:
		if t.Kind != ir.Data {
			c.mismatch(expr, t)
			return value{}, false
		}
		return blob(dataValue, string(x.Value)), true
	case *ast.Name:
		if !x.Absolute {
			if v, ok := c.literal(x.Name.Text, t); ok {
				return v, true
			}
		}
		return c.constant(expr)
	case *ast.Import, *ast.Apply, *ast.Member:
		return c.constant(expr)
	case *ast.Embed:
		return c.embed(x, t)
	case *ast.List:
		if t.Kind != ir.List {
			c.mismatch(expr, t)
			return value{}, false
		}
		return c.list(x, t)
	case *ast.Tuple:
		if t.Kind != ir.StructType {
			c.mismatch(expr, t)
			return value{}, false
		}
		return c.structure(x, t)
	}
	return value{}, false // nil or *ast.Bad: reported before
}

func (c *evaluation) integer(x *ast.Int) (value, bool) {
	switch {
	case !x.Negative:
		return value{kind: uintValue, n: x.Value}, true
	case x.Value > 1<<63:
		c.u.report(x.Span, diag.IntegerRange, "Integer is too big to be negative.")
		return value{}, false
	case x.Value == 0:
		return value{kind: uintValue}, true
	}
	return value{kind: intValue, n: -x.Value}, true
}

func blob(kind valueKind, s string) value {
	object := ir.TextObject
	if kind == dataValue {
		object = ir.DataObject
	}
	return value{kind: kind, ptr: (&ir.Object{Kind: object, Bytes: s}).Measure()}
}

// literal is what a bare word means if it is not the name of a constant.
func (c *evaluation) literal(name string, t *ir.Type) (value, bool) {
	if t.Kind == ir.EnumType {
		if d := c.l.program.Decl(t.ID); d != nil && d.Kind == resolve.Enum {
			if u := c.l.advance(d, shaped); u != nil {
				if i, ok := c.l.enumerant(u.node, name); ok {
					return value{kind: enumValue, n: uint64(i), typ: t}, true
				}
			}
		}
		return value{}, false
	}
	switch name {
	case "void":
		return value{kind: voidValue}, true
	case "true":
		return value{kind: boolValue, n: 1}, true
	case "false":
		return value{kind: boolValue}, true
	case "nan":
		return value{kind: floatValue, f: math.Float64frombits(quietNaN)}, true
	case "inf":
		return value{kind: floatValue, f: math.Inf(1)}, true
	}
	return value{}, false
}

// enumerant finds an enumerant by name.
func (l *lowerer) enumerant(n *ir.Node, name string) (int, bool) {
	byName := l.enumerants[n]
	if byName == nil {
		byName = make(map[string]int, len(n.Enumerants))
		for i, e := range n.Enumerants {
			if _, twice := byName[e.Name]; !twice {
				byName[e.Name] = i
			}
		}
		l.enumerants[n] = byName
	}
	i, ok := byName[name]
	return i, ok
}

// quietNaN is the only NaN that a schema can write.
const (
	quietNaN   = 0x7ff8000000000000
	quietNaN32 = 0x7fc00000
)

// constant evaluates the name of a constant.
func (c *evaluation) constant(expr ast.Expr) (value, bool) {
	r, ok := c.u.env.Resolve(expr)
	if !ok {
		return value{}, false
	}
	if r.Decl == nil || r.Decl.Kind != resolve.Const {
		c.u.report(expr.Pos(), diag.NotAConstant, fmt.Sprintf("'%s' does not refer to a constant.", resolve.String(expr)))
		return value{}, false
	}
	to := finished
	if c.early {
		to = shaped
	}
	def := c.l.advance(r.Decl, to)
	if def == nil || def.broken {
		return value{}, false
	}
	if name, ok := expr.(*ast.Name); ok && !name.Absolute {
		c.u.report(expr.Pos(), diag.QualifyConstant, fmt.Sprintf("Constant names must be qualified to avoid confusion.  "+
			"Please replace '%s' with '%s.%s', if that's what you intended.", name.Name.Text, r.Decl.Parent.Name(), name.Name.Text))
	}
	t := c.l.bind(def.node.Type, c.l.closed(c.u.env.Brand(r)))
	return c.stored(def.node.Value, t)
}

// stored is a constant's value as the value of an expression.
func (c *evaluation) stored(v *ir.Value, t *ir.Type) (value, bool) {
	out := value{n: v.Bits, typ: t, ptr: v.Ptr}
	switch v.Kind {
	case ir.Void, ir.InterfaceType:
		out.kind = voidValue
	case ir.Bool:
		out.kind = boolValue
	case ir.Int8, ir.Int16, ir.Int32, ir.Int64:
		out.kind = uintValue
		if signed := signExtend(v.Bits, t.Kind); signed < 0 {
			out.kind, out.n = intValue, uint64(signed)
		}
	case ir.Float32:
		out.kind, out.f = floatValue, float64(math.Float32frombits(uint32(v.Bits)))
	case ir.Float64:
		out.kind, out.f = floatValue, math.Float64frombits(v.Bits)
	case ir.Text:
		out.kind = textValue
	case ir.Data:
		out.kind = dataValue
	case ir.List:
		out.kind = listValue
	case ir.StructType:
		out.kind = structValue
	case ir.AnyPointer:
		out.kind = anyValue
	default: // unsigned; an enum's value is just a number, in C++ too
		out.kind = uintValue
	}
	return out, true
}

func signExtend(bits uint64, k ir.TypeKind) int64 {
	switch k {
	case ir.Int8:
		return int64(int8(bits))
	case ir.Int16:
		return int64(int16(bits))
	case ir.Int32:
		return int64(int32(bits))
	}
	return int64(bits)
}

// bits is a fitting value as it stands in the data section.
func bits(v value, t *ir.Type) uint64 {
	switch t.Kind {
	case ir.Float32:
		return uint64(float32Bits(v))
	case ir.Float64:
		return float64Bits(v)
	case ir.Int8, ir.Uint8:
		return v.n & math.MaxUint8
	case ir.Int16, ir.Uint16, ir.EnumType:
		return v.n & math.MaxUint16
	case ir.Int32, ir.Uint32:
		return v.n & math.MaxUint32
	case ir.Bool, ir.Int64, ir.Uint64:
		return v.n
	}
	return 0
}

func float32Bits(v value) uint32 {
	switch {
	case v.kind == intValue:
		return math.Float32bits(float32(int64(v.n)))
	case v.kind == uintValue:
		return math.Float32bits(float32(v.n))
	case v.f != v.f:
		return quietNaN32
	}
	return math.Float32bits(float32(v.f))
}

func float64Bits(v value) uint64 {
	switch {
	case v.kind == intValue:
		return math.Float64bits(float64(int64(v.n)))
	case v.kind == uintValue:
		return math.Float64bits(float64(v.n))
	case v.f != v.f:
		return quietNaN
	}
	return math.Float64bits(v.f)
}

// fits reports whether v is of type t. An integer out of range is reported and
// made to fit.
func (c *evaluation) fits(expr ast.Expr, v *value, t *ir.Type) bool {
	switch v.kind {
	case voidValue:
		return t.Kind == ir.Void
	case boolValue:
		return t.Kind == ir.Bool
	case intValue, uintValue:
		return c.fitsInteger(expr, v, t)
	case floatValue:
		return t.Kind == ir.Float32 || t.Kind == ir.Float64
	case textValue:
		return t.Kind == ir.Text
	case dataValue:
		return t.Kind == ir.Data
	case enumValue:
		return same(v.typ, t)
	case listValue:
		return same(v.typ, t) || anyOf(t, ir.AnyList)
	case structValue:
		return same(v.typ, t) || anyOf(t, ir.AnyStruct)
	case anyValue:
		return same(v.typ, t)
	}
	return false
}

func anyOf(t *ir.Type, kind ir.AnyKind) bool {
	return t.Kind == ir.AnyPointer && (t.Any == ir.AnyAny || t.Any == kind)
}

// ranges are the smallest and largest values of the integer types.
var ranges = map[ir.TypeKind]struct {
	min int64
	max uint64
}{
	ir.Int8: {math.MinInt8, math.MaxInt8}, ir.Int16: {math.MinInt16, math.MaxInt16},
	ir.Int32: {math.MinInt32, math.MaxInt32}, ir.Int64: {math.MinInt64, math.MaxInt64},
	ir.Uint8: {0, math.MaxUint8}, ir.Uint16: {0, math.MaxUint16},
	ir.Uint32: {0, math.MaxUint32}, ir.Uint64: {0, math.MaxUint64},
}

func (c *evaluation) fitsInteger(expr ast.Expr, v *value, t *ir.Type) bool {
	if t.Kind == ir.Float32 || t.Kind == ir.Float64 {
		return true
	}
	r, ok := ranges[t.Kind]
	if !ok {
		return false
	}
	if v.kind == intValue && int64(v.n) < r.min || v.kind == uintValue && v.n > r.max {
		c.u.report(expr.Pos(), diag.IntegerRange, "Integer value out of range.")
		*v = value{kind: uintValue}
	}
	return true
}

// typeName is a type as messages show it.
func (l *lowerer) typeName(t *ir.Type) string {
	switch t.Kind {
	case ir.List:
		return "List(" + l.typeName(t.Elem) + ")"
	case ir.EnumType, ir.StructType, ir.InterfaceType:
		if d := l.program.Decl(t.ID); d != nil {
			return d.Name()
		}
		return l.groupName
	case ir.AnyPointer:
		return "AnyPointer"
	}
	return typeNames[t.Kind]
}

var typeNames = [...]string{
	ir.Void: "Void", ir.Bool: "Bool", ir.Int8: "Int8", ir.Int16: "Int16", ir.Int32: "Int32", ir.Int64: "Int64",
	ir.Uint8: "UInt8", ir.Uint16: "UInt16", ir.Uint32: "UInt32", ir.Uint64: "UInt64",
	ir.Float32: "Float32", ir.Float64: "Float64", ir.Text: "Text", ir.Data: "Data",
}
