package dynamic

import (
	"context"
	"errors"
	"fmt"
	"math"

	"lanyard.dev/capnp"
)

// Call calls a method. fill, which may be nil, sets the parameters; if it returns an error nothing is called and the
// promise is broken with that error. The call is on its way, in order, when Call returns.
//
// A streaming method is called as generated code does: Call waits while too much of the stream is on its way, and the
// promise is settled at once, with the error of an earlier call of the stream if there was one.
func Call(ctx context.Context, c capnp.Client, m Method, fill func(StructBuilder) error) Promise {
	if err := m.check(); err != nil {
		return Promise{err: err}
	}
	var fillErr error
	set := func(b capnp.StructBuilder) {
		if fill == nil {
			return
		}
		if fillErr = fill(m.Params().Build(b)); fillErr != nil {
			b.SetUint8(math.MaxUint32, 1) // a write past the end spoils the message, so that it is not sent
		}
	}
	if m.Streaming() {
		err := capnp.SendStream(ctx, c, m.Descriptor(), set)
		if fillErr != nil {
			err = fillErr
		}
		return Promise{t: m.Results(), err: err, sent: true}
	}
	p := capnp.Send[capnp.Struct](ctx, c, m.Descriptor(), set)
	if fillErr != nil {
		p.Release()
		return Promise{err: fmt.Errorf("parameters of %s: %w", m, fillErr)}
	}
	return Promise{t: m.Results(), p: p, sent: true}
}

// check refuses methods that cannot be called for want of schemas.
func (m Method) check() error {
	switch {
	case !m.IsValid():
		return errors.New("call of no method")
	case !m.Params().Known():
		return fmt.Errorf("no schema of the parameters of %s", m)
	case !m.Streaming() && !m.Results().Known():
		return fmt.Errorf("no schema of the results of %s", m)
	}
	return nil
}

// CallName calls the method of a name that is one of the interface's or inherited.
func CallName(ctx context.Context, c capnp.Client, i Interface, name string, fill func(StructBuilder) error) Promise {
	m, err := i.Method(name)
	if err != nil {
		return Promise{err: err}
	}
	return Call(ctx, c, m, fill)
}

// Promise is the results of a call, or a struct in them, before they are there.
type Promise struct {
	t    StructType
	p    capnp.Promise[capnp.Struct]
	err  error // why there is no call
	sent bool
}

var errNoCall = errors.New("no call was made")

func (p Promise) broken() error {
	if p.err == nil && !p.sent {
		return errNoCall
	}
	return p.err
}

// Type returns the type of the struct that is promised.
func (p Promise) Type() StructType { return p.t }

// isStream reports whether the call has no results to wait for.
func (p Promise) isStream() bool { return p.t.id == streamResult }

// Wait waits for the results as [capnp.Promise.Wait] does.
func (p Promise) Wait() (Struct, error) {
	if err := p.broken(); err != nil || p.isStream() {
		return Struct{t: p.t}, err
	}
	s, err := p.p.Wait()
	return Struct{p.t, s}, err
}

// WaitContext waits for the results with a context of the waiter's, as [capnp.Promise.WaitContext] does.
func (p Promise) WaitContext(ctx context.Context) (Struct, error) {
	if err := p.broken(); err != nil || p.isStream() {
		return Struct{t: p.t}, err
	}
	s, err := p.p.WaitContext(ctx)
	return Struct{p.t, s}, err
}

// Done returns a channel that is closed when the results or the error are there.
func (p Promise) Done() <-chan struct{} { return p.p.Done() }

// Release gives the results up, as [capnp.Promise.Release] does.
func (p Promise) Release() {
	if p.sent && !p.isStream() {
		p.p.Release()
	}
}

// Raw returns the promise without its type. It is null if nothing was called, or if the method streams.
func (p Promise) Raw() capnp.Promise[capnp.Struct] { return p.p }

// Client returns the capability at a path of fields in the results to come, and its interface. It can be called at
// once: the calls travel with the one whose results they use, so a chain takes one round trip. The same path always
// gives the same client. Members of unions cannot be on the way, because which one is set is not known yet, nor can
// elements of lists.
func (p Promise) Client(path string) (capnp.Client, Interface, error) {
	to, last, err := p.walk(path)
	if err != nil {
		return capnp.Client{}, Interface{}, err
	}
	t := last.Type()
	if t.kind != InterfaceKind && t.kind != AnyPointer {
		return capnp.Client{}, Interface{}, fmt.Errorf("%s is a %s, no capability", clip(path), t)
	}
	at, ok := last.place(t.kind)
	if !ok {
		return capnp.Client{}, Interface{}, fmt.Errorf("%s: %w", clip(path), errNoPlace)
	}
	return capnp.PipelineClient(to.p, uint16(at)), t.Interface(), nil
}

// Field returns the promise for the struct or group at a path of fields in the results to come.
func (p Promise) Field(path string) (Promise, error) {
	to, last, err := p.walk(path)
	if err != nil {
		return Promise{}, err
	}
	return to.field(last)
}

// walk goes to the struct that the last field of a path is in.
func (p Promise) walk(path string) (Promise, Field, error) {
	if err := p.broken(); err != nil {
		return p, Field{}, err
	}
	way, err := p.t.Path(path)
	if err != nil {
		return p, Field{}, err
	}
	if way.indexed() {
		return p, Field{}, fmt.Errorf("path %q: what is in a list is known only when the results are there", clip(path))
	}
	for i, s := range way.steps {
		switch {
		case s.field.InUnion():
			return p, Field{}, fmt.Errorf("path %q: %q is a member of a union, and which one is set is known only when the results are there", clip(path), clip(s.field.Name()))
		case i == len(way.steps)-1:
			return p, s.field, nil
		}
		if p, err = p.field(s.field); err != nil {
			return p, Field{}, err
		}
	}
	return p, Field{}, errNoCall
}

func (p Promise) field(f Field) (Promise, error) {
	t := f.Type()
	if t.kind != StructKind {
		return Promise{}, fmt.Errorf("%s is a %s, no struct", clip(f.Name()), t)
	}
	if f.IsGroup() {
		return Promise{t: t.Struct(), p: p.p, sent: true}, nil
	}
	at, ok := f.place(StructKind)
	if !ok {
		return Promise{}, fmt.Errorf("%s: %w", clip(f.Name()), errNoPlace)
	}
	return Promise{t: t.Struct(), p: capnp.PipelineStruct[capnp.Struct](p.p, uint16(at)), sent: true}, nil
}
