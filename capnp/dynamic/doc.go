// Package dynamic reads, builds and calls by schema at run time: values and methods whose types a program meets only
// when it runs.
//
// Where types are known when the program is written use generated code, which is faster and cannot misspell a field.
//
// Types come from a [schema.Registry]: [LookupStruct] and [LookupInterface] find them by id, [FindStruct] and
// [FindInterface] by name. A [Struct] is a message's struct with its type, a [StructBuilder] one that is being built,
// a [Value] what is in a field. [Call] calls a method, and a [Promise] is used before it is there as in generated
// code: capabilities in results to come can be called at once.
//
// Like the rest of capnp, readers do not fail: what is malformed, or of another type than the schema says, reads as
// null. Setting a field by name can fail, because names and types come from outside. Neither schemas nor data have to
// be trusted: nothing here panics because of them, but for indices that the caller gets wrong himself.
package dynamic
