package tape

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
)

// Options say how Replay sends what the client sent.
type Options struct {
	_ struct{}

	// Rand cuts the stream into pieces; nil sends message by message.
	Rand *rand.Rand

	// Eager sends every message as soon as the server's messages that it depends
	// on are there, rather than all that had been seen when it was recorded.
	Eager bool
}

// A Report says what the replay had to do and what differed.
type Report struct {
	Sent, Received int
	Rewritten      int      // ids of the server in the client's messages that differ from the recorded ones
	Finishes       int      // sent because this server, unlike the recorded one, needs them
	Different      []string // answers that are not the recorded ones
}

// Replay plays the client's part of the tape to a server on conn, reads the
// server's part, compares the answers, and ends with everything answered. It
// leaves conn open. ctx ends the wait for a server that does not answer.
//
// A client's messages name things by ids that the server chose: its exports,
// and its questions. Another server may choose others, so they are rewritten,
// in place: exports are matched up by the answers that delivered them, reference
// by reference, questions by their order. All other bytes are sent as recorded.
//
// What a client may send depends on what has arrived: a question's id is used
// again only after its Return, an answer follows its question, and so on. Replay
// therefore waits for the counterpart of each message that the client had seen
// (Eager: of those that matter to it). A client that was told noFinishNeeded
// sends no Finish; where this server does not say so, one is added. A Finish
// that was sent before the Return is not held back: whether the server answers
// with results or with canceled then, is its choice, and both are right.
func Replay(ctx context.Context, conn net.Conn, t Tape, opt *Options) (*Report, error) {
	if opt == nil {
		opt = &Options{}
	}
	plan, err := newPlan(t, opt.Eager)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	incoming := make(chan arrival)
	done := make(chan struct{})
	go func() {
		defer close(done)
		listen(ctx, conn, incoming)
	}()
	p := &player{plan: plan, opt: opt, conn: conn, incoming: incoming, report: &Report{}, refs: map[uint32][]uint32{}, seen: map[answer]bool{}, uses: map[uint32]int{}}
	err = p.play(ctx)
	cancel()
	conn.SetReadDeadline(past)
	<-done
	return p.report, err
}

// An arrival is a message of the server, or the end of its stream.
type arrival struct {
	m   *rpcMessage
	err error
}

