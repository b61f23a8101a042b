// Package httpovercapnp is HTTP as capabilities, generated from compat/http-over-capnp.capnp.
//
// It is the interfaces only; for net/http on both ends use package service/httpcap.
package httpovercapnp
