package resolve

import (
	"fmt"

	"lanyard.dev/capnp/compiler/ast"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/compiler/ir"
)

// simple are the built-in types without parts.
var simple = map[Kind]*ir.Type{
	Void: {Kind: ir.Void}, Bool: {Kind: ir.Bool},
	Int8: {Kind: ir.Int8}, Int16: {Kind: ir.Int16}, Int32: {Kind: ir.Int32}, Int64: {Kind: ir.Int64},
	UInt8: {Kind: ir.Uint8}, UInt16: {Kind: ir.Uint16}, UInt32: {Kind: ir.Uint32}, UInt64: {Kind: ir.Uint64},
	Float32: {Kind: ir.Float32}, Float64: {Kind: ir.Float64}, Text: {Kind: ir.Text}, Data: {Kind: ir.Data},
	Object: {Kind: ir.AnyPointer}, AnyPointer: {Kind: ir.AnyPointer},
	AnyStruct:  {Kind: ir.AnyPointer, Any: ir.AnyStruct},
	AnyList:    {Kind: ir.AnyPointer, Any: ir.AnyList},
	Capability: {Kind: ir.AnyPointer, Any: ir.AnyCapability},
}

// Type forms the type that an expression names. It always returns one; ok is
// false if there was something to report.
func (e *Env) Type(expr ast.Expr) (t *ir.Type, ok bool) {
	r, ok := e.Resolve(expr)
	if !ok || !e.spend(r.weight(), expr) {
		return simple[Void], false
	}
	return e.TypeOf(r)
}

// TypeOf forms the type that r is.
func (e *Env) TypeOf(r Ref) (t *ir.Type, ok bool) {
	if r.Decl == nil {
		if r.Param.ScopeID == 0 {
			return &ir.Type{Kind: ir.AnyPointer, Any: ir.AnyImplicitParam, Index: r.Param.Index}, true
		}
		return &ir.Type{Kind: ir.AnyPointer, Any: ir.AnyParam, ScopeID: r.Param.ScopeID, Index: r.Param.Index}, true
	}
	switch k := r.Decl.Kind; k {
	case Enum:
		return &ir.Type{Kind: ir.EnumType, ID: r.Decl.ID, Brand: e.brand(r.scope)}, true
	case Struct:
		return &ir.Type{Kind: ir.StructType, ID: r.Decl.ID, Brand: e.brand(r.scope)}, true
	case Interface:
		return &ir.Type{Kind: ir.InterfaceType, ID: r.Decl.ID, Brand: e.brand(r.scope)}, true
	case List:
		return e.listOf(r)
	case Object:
		e.report(position(r), diag.RenamedType, "As of Cap'n Proto 0.4, 'Object' has been renamed to 'AnyPointer'.  "+
			"Sorry for the inconvenience, and thanks for being an early adopter.  :)")
		return simple[k], true
	default:
		if t := simple[k]; t != nil {
			return t, true
		}
		e.report(position(r), diag.NotAType, fmt.Sprintf("'%s' is not a type.", r))
		return simple[Void], false
	}
}

func (e *Env) listOf(r Ref) (t *ir.Type, ok bool) {
	if len(r.scope.args) != 1 && r.failed {
		return &ir.Type{Kind: ir.List, Elem: simple[Void]}, false
	}
	if len(r.scope.args) != 1 {
		e.report(position(r), diag.ParameterCount, "'List' requires exactly one parameter.")
		return &ir.Type{Kind: ir.List, Elem: simple[Void]}, false
	}
	elem, ok := e.TypeOf(r.scope.args[0])
	if elem.Kind == ir.AnyPointer && ok {
		switch elem.Any {
		case ir.AnyAny:
			e.report(position(r), diag.ListElement, "'List(AnyPointer)' is not supported.")
			elem, ok = simple[Void], false
		case ir.AnyStruct:
			e.report(position(r), diag.ListElement, "'List(AnyStruct)' is not supported.")
			elem, ok = simple[Void], false
		case ir.AnyParam, ir.AnyImplicitParam:
			// Structs stand in a list themselves, other things as pointers.
			e.program.ReportHint(e.in.Module, position(r), diag.ListElement, "'List(AnyPointer)' is not supported.",
				"how a list of a generic parameter looks would depend on what the parameter is bound to")
			elem, ok = simple[Void], false
		}
	}
	return &ir.Type{Kind: ir.List, Elem: elem}, ok
}
