package diag

// The codes of tokens and grammar. Each has an example that a test parses and that must get the code.
const (
	// NotUTF8 is for bytes that are not UTF-8 text: a binary file, UTF-16, an old encoding.
	//
	// Example (Go string):
	//	"@0xbc9bc4b2ba7cb1a6;\n# caf\xe9\n"
	NotUTF8 Code = "not-utf8"

	// BadCharacter is for a character that begins no token.
	//
	// Example:
	//	const greeting :Text = 'hello';
	BadCharacter Code = "bad-character"

	// BadOperator is for a run of operator characters that is not one operator.
	// C++ reads runs greedily as well, so spaces are needed.
	//
	// Example:
	//	const low :Int32 =-1;
	BadOperator Code = "bad-operator"

	// BadNumber is for a digit sequence that is no number, such as 12ab, 09 or 1e.
	//
	// Example:
	//	const day :UInt8 = 09;
	BadNumber Code = "bad-number"

	// NumberRange is for a literal that no type can hold: an integer above 2^64-1 (C++ wraps it
	// around) or a float beyond Float64.
	//
	// Example:
	//	const big :UInt64 = 18446744073709551616;
	NumberRange Code = "number-range"

	// BadEscape is for a backslash in a string that begins no escape of the language.
	//
	// Example:
	//	const tilde :Text = "\~";
	BadEscape Code = "bad-escape"

	// BadBinary is for a 0x"…" literal that is empty or has something else than pairs of hex digits.
	//
	// Example:
	//	const key :Data = 0x"a1 f";
	BadBinary Code = "bad-binary"

	// UnterminatedString is for a string without its closing quote.
	//
	// Example:
	//	const open :Text = "never closed;
	UnterminatedString Code = "unterminated-string"

	// Syntax is for a token where the grammar wants another one.
	//
	// Example:
	//	struct Point { x @0 Int32; }
	Syntax Code = "syntax"

	// UnknownDeclaration is for a statement whose first word starts no declaration at that place.
	//
	// Example:
	//	structure Point { x @0 :Int32; }
	UnknownDeclaration Code = "unknown-declaration"

	// EmptyItem is for two commas in a row; one comma at the end is fine.
	//
	// Example:
	//	const primes :List(Int32) = [2, , 3];
	EmptyItem Code = "empty-item"

	// MissingSemicolon is for a statement that goes on into the next line's.
	//
	// Example:
	//	struct Point {
	//	  x @0 :Int32
	//	  y @1 :Int32;
	//	}
	MissingSemicolon Code = "missing-semicolon"

	// Unclosed is for a (, [ or { that has no partner.
	//
	// Example:
	//	struct Point { at @0 :List(Int32; }
	Unclosed Code = "unclosed"

	// Unopened is for a ), ] or } that closes nothing.
	//
	// Example:
	//	struct Point {} }
	Unopened Code = "unopened"

	// NeedsBlock is for a declaration with members that ends in a semicolon.
	//
	// Example:
	//	struct Point;
	NeedsBlock Code = "needs-block"

	// NeedsSemicolon is for a declaration without members that has a block.
	//
	// Example:
	//	const one :Int32 = 1 {}
	NeedsSemicolon Code = "needs-semicolon"

	// FileIDTwice is for a second @0x…; in a file.
	//
	// Example:
	//	@0xbc9bc4b2ba7cb1a6;
	//	@0xbc9bc4b2ba7cb1a6;
	FileIDTwice Code = "file-id-twice"

	// FileIDMissing is for a file without an id where one is required. The id that the message
	// proposes is random.
	//
	// Example (id required):
	//	struct Point {}
	FileIDMissing Code = "file-id-missing"

	// BadID is for an id whose top bit is not set.
	//
	// Example:
	//	struct Point @0x1234 {}
	BadID Code = "bad-id"

	// OrdinalRange is for an ordinal above 65535.
	//
	// Example:
	//	struct Point { x @65536 :Int32; }
	OrdinalRange Code = "ordinal-range"

	// OrdinalMissing is for a field, enumerant or method without its number.
	//
	// Example:
	//	struct Point { x :Int32; }
	OrdinalMissing Code = "ordinal-missing"

	// OrdinalUnexpected is for a number on a group, which has none, or an exclamation point on
	// anything but a union's.
	//
	// Example:
	//	struct Point { at @0 :group { x @1 :Int32; } }
	OrdinalUnexpected Code = "ordinal-unexpected"

	// UnionOrdinal is for a numbered union without the exclamation point.
	//
	// Example:
	//	struct Shape { kind @0 :union { round @1 :Void; flat @2 :Void; } }
	UnionOrdinal Code = "union-ordinal"

	// UnionColon is for a named union without the colon.
	//
	// Example:
	//	struct Shape { kind @0! union { round @1 :Void; flat @2 :Void; } }
	UnionColon Code = "union-colon"

	// UnionAnnotated is for an annotation on an unnamed union.
	//
	// Example:
	//	annotation note(*) :Void;
	//	struct Shape { union $note { round @0 :Void; flat @1 :Void; } }
	UnionAnnotated Code = "union-annotated"

	// UsingName is for a `using` without a name to declare.
	//
	// Example:
	//	using import "other.capnp";
	UsingName Code = "using-name"

	// TargetWildcard is for an annotation target * that does not stand alone.
	//
	// Example:
	//	annotation note(*, field) :Text;
	TargetWildcard Code = "target-wildcard"

	// TargetUnknown is for a word that is no annotation target.
	//
	// Example:
	//	annotation note(fields) :Text;
	TargetUnknown Code = "target-unknown"

	// TargetTwice is for an annotation target named twice.
	//
	// Example:
	//	annotation note(field, struct, field) :Text;
	TargetTwice Code = "target-twice"

	// TooDeep is for nesting beyond the limit: of blocks, brackets and members of members.
	//
	// Example (nesting 4):
	//	const deep :Int32 = ((((((1))))));
	TooDeep Code = "too-deep"

	// TooBig is for a file beyond the limit of bytes or of declarations and expressions.
	//
	// (The example would be long: TestLimits.)
	TooBig Code = "too-big"
)
