// Package persistent is the interface of objects that can be saved, generated from persistent.capnp.
//
// Lanyard's own saved references (package vat) implement it; nothing else needs it.
package persistent
