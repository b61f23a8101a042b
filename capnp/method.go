package capnp

import "fmt"

// MethodSpec describes a method to NewMethod.
type MethodSpec struct {
	_ struct{}

	InterfaceID   uint64
	MethodID      uint16
	InterfaceName string // as the schema spells it: "calculator.capnp:Calculator"
	MethodName    string

	Params  StructSize // of the parameter struct
	Results StructSize // of the result struct

	// ResultsHaveCaps says that the result type can hold capabilities: only then is pipelining on
	// the results possible.
	ResultsHaveCaps bool
	// Streaming marks a method declared with "-> stream".
	Streaming bool
}

// Method describes one method of an interface. Generated code makes one per method; a method is
// identified by the pointer. It is immutable.
type Method struct{ spec MethodSpec }

// NewMethod is called by generated code.
func NewMethod(spec MethodSpec) *Method { return &Method{spec} }

// InterfaceID is the id of the interface that declares the method.
func (m *Method) InterfaceID() uint64 { return m.spec.InterfaceID }

// MethodID is the method's ordinal in its interface.
func (m *Method) MethodID() uint16 { return m.spec.MethodID }

// Streaming tells whether the method was declared with "-> stream".
func (m *Method) Streaming() bool { return m.spec.Streaming }

// Spec returns all that is known of the method.
func (m *Method) Spec() MethodSpec { return m.spec }

// String returns "calculator.capnp:Calculator.evaluate".
func (m *Method) String() string {
	if m == nil {
		return "unknown method"
	}
	if m.spec.InterfaceName == "" {
		return fmt.Sprintf("@%#x.@%d", m.spec.InterfaceID, m.spec.MethodID)
	}
	return m.spec.InterfaceName + "." + m.spec.MethodName
}
