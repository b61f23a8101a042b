package capnp

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// An Answer is what becomes of one call, seen from the caller: a result in time, and until then a
// place where pipelined calls wait or pass. Promises are handles on answers, and a connection has
// one for each call that its peer makes.
//
// Invariant: settled only goes from false to true. Each node's hook, once made, stays: a path
// used before and after the result arrives is one reference, so calls on it keep their order.
type Answer struct {
	call *Call           // cancelled when the answer is given up
	ctx  context.Context // the one the call was made with
	stop func() bool     // ends the watch on ctx

	mu       sync.Mutex
	settled  bool
	result   Result
	pipeline Pipeline
	root     node
	done     chan struct{} // made on demand
	waiter   Waiter        // one of those who wait; the others use done
	follow   []*Call       // calls that end as this one does (Call.Tail)

	moved bool // the capabilities of the results are those of another call now
	given bool // the promise was released; capabilities of the results are still wanted

	followed atomic.Bool // some other Pipeline may lead here

	// For answers to calls of a peer: see Dependants and KeepBuilt.
	keepBuilt bool
	owner     Deserter
}

// node is one path of pointer fields into the results. Nodes are made on demand and kept.
type node struct {
	parent *node
	path   []uint16
	kids   []*node
	hook   Hook
	handle *handle
	drop   bool // the handle was released before the result came
}

func (a *Answer) kid(n *node, i uint16) *node {
	for _, k := range n.kids {
		if k.path[len(k.path)-1] == i {
			return k
		}
	}
	k := &node{parent: n, path: append(slices.Clip(n.path), i)}
	n.kids = append(n.kids, k)
	return k
}

// lookup returns the node of a path. It is called with mu held.
func (a *Answer) lookup(path []uint16) *node {
	n := &a.root
	for _, i := range path {
		n = a.kid(n, i)
	}
	return n
}

// At implements Pipeline.
func (a *Answer) At(path []uint16) Hook {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.hookOf(a.lookup(path))
}

func (a *Answer) hookOf(n *node) Hook {
	if n.hook == nil {
		switch {
		case a.settled:
			n.hook = a.result.hookAt(n.path)
		case a.pipeline != nil:
			n.hook = a.follows(a.pipeline.At(n.path))
		default:
			n.hook = &promiseHook{idle: a.idle, of: a}
		}
	}
	return n.hook
}

// follows makes the answer hear when nothing depends on a hook of its pipeline any more.
func (a *Answer) follows(h Hook) Hook {
	x, ok := h.(idler)
	switch {
	case !ok:
	case a.pipelineOnly():
		// What a leads to must not keep a: a's end is what ends it.
		x.OnIdle(weakly(a, (*Answer).idle))
	default:
		x.OnIdle(a.idle)
	}
	return h
}

// idle is called by a path's promise when its last call and reference are gone.
func (a *Answer) idle(t *Turn) {
	if a.owner != nil {
		a.owner.Deserted(t)
		return
	}
	t.Kick((*deserted)(a))
}

// deserted is an answer that may have lost the last who wanted it. It looks when no lock is held.
type deserted Answer

func (d *deserted) Drain(t *Turn) {
	a := (*Answer)(d)
	a.mu.Lock()
	wanted := a.settled || !a.given || a.wanted()
	follow := slices.Clone(a.follow)
	a.mu.Unlock()
	if !wanted {
		a.cancel(errReleased)
	}
	for _, c := range follow { // what was pipelined on them is gone, too
		if x, ok := c.ret.(interface{ Deserted(t *Turn) }); ok {
			x.Deserted(t)
		}
	}
}

// Deserted is called when something that was pipelined on the call may have been the last.
func (a *Answer) Deserted(t *Turn) { a.idle(t) }

// KeepBuilt makes the answer leave results that were built here as they are, for a connection to
// send; they cannot be waited for then. Set it before the answer is used.
func (a *Answer) KeepBuilt() { a.keepBuilt = true }

// OnIdle sets x to be told whenever a pipelined capability of the answer
// loses its last user before the result is there. Set it before the answer is used.
func (a *Answer) OnIdle(x Deserter) { a.owner = x }

// A Deserter is told when nothing depends on something any more.
type Deserter interface {
	// Deserted is called like Hook.Deliver.
	Deserted(t *Turn)
}

// For says what call a is the answer to. Set it before the answer is used.
func (a *Answer) For(c *Call) { a.call = c }

// Dependants reports whether pipelined calls wait for the result or somebody refers to a
// capability in it: then the call must not be cancelled though its caller has lost interest.
func (a *Answer) Dependants() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.root.busy()
}

// A user is a hook into results to come that knows whether anything depends on it.
type user interface{ InUse() bool }

// An idler is a hook that can tell when nothing depends on it any more.
type idler interface{ OnIdle(f func(t *Turn)) }

func (n *node) busy() bool {
	if h, ok := n.hook.(user); ok && h.InUse() {
		return true
	}
	for _, k := range n.kids {
		if k.busy() {
			return true
		}
	}
	return false
}

