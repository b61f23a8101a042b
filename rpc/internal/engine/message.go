package engine

import (
	"context"

	"lanyard.dev/capnp"
)

// Type says which message of rpc.capnp a Message is; the values are this package's own.
type Type uint8

const (
	Unknown       Type = iota // a kind of message that this implementation does not know
	Unimplemented             // Inner came back
	Abort
	Bootstrap
	Call
	Return
	Finish
	Resolve
	Release
	Disembargo
	Provide
	Accept
	Join
	ThirdPartyAnswer
)

var typeNames = [...]string{"unknown", "unimplemented", "abort", "bootstrap", "call", "return", "finish",
	"resolve", "release", "disembargo", "provide", "accept", "join", "thirdPartyAnswer"}

// String returns the name that rpc.capnp gives the message.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "invalid"
}

// Message is one message of the protocol as the engine sees it: everything decoded but the user's
// data. Which fields mean something depends on Type.
type Message struct {
	Type Type

	// ID is the question (Bootstrap, Call, Finish), the answer (Return), the promise (Resolve),
	// the import (Release) or the embargo (Disembargo).
	ID uint32

	Target Target // Call, Disembargo

	InterfaceID   uint64 // Call
	MethodID      uint16
	SendResultsTo SendResultsTo
	NoPipelining  bool
	OnlyPipeline  bool

	// Payload and Caps are the params of a Call or the results of a Return. Caps[i] says what
	// capability i of the payload is. A Resolve's one descriptor is Caps[0]. The payload of a
	// Bootstrap that arrived is what Object says that it asks for.
	Payload capnp.Payload
	Caps    []Descriptor

	Object   bool   // Bootstrap that arrived: it asks for one object among several
	ObjectID []byte // Bootstrap to be sent: likewise, if it is not empty

	Outcome          Outcome // Return, Resolve (Results or Exception)
	Exception        *capnp.Exception
	Other            uint32 // Return: takeFromOtherQuestion
	ReleaseParamCaps bool
	NoFinishNeeded   bool

	ReleaseResultCaps bool // Finish
	EarlyCancelBug    bool // Finish: requireEarlyCancellationWorkaround

	Count uint32 // Release

	Context DisembargoContext

	// Note is what the host remembers of a Call, Bootstrap or Return. Base is the base of the
	// context of a Call that arrived; nil means Host.Context.
	Note *Note
	Base context.Context

	// Inner is what came back in an Unimplemented. Raw is the message as it was received, to be
	// echoed in one; the engine does not look into it.
	Inner *Message
	Raw   any
}

// SendResultsTo is Call.sendResultsTo.
type SendResultsTo uint8

const (
	ToCaller SendResultsTo = iota
	ToYourself
	ToThirdParty
)

// Outcome is the union in Return.
type Outcome uint8

const (
	Results Outcome = iota
	Exception
	Canceled
	ResultsSentElsewhere
	TakeFromOtherQuestion
	AwaitFromThirdParty
)

var outcomeNames = [...]string{"results", "exception", "canceled", "resultsSentElsewhere", "takeFromOtherQuestion", "awaitFromThirdParty"}

// String returns the name that rpc.capnp gives the outcome.
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return "invalid"
}

// DisembargoContext is Disembargo.context.
type DisembargoContext uint8

const (
	SenderLoopback DisembargoContext = iota
	ReceiverLoopback
	AcceptContext
	InvalidContext
)

// Target is a MessageTarget: an import of the sender's, or a path into the answer to one of its
// questions.
type Target struct {
	Kind TargetKind
	ID   uint32
	Path []uint16
}

// TargetKind is the union in MessageTarget.
type TargetKind uint8

const (
	ImportedCap TargetKind = iota
	PromisedAnswer
	InvalidTarget
)

// Descriptor is a CapDescriptor.
type Descriptor struct {
	Kind DescriptorKind
	ID   uint32   // export, import, or question; for ThirdPartyHosted the vine
	Path []uint16 // ReceiverAnswer

	// File is the open file that comes with the capability, or nil. In a message that is sent it
	// stays whose it is; in one that arrived it belongs to the message until somebody takes it out.
	File capnp.AttachedFile
	// FileAt is where among the files beside the message it is, from 1; 0 for none.
	FileAt uint8
}

// DescriptorKind is the union in CapDescriptor.
type DescriptorKind uint8

const (
	None DescriptorKind = iota
	SenderHosted
	SenderPromise
	ReceiverHosted
	ReceiverAnswer
	ThirdPartyHosted
	InvalidDescriptor
)
