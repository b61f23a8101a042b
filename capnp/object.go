package capnp

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
)

// A Dispatcher finds and runs the methods of an object. Generated code implements it.
type Dispatcher interface {
	// FindMethod returns the method, or nil if the object does not have it.
	FindMethod(interfaceID uint64, methodID uint16) *Method
	// Invoke runs call.Method() and returns its error.
	Invoke(ctx context.Context, call *Call) error
	// Impl returns the object itself.
	Impl() any
}

// object is a capability implemented in this process.
//
// Calls start in the order of their delivery: one call has the turn, the others wait in queue. A
// call gives the turn up when it returns, calls Unblock, or first waits on a promise, and does
// not get it back; a streaming call keeps it to its end, and if it fails, so does every later
// call. Each call runs on a goroutine that was started for it or that had the turn before.
type object struct {
	d      Dispatcher
	file   AttachedFile // nil for none
	life   *life        // nil if d's object is no Releaser
	serial bool

	mu     sync.Mutex
	turn   *Call
	ready  []*Call // have a slot; older than the calls in queue that share their slots
	queue  []*Call
	head   int   // of queue
	broken error // a streaming call failed
}

// NewServer makes a capability of an object. Generated constructors (NewCalculator) call it.
func NewServer(d Dispatcher) Client {
	return NewClient(&object{d: d, file: fileOf(d), life: lifeOf(d)})
}

// Serial makes a capability whose calls run one at a time: each keeps the turn until it returns,
// even while it waits. The implementation then needs no lock of its own, but a method that waits
// for a call back to the same object waits for ever.
func Serial[C ClientKind](c C) C {
	if o, ok := clientOf(c).hook().(*object); ok {
		return typedClient[C](NewClient(&object{d: o.d, file: o.file, life: o.life, serial: true}))
	}
	return c
}

func (o *object) Deliver(c *Call, t *Turn) {
	o.life.retain()
	o.mu.Lock()
	if o.turn != nil {
		if o.head > 64 && o.head > len(o.queue)/2 {
			o.queue, o.head = slices.Delete(o.queue, 0, o.head), 0
		}
		o.queue = append(o.queue, c)
		o.mu.Unlock()
		c.setQueued(o, t)
		return
	}
	if c.slots != nil && !c.slots.enter(o, c) {
		o.mu.Unlock()
		c.setQueued(o, t)
		return
	}
	o.turn = c
	o.mu.Unlock()
	if t.inline && t.start.c == nil {
		t.start = Start{o, c}
		return
	}
	go o.run(c)
}

func (c *Call) setQueued(o *object, t *Turn) {
	if !c.SetExecutor((*queuedCall)(o)) {
		(*queuedCall)(o).CancelCall(c, t)
	}
}

// queuedCall is the object seen by a call that waits for its turn: cancelling it returns at once.
type queuedCall object

func (q *queuedCall) CancelCall(c *Call, t *Turn) {
	if !c.claim() {
		return
	}
	(*object)(q).forget(c)
	if c.slots != nil {
		c.slots.forget(c)
	}
	c.Refuse(canceled(c), t)
	(*object)(q).life.release()
}

// forget takes a call out of the queue that was cancelled while it waited. Mostly it came last.
func (o *object) forget(c *Call) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := len(o.queue) - 1; i >= o.head; i-- {
		if o.queue[i] == c {
			o.queue = slices.Delete(o.queue, i, i+1)
			return
		}
	}
}

func canceled(c *Call) error {
	if cause := c.Cause(); cause != nil {
		return AsException(cause)
	}
	return NewError(Failed, "the call was canceled")
}

func (o *object) Next() Hook                { return nil }
func (o *object) Shorten() Hook             { return nil }
func (o *object) Watch(Watcher, *Turn) bool { return false }
func (o *object) Promise() bool             { return false }
func (o *object) Broken() error             { return nil }
func (o *object) Retain()                   { o.life.retain() }
func (o *object) Release(*Turn)             { o.life.release() }

// grow makes room on a new goroutine's stack for a method, while there is little to be moved: growing
// it deep within the method takes a third of a local call's time.
//
//go:noinline
func grow(i int) byte {
	var room [6 << 10]byte
	return room[i]
}

// run starts c, which has the turn, and then whatever gets the turn from it.
func (o *object) run(c *Call) {
	grow(0)
	for c != nil {
		o.start(c)
		c = o.pass(c)
	}
}

// pass takes the turn from c, if it still has it, and gives it to the next call.
func (o *object) pass(c *Call) (next *Call) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.turn != c {
		return nil
	}
	o.turn = nil
	for {
		// Each time one of the queue joins those that have a slot, or a connection that always has
		// some ready would keep everybody else's calls waiting.
		queued := o.takeQueued()
		if queued != nil && (queued.slots == nil || queued.slots.enter(o, queued)) {
			if len(o.ready) == 0 {
				o.turn = queued
				return queued
			}
			o.ready = append(o.ready, queued)
		}
		if len(o.ready) > 0 {
			next, o.ready[0] = o.ready[0], nil
			if o.ready = o.ready[1:]; len(o.ready) == 0 {
				o.ready = nil
			}
			o.turn = next
			return next
		}
		if queued == nil {
			return nil
		}
	}
}

// takeQueued takes the first call out of the queue, or returns nil.
func (o *object) takeQueued() *Call {
	for o.head < len(o.queue) {
		next := o.queue[o.head]
		o.queue[o.head] = nil
		o.head++
		if o.head == len(o.queue) {
			o.queue, o.head = o.queue[:0], 0
		}
		if !next.Returned() {
			return next
		}
		if next.claim() { // ended while it waited, and nobody said so
			o.life.release()
		}
	}
	return nil
}

