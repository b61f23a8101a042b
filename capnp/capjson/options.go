// Package capjson converts structs to JSON and back by their schema, as C++'s JsonCodec does.
//
// It is for what people read and write and for programs that speak JSON only. Between programs that know the schema
// the binary form is smaller, faster and can carry capabilities.
//
// Fields go by their names, groups and structs are objects, lists arrays, enumerants strings. 64-bit integers are
// strings, since JSON's numbers are doubles elsewhere; they may come in as numbers. NaN and the infinities are strings.
// Data is an array of bytes. Null pointers are left out, everything else is there. The annotations of
// compat/json.capnp change that: name, flatten, discriminator, base64, hex.
//
// Decoding is strict: members that nobody knows, members that come twice, numbers out of range, two members of one
// union, invalid UTF-8 and anything after the value are errors, which say where: "$.people[3].age: …".
package capjson

import (
	"errors"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
)

// Options steer the conversion. Nil means the zero Options.
type Options struct {
	_ struct{}

	// Indent makes the output one member a line, indented by this for each level. Empty means no white space at all.
	Indent string

	// OmitDefaults leaves out numbers, booleans and enumerants that have their default.
	OmitDefaults bool

	// Redact puts "[secret]" in place of fields that the schema calls secret (lanyard.capnp). What is redacted cannot
	// be converted back.
	Redact bool

	// Replace puts U+FFFD in place of bytes in a Text that are no UTF-8. Otherwise they are an error.
	Replace bool

	// IgnoreAnnotations leaves the annotations of json.capnp aside, as the capnp tool does.
	IgnoreAnnotations bool

	// AllowUnknown skips members that the schema does not know.
	AllowUnknown bool

	// EncodeCap returns the text that stands for a capability, which is not null. It does not own c. Without it a
	// capability is an error.
	EncodeCap func(path string, c capnp.Client, of dynamic.Interface) (string, error)

	// DecodeCap returns the capability that a text stands for, which is released after it was put into the message.
	// Without it a capability is an error.
	DecodeCap func(path, text string, of dynamic.Interface) (capnp.Client, error)

	// Any says of what type a pointer is whose type the schema leaves open. Without it, or when ok is false, one that
	// is not null is an error.
	Any func(path string) (t dynamic.Type, ok bool)

	// Depth is how deep values may nest; default 64.
	Depth int

	// MaxBytes bounds the JSON, made or read; default 64 MiB.
	MaxBytes int
}

const (
	defaultDepth = 64
	defaultBytes = 64 << 20
)

func (o *Options) depth() int {
	if o.Depth > 0 {
		return o.Depth
	}
	return defaultDepth
}

func (o *Options) bytes() int {
	if o.MaxBytes > 0 {
		return o.MaxBytes
	}
	return defaultBytes
}

// An Error says what is wrong and where.
type Error struct {
	Path string // "$.a[3].b", where $ is the struct itself
	Err  error
}

func (e *Error) Error() string { return e.Path + ": " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

var (
	errDepth = errors.New("nested too deeply")
	errSize  = errors.New("the JSON is too large")
)
