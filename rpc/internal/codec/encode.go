package codec

import (
	"fmt"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schemas/rpc"
	"lanyard.dev/internal/wire"
	"lanyard.dev/rpc/internal/engine"
)

// Encode makes the message to be sent for m. A payload that was built in this process is not
// copied: the rest of the message is put around it. maxBytes bounds the result.
func Encode(m *engine.Message, maxBytes int64) (*capnp.MessageBuilder, error) {
	switch m.Type {
	case engine.Call:
		return encodeCall(m, maxBytes)
	case engine.Return:
		if m.Outcome == engine.Results {
			return encodeResults(m, maxBytes)
		}
	}
	mb := capnp.NewMessage(&capnp.BuilderOptions{FirstWords: 16})
	if err := encodeSmall(rpc.NewRootMessage(mb), m); err != nil {
		return nil, err
	}
	return finished(mb, maxBytes)
}

func finished(mb *capnp.MessageBuilder, maxBytes int64) (*capnp.MessageBuilder, error) {
	if err := mb.Err(); err != nil {
		return nil, err
	}
	if n := (*wire.MessageBuilder)(mb).Words() * 8; n > maxBytes {
		return nil, capnp.Errorf(capnp.Failed, "the message has %d bytes, more than the limit of %d", n, maxBytes)
	}
	return mb, nil
}

func encodeSmall(root rpc.MessageBuilder, m *engine.Message) error {
	switch m.Type {
	case engine.Unimplemented:
		raw, ok := m.Raw.(rpc.Message)
		if !ok {
			return fmt.Errorf("rpc: nothing to send back")
		}
		root.SetUnimplemented(raw)
	case engine.Abort:
		encodeException(root.NewAbort(), m.Exception)
	case engine.Bootstrap:
		b := root.NewBootstrap()
		b.SetQuestionId(m.ID)
		if len(m.ObjectID) > 0 {
			capnp.StructBuilder(b).SetTextBytes(0, m.ObjectID) // deprecatedObjectId
		}
	case engine.Return:
		r := root.NewReturn()
		encodeReturn(r, m)
		switch m.Outcome {
		case engine.Exception:
			encodeException(r.NewException(), m.Exception)
		case engine.Canceled:
			r.SetCanceled()
		case engine.ResultsSentElsewhere:
			r.SetResultsSentElsewhere()
		case engine.TakeFromOtherQuestion:
			r.SetTakeFromOtherQuestion(m.Other)
		default:
			return fmt.Errorf("rpc: cannot encode outcome %s", m.Outcome)
		}
	case engine.Finish:
		f := root.NewFinish()
		f.SetQuestionId(m.ID)
		f.SetReleaseResultCaps(m.ReleaseResultCaps)
		f.SetRequireEarlyCancellationWorkaround(m.EarlyCancelBug)
	case engine.Resolve:
		r := root.NewResolve()
		r.SetPromiseId(m.ID)
		if m.Outcome == engine.Results {
			encodeDescriptor(r.NewCap(), m.Caps[0])
		} else {
			encodeException(r.NewException(), m.Exception)
		}
	case engine.Release:
		r := root.NewRelease()
		r.SetId(m.ID)
		r.SetReferenceCount(m.Count)
	case engine.Disembargo:
		d := root.NewDisembargo()
		encodeTarget(d.NewTarget(), m.Target)
		if m.Context == engine.SenderLoopback {
			d.EditContext().SetSenderLoopback(m.ID)
		} else {
			d.EditContext().SetReceiverLoopback(m.ID)
		}
	default:
		return fmt.Errorf("rpc: cannot encode %s", m.Type)
	}
	return nil
}

func encodeReturn(r rpc.ReturnBuilder, m *engine.Message) {
	r.SetAnswerId(m.ID)
	r.SetReleaseParamCaps(m.ReleaseParamCaps)
	r.SetNoFinishNeeded(m.NoFinishNeeded)
}

