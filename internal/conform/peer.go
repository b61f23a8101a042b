package conform

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"strings"
	"sync"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/capnp/schemas/rpc"
)

// What is kept of what a server sends: the one that is attacked may attack.
const (
	maxReceived = 50_000
	maxBytes    = 64 << 20
)

// peer is the attacker's end of one connection.
type peer struct {
	conn    net.Conn
	timeout time.Duration

	pings uint32
	given map[uint32]int   // capabilities of ours, and how many references the server has
	calls map[uint32]given // those in the parameters of our questions
	rets  map[uint32]given // those in the results of the server's

	mu    sync.Mutex // guards the fields below
	in    []*received
	err   error // why nothing more comes
	news  chan struct{}
	ended sync.WaitGroup
}

// received is a message of the server's.
type received struct {
	m    rpc.Message
	seen bool // it was awaited, or settles something
}

func newPeer(conn net.Conn, timeout time.Duration) *peer {
	p := &peer{conn: conn, timeout: timeout, given: map[uint32]int{}, calls: map[uint32]given{}, rets: map[uint32]given{}, news: make(chan struct{}, 1)}
	p.ended.Go(p.read)
	return p
}

// read collects what comes, so that a server never waits for us to read.
func (p *peer) read() {
	r := frame.NewReader(p.conn, nil)
	total := 0
	for n := 0; ; n++ {
		m, err := r.Read()
		if err == nil {
			if err = m.Verify(); err != nil {
				err = fmt.Errorf("what came is no message: %w", err)
			}
			total += frame.Size(m)
		}
		if err == nil && (n >= maxReceived || total > maxBytes) {
			err = errors.New("the server sends without end")
		}
		p.mu.Lock()
		if err != nil {
			p.err = err
		} else {
			p.in = append(p.in, &received{m: capnp.Root[rpc.Message](m)})
		}
		p.mu.Unlock()
		select {
		case p.news <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (p *peer) close() {
	p.conn.Close()
	p.ended.Wait()
}

// encode makes the message that the words describe.
func encode(w *words) ([]byte, error) {
	mb := capnp.NewMessage(&capnp.BuilderOptions{})
	w.message(rpc.NewRootMessage(mb))
	if w.err == nil && w.peek() != "" {
		w.fail("%q is too much", w.s)
	}
	if w.err != nil {
		return nil, w.err
	}
	if err := mb.Err(); err != nil {
		return nil, err
	}
	return frame.Marshal(mb), nil
}

// write sends bytes. A server may have closed the connection with good reason: what comes next
// tells.
func (p *peer) write(b []byte) error {
	p.conn.SetWriteDeadline(time.Now().Add(p.timeout))
	_, err := p.conn.Write(b)
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return fmt.Errorf("the server did not read for %v", p.timeout)
	}
	return nil
}

// gave notes what a message gives away.
func (p *peer) gave(b []byte) {
	m, _, err := frame.Unmarshal(b, nil)
	if err != nil {
		return
	}
	root := capnp.Root[rpc.Message](m)
	refs := func(table capnp.List[rpc.CapDescriptor]) (out given) {
		for _, d := range table.All() {
			out = append(out, reference(d)...)
		}
		return out
	}
	var g given
	switch root.Which() {
	case rpc.MessageWhichCall:
		g = refs(root.Call().Params().CapTable())
		p.calls[root.Call().QuestionId()] = g
	case rpc.MessageWhichReturn:
		g = refs(root.Return().Results().CapTable())
		p.rets[root.Return().AnswerId()] = g
	case rpc.MessageWhichResolve:
		if r := root.Resolve(); r.Which() == rpc.ResolveWhichCap {
			g = reference(r.Cap())
		}
	}
	for _, id := range g {
		p.given[id]++
	}
}

// reference is what a descriptor gives away.
func reference(d rpc.CapDescriptor) given {
	switch d.Which() {
	case rpc.CapDescriptorWhichSenderHosted:
		return given{d.SenderHosted()}
	case rpc.CapDescriptorWhichSenderPromise:
		return given{d.SenderPromise()}
	case rpc.CapDescriptorWhichThirdPartyHosted:
		return given{d.ThirdPartyHosted().VineId()}
	}
	return nil
}

// outstanding is given, less what has come back so far.
func (p *peer) outstanding() map[uint32]int {
	out := maps.Clone(p.given)
	back := func(g given) {
		for _, id := range g {
			out[id]--
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.in {
		switch m := r.m; m.Which() {
		case rpc.MessageWhichRelease:
			out[m.Release().Id()] -= int(m.Release().ReferenceCount())
		case rpc.MessageWhichReturn:
			if m.Return().ReleaseParamCaps() {
				back(p.calls[m.Return().AnswerId()])
			}
		case rpc.MessageWhichFinish:
			if m.Finish().ReleaseResultCaps() {
				back(p.rets[m.Finish().QuestionId()])
			}
		case rpc.MessageWhichUnimplemented:
			if c := m.Unimplemented(); c.Which() == rpc.MessageWhichCall {
				back(p.calls[c.Call().QuestionId()])
			}
		}
	}
	return out
}

// errSilent says that what was waited for has not come in time.
var errSilent = errors.New("nothing more came")

// wait looks at what has come, oldest first, until f is content, and again whenever more comes.
func (p *peer) wait(f func(in []*received, end error) (done bool, err error)) error {
	timer := time.NewTimer(p.timeout)
	defer timer.Stop()
	for {
		p.mu.Lock()
		in, end := p.in, p.err
		p.mu.Unlock()
		done, err := f(in, end)
		if done || err != nil {
			return err
		}
		if end != nil {
			return errors.New(endText(end))
		}
		select {
		case <-p.news:
		case <-timer.C:
			return errSilent
		}
	}
}

// endText says how a connection ended.
func endText(err error) string {
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "closed"
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return "closed" // reset
	}
	return printable(err.Error())
}

// ping asks for the bootstrap and waits for the answer.
func (p *peer) ping() error {
	p.pings++
	id := pingBase + p.pings
	for _, text := range []string{fmt.Sprintf("bootstrap %d", id), fmt.Sprintf("finish %d", id)} {
		b, err := encode(&words{s: strings.Fields(text)})
		if err != nil {
			return err
		}
		if err := p.write(b); err != nil {
			return err
		}
		if text[0] == 'f' {
			return nil
		}
		err = p.wait(func(in []*received, _ error) (bool, error) {
			for _, r := range in {
				if r.m.Which() == rpc.MessageWhichReturn && r.m.Return().AnswerId() == id {
					r.seen = true
					return true, nil
				}
			}
			return false, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pingBase is where the question ids of pings start; cases use others.
const pingBase = 0x3ff00000
