package capnp

import (
	"context"
	"runtime"
	"sync"
	"weak"
)

// A context may say more about the calls that are made with it than when they end: that they are
// the end of another one (Call.TailContext), or that their results are not wanted (PipelineOnly).
type modeKey struct{}

type pipelineOnly struct{}

// PipelineOnly returns a context for calls whose results nobody is going to wait for: only what
// they lead to matters, the capabilities that are pipelined on them (Call.onlyPromisePipeline in
// rpc.capnp). A peer then sends no results at all; the call ends, and what it returned is given up,
// when its promise and the capabilities taken from that are released or collected. To wait for
// such a promise is an error. That the method failed shows in the calls that are pipelined.
//
//	file := store.Open(capnp.PipelineOnly(ctx), fill).File() // nobody needs the rest of the results
//	data := file.Read(ctx, nil)
func PipelineOnly(ctx context.Context) context.Context {
	return context.WithValue(ctx, modeKey{}, pipelineOnly{})
}

// TailContext returns the context for the call that this one is going to end as:
//
//	return call.Tail(s.backend.Get(call.TailContext(), fill))
//
// It is the method's own context, and it says beforehand what Tail will say. If the call goes out
// by the connection that this one came by, its results then never come here: the peer that called
// is told that they are those of the call it is asked to run itself (Call.sendResultsTo.yourself
// and Return.takeFromOtherQuestion in rpc.capnp). A call that goes anywhere else is made as always,
// and Tail passes its results on.
//
// So results of a call made with this context cannot be waited for, and Tail of this Call is the
// only use for them. Capabilities taken from them can be called until the caller has finished with
// this Call. What was called this way and is not what the Call ends as is cancelled when the
// method returns.
func (c *Call) TailContext() context.Context { return tailContext{c} }

type tailContext struct{ *Call }

func (x tailContext) Value(key any) any {
	if _, ok := key.(modeKey); ok {
		return x.Call
	}
	return x.Call.Value(key)
}

var (
	errTailResults  = NewError(Failed, "the call was made to end another one: its results do not come here")
	errPipelineOnly = NewError(Failed, "the call was made for its pipeline only: its results do not come here")
	errNotTheTail   = NewError(Failed, "the call was made to end another call than this one")
	errTailCycle    = NewError(Failed, "the call would end as itself")
)

// ending is what a call that was made to end another one knows about that.
type ending struct {
	of *Call

	// Guarded by the ending call's mu.
	ended     bool  // of has ended as the call does
	elsewhere error // stands for the results, which do not come here
}

// setMode makes c, which is new, what its context says.
func (c *Call) setMode(ctx context.Context) {
	switch x := ctx.Value(modeKey{}).(type) {
	case *Call:
		c.ends = &ending{of: x}
		c.hints.OnlyPipeline = x.hints.OnlyPipeline
	case pipelineOnly:
		c.hints.OnlyPipeline = true
	}
	if c.hints.OnlyPipeline {
		c.hints.NoPipelining = false
	}
}

// noResults returns why the results of c cannot be waited for.
func (c *Call) noResults() error {
	switch {
	case c == nil:
		return nil
	case c.ends != nil:
		return errTailResults
	case c.hints.OnlyPipeline:
		return errPipelineOnly
	}
	return nil
}

// TailReturner returns who gets the outcome of the call that c was made to end, or nil if c was
// not made for that, there is no use for it any more, or the outcome has to pass a wrapper here.
func (c *Call) TailReturner() Returner {
	if c.ends == nil || c.ends.of.state.Load() != 0 {
		return nil
	}
	return c.ends.of.ret
}

// AnswersHere reports whether whoever made c in this process has its answer, and nothing stands
// between.
func (c *Call) AnswersHere() bool {
	a, ok := c.ret.(*Answer)
	return ok && a.call == c && !c.layered()
}

// SentElsewhere says that the results of c go to the caller of the call that c was made to end,
// past this process. Once that call has ended as c does, Return of its Returner gets err, which
// stands for the results.
func (c *Call) SentElsewhere(err error, t *Turn) {
	x := c.ends
	c.mu.Lock()
	x.elsewhere = err
	ended := x.ended
	c.mu.Unlock()
	if ended {
		x.of.Return(Result{Err: err}, t)
		x.of.endContext()
	}
}

// ended is called when the call that c was made to end has ended as c does.
func (c *Call) ended(t *Turn) {
	x := c.ends
	c.mu.Lock()
	x.ended = true
	err := x.elsewhere
	c.mu.Unlock()
	if err != nil {
		x.of.Return(Result{Err: err}, t)
	}
}

// setTail makes c end as a does, unless a ends as c.
func (c *Call) setTail(a *Answer) bool {
	pipeMu.Lock()
	defer pipeMu.Unlock()
	for x := a; x != nil && x.call != nil; x = x.call.tail {
		if x.call == c {
			return false
		}
	}
	c.tail = a
	return true
}

// A Follower is a Pipeline that leads on to another one.
type Follower interface {
	// Follows returns that, or nil while there is none.
	Follows() Pipeline
}

// pipeMu orders the linking of calls that end as others, and of pipelines that something leads to
// already, so that no two can become each other. It is locked before every Answer's mu.
var pipeMu sync.Mutex

// LinkPipeline calls set, which makes from lead on to to, unless to leads to from.
func LinkPipeline(from, to Pipeline, set func()) bool {
	markFollowed(to)
	pipeMu.Lock()
	defer pipeMu.Unlock()
	if pipelineLeads(to, from) {
		return false
	}
	set()
	return true
}

// markFollowed notes in the answer that p is, or shows, that something leads to it.
func markFollowed(p Pipeline) {
	for p != nil {
		if a, ok := p.(*Answer); ok {
			a.followed.Store(true)
			return
		}
		f, ok := p.(Follower)
		if !ok {
			return
		}
		p = f.Follows()
	}
}

func pipelineLeads(p, to Pipeline) bool {
	for p != nil {
		if p == to {
			return true
		}
		f, ok := p.(Follower)
		if !ok {
			return false
		}
		p = f.Follows()
	}
	return false
}

// An Abandoner is a Pipeline that exists only as long as somebody may use it.
type Abandoner interface {
	// Abandon says that nobody has the Pipeline any more. Capabilities that it led to may still be
	// in use. Like Hook.Deliver it may only enqueue.
	Abandon(t *Turn)
}

// abandonUncollected makes the collector give p up when it finds a; stop undoes that.
func abandonUncollected(a *Answer, p Abandoner) (stop func() bool) {
	cleanup := runtime.AddCleanup(a, abandonPipeline, p)
	return func() bool { cleanup.Stop(); return true }
}

func abandonPipeline(x Abandoner) {
	t := BeginTurn()
	x.Abandon(t)
	if t.idle() {
		t.End()
		return
	}
	go t.End()
}

// weakly returns a function that calls f with a, unless a has been collected by then.
func weakly[T any](a *Answer, f func(a *Answer, x T)) func(T) {
	w := weak.Make(a)
	return func(x T) {
		if a := w.Value(); a != nil {
			f(a, x)
		}
	}
}
