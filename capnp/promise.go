package capnp

import "context"

// Promise is the results of a call before they are there: R is the results' type. Its capability
// fields can be called at once (promise pipelining); Wait gives the results themselves. A Promise
// needs no cleanup; Release only hastens what the collector does anyway.
type Promise[R StructKind] struct {
	a    *Answer
	path []uint16
}

// AnyPromise is a promise for a field whose type is not known: AnyPointer or a type parameter.
type AnyPromise struct {
	a    *Answer
	path []uint16
}

// Wait waits for the results, giving up when the context that the call was made with ends; the
// call is then cancelled. In a method it also gives up the object's turn.
func (p Promise[R]) Wait() (R, error) {
	var zero R
	if p.a == nil {
		return zero, errNull
	}
	ctx := p.a.context()
	err := p.a.waitOwn(ctx)
	if err != nil {
		if ctx.Err() != nil {
			p.a.cancel(err)
		}
		return zero, err
	}
	return p.read(), nil
}

// WaitContext waits like Wait, but with a context of the waiter's: when that ends it returns
// ctx's error and leaves the call alone.
func (p Promise[R]) WaitContext(ctx context.Context) (R, error) {
	var zero R
	if p.a == nil {
		return zero, errNull
	}
	wait := p.a.wait
	if ctx.Done() == nil {
		wait = p.a.waitOwn
	}
	if err := wait(ctx); err != nil {
		return zero, err
	}
	return p.read(), nil
}

func (p Promise[R]) read() R {
	ptr := p.a.content()
	for _, i := range p.path {
		ptr = ptr.Struct().Ptr(i)
	}
	return R(ptr.Struct())
}

// Done returns a channel that is closed when the results or the error are there.
func (p Promise[R]) Done() <-chan struct{} {
	if p.a == nil {
		return closedChan
	}
	return p.a.doneChan()
}

// Release gives the results up. If the call has returned, the capabilities in its results that
// nobody has taken out are given back; otherwise it is cancelled, unless somebody holds a
// capability of the results to come: then it goes on for as long as that is so. Pipelined calls
// that were made already still complete.
func (p Promise[R]) Release() {
	if p.a != nil {
		p.a.release()
	}
}

func (p Promise[R]) tailAnswer() *Answer {
	if len(p.path) != 0 {
		return nil
	}
	return p.a
}

// PipelineClient returns the capability in pointer field i of the results to come. Generated code
// calls it; the same path always gives the same Client.
func PipelineClient[R StructKind](p Promise[R], i uint16) Client {
	if p.a == nil {
		return Client{}
	}
	return p.a.clientAt(p.path, i)
}

// PipelineStruct returns the promise for the struct in pointer field i.
func PipelineStruct[S, R StructKind](p Promise[R], i uint16) Promise[S] {
	return Promise[S]{p.a, append(p.path[:len(p.path):len(p.path)], i)}
}

// PipelineGroup returns p as the promise for one of its groups.
func PipelineGroup[S, R StructKind](p Promise[R]) Promise[S] { return Promise[S](p) }

// PipelineAny returns the promise for pointer field i, whatever is in it.
func PipelineAny[R StructKind](p Promise[R], i uint16) AnyPromise {
	return AnyPromise{p.a, append(p.path[:len(p.path):len(p.path)], i)}
}

// Client returns the promised field as a capability.
func (p AnyPromise) Client() Client {
	if p.a == nil {
		return Client{}
	}
	if len(p.path) == 0 {
		return p.a.RootClient()
	}
	return p.a.clientAt(p.path[:len(p.path)-1], p.path[len(p.path)-1])
}

// AsPromise returns the promised field as a struct.
func AsPromise[S StructKind](p AnyPromise) Promise[S] { return Promise[S](p) }

// Wait waits for the field, as Promise.Wait does.
func (p AnyPromise) Wait() (Ptr, error) {
	if p.a == nil {
		return Ptr{}, errNull
	}
	if _, err := (Promise[Struct]{p.a, nil}).Wait(); err != nil {
		return Ptr{}, err
	}
	ptr := p.a.content()
	for _, i := range p.path {
		ptr = ptr.Struct().Ptr(i)
	}
	return ptr, nil
}

// Release gives up the call as Promise.Release does.
func (p AnyPromise) Release() { (Promise[Struct]{p.a, nil}).Release() }
