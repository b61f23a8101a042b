package parser

// Production is one rule, or one alternative of a rule, of the grammar. A test counts them through
// Options.OnProduction to show that a corpus exercises the whole language.
type Production uint8

// The productions. Those of declarations first, then expressions, then how literals and layout
// can be written.
const (
	FileID Production = iota
	FileAnnotation
	UsingAlias  // using Name = …;
	UsingMember // using Scope.Name;
	UsingImport // using Name = import "…";
	ConstDecl
	ConstID
	EnumDecl
	EnumID
	EnumerantDecl
	StructDecl
	StructID
	StructParams
	FieldDecl
	FieldDefault
	NamedUnion
	NamedUnionOrdinal
	UnnamedUnion
	GroupDecl
	UnionInUnion // a union as a member of a union, or of a group in one
	GroupInUnion
	GroupInGroup
	InterfaceDecl
	InterfaceID
	InterfaceParams
	Extends
	ExtendsMany
	MethodDecl
	ImplicitParams
	NoResults
	ParamsNamed
	ParamsType
	ResultsNamed
	ResultsType
	ResultsStream
	ParamDecl
	ParamDefault
	AnnotationDecl
	AnnotationID
	TargetWildcard
	TargetFile
	TargetConst
	TargetEnum
	TargetEnumerant
	TargetStruct
	TargetField
	TargetUnion
	TargetGroup
	TargetInterface
	TargetMethod
	TargetParam
	TargetAnnotation
	AnnotationVoid
	AnnotationValue
	AnnotationTuple
	AnnotatedConst
	AnnotatedEnum
	AnnotatedEnumerant
	AnnotatedStruct
	AnnotatedField
	AnnotatedUnion
	AnnotatedGroup
	AnnotatedInterface
	AnnotatedMethod
	AnnotatedParam
	AnnotatedAnnotation
	UsingInStruct
	ConstInStruct
	EnumInStruct
	StructInStruct
	InterfaceInStruct
	AnnotationInStruct
	UsingInInterface
	ConstInInterface
	EnumInInterface
	StructInInterface
	InterfaceInInterface
	AnnotationInInterface

	PositiveInt
	NegativeInt
	PositiveFloat
	NegativeFloat
	NegativeInf
	StringValue
	StringConcat
	BinaryValue
	ListValue
	EmptyList
	TupleValue
	EmptyTuple
	Parens
	RelativeName
	AbsoluteName
	MemberName
	Application
	NamedArg
	UnnamedArg
	ImportRelative
	ImportAbsolute
	EmbedRelative
	EmbedAbsolute
	TrailingComma

	HexInt
	OctalInt
	ExponentFloat
	LineString
	EscapeLetter
	EscapeHex
	EscapeOctal
	DocAfterSemicolon
	DocAfterBrace
	DocAfterBlock
	DocSameLine

	productions
)

var productionNames = [productions]string{
	"file id", "file annotation", "using alias", "using member", "using import", "const", "const id",
	"enum", "enum id", "enumerant", "struct", "struct id", "struct parameters", "field", "field default",
	"named union", "named union ordinal", "unnamed union", "group", "union in union", "group in union",
	"group in group", "interface", "interface id", "interface parameters", "extends", "extends many",
	"method", "implicit parameters", "no results", "named params", "params type", "named results",
	"results type", "results stream", "param", "param default", "annotation", "annotation id",
	"target *", "target file", "target const", "target enum", "target enumerant", "target struct",
	"target field", "target union", "target group", "target interface", "target method", "target param",
	"target annotation", "annotation without value", "annotation with value", "annotation with tuple",
	"annotated const", "annotated enum", "annotated enumerant", "annotated struct", "annotated field",
	"annotated union", "annotated group", "annotated interface", "annotated method", "annotated param",
	"annotated annotation", "using in struct", "const in struct", "enum in struct", "struct in struct",
	"interface in struct", "annotation in struct", "using in interface", "const in interface",
	"enum in interface", "struct in interface", "interface in interface", "annotation in interface",

	"positive integer", "negative integer", "positive float", "negative float", "-inf", "string",
	"adjacent strings", "binary", "list", "empty list", "tuple", "empty tuple", "parentheses",
	"relative name", "absolute name", "member", "application", "named argument", "unnamed argument",
	"relative import", "absolute import", "relative embed", "absolute embed", "trailing comma",

	"hexadecimal", "octal", "exponent", "line string", "letter escape", "hexadecimal escape",
	"octal escape", "doc after ;", "doc after {", "doc after }", "doc on the same line",
}

// String is the production's name for people.
func (p Production) String() string {
	if p >= productions {
		return "invalid"
	}
	return productionNames[p]
}

// Productions lists all productions.
func Productions() []Production {
	all := make([]Production, productions)
	for i := range all {
		all[i] = Production(i)
	}
	return all
}
