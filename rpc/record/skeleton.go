package record

import (
	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/capnp/schemas/rpc"
)

// skeleton returns the message that frame b holds without what is opaque to the protocol: contents of
// payloads, tokens of third parties, data in exceptions. It returns nil if it makes no sense of b.
func skeleton(b []byte) []byte {
	m, _, err := frame.Unmarshal(b, nil)
	if err != nil {
		return nil
	}
	if err := m.Verify(); err != nil {
		return nil
	}
	out := capnp.NewMessage(nil)
	message(rpc.NewRootMessage(out), capnp.Root[rpc.Message](m), 0)
	if out.Err() != nil {
		return nil
	}
	return frame.Marshal(out)
}

// message copies the numbers of a message and, of what they point to, what the protocol reads. Every
// number of rpc.capnp is an id, a count, a kind or a flag.
func message(b rpc.MessageBuilder, m rpc.Message, depth int) {
	switch m.Which() {
	case rpc.MessageWhichUnimplemented:
		if u := b.NewUnimplemented(); depth == 0 {
			message(u, m.Unimplemented(), 1)
		}
	case rpc.MessageWhichAbort:
		exception(b.NewAbort(), m.Abort())
	case rpc.MessageWhichBootstrap:
		b.NewBootstrap().SetQuestionId(m.Bootstrap().QuestionId())
	case rpc.MessageWhichCall:
		c := b.NewCall()
		numbers(capnp.StructBuilder(c), capnp.Struct(m.Call()), 3)
		c.SetTarget(m.Call().Target())
		payload(c.NewParams(), m.Call().Params())
	case rpc.MessageWhichReturn:
		r := b.NewReturn()
		numbers(capnp.StructBuilder(r), capnp.Struct(m.Return()), 2)
		switch m.Return().Which() {
		case rpc.ReturnWhichResults:
			payload(r.NewResults(), m.Return().Results())
		case rpc.ReturnWhichException:
			exception(r.NewException(), m.Return().Exception())
		}
	case rpc.MessageWhichFinish:
		numbers(capnp.StructBuilder(b.NewFinish()), capnp.Struct(m.Finish()), 1)
	case rpc.MessageWhichResolve:
		r := b.NewResolve()
		numbers(capnp.StructBuilder(r), capnp.Struct(m.Resolve()), 1)
		switch m.Resolve().Which() {
		case rpc.ResolveWhichCap:
			descriptor(r.NewCap(), m.Resolve().Cap())
		case rpc.ResolveWhichException:
			exception(r.NewException(), m.Resolve().Exception())
		}
	case rpc.MessageWhichRelease:
		numbers(capnp.StructBuilder(b.NewRelease()), capnp.Struct(m.Release()), 1)
	case rpc.MessageWhichDisembargo:
		d := b.NewDisembargo()
		numbers(capnp.StructBuilder(d), capnp.Struct(m.Disembargo()), 1)
		d.SetTarget(m.Disembargo().Target())
	default:
		capnp.StructBuilder(b).SetUint16(0, uint16(m.Which()))
	}
}

// numbers copies the data section.
func numbers(b capnp.StructBuilder, s capnp.Struct, words uint32) {
	for i := range words {
		b.SetUint64(8*i, s.Uint64(8*i))
	}
}

func payload(b rpc.PayloadBuilder, p rpc.Payload) {
	table := p.CapTable()
	if table.Len() == 0 {
		return
	}
	out := b.NewCapTable(table.Len())
	for i, d := range table.All() {
		descriptor(out.At(i), d)
	}
}

func descriptor(b rpc.CapDescriptorBuilder, d rpc.CapDescriptor) {
	numbers(capnp.StructBuilder(b), capnp.Struct(d), 1)
	switch d.Which() {
	case rpc.CapDescriptorWhichReceiverAnswer:
		b.SetReceiverAnswer(d.ReceiverAnswer())
	case rpc.CapDescriptorWhichThirdPartyHosted:
		b.NewThirdPartyHosted().SetVineId(d.ThirdPartyHosted().VineId())
	}
}

// exception keeps the reason, which says what went wrong, and of details the ids.
func exception(b rpc.ExceptionBuilder, x rpc.Exception) {
	numbers(capnp.StructBuilder(b), capnp.Struct(x), 1)
	b.SetReason(x.Reason())
	if x.HasTrace() {
		b.SetTrace(x.Trace())
	}
	if n := x.Details().Len(); n > 0 {
		out := b.NewDetails(n)
		for i, d := range x.Details().All() {
			out.At(i).SetDetailId(d.DetailId())
		}
	}
}
