// Package schema is compiled schemas as Go values: the nodes that a schema compiler writes and that code
// generators, and programs that meet types at run time, read.
//
// It describes types. For values of a type that is known only at run time use package dynamic; to make a
// schema from a .capnp file use package compiler.
package schema
