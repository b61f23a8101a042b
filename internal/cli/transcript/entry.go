package transcript

import (
	"fmt"
	"strings"
	"time"
)

// Entry is one line of a transcript, and one object of its JSON form. Which fields are there depends
// on Kind: a message of rpc.capnp, or opened, closed, rest, cut, unreadable.
type Entry struct {
	At        float64  `json:"at"` // seconds since the start
	Conn      int      `json:"conn"`
	Direction string   `json:"direction,omitempty"` // in, out
	Kind      string   `json:"kind"`
	Question  *uint32  `json:"question,omitempty"`
	ID        *uint32  `json:"id,omitempty"` // of a promise, export or embargo
	Count     uint32   `json:"count,omitempty"`
	Target    string   `json:"target,omitempty"`
	Interface string   `json:"interface,omitempty"`
	Method    *uint16  `json:"method,omitempty"`
	Name      string   `json:"name,omitempty"` // of the method called; on a return of the one that returns
	Outcome   string   `json:"outcome,omitempty"`
	Error     string   `json:"error,omitempty"` // type of an exception
	Reason    string   `json:"reason,omitempty"`
	Caps      []string `json:"caps,omitempty"`
	Flags     []string `json:"flags,omitempty"`
	Text      string   `json:"text,omitempty"` // a connection's name, why it closed
	Bytes     int      `json:"bytes,omitempty"`
	Latency   *float64 `json:"latency,omitempty"` // seconds from the question to its return
}

// maxQuoted bounds what a line says of a text that came over the wire.
const maxQuoted = 200

// quote makes a text fit for a terminal.
func quote(s string) string {
	if len(s) > maxQuoted {
		s = s[:maxQuoted] + "…"
	}
	return fmt.Sprintf("%q", s)
}

// String returns the line for people.
func (e *Entry) String() string {
	var s strings.Builder
	arrow := map[string]string{"in": "←", "out": "→", "": " "}[e.Direction]
	fmt.Fprintf(&s, "%11.6f  %d %s %s", e.At, e.Conn, arrow, e.Kind)
	if e.Question != nil {
		fmt.Fprintf(&s, " q%d", *e.Question)
	}
	if e.ID != nil {
		what := map[string]string{"resolve": "promise", "release": "export", "disembargo": "embargo"}[strings.TrimPrefix(e.Kind, "unimplemented ")]
		fmt.Fprintf(&s, " %s %d", what, *e.ID)
	}
	if e.Count > 0 {
		fmt.Fprintf(&s, " ×%d", e.Count)
	}
	if e.Target != "" {
		fmt.Fprintf(&s, " on %s", e.Target)
	}
	if e.Name != "" {
		fmt.Fprintf(&s, " %s", strings.Trim(quote(e.Name), `"`))
	}
	if e.Outcome != "" {
		fmt.Fprintf(&s, " %s", e.Outcome)
	}
	if e.Error != "" {
		fmt.Fprintf(&s, " %s %s", e.Error, quote(e.Reason))
	}
	if len(e.Caps) > 0 {
		fmt.Fprintf(&s, " [%s]", strings.Join(e.Caps, ", "))
	}
	for _, f := range e.Flags {
		fmt.Fprintf(&s, ", %s", f)
	}
	if e.Text != "" {
		fmt.Fprintf(&s, " %s", quote(e.Text))
	}
	if e.Bytes > 0 {
		fmt.Fprintf(&s, "  %d B", e.Bytes)
	}
	if e.Latency != nil {
		fmt.Fprintf(&s, "  %s", time.Duration(*e.Latency*1e9).Round(time.Microsecond))
	}
	return s.String()
}