// start runs the method of c to its end on this goroutine.
func (o *object) start(c *Call) {
	m := o.d.FindMethod(c.interfaceID, c.methodID)
	c.mu.Lock()
	if c.started { // cancelled while it waited
		c.mu.Unlock()
		c.leaveSlot()
		return
	}
	c.started = true
	c.object = o
	if m != nil {
		c.method = m // under mu for KnownMethod
	}
	cause := c.cause
	c.exec = nil
	c.mu.Unlock()
	c.params.Content() // sealed here, the method may read it from many goroutines
	ended := false
	defer func() {
		if ended {
			return
		}
		// runtime.Goexit: this goroutine goes, the object and its other calls stay.
		o.finish(c, NewError(Failed, "the method ended its goroutine"))
		if next := o.pass(c); next != nil {
			go o.run(next)
		}
	}()
	err := o.invoke(c, m, cause)
	ended = true
	o.finish(c, err)
}

func (o *object) invoke(c *Call, m *Method, cause error) (err error) {
	if cause != nil {
		return canceled(c)
	}
	if m == nil {
		return c.NoSuchMethod()
	}
	o.mu.Lock()
	broken := o.broken
	o.mu.Unlock()
	if broken != nil {
		return broken
	}
	if err := c.enter(); err != nil {
		return err
	}
	defer func() {
		if p := recover(); p != nil {
			err = &Exception{Kind: Failed, Reason: "the method panicked", Cause: &PanicError{Value: p, Stack: debug.Stack()}}
		}
	}()
	return o.d.Invoke(c, c)
}

// NoSuchMethod is the error with which an object ends a call of a method that it does not have.
func (c *Call) NoSuchMethod() error {
	return Errorf(Unimplemented, "the object has no method %s", c.Name())
}

// MethodDepth returns how many methods the calling goroutine is inside of. It looks at the stack
// and takes microseconds.
func MethodDepth() int {
	n := 0
	var pcs [64]uintptr
	for skip := 1; ; skip += len(pcs) {
		got := runtime.Callers(skip, pcs[:])
		if got == 0 {
			return n
		}
		frames := runtime.CallersFrames(pcs[:got])
		for more := true; more; {
			var f runtime.Frame
			f, more = frames.Next()
			if strings.HasSuffix(f.Function, "/capnp.(*object).invoke") {
				n++
			}
		}
	}
}

// PanicError is the cause of the exception with which a call ends whose method panicked. It stays
// in the process.
type PanicError struct {
	Value any
	Stack []byte
}

// Error returns the panic's value.
func (p *PanicError) Error() string { return fmt.Sprint("panic: ", p.Value) }

func (o *object) finish(c *Call, err error) {
	if err != nil && c.method != nil && c.method.Streaming() && c.phase.Load() != phaseWaiting {
		o.mu.Lock()
		if o.broken == nil {
			o.broken = err
		}
		o.mu.Unlock()
	}
	t := BeginTurn()
	// The call still has the object's turn: it must not wait for its caller to read.
	t.background = c.slots != nil
	tail := false
	switch {
	case err != nil:
		c.Return(Result{Err: err}, t)
		c.results.Release(t)
	case c.tail != nil:
		tail = !c.Returned() // it ends when the tail call does
		c.results.Release(t)
	default:
		c.Return(Result{Payload: c.takeResults()}, t)
	}
	c.leave()
	if !tail {
		c.endContext()
	}
	c.params.Release(t)
	c.leaveSlot()
	t.End()
	o.life.release()
}

// leaveSlot lets the next method start that waits for a slot.
func (c *Call) leaveSlot() {
	if c.slot {
		c.slots.leave(c)
	}
}

// endContext ends the method's context.
func (c *Call) endContext() {
	c.mu.Lock()
	if c.cause == nil {
		c.cause = errReturned
		if c.done == nil {
			c.done = closedChan
		} else {
			close(c.done)
		}
	}
	afters := c.afters
	c.afters, c.exec = nil, nil
	c.mu.Unlock()
	for _, a := range afters {
		go a.f()
	}
}

var errReturned = NewError(Failed, "the method has returned")

// ParamsStruct returns the parameters. What it leads to stays valid as long as it is held;
// capabilities in it that are not taken out are released when the method returns.
func (c *Call) ParamsStruct() Struct { return c.params.Content().Struct() }

// ResultsStruct returns the results to fill, the same every time.
func (c *Call) ResultsStruct() StructBuilder {
	if c.results.b == nil {
		size := StructSize{}
		if c.method != nil {
			size = c.method.spec.Results
		}
		c.results, c.resultsRoot = newPayload(size, resultsReserve)
	}
	return c.resultsRoot
}

func (c *Call) takeResults() Payload {
	c.ResultsStruct()
	return c.results
}

// Unblock lets the object's next call start now, before this one has returned. State that the
// method shares with others then needs a lock.
func (c *Call) Unblock() {
	if c.yielder != nil {
		c.yielder.Yield(c.run)
	}
	c.begun()
	o := c.object
	if o == nil || o.serial || c.method != nil && c.method.Streaming() {
		return
	}
	if next := o.pass(c); next != nil {
		go o.run(next)
	}
}

// Self returns a capability to the object the method runs on. Store this, not the Client that was
// made first: a server that holds its own Client is never collected.
func (c *Call) Self() Client { return NewClient(c.object) }

// Context returns the method's context, which is the call itself.
func (c *Call) Context() context.Context { return c }

// LocalImpl returns the object behind a capability if it is implemented in this process and
// nothing stands between.
func LocalImpl(c Client) (impl any, ok bool) {
	o, ok := ShortenAll(c.hook()).(*object)
	if !ok {
		return nil, false
	}
	return o.d.Impl(), true
}
