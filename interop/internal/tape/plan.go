package tape

import (
	"fmt"
	"time"
)

// An answer is the Return to one use of a question's id; uses count from 0.
type answer struct {
	question uint32
	use      int
}

// A plan is a tape seen as what the client sends and what each message waits
// for.
type plan struct {
	toServer []*outgoing
	calls    []*rpcMessage          // the server's calls, in order
	returns  map[answer]*rpcMessage // the server's returns

	unanswered    map[answer]bool // questions open when the client left
	finished      map[answer]bool // the client sent a Finish
	dropsResults  map[answer]bool // which releases the results' capabilities
	canceledEarly map[answer]bool // and was sent before the Return came
}

// An outgoing message is sent once the answers and so many calls have come.
type outgoing struct {
	frame        []byte
	afterAnswers []answer
	afterCalls   int
	answers      int // a Return: which of the server's calls it answers
}

// past is a deadline that has gone by.
var past = time.Unix(1, 0)

func newPlan(t Tape, eager bool) (*plan, error) {
	p := &plan{
		returns:       map[answer]*rpcMessage{},
		unanswered:    map[answer]bool{},
		finished:      map[answer]bool{},
		dropsResults:  map[answer]bool{},
		canceledEarly: map[answer]bool{},
	}
	messages := make([]*rpcMessage, len(t))
	for i, m := range t {
		var err error
		if messages[i], err = parse(m.Frame); err != nil {
			return nil, fmt.Errorf("tape, message %d: %w", i, err)
		}
	}
	p.findFinishes(t, messages)
	b := planner{plan: p, asked: map[uint32]int{}, answered: map[uint32]int{}, held: map[uint32][]source{}, open: map[uint32]int{}}
	for i, m := range t {
		if m.FromServer {
			b.fromServer(messages[i])
			continue
		}
		o, err := b.fromClient(m.Frame, messages[i], eager)
		if err != nil {
			return nil, fmt.Errorf("tape, message %d: %w", i, err)
		}
		p.toServer = append(p.toServer, o)
	}
	return p, nil
}

// findFinishes looks ahead: what a Return brings depends on the Finish that
// releases it.
func (p *plan) findFinishes(t Tape, messages []*rpcMessage) {
	asked := map[uint32]int{}
	for i, r := range messages {
		if t[i].FromServer {
			continue
		}
		switch r.kind {
		case bootstrap, call:
			asked[r.question.get()]++
		case finish:
			a := answer{r.question.get(), asked[r.question.get()] - 1}
			p.finished[a], p.dropsResults[a] = true, r.releaseCaps
		}
	}
}

// A planner walks over the tape and knows the client's tables at each point.
type planner struct {
	*plan
	asked    map[uint32]int      // question id: uses so far
	answered map[uint32]int      // question id: returns so far
	held     map[uint32][]source // export id: what brought each reference held
	open     map[uint32]int      // the server's question id: which call
	fresh    []answer            // what came since the client's last message
}

// A source is what brought a reference: an answer, or, if it is not zero, the
// server's call of that number, counted from 1.
type source struct {
	answer answer
	call   int
}

func (b *planner) fromServer(r *rpcMessage) {
	var from source
	switch r.kind {
	case call:
		b.open[r.question.get()] = len(b.calls)
		b.calls = append(b.calls, r)
		from.call = len(b.calls)
	case ret:
		a := answer{r.question.get(), b.answered[r.question.get()]}
		b.answered[a.question]++
		b.returns[a] = r
		delete(b.unanswered, a)
		b.fresh = append(b.fresh, a)
		if b.dropsResults[a] {
			return
		}
		from.answer = a
	default:
		return
	}
	for _, d := range r.caps {
		if d.exported() {
			b.held[d.id.get()] = append(b.held[d.id.get()], from)
		}
	}
}

func (b *planner) fromClient(frame []byte, r *rpcMessage, eager bool) (*outgoing, error) {
	o := &outgoing{frame: frame}
	wait := func(a answer) { o.afterAnswers = append(o.afterAnswers, a) }
	holds := func(s slot, n int) error {
		held := b.held[s.get()]
		if len(held) < n {
			return fmt.Errorf("the client uses export %d, which it does not hold", s.get())
		}
		for _, from := range held[:n] {
			if from.call > 0 {
				o.afterCalls = max(o.afterCalls, from.call)
			} else {
				wait(from.answer)
			}
		}
		return nil
	}
	switch r.kind {
	case bootstrap, call:
		a := answer{r.question.get(), b.asked[r.question.get()]}
		if a.use > 0 {
			wait(answer{a.question, a.use - 1})
		}
		b.unanswered[a] = true
		b.asked[a.question]++
		if r.target != nil {
			if err := holds(r.target, 1); err != nil {
				return nil, err
			}
		}
	case finish:
		a := answer{r.question.get(), b.asked[r.question.get()] - 1}
		if b.returns[a] != nil {
			wait(a)
		} else {
			b.canceledEarly[a] = true
		}
	case release:
		n := int(r.n.get())
		if err := holds(r.id, n); err != nil {
			return nil, err
		}
		b.held[r.id.get()] = b.held[r.id.get()][n:]
	case ret:
		o.answers = b.open[r.question.get()]
		o.afterCalls = max(o.afterCalls, o.answers+1)
	default:
		return nil, fmt.Errorf("replaying a message of kind %d is not supported", r.kind)
	}
	for _, d := range r.caps {
		if d.kind == receiverHosted {
			if err := holds(d.id, 1); err != nil {
				return nil, err
			}
		}
	}
	if !eager {
		o.afterAnswers, b.fresh = b.fresh, nil
		o.afterCalls = len(b.calls)
	}
	return o, nil
}
