package codec

import (
	"bytes"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schemas/rpc"
	"lanyard.dev/rpc/internal/engine"
)

// What is kept of an exception that a peer sends.
const (
	maxReason  = 8 << 10
	maxDetails = 16
	maxDetail  = 4 << 10
	maxTrace   = 8 << 10
)

// remotePrefix is what C++ puts before the reasons of exceptions that it received, and leaves there
// when it hands them on. [capnp.Exception.Error] says it.
const remotePrefix = "remote exception: "

// Decode reads a message that arrived into m, which is empty. It verifies the whole message first, so that payloads are
// sound before a method sees them. What the protocol does not know is no error: it becomes an
// Unknown message or an invalid field, for the engine to answer.
func Decode(m *engine.Message, in *capnp.Message) error {
	if err := in.Verify(); err != nil {
		return err
	}
	root := capnp.Root[rpc.Message](in)
	if capnp.IsNull(root) {
		return capnp.NewError(capnp.Failed, "the message has no root")
	}
	decode(m, root, 0)
	return nil
}

func decode(m *engine.Message, root rpc.Message, depth int) {
	switch root.Which() {
	case rpc.MessageWhichUnimplemented:
		m.Type = engine.Unimplemented
		if depth == 0 {
			m.Inner = &engine.Message{}
			decode(m.Inner, root.Unimplemented(), 1)
		}
	case rpc.MessageWhichAbort:
		m.Type, m.Exception = engine.Abort, decodeException(root.Abort())
	case rpc.MessageWhichBootstrap:
		b := root.Bootstrap()
		m.Type, m.ID = engine.Bootstrap, b.QuestionId()
		if id := b.DeprecatedObjectId(); !id.IsNull() && len(ObjectID(id)) != 0 {
			m.Object, m.Payload = true, capnp.ReceivedPayload(id)
		}
	case rpc.MessageWhichCall:
		decodeCall(m, root.Call())
	case rpc.MessageWhichReturn:
		decodeReturn(m, root.Return())
	case rpc.MessageWhichFinish:
		f := root.Finish()
		m.Type, m.ID = engine.Finish, f.QuestionId()
		m.ReleaseResultCaps = f.ReleaseResultCaps()
		m.EarlyCancelBug = f.RequireEarlyCancellationWorkaround()
	case rpc.MessageWhichResolve:
		r := root.Resolve()
		m.Type, m.ID = engine.Resolve, r.PromiseId()
		switch r.Which() {
		case rpc.ResolveWhichCap:
			m.Outcome, m.Caps = engine.Results, []engine.Descriptor{decodeDescriptor(r.Cap())}
		case rpc.ResolveWhichException:
			m.Outcome, m.Exception = engine.Exception, decodeException(r.Exception())
		default:
			m.Outcome = engine.Exception
		}
	case rpc.MessageWhichRelease:
		r := root.Release()
		m.Type, m.ID, m.Count = engine.Release, r.Id(), r.ReferenceCount()
	case rpc.MessageWhichDisembargo:
		decodeDisembargo(m, root.Disembargo())
	case rpc.MessageWhichProvide:
		m.Type = engine.Provide
	case rpc.MessageWhichAccept:
		m.Type = engine.Accept
	case rpc.MessageWhichJoin:
		m.Type = engine.Join
	case rpc.MessageWhichThirdPartyAnswer:
		m.Type = engine.ThirdPartyAnswer
	default:
		m.Type = engine.Unknown
	}
	if m.Type >= engine.Provide || m.Type == engine.Unknown || m.Type == engine.Disembargo || m.SendResultsTo == engine.ToThirdParty {
		m.Raw = root // may have to be sent back
	}
}

func decodeCall(m *engine.Message, c rpc.Call) {
	m.Type, m.ID = engine.Call, c.QuestionId()
	m.Target = decodeTarget(c.Target())
	m.InterfaceID, m.MethodID = c.InterfaceId(), c.MethodId()
	m.NoPipelining, m.OnlyPipeline = c.NoPromisePipelining(), c.OnlyPromisePipeline()
	switch c.SendResultsTo().Which() {
	case rpc.CallSendResultsToWhichCaller:
		m.SendResultsTo = engine.ToCaller
	case rpc.CallSendResultsToWhichYourself:
		m.SendResultsTo = engine.ToYourself
	default:
		m.SendResultsTo = engine.ToThirdParty
	}
	decodePayload(m, c.Params())
}

func decodeReturn(m *engine.Message, r rpc.Return) {
	m.Type, m.ID = engine.Return, r.AnswerId()
	m.ReleaseParamCaps, m.NoFinishNeeded = r.ReleaseParamCaps(), r.NoFinishNeeded()
	switch r.Which() {
	case rpc.ReturnWhichResults:
		m.Outcome = engine.Results
		decodePayload(m, r.Results())
	case rpc.ReturnWhichException:
		m.Outcome, m.Exception = engine.Exception, decodeException(r.Exception())
	case rpc.ReturnWhichCanceled:
		m.Outcome = engine.Canceled
	case rpc.ReturnWhichResultsSentElsewhere:
		m.Outcome = engine.ResultsSentElsewhere
	case rpc.ReturnWhichTakeFromOtherQuestion:
		m.Outcome, m.Other = engine.TakeFromOtherQuestion, r.TakeFromOtherQuestion()
	default:
		m.Outcome = engine.AwaitFromThirdParty
	}
}

