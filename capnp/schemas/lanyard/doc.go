// Package lanyard is the annotations that schemas put on methods and fields to say what may be repeated, what
// changes nothing and what is secret, generated from lanyard.capnp.
//
// It is the ids, for programs that look annotations up; package dynamic answers the questions themselves. Schemas
// import "/lanyard.capnp", and the code generated from them does not import this.
package lanyard
