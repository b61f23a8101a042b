package capnp

import "runtime"

// NewPromise makes a capability that is not known yet, and the Resolver that says what it is.
// Calls on the promise wait, wherever it was sent, and go in their order to what it becomes.
func NewPromise[C ClientKind]() (C, *Resolver[C]) {
	p := &promiseHook{}
	r := &Resolver[C]{p: p}
	r.cleanup = runtime.AddCleanup(r, abandon, p)
	return typedClient[C](NewClient(p)), r
}

// A Resolver says, once, what a promise made with NewPromise becomes. If it is lost without doing
// so the promise breaks.
type Resolver[C ClientKind] struct {
	p       *promiseHook
	cleanup runtime.Cleanup
}

// Resolve makes the promise become c, which stays the caller's. Only the first of Resolve and
// Reject counts. A promise that would become itself breaks.
func (r *Resolver[C]) Resolve(c C) {
	cl := clientOf(c)
	r.settle(cl.hook())
	runtime.KeepAlive(cl.c)
}

// Reject makes the promise a capability on which every call fails with err.
func (r *Resolver[C]) Reject(err error) { r.settle(BrokenHook(err)) }

func (r *Resolver[C]) settle(h Hook) {
	r.cleanup.Stop()
	t := BeginTurn()
	r.p.resolve(h, t)
	t.End()
	runtime.KeepAlive(r)
}

// abandon breaks a promise that nobody can resolve any more. Cleanups must not be kept, so the
// turn ends on a goroutine of its own.
func abandon(p *promiseHook) {
	t := BeginTurn()
	p.resolve(BrokenHook(NewError(Failed, "the promise was abandoned")), t)
	if t.idle() {
		t.End()
		return
	}
	go t.End()
}
