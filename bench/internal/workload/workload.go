// Package workload builds, handles and checks the messages of Cap'n Proto C++'s
// own benchmarks, in memory and without a connection: what the cars of a lot are
// worth, search results ranked by cats, and arithmetic on a tree. The C++ peer
// does the same with the same random numbers; the checksums say so.
package workload

import (
	"errors"
	"fmt"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
)

// A kind is one of the three: fill writes a request and returns what the
// response has to say, handle answers it, result reads the answer.
type kind struct {
	fill   func(m *capnp.MessageBuilder, r *random) uint64
	handle func(req *capnp.Message, res *capnp.MessageBuilder)
	result func(res *capnp.Message) (got, sum uint64)
}

// kinds returns the workloads by name.
func kinds() map[string]kind {
	return map[string]kind{
		"carsales": {fillLot, appraise, worth},
		"catrank":  {fillPages, rank, cats},
		"eval":     {fillTerm, evaluate, number},
	}
}

// How says where the readers of messages find them.
type How int

const (
	Object How = iota // in the builder's memory
	Bytes             // framed and parsed, in a buffer that is used again
	Fresh             // framed and parsed, in new memory
)

// A Runner does one workload over and over. Builders' memory is the collector's
// business in Go, so only the buffers of framed messages are ever reused.
type Runner struct {
	kind     kind
	how      How
	req, res []byte
}

// errUnequal means that a response was not what the request called for.
var errUnequal = errors.New("response is wrong")

// New makes a runner: "carsales", "catrank" or "eval".
func New(name string, how How) (*Runner, error) {
	k, ok := kinds()[name]
	if !ok {
		return nil, fmt.Errorf("no workload %q", name)
	}
	return &Runner{kind: k, how: how}, nil
}

// Run makes n requests and their responses, from the same random numbers every
// time, and returns their checksum.
func (w *Runner) Run(n int) (sum uint64, err error) {
	r := newRandom()
	for range n {
		req := capnp.NewMessage(nil)
		want := w.kind.fill(req, r)
		in, err := w.pass(req, &w.req)
		if err != nil {
			return 0, err
		}
		res := capnp.NewMessage(nil)
		w.kind.handle(in, res)
		out, err := w.pass(res, &w.res)
		if err != nil {
			return 0, err
		}
		got, s := w.kind.result(out)
		if got != want {
			return 0, errUnequal
		}
		sum += s
	}
	return sum, nil
}

// pass brings a message to whoever reads it.
func (w *Runner) pass(m *capnp.MessageBuilder, buf *[]byte) (*capnp.Message, error) {
	switch w.how {
	case Object:
		return m.Seal(), nil
	case Bytes:
		*buf = frame.Append((*buf)[:0], m)
		out, _, err := frame.Unmarshal(*buf, nil)
		return out, err
	default:
		out, _, err := frame.Unmarshal(frame.Marshal(m), nil)
		return out, err
	}
}

// random is Marsaglia's xorshift with 128 bits of state.
type random struct{ x, y, z, w uint32 }

func newRandom() *random {
	return &random{0x1d2acd47, 0x58ca3e14, 0xf563f232, 0x0bc76199}
}

func (r *random) next() uint32 {
	t := r.x ^ r.x<<11
	r.x, r.y, r.z = r.y, r.z, r.w
	r.w ^= r.w>>19 ^ t ^ t>>8
	return r.w
}

// below returns a number below n.
func (r *random) below(n uint32) uint32 { return r.next() % n }

// upTo returns a number from 0 to n.
func (r *random) upTo(n float64) float64 { return float64(r.next()) * n / (1<<32 - 1) }

func (r *random) coin() bool { return r.below(2) != 0 }
