package tape

import (
	"encoding/binary"
	"fmt"
)

// A kind is the union tag of rpc.capnp's Message.
type kind uint16

// The kinds that two vats with one connection use.
const (
	unimplemented kind = 0
	abort         kind = 1
	call          kind = 2
	ret           kind = 3
	finish        kind = 4
	resolve       kind = 5
	release       kind = 6
	bootstrap     kind = 8
	disembargo    kind = 13
)

// A descriptor is an entry of a capability table, with the id in it, if any.
type descriptor struct {
	kind uint16
	id   slot
}

// The kinds of descriptor that carry an id of the sender or of the receiver.
const (
	senderHosted   = 1
	senderPromise  = 2
	receiverHosted = 3
)

// exported reports whether the descriptor is a reference to something of the
// sender's.
func (d descriptor) exported() bool { return d.kind == senderHosted || d.kind == senderPromise }

// The kinds of Return.
const (
	results   = 0
	exception = 1
	canceled  = 2
)

// An rpcMessage is what replaying has to know of a message.
type rpcMessage struct {
	kind     kind
	question slot // bootstrap, call, return (answerId), finish
	target   slot // call: the importedCap, nil when it is a promised answer
	id, n    slot // release: what and how many
	caps     []descriptor

	returned    uint16 // return: which kind
	noFinish    bool   // return: noFinishNeeded
	releaseCaps bool   // finish: releaseResultCaps
	interfaceID uint64 // call
	methodID    uint16
	payload     view   // call, return with results
	reason      string // abort, return with an exception
}

func parse(b []byte) (*rpcMessage, error) {
	f, err := parseFrame(b)
	if err != nil {
		return nil, err
	}
	root := f.root()
	body := root.child(0)
	m := &rpcMessage{kind: kind(root.u16(0))}
	switch m.kind {
	case bootstrap:
		m.question = body.slot(0)
	case call:
		m.question = body.slot(0)
		m.interfaceID, m.methodID = body.u64(8), body.u16(4)
		if target := body.child(0); target.u16(4) == 0 {
			m.target = target.slot(0)
		}
		m.setPayload(body.child(1))
	case ret:
		m.question = body.slot(0)
		m.returned, m.noFinish = body.u16(6), body.bit(33)
		switch m.returned {
		case results:
			m.setPayload(body.child(0))
		case exception:
			m.reason = body.child(0).text(0)
		}
	case finish:
		m.question = body.slot(0)
		m.releaseCaps = !body.bit(32) // stored inverted: the default is true
	case release:
		m.id, m.n = body.slot(0), body.slot(4)
	case abort:
		m.reason = body.text(0)
	case resolve, disembargo, unimplemented:
	default:
		return nil, fmt.Errorf("message of kind %d", m.kind)
	}
	return m, nil
}

func (m *rpcMessage) setPayload(p view) {
	m.payload = p
	for _, d := range p.structs(1) {
		m.caps = append(m.caps, descriptor{d.u16(0), d.slot(4)})
	}
}

// finishFrame is a Finish for a question whose results' capabilities, if any,
// stay.
func finishFrame(question uint32) []byte {
	words := [...]uint64{
		4 << 32,                  // one segment of four words
		1<<32 | 1<<48,            // the root: one word of data, one pointer
		uint64(finish),           // the union tag
		1 << 32,                  // the body: one word of data
		uint64(question) | 1<<32, // releaseResultCaps, stored inverted
	}
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b
}

// content is the value in the payload, in a form that can be compared.
func (m *rpcMessage) content() string { return m.payload.dump(0) }

// summary is what a caller sees of a Return.
func (m *rpcMessage) summary() string {
	switch m.returned {
	case results:
		return "results " + m.content()
	case exception:
		return "exception"
	case canceled:
		return "canceled"
	default:
		return fmt.Sprintf("return of kind %d", m.returned)
	}
}
