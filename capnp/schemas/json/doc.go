// Package json is JSON values as Cap'n Proto messages and the annotations that steer how messages become
// JSON, generated from compat/json.capnp.
//
// To convert messages to JSON use package capjson.
package json