func encodeCall(m *engine.Message, maxBytes int64) (*capnp.MessageBuilder, error) {
	e := open(&m.Payload)
	call := e.root.NewCall()
	call.SetQuestionId(m.ID)
	call.SetInterfaceId(m.InterfaceID)
	call.SetMethodId(m.MethodID)
	if m.NoPipelining {
		call.SetNoPromisePipelining(true)
	}
	if m.OnlyPipeline {
		call.SetOnlyPromisePipeline(true)
	}
	if m.SendResultsTo == engine.ToYourself {
		call.EditSendResultsTo().SetYourself()
	}
	e.close(wire.StructBuilder(call).Ptr(1), m)
	encodeTarget(call.NewTarget(), m.Target)
	return finished(e.mb, maxBytes)
}

func encodeResults(m *engine.Message, maxBytes int64) (*capnp.MessageBuilder, error) {
	e := open(&m.Payload)
	r := e.root.NewReturn()
	encodeReturn(r, m)
	r.NewResults() // sets the union; the pointer is replaced below
	e.close(wire.StructBuilder(r).Ptr(0), m)
	return finished(e.mb, maxBytes)
}

// envelope is a message being put around a payload.
type envelope struct {
	mb    *capnp.MessageBuilder
	w     *wire.MessageBuilder
	root  rpc.MessageBuilder
	frame wire.StructBuilder // the Payload struct
}

// open starts the message: around the payload's own builder, or, if the payload was received, with
// a copy of its content.
func open(p *capnp.Payload) envelope {
	w, frame := p.Frame()
	if w == nil {
		w = wire.NewMessageBuilder(wire.BuilderOptions{})
		w.SetCaps(sameIndex{})
		w.Root().Clear()
		frame = w.NewOrphan(wire.Size{Pointers: 2})
		frame.Ptr(0).Set(wire.Ptr(p.Peek()))
	} else {
		w.Root().Forget()
	}
	w.BeginReserve()
	mb := (*capnp.MessageBuilder)(w)
	return envelope{mb, w, rpc.NewRootMessage(mb), frame}
}

// close puts the Payload into its slot and fills in its table.
func (e envelope) close(slot wire.PtrBuilder, m *engine.Message) {
	slot.Forget()
	slot.PointTo(e.frame)
	e.w.EndReserve()
	if len(m.Caps) == 0 {
		return
	}
	table := rpc.PayloadBuilder(e.frame).NewCapTable(len(m.Caps))
	for i, d := range m.Caps {
		encodeDescriptor(table.At(i), d)
	}
}

// sameIndex is a capability table for copies of content: indexes stay what they are, because the
// descriptors are in the same order.
type sameIndex struct{}

func (sameIndex) CopyCap(_ wire.CapTable, i uint32) (uint32, bool) { return i, true }

func encodeTarget(b rpc.MessageTargetBuilder, t engine.Target) {
	if t.Kind == engine.ImportedCap {
		b.SetImportedCap(t.ID)
		return
	}
	encodePath(b.NewPromisedAnswer(), t.ID, t.Path)
}

func encodePath(b rpc.PromisedAnswerBuilder, id uint32, path []uint16) {
	b.SetQuestionId(id)
	if len(path) == 0 {
		return
	}
	ops := b.NewTransform(len(path))
	for i, f := range path {
		ops.At(i).SetGetPointerField(f)
	}
}

func encodeDescriptor(b rpc.CapDescriptorBuilder, d engine.Descriptor) {
	if d.FileAt > 0 {
		b.SetAttachedFd(d.FileAt - 1)
	}
	switch d.Kind {
	case engine.SenderHosted:
		b.SetSenderHosted(d.ID)
	case engine.SenderPromise:
		b.SetSenderPromise(d.ID)
	case engine.ReceiverHosted:
		b.SetReceiverHosted(d.ID)
	case engine.ReceiverAnswer:
		encodePath(b.NewReceiverAnswer(), d.ID, d.Path)
	}
}

func encodeException(b rpc.ExceptionBuilder, x *capnp.Exception) {
	b.SetReason(reasonOf(x))
	b.SetType(rpc.ExceptionType(x.Kind))
	if x.Trace != "" {
		b.SetTrace(x.Trace)
	}
	if len(x.Details) == 0 {
		return
	}
	ds := b.NewDetails(len(x.Details))
	for i, d := range x.Details {
		ds.At(i).SetDetailId(d.ID)
		ds.At(i).SetData(d.Data)
	}
}