func listen(ctx context.Context, conn net.Conn, to chan<- arrival) {
	for {
		var a arrival
		frame, err := readFrame(conn)
		if err == nil {
			a.m, err = parse(frame)
		}
		a.err = err
		select {
		case to <- a:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// A player is one replay under way.
type player struct {
	*plan
	opt      *Options
	conn     net.Conn
	incoming <-chan arrival
	report   *Report

	refs    map[uint32][]uint32 // recorded export id: this server's ids, one for each reference held
	asks    []*rpcMessage       // calls of this server, in order
	seen    map[answer]bool     // returns of this server
	uses    map[uint32]int      // question id: returns of this server so far
	pending []byte              // to be written
}

func (p *player) play(ctx context.Context) error {
	for i, m := range p.toServer {
		for !p.ready(m) {
			if err := p.flush(); err != nil {
				return err
			}
			if err := p.receive(ctx); err != nil {
				return fmt.Errorf("before client message %d: %w", i, err)
			}
		}
		frames, err := p.rewrite(m)
		if err != nil {
			return fmt.Errorf("client message %d: %w", i, err)
		}
		for _, f := range frames {
			p.send(f)
		}
		if p.opt.Rand == nil || p.opt.Rand.IntN(3) == 0 {
			if err := p.flush(); err != nil {
				return err
			}
		}
	}
	if err := p.flush(); err != nil {
		return err
	}
	for len(p.seen) < len(p.returns) {
		if err := p.flush(); err != nil {
			return err
		}
		if err := p.receive(ctx); err != nil {
			return fmt.Errorf("at the end, %d of %d answers: %w", len(p.seen), len(p.returns), err)
		}
	}
	return p.flush()
}

func (p *player) send(frame []byte) {
	p.pending = append(p.pending, frame...)
	p.report.Sent++
}

// flush writes what is pending, in pieces of random size.
func (p *player) flush() error {
	b := p.pending
	p.pending = nil
	for len(b) > 0 {
		n := len(b)
		if r := p.opt.Rand; r != nil {
			// Mostly tiny pieces, that end inside a word; now and then a big one.
			n = min(n, 1+r.IntN([]int{3, 20, 200, 2000}[r.IntN(4)]))
		}
		if _, err := p.conn.Write(b[:n]); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		b = b[n:]
	}
	return nil
}

func (p *player) ready(m *outgoing) bool {
	return len(p.asks) >= m.afterCalls &&
		!slices.ContainsFunc(m.afterAnswers, func(a answer) bool { return !p.seen[a] })
}

// receive takes one message of the server.
func (p *player) receive(ctx context.Context) error {
	var a arrival
	select {
	case a = <-p.incoming:
	case <-ctx.Done():
		return fmt.Errorf("waiting for the server: %w", ctx.Err())
	}
	if a.err != nil {
		if errors.Is(a.err, io.EOF) {
			return errors.New("the server closed the connection")
		}
		return a.err
	}
	p.report.Received++
	switch m := a.m; m.kind {
	case abort:
		return fmt.Errorf("the server aborted: %s", m.reason)
	case unimplemented:
		return errors.New("the server does not know one of the messages")
	case call:
		return p.receiveCall(m)
	case ret:
		return p.receiveReturn(m)
	case finish, release, resolve:
		return nil // the client's own ids, which are as recorded, or not used by it
	default:
		return fmt.Errorf("message of kind %d, which no tape has", m.kind)
	}
}

func (p *player) receiveCall(m *rpcMessage) error {
	i := len(p.asks)
	if i >= len(p.calls) {
		return fmt.Errorf("the server called %#x.%d, once more than recorded", m.interfaceID, m.methodID)
	}
	want := p.calls[i]
	if m.interfaceID != want.interfaceID || m.methodID != want.methodID || m.content() != want.content() {
		p.differ("call %d of the server: got %#x.%d(%s), want %#x.%d(%s)", i,
			m.interfaceID, m.methodID, m.content(), want.interfaceID, want.methodID, want.content())
	}
	p.asks = append(p.asks, m)
	return p.learn(m.caps, want.caps)
}

func (p *player) receiveReturn(m *rpcMessage) error {
	q := m.question.get()
	a := answer{q, p.uses[q]}
	p.uses[q]++
	p.seen[a] = true
	want, ok := p.returns[a]
	if !ok {
		if p.unanswered[a] {
			delete(p.seen, a) // the client left before this one came
			return nil
		}
		return fmt.Errorf("a Return for question %d, which is not open", q)
	}
	if want.noFinish && !m.noFinish && !p.finished[a] {
		p.send(finishFrame(q)) // the client would have sent it
		p.report.Finishes++
	}
	if p.canceledEarly[a] && (m.returned == canceled || want.returned == canceled) {
		return nil
	}
	if got, want := m.summary(), want.summary(); got != want {
		p.differ("question %d (use %d): got %s %s, want %s", a.question, a.use, got, m.reason, want)
	}
	if p.dropsResults[a] {
		return nil // the Finish released them all
	}
	return p.learn(m.caps, want.caps)
}

func (p *player) differ(format string, args ...any) {
	p.report.Different = append(p.report.Different, fmt.Sprintf(format, args...))
}

// learn pairs the references in a message with those in its recorded
// counterpart.
func (p *player) learn(got, want []descriptor) error {
	exports := func(ds []descriptor) (ids []uint32) {
		for _, d := range ds {
			if d.exported() {
				ids = append(ids, d.id.get())
			}
		}
		return ids
	}
	g, w := exports(got), exports(want)
	if len(g) != len(w) {
		return fmt.Errorf("%d references in the server's message, %d recorded", len(g), len(w))
	}
	for i, id := range w {
		p.refs[id] = append(p.refs[id], g[i])
	}
	return nil
}

// rewrite returns the message to send, with this server's ids in it. A Release
// becomes several when the references were to one object once and are to
// several now.
func (p *player) rewrite(m *outgoing) ([][]byte, error) {
	frame := slices.Clone(m.frame)
	r, err := parse(frame)
	if err != nil {
		return nil, err
	}
	if r.kind == release {
		return p.rewriteRelease(frame, r)
	}
	use := func(s slot) error {
		refs := p.refs[s.get()]
		if len(refs) == 0 {
			return fmt.Errorf("the client held export %d, this server has sent nothing in its place", s.get())
		}
		p.put(s, refs[0])
		return nil
	}
	if r.kind == call && r.target != nil {
		if err := use(r.target); err != nil {
			return nil, err
		}
	}
	for _, d := range r.caps {
		if d.kind == receiverHosted {
			if err := use(d.id); err != nil {
				return nil, err
			}
		}
	}
	if r.kind == ret {
		p.put(r.question, p.asks[m.answers].question.get())
	}
	return [][]byte{frame}, nil
}

func (p *player) rewriteRelease(frame []byte, r *rpcMessage) ([][]byte, error) {
	id, n := r.id.get(), int(r.n.get())
	refs := p.refs[id]
	if len(refs) < n {
		return nil, fmt.Errorf("the client released %d references to export %d, it holds %d here", n, id, len(refs))
	}
	counts := map[uint32]uint32{}
	var order []uint32
	for _, ref := range refs[:n] {
		if counts[ref]++; counts[ref] == 1 {
			order = append(order, ref)
		}
	}
	p.refs[id] = refs[n:]
	var frames [][]byte
	for _, ref := range order {
		p.put(r.id, ref)
		r.n.set(counts[ref])
		frames = append(frames, slices.Clone(frame))
	}
	return frames, nil
}

func (p *player) put(s slot, id uint32) {
	if s.get() != id {
		s.set(id)
		p.report.Rewritten++
	}
}
