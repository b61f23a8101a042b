package diag

// The codes of names, types, layout and values. Each has an example that a test compiles and that
// must get the code.
const (
	// DuplicateID is for an id that two declarations have.
	//
	// Example:
	//	struct A @0xbc9bc4b2ba7cb1a7 {}
	//	struct B @0xbc9bc4b2ba7cb1a7 {}
	DuplicateID Code = "duplicate-id"

	// TooManyNodes is for schemas beyond the limit of declarations, groups and parameter lists.
	//
	// Example (nodes 2):
	//	struct A {} struct B {} struct C {}
	TooManyNodes Code = "too-many-nodes"

	// ExpectedName is for a number, string or other value where a type or annotation is wanted.
	//
	// Example:
	//	struct A { x @0 :12; }
	ExpectedName Code = "expected-name"

	// NotDefined is for a name that means nothing here.
	//
	// Example:
	//	struct A { x @0 :Nothing; }
	NotDefined Code = "not-defined"

	// NoMember is for a member that a declaration does not have.
	//
	// Example:
	//	struct A { x @0 :A.Inner; }
	NoMember Code = "no-member"

	// ImportFailed is for a file that is not there or may not be read.
	//
	// Example:
	//	using Other = import "nothing.capnp";
	ImportFailed Code = "import-failed"

	// EmbedFailed is for an embedded file that is not there or may not be read.
	//
	// Example:
	//	const logo :Data = embed "nothing.png";
	EmbedFailed Code = "embed-failed"

	// EmbedType is for an embedded file where no Text, Data or struct is wanted.
	//
	// Example:
	//	const size :Int32 = embed "a.bin";
	EmbedType Code = "embed-type"

	// EmbedMessage is for an embedded file that is no Cap'n Proto message.
	//
	// Example:
	//	struct A { x @0 :Text; }
	//	const a :A = embed "a.bin";
	EmbedMessage Code = "embed-message"

	// NamedParameter is for a generic parameter given by name.
	//
	// Example:
	//	struct Box(T) { x @0 :T; }
	//	struct A { b @0 :Box(T = Text); }
	NamedParameter Code = "named-parameter"

	// AppliedTwice is for generic parameters given twice.
	//
	// Example:
	//	struct Box(T) { x @0 :T; }
	//	struct A { b @0 :Box(Text)(Data); }
	AppliedTwice Code = "applied-twice"

	// NotGeneric is for generic parameters given to something that takes none.
	//
	// Example:
	//	struct A { x @0 :Int32; y @1 :A(Text); }
	NotGeneric Code = "not-generic"

	// ParameterCount is for too many or too few generic parameters.
	//
	// Example:
	//	struct A { x @0 :List; }
	ParameterCount Code = "parameter-count"

	// PrimitiveParameter is for a generic parameter that is not a pointer type.
	//
	// Example:
	//	struct Box(T) { x @0 :T; }
	//	struct A { b @0 :Box(Int32); }
	PrimitiveParameter Code = "primitive-parameter"

	// BrandTooBig is for generic types that, written out, exceed the limit.
	//
	// Example (brand 4):
	//	struct Pair(T, U) { t @0 :T; u @1 :U; }
	//	struct A { p @0 :Pair(Pair(Text, Text), Pair(Text, Text)); }
	BrandTooBig Code = "brand-too-big"

	// RenamedType is for the name that AnyPointer had long ago.
	//
	// Example:
	//	struct A { x @0 :Object; }
	RenamedType Code = "renamed-type"

	// NotAType is for a constant, annotation or file where a type is wanted.
	//
	// Example:
	//	const one :Int32 = 1;
	//	struct A { x @0 :one; }
	NotAType Code = "not-a-type"

	// ListElement is for a list of what lists cannot hold.
	//
	// Example:
	//	struct A { x @0 :List(AnyPointer); }
	ListElement Code = "list-element"

	// Redefined is for a name that the scope already has.
	//
	// Example:
	//	struct A { x @0 :Int32; x @1 :Int32; }
	Redefined Code = "redefined"

	// UnionTwice is for a second unnamed union in a struct or group.
	//
	// Example:
	//	struct A {
	//	  union { a @0 :Void; b @1 :Void; }
	//	  union { c @2 :Void; d @3 :Void; }
	//	}
	UnionTwice Code = "union-twice"

	// NameStyle is for a type that does not begin with a capital letter, anything else that does,
	// and underscores.
	//
	// Example:
	//	struct point { x @0 :Int32; }
	NameStyle Code = "name-style"

	// Misplaced is for a declaration that cannot stand where it does.
	//
	// Example:
	//	struct A { g :group { x @0 :Int32; struct B {} } }
	Misplaced Code = "misplaced"

	// OrdinalTwice is for a number that two members have.
	//
	// Example:
	//	struct A { x @0 :Int32; y @0 :Int32; }
	OrdinalTwice Code = "ordinal-twice"

	// OrdinalSkipped is for a gap in the numbers.
	//
	// Example:
	//	struct A { x @0 :Int32; y @2 :Int32; }
	OrdinalSkipped Code = "ordinal-skipped"

	// OrdinalLate is for a union whose number is greater than those of two of its members.
	//
	// Example:
	//	struct A { u @2! :union { x @0 :Int32; y @1 :Int32; } }
	OrdinalLate Code = "ordinal-late"

	// UnionSize is for a union of fewer than two members.
	//
	// Example:
	//	struct A { u :union { x @0 :Int32; } }
	UnionSize Code = "union-size"

	// UnionInUnion is for an unnamed union inside a union.
	//
	// Example:
	//	struct A { u :union { x @0 :Int32; union { y @1 :Int32; z @2 :Int32; } } }
	UnionInUnion Code = "union-in-union"

	// GroupSize is for a group without members.
	//
	// Example:
	//	struct A { g :group {} }
	GroupSize Code = "group-size"

	// StructTooBig is for a struct of more than 65535 words of data or pointers, or more than 65535
	// members. C++ fails its own check there.
	//
	// (The example would be long: TestStructTooBig.)
	StructTooBig Code = "struct-too-big"

	// Issue344 is for a struct that Cap'n Proto 0.5 and before laid out in another way
	// (capnproto issue 344). C++ refuses it, too.
	//
	// Example:
	//	struct A {
	//	  union {
	//	    a @0 :UInt8;
	//	    g :group { union { b @1 :UInt8; c @2 :UInt16; } }
	//	  }
	//	}
	Issue344 Code = "issue-344"

	// NullDefault is for a parameter with default null that is no pointer.
	//
	// Example:
	//	interface A { f @0 (x :Int32 = null); }
	NullDefault Code = "null-default"

	// NotAnInterface is for a superclass that is something else.
	//
	// Example:
	//	struct S {}
	//	interface A extends(S) {}
	NotAnInterface Code = "not-an-interface"

	// ExtendsParameter is for a superclass that is a generic parameter.
	//
	// Example:
	//	interface A(T) extends(T) {}
	ExtendsParameter Code = "extends-parameter"

	// ExtendsItself is for an interface that is its own superclass, be it through others.
	// C++ accepts that and its generated code does not compile.
	//
	// Example:
	//	interface A extends(B) {}
	//	interface B extends(A) {}
	ExtendsItself Code = "extends-itself"

	// StreamInput is for `stream` before the arrow.
	//
	// Example:
	//	interface A { f @0 stream -> (); }
	StreamInput Code = "stream-input"

	// StreamFile is for `-> stream` without a proper /capnp/stream.capnp.
	//
	// Example (no standard import):
	//	interface A { f @0 (x :Int32) -> stream; }
	StreamFile Code = "stream-file"

	// NotAStruct is for a method that takes or returns something that is no struct.
	//
	// Example:
	//	interface A { f @0 Text -> (); }
	NotAStruct Code = "not-a-struct"

	// ParameterAsStruct is for a method that takes or returns a generic parameter as a whole.
	//
	// Example:
	//	interface A(T) { f @0 T -> (); }
	ParameterAsStruct Code = "parameter-as-struct"

	// UnboundValue is for a value whose type is a generic parameter.
	//
	// Example:
	//	struct Box(T) { x @0 :T = "text"; }
	UnboundValue Code = "unbound-value"

	// TypeMismatch is for a value of another type than the one declared.
	//
	// Example:
	//	const one :Int32 = "1";
	TypeMismatch Code = "type-mismatch"

	// IntegerRange is for an integer that its type cannot hold.
	//
	// Example:
	//	const big :UInt8 = 256;
	IntegerRange Code = "integer-range"

	// NoField is for a field that a struct does not have.
	//
	// Example:
	//	struct A { x @0 :Int32; }
	//	const a :A = (y = 1);
	NoField Code = "no-field"

	// FieldName is for a value in a struct literal without the name of its field.
	//
	// Example:
	//	struct A { x @0 :Int32; y @1 :Int32; }
	//	const a :A = (1, 2);
	FieldName Code = "field-name"

	// NotAConstant is for a name in a value that is no constant.
	//
	// Example:
	//	struct A {}
	//	const one :Int32 = .A;
	NotAConstant Code = "not-a-constant"

	// QualifyConstant is for a constant named without its scope.
	//
	// Example:
	//	const one :Int32 = 1;
	//	const same :Int32 = one;
	QualifyConstant Code = "qualify-constant"

	// DependsOnItself is for a declaration that needs itself to be known.
	//
	// Example:
	//	const chicken :Int32 = .egg;
	//	const egg :Int32 = .chicken;
	DependsOnItself Code = "depends-on-itself"

	// ValueTooBig is for values that, written out, exceed the limit of bytes or nesting.
	//
	// Example (value 4):
	//	const primes :List(UInt64) = [2, 3, 5, 7, 11];
	ValueTooBig Code = "value-too-big"

	// NotAnAnnotation is for something else after the dollar sign.
	//
	// Example:
	//	struct A {}
	//	struct B $A {}
	NotAnAnnotation Code = "not-an-annotation"

	// AnnotationTarget is for an annotation that does not go with the declaration.
	//
	// Example:
	//	annotation note(field) :Text;
	//	struct A $note("x") {}
	AnnotationTarget Code = "annotation-target"

	// AnnotationValue is for an annotation without its value.
	//
	// Example:
	//	annotation note(struct) :Text;
	//	struct A $note {}
	AnnotationValue Code = "annotation-value"

	// SameFile is for one file reached under two names: check the import directories.
	//
	// (The example needs two directories: TestSameFileTwice.)
	SameFile Code = "same-file"
)
