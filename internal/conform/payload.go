package conform

import (
	"fmt"
	"strings"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schemas/rpc"
)

// payload reads words=…, ptrs=… or caps=…. What words and ptrs make is one
// struct: say words first.
func (w *words) payload(p rpc.PayloadBuilder) (refs given) {
	key, list, _ := strings.Cut(w.next(), "=")
	values := strings.Split(list, ",")
	switch key {
	case "words":
		size := capnp.StructSize{DataWords: uint16(len(values))}
		next, ptrs, ok := strings.Cut(w.peek(), "=")
		if ok && next == "ptrs" {
			size.Pointers = uint16(strings.Count(ptrs, ",") + 1)
		}
		s := p.NewContent().NewStruct(size)
		for i, v := range values {
			s.SetUint64(uint32(i)*8, w.num(v, 64))
		}
		if size.Pointers > 0 {
			w.next()
			w.pointers(s, strings.Split(ptrs, ","))
		}
	case "ptrs":
		w.pointers(p.NewContent().NewStruct(capnp.StructSize{Pointers: uint16(len(values))}), values)
	case "caps":
		var all []string
		for _, v := range values {
			d, times := w.times(v)
			for range times {
				all = append(all, w.ids(d)...)
			}
		}
		table := p.NewCapTable(len(all))
		for i, d := range all {
			refs = append(refs, w.descriptor(table.At(i), d)...)
		}
	default:
		w.fail("%q is no part of a payload", key)
	}
	return refs
}

// ids makes KIND:A..B descriptors with the ids from A to B.
func (w *words) ids(d string) []string {
	kind, arg, _ := strings.Cut(d, ":")
	from, to, ok := strings.Cut(arg, "..")
	if !ok {
		return []string{d}
	}
	var out []string
	for id := w.num(from, 24); id <= w.num(to, 24) && w.err == nil; id++ {
		out = append(out, fmt.Sprintf("%s:%d", kind, id))
	}
	return out
}

func (w *words) pointers(s capnp.StructBuilder, values []string) {
	for i, v := range values {
		kind, arg, _ := strings.Cut(v, ":")
		switch i := uint16(i); kind {
		case "cap":
			s.SetCap(i, uint32(w.num(arg, 32)))
		case "data":
			s.NewData(i, int(w.num(arg, 24)))
		case "text":
			s.SetText(i, strings.Repeat("x", int(w.num(arg, 24))))
		case "null":
		default:
			w.fail("no pointer %q", v)
		}
	}
}

func (w *words) descriptor(d rpc.CapDescriptorBuilder, s string) given {
	kind, arg, _ := strings.Cut(s, ":")
	switch kind {
	case "none":
		d.SetNone()
	case "senderHosted":
		d.SetSenderHosted(uint32(w.num(arg, 32)))
		return given{d.SenderHosted()}
	case "senderPromise":
		d.SetSenderPromise(uint32(w.num(arg, 32)))
		return given{d.SenderPromise()}
	case "receiverHosted":
		d.SetReceiverHosted(uint32(w.num(arg, 32)))
	case "receiverAnswer":
		w.path(d.NewReceiverAnswer(), arg)
	case "thirdPartyHosted":
		t := d.NewThirdPartyHosted()
		t.SetVineId(uint32(w.num(arg, 32)))
		return given{t.VineId()}
	case "tag":
		d.SetSenderHosted(0)
		capnp.StructBuilder(d).SetUint16(0, 4711)
	default:
		w.fail("no descriptor %q", s)
	}
	return nil
}
