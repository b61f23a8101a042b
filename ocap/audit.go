package ocap

import (
	"encoding/hex"
	"encoding/json"
	"runtime"
	"sync"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
)

// Audit returns a capability of the same type to c's object whose calls are written down: a record
// before the call is delivered (write-ahead: no effect without a record), and one when it has ended.
// There is exactly one end for each begin, once the callee has returned; a begin without an end is a
// call that was under way when the log was cut off. Calls of what came out of c are recorded, too, and
// so are calls back to what was passed in. c stays the caller's; release both.
//
// While the sink fails, calls are refused, or with Open let pass unrecorded.
func Audit[C capnp.ClientKind](c C, sink Sink, o *AuditOptions) C {
	if o == nil {
		o = &AuditOptions{}
	}
	return narrowed(c, newAuditor(sink, o), &Options{Grantor: o.Grantor})
}

// AuditPolicy returns the policy of [Audit], for [Membrane]. Other policies go around it or below it, not
// beside it: see All.
func AuditPolicy(sink Sink, o *AuditOptions) Policy {
	if o == nil {
		o = &AuditOptions{}
	}
	return newAuditor(sink, o)
}

// AuditOptions say what is recorded. The zero value, or nil, is good.
type AuditOptions struct {
	// Label names the capability in the records, a path of petnames for instance.
	Label string
	// Registry has the schemas by which methods are named and parameters shown. Without the schema of a
	// method its parameters are not recorded.
	Registry *schema.Registry
	// Open lets calls pass that could not be recorded; the next record says how many there were.
	Open bool
	// Errors records the words of errors, too. The callee has chosen them, and they may tell what is
	// secret.
	Errors bool
	// Clock is what the times in records are.
	Clock Clock
	// Grantor is who can help: see [Options].
	Grantor string

	_ struct{}
}

// A Sink writes records down. Record is called by one goroutine at a time, with records in order; when it
// has returned nil they are safe. It may take its time, and what comes meanwhile comes together.
type Sink interface {
	Record(batch []Record) error
}

// Record is a line of an audit log.
type Record struct {
	Time  time.Time `json:"time"`
	Label string    `json:"label,omitempty"`
	Event Event     `json:"event"`
	Call  uint64    `json:"call"`           // counted from 1 by each Audit; the same in begin and end
	Lost  uint64    `json:"lost,omitempty"` // records before this one that could not be written

	// Of a begin.
	Inward    bool            `json:"inward,omitempty"` // false for calls back to what was passed in
	Interface HexID           `json:"interface,omitempty"`
	Ordinal   uint16          `json:"ordinal,omitempty"`
	Method    string          `json:"method,omitempty"` // its name, if known
	Bytes     int64           `json:"bytes,omitempty"`  // of parameters
	Params    json.RawMessage `json:"params,omitempty"` // for reading: shortened, and without what is secret

	// Of an end.
	Outcome string `json:"outcome,omitempty"` // "ok", a Code, a capnp.Kind, or "undelivered"
	Error   string `json:"error,omitempty"`
}

// Event is what a record is about.
type Event string

// A call is about to be delivered; a call has ended.
const (
	Begin Event = "begin"
	End   Event = "end"
)

// HexID is the id of an interface, written as schemas do.
type HexID uint64

// MarshalText implements encoding.TextMarshaler.
func (id HexID) MarshalText() ([]byte, error) {
	var b [8]byte
	for i := range b {
		b[i] = byte(id >> (56 - 8*i))
	}
	return append([]byte("0x"), hex.EncodeToString(b[:])...), nil
}

// auditor is the policy of an Audit.
//
// Invariant: while busy a goroutine is in write, and only it calls the sink; queue is empty unless busy.
type auditor struct {
	sink  Sink
	o     AuditOptions
	clock Clock

	mu    sync.Mutex
	queue []entry
	spare []entry
	busy  bool
	calls map[*Crossing]uint64
	last  uint64 // call
	lost  uint64
}

// entry is a record and who waits for it.
type entry struct {
	r    Record
	done func(error) // nil for an end
}

func newAuditor(sink Sink, o *AuditOptions) *auditor {
	return &auditor{sink: sink, o: *o, clock: orSystem(o.Clock), calls: map[*Crossing]uint64{}}
}

// Judge implements Policy.
func (a *auditor) Judge(*Crossing) error { return nil }

// Admit implements Admitter.
func (a *auditor) Admit(c *Crossing, done func(error)) {
	r := Record{
		Time: a.clock.Now().UTC(), Label: a.o.Label, Event: Begin, Inward: c.Inward(),
		Interface: HexID(c.InterfaceID()), Ordinal: c.MethodID(), Bytes: messageSize(c.Params()),
	}
	r.Method, r.Params = describe(a.o.Registry, c)
	a.mu.Lock()
	a.last++
	r.Call = a.last
	a.calls[c] = r.Call
	a.mu.Unlock()
	a.put(entry{r, func(err error) {
		if err == nil || a.o.Open {
			done(nil)
			return
		}
		a.mu.Lock()
		delete(a.calls, c)
		a.mu.Unlock()
		done(capnp.NewError(capnp.Overloaded, "the call was not made because it could not be recorded"))
	}})
}

// Ended implements Ender.
func (a *auditor) Ended(c *Crossing, err error) {
	r := Record{Time: a.clock.Now().UTC(), Label: a.o.Label, Event: End, Outcome: "ok"}
	if err != nil {
		r.Outcome = outcome(err)
		if a.o.Errors {
			r.Error = clip(err.Error())
		}
	}
	if !c.Delivered() {
		r.Outcome = "undelivered"
	}
	a.mu.Lock()
	r.Call = a.calls[c]
	delete(a.calls, c)
	a.mu.Unlock()
	a.put(entry{r, nil})
}

// outcome says in a word how a call failed.
func outcome(err error) string {
	if c, ok := CodeOf(err); ok {
		return clip(string(c))
	}
	return capnp.AsException(err).Kind.Error()
}

// put queues a record, and has it written.
func (a *auditor) put(e entry) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.queue = append(a.queue, e)
	if !a.busy {
		a.busy = true
		go a.write()
	}
}

// write writes what is queued until nothing is.
func (a *auditor) write() {
	for {
		a.mu.Lock()
		batch := a.queue
		if len(batch) == 0 {
			a.busy = false
			a.mu.Unlock()
			return
		}
		a.queue = a.spare[:0]
		lost := a.lost
		a.mu.Unlock()
		records := make([]Record, len(batch))
		for i, e := range batch {
			records[i] = e.r
		}
		records[0].Lost = lost
		err := a.record(records)
		a.mu.Lock()
		if err == nil {
			a.lost = 0
		} else {
			for _, e := range batch {
				if e.done == nil || a.o.Open {
					a.lost++
				}
			}
		}
		a.mu.Unlock()
		for _, e := range batch {
			if e.done != nil {
				e.done(err)
			}
		}
		clear(batch)
		a.spare = batch
		runtime.Gosched() // others may have more for the next batch
	}
}

// record calls the sink. One that panics fails.
func (a *auditor) record(batch []Record) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &capnp.PanicError{Value: p}
		}
	}()
	return a.sink.Record(batch)
}

const maxWords = 200

// clip shortens words from elsewhere.
func clip(s string) string {
	if len(s) > maxWords {
		return s[:maxWords] + "..."
	}
	return s
}