func decodeDisembargo(m *engine.Message, d rpc.Disembargo) {
	m.Type = engine.Disembargo
	m.Target = decodeTarget(d.Target())
	switch c := d.Context(); c.Which() {
	case rpc.DisembargoContextWhichSenderLoopback:
		m.Context, m.ID = engine.SenderLoopback, c.SenderLoopback()
	case rpc.DisembargoContextWhichReceiverLoopback:
		m.Context, m.ID = engine.ReceiverLoopback, c.ReceiverLoopback()
	case rpc.DisembargoContextWhichAccept:
		m.Context = engine.AcceptContext
	default:
		m.Context = engine.InvalidContext
	}
}

func decodePayload(m *engine.Message, p rpc.Payload) {
	m.Payload = capnp.ReceivedPayload(p.Content())
	table := p.CapTable()
	if n := table.Len(); n > 0 {
		m.Caps = make([]engine.Descriptor, n)
		for i, d := range table.All() {
			m.Caps[i] = decodeDescriptor(d)
		}
	}
}

func decodeTarget(t rpc.MessageTarget) engine.Target {
	switch t.Which() {
	case rpc.MessageTargetWhichImportedCap:
		return engine.Target{Kind: engine.ImportedCap, ID: t.ImportedCap()}
	case rpc.MessageTargetWhichPromisedAnswer:
		if path, ok := decodePath(t.PromisedAnswer()); ok {
			return engine.Target{Kind: engine.PromisedAnswer, ID: t.PromisedAnswer().QuestionId(), Path: path}
		}
	}
	return engine.Target{Kind: engine.InvalidTarget}
}

// decodePath reads a path. It reports false if a step is of a kind that this vat does not know. A
// path with many steps that do nothing is cut off where the engine refuses it.
func decodePath(p rpc.PromisedAnswer) ([]uint16, bool) {
	ops := p.Transform()
	if ops.Len() == 0 {
		return nil, true
	}
	path := make([]uint16, 0, min(ops.Len(), 8))
	for _, op := range ops.All() {
		switch op.Which() {
		case rpc.PromisedAnswerOpWhichNoop:
		case rpc.PromisedAnswerOpWhichGetPointerField:
			path = append(path, op.GetPointerField())
		default:
			return nil, false
		}
	}
	return path, true
}

func decodeDescriptor(d rpc.CapDescriptor) engine.Descriptor {
	out := decodeCap(d)
	out.FileAt = d.AttachedFd() + 1 // 0xff, the default, is none
	return out
}

func decodeCap(d rpc.CapDescriptor) engine.Descriptor {
	switch d.Which() {
	case rpc.CapDescriptorWhichNone:
		return engine.Descriptor{Kind: engine.None}
	case rpc.CapDescriptorWhichSenderHosted:
		return engine.Descriptor{Kind: engine.SenderHosted, ID: d.SenderHosted()}
	case rpc.CapDescriptorWhichSenderPromise:
		return engine.Descriptor{Kind: engine.SenderPromise, ID: d.SenderPromise()}
	case rpc.CapDescriptorWhichReceiverHosted:
		return engine.Descriptor{Kind: engine.ReceiverHosted, ID: d.ReceiverHosted()}
	case rpc.CapDescriptorWhichReceiverAnswer:
		if path, ok := decodePath(d.ReceiverAnswer()); ok {
			return engine.Descriptor{Kind: engine.ReceiverAnswer, ID: d.ReceiverAnswer().QuestionId(), Path: path}
		}
	case rpc.CapDescriptorWhichThirdPartyHosted:
		return engine.Descriptor{Kind: engine.ThirdPartyHosted, ID: d.ThirdPartyHosted().VineId()}
	}
	return engine.Descriptor{Kind: engine.InvalidDescriptor}
}

func decodeException(x rpc.Exception) *capnp.Exception {
	reason := x.ReasonBytes()
	for bytes.HasPrefix(reason, []byte(remotePrefix)) {
		reason = reason[len(remotePrefix):]
	}
	e := &capnp.Exception{Kind: capnp.Kind(x.Type()), Reason: clip(reason, maxReason), Trace: clip(x.TraceBytes(), maxTrace), Remote: true}
	for i, d := range x.Details().All() {
		if i == maxDetails {
			break
		}
		data := d.Data()
		if len(data) > maxDetail {
			continue
		}
		e.Details = append(e.Details, capnp.Detail{ID: d.DetailId(), Data: bytes.Clone(data)})
	}
	return e
}

// clip makes a string of what is text up to n bytes.
func clip(b []byte, n int) string {
	if len(b) > n {
		b = b[:n]
	}
	return string(bytes.ToValidUTF8(b, []byte("\uFFFD")))
}

// ObjectID reads what a Bootstrap asks for: bytes, which are sent as text, with a zero behind them,
// because the OCaml implementation does.
func ObjectID(id capnp.Ptr) []byte {
	b := id.Data()
	if n := len(b); n > 0 && b[n-1] == 0 {
		b = b[:n-1]
	}
	return b
}