// SetPipeline implements Returner: from now on pipelined calls travel by p.
func (a *Answer) SetPipeline(c *Call, p Pipeline, t *Turn) {
	markFollowed(p)
	a.mu.Lock()
	if a.followed.Load() { // else nothing leads here, and so p does not
		a.mu.Unlock()
		if !a.linkPipeline(p, t) {
			c.Return(Result{Err: errTailCycle}, t)
		}
		return
	}
	a.setPipeline(p, t)
	a.mu.Unlock()
}

// linkPipeline is setPipeline, unless p leads to a.
func (a *Answer) linkPipeline(p Pipeline, t *Turn) bool {
	pipeMu.Lock()
	leads := pipelineLeads(p, a)
	a.mu.Lock()
	pipeMu.Unlock() // whoever looks at a waits for mu
	defer a.mu.Unlock()
	if leads {
		return a.settled || a.pipeline != nil
	}
	a.setPipeline(p, t)
	return true
}

func (a *Answer) setPipeline(p Pipeline, t *Turn) {
	if a.settled || a.pipeline != nil {
		return
	}
	a.pipeline = p
	if x, ok := p.(Abandoner); ok && a.pipelineOnly() {
		a.onStop(abandonUncollected(a, x))
	}
	a.root.pipe(a, t)
}

// Follows implements Follower.
func (a *Answer) Follows() Pipeline {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pipeline
}

// pipelineOnly reports whether a is the answer to a call made here whose results never come.
func (a *Answer) pipelineOnly() bool {
	return !a.keepBuilt && a.call != nil && a.call.hints.OnlyPipeline
}

func (n *node) pipe(a *Answer, t *Turn) {
	if h, ok := n.hook.(*promiseHook); ok {
		h.resolve(a.follows(a.pipeline.At(n.path)), t)
	}
	for _, k := range n.kids {
		k.pipe(a, t)
	}
}

// Return implements Returner: the result is there. The answer owns it.
func (a *Answer) Return(c *Call, r Result, t *Turn) { a.Settle(r, t) }

// Settle gives the answer its result; the first one counts.
func (a *Answer) Settle(r Result, t *Turn) {
	a.mu.Lock()
	if a.settled {
		a.mu.Unlock()
		r.Payload.Release(t)
		return
	}
	if !a.keepBuilt {
		r.Payload.Content()
	}
	piped := a.pipeline != nil
	a.settled, a.result = true, r
	a.root.settle(a, piped, t)
	done, stop, follow, given := a.done, a.stop, a.follow, a.given
	a.follow = nil
	// The results go to the call that this one was the tail of. What is pipelined on that still
	// comes by way of a, so they are moved, not shared and released, if nobody here has taken
	// some out.
	a.moved = len(follow) == 1 && given && !a.root.claimed()
	moved := a.moved
	a.mu.Unlock()
	for _, c := range follow {
		if moved {
			c.Return(r, t)
		} else {
			c.Return(a.share(), t)
		}
		c.endContext()
	}
	if done != nil {
		close(done)
	}
	a.waiter.settle()
	if stop != nil {
		stop()
	}
	if given && len(follow) == 0 {
		a.releaseResults(t)
	}
}

// The results are sealed when they are first read, so everything that reads them holds mu.

func (a *Answer) content() Ptr {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.result.Payload.Content()
}

func (a *Answer) share() Result {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.result.share()
}

// releaseResults gives back the capabilities of the results that nobody has taken out.
func (a *Answer) releaseResults(t *Turn) {
	a.mu.Lock()
	tab := a.result.Payload.table()
	if a.moved {
		tab = nil
	}
	a.mu.Unlock()
	if tab != nil {
		tab.releaseUnclaimed(t)
	}
}

// settle resolves every path used so far, and makes the capabilities in the results that were
// used before be the same references from now on.
func (n *node) settle(a *Answer, piped bool, t *Turn) {
	if n.hook != nil {
		if h, ok := n.hook.(*promiseHook); ok && !piped {
			h.resolve(a.result.hookAt(n.path), t)
		}
		a.result.adopt(n, t)
	}
	for _, k := range n.kids {
		k.settle(a, piped, t)
	}
}

// hookAt returns the hook at a path of the result; it is not retained.
func (r *Result) hookAt(path []uint16) Hook {
	if r.Err != nil {
		return BrokenHook(r.Err)
	}
	return r.Payload.HookAt(path)
}

// adopt makes the table entry at n's path the reference that n was all along: the same hook, as
// long as calls are on their way through it, and the same handle.
func (r *Result) adopt(n *node, t *Turn) {
	if r.Err != nil {
		return
	}
	tab, i, ok := r.Payload.entryAt(n.path)
	if !ok {
		return
	}
	if ShortenAll(n.hook) != ShortenAll(tab.hook(i)) {
		tab.replace(i, n.hook, t)
	}
	if n.handle == nil {
		return
	}
	if n.drop {
		tab.drop(i, t)
		return
	}
	tab.adopt(i, n.handle)
}

