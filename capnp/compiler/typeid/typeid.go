// Package typeid derives the 64-bit ids of declarations that do not spell one
// out, and makes new ids for files.
//
// Don't use it to look up a declaration: ids of declarations with an explicit
// id are not derived at all.
package typeid

import (
	"crypto/md5" // the language's definition, not for security
	"encoding/binary"
	"fmt"
	"io"
)

// Min is the smallest valid id: the top bit is always set.
const Min uint64 = 1 << 63

// Child is the id of a declaration from its parent's id and its own name.
func Child(parent uint64, name string) uint64 {
	return derive(append(binary.LittleEndian.AppendUint64(nil, parent), name...))
}

// Group is the id of a group or named union from the id of the struct or group
// that it is a field of, and the index of that field.
func Group(parent uint64, index uint16) uint64 {
	return derive(binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint64(nil, parent), index))
}

// Params is the id of the struct made from a method's parameter list, or from
// its result list.
func Params(iface uint64, ordinal uint16, results bool) uint64 {
	b := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint64(nil, iface), ordinal)
	if results {
		return derive(append(b, 1))
	}
	return derive(append(b, 0))
}

func derive(b []byte) uint64 {
	sum := md5.Sum(b)
	return binary.BigEndian.Uint64(sum[:]) | Min
}

// New makes an id from eight bytes of rand, normally crypto/rand.Reader.
func New(rand io.Reader) (uint64, error) {
	var b [8]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return 0, fmt.Errorf("new id: %w", err)
	}
	return binary.LittleEndian.Uint64(b[:]) | Min, nil
}

// Format writes an id the way a schema does: @0x and sixteen digits.
func Format(id uint64) string { return fmt.Sprintf("@0x%016x", id) }
