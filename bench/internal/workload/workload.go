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

// A Runner does one workload over and over. Scratch memory is the collector's
// business in Go, so there is nothing to reuse.
type Runner struct {
	kind  kind
	bytes bool
	buf   []byte
}

// errUnequal means that a response was not what the request called for.
var errUnequal = errors.New("response is wrong")

// New makes a runner: "carsales", "catrank" or "eval"; with bytes, messages are
// framed and parsed as if they went somewhere.
func New(name string, bytes bool) (*Runner, error) {
	k, ok := kinds()[name]
	if !ok {
		return nil, fmt.Errorf("no workload %q", name)
	}
	return &Runner{kind: k, bytes: bytes}, nil
}

// Run makes n requests and their responses, from the same random numbers every
// time, and returns their checksum.
func (w *Runner) Run(n int) (sum uint64, err error) {
	r := newRandom()
	for range n {
		req := capnp.NewMessage(nil)
		want := w.kind.fill(req, r)
		in, err := w.pass(req)
		if err != nil {
			return 0, err
		}
		res := capnp.NewMessage(nil)
		w.kind.handle(in, res)
		out, err := w.pass(res)
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
func (w *Runner) pass(m *capnp.MessageBuilder) (*capnp.Message, error) {
	if !w.bytes {
		return m.Seal(), nil
	}
	b := frame.Marshal(m)
	out, _, err := frame.Unmarshal(b, nil)
	return out, err
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