// clientAt returns the client for a path; it is always the same handle.
func (a *Answer) clientAt(path []uint16, i uint16) Client {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.kid(a.lookup(path), i)
	return a.clientOf(n)
}

func (a *Answer) clientOf(n *node) Client {
	if n.handle == nil {
		n.handle = &handle{h: a.hookOf(n), answer: a, node: n}
		if a.settled {
			t := BeginTurn()
			a.result.adopt(n, t)
			defer t.End()
		}
	}
	return Client{n.handle}
}

// RootClient returns the client for the result itself, where that is a capability (bootstrap).
func (a *Answer) RootClient() Client {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.clientOf(&a.root)
}

// releaseNode gives up the reference of a path's handle.
func (a *Answer) releaseNode(n *node, t *Turn) {
	a.mu.Lock()
	if !a.settled {
		n.drop = true
		idle := a.given && !a.wanted()
		a.mu.Unlock()
		if idle {
			a.cancel(errReleased)
		}
		return
	}
	defer a.mu.Unlock()
	if a.result.Err == nil {
		if tab, i, ok := a.result.Payload.entryAt(n.path); ok {
			tab.drop(i, t)
		}
	}
}

// wait blocks until the result is there or ctx ends.
func (a *Answer) wait(ctx context.Context) error {
	none := a.call.noResults()
	a.mu.Lock()
	if a.settled || none != nil {
		a.mu.Unlock()
		if a.settled && a.result.Err != nil {
			return a.result.Err
		}
		return none
	}
	if a.done == nil {
		a.done = make(chan struct{})
	}
	done := a.done
	a.mu.Unlock()
	a.hasten()
	if c, ok := ctx.Value(callKey{}).(*Call); ok {
		c.Unblock()
	}
	select {
	case <-done:
		return a.result.Err
	case <-ctx.Done():
		select {
		case <-done:
			return a.result.Err
		default:
			return context.Cause(ctx)
		}
	}
}

// doneChan returns a channel that is closed when the result is there.
func (a *Answer) doneChan() <-chan struct{} {
	a.hasten()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.done == nil {
		a.done = make(chan struct{})
		if a.settled {
			close(a.done)
		}
	}
	return a.done
}

// context returns the context the call was made with.
func (a *Answer) context() context.Context {
	if a.ctx != nil {
		return a.ctx
	}
	return context.Background()
}

// watch cancels the call when its context ends.
func (a *Answer) watch() {
	if a.ctx == nil || a.ctx.Done() == nil {
		return
	}
	a.mu.Lock()
	done := a.settled
	a.mu.Unlock()
	if done {
		return
	}
	var stop func() bool
	if a.pipelineOnly() {
		give := weakly(a, (*Answer).cancel)
		ctx := a.ctx
		stop = context.AfterFunc(ctx, func() { give(context.Cause(ctx)) })
		runtime.AddCleanup(a, func(stop func() bool) { stop() }, stop)
	} else {
		stop = context.AfterFunc(a.ctx, func() { a.cancel(context.Cause(a.ctx)) })
	}
	a.mu.Lock()
	a.onStop(stop)
	settled := a.settled
	a.mu.Unlock()
	if settled {
		stop()
	}
}

// onStop makes f one of the things to do when the answer is settled. It is called with mu held.
func (a *Answer) onStop(f func() bool) {
	if stop := a.stop; stop != nil {
		a.stop = func() bool { stop(); return f() }
		return
	}
	a.stop = f
}

// cancel gives the call up: the answer becomes err and the callee is asked to stop.
func (a *Answer) cancel(err error) {
	t := BeginTurn()
	if c := a.call; c == nil {
		a.Settle(Result{Err: err}, t)
	} else if c.end(Result{Err: err}, t) {
		c.Cancel(err, t)
	}
	t.End()
}

var errReleased = NewError(Failed, "the promise was released")

// release is Promise.Release.
func (a *Answer) release() {
	a.mu.Lock()
	settled, wanted := a.settled, a.wanted()
	a.given = true
	a.mu.Unlock()
	switch {
	case settled:
		t := BeginTurn()
		a.releaseResults(t)
		t.End()
	case !wanted:
		a.cancel(errReleased)
	}
}

// claimed reports whether somebody has a client of a capability in the results.
func (n *node) claimed() bool {
	if n.handle != nil {
		return true
	}
	return slices.ContainsFunc(n.kids, (*node).claimed)
}

// wanted reports whether somebody besides the promise wants the results to come.
func (a *Answer) wanted() bool { return len(a.follow) > 0 || a.root.wanted() }

// wanted reports whether somebody has a client of a capability in the results to come, or
// something else depends on one.
func (n *node) wanted() bool {
	if n.handle != nil && !n.drop {
		return true
	}
	if h, ok := n.hook.(user); ok && h.InUse() {
		return true
	}
	for _, k := range n.kids {
		if k.wanted() {
			return true
		}
	}
	return false
}
