package rpc_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	wire "lanyard.dev/capnp/schemas/rpc"
)

// The victim's methods, by number.
const (
	vEcho     = iota // returns its number
	vBlock           // until its context ends
	vStubborn        // until the victim lets go, whatever its context says
	vCap             // returns a new capability
	vBig             // returns as many bytes as its number says
	vPromise         // returns a promise that is never kept
	vCallBack        // calls vCallBack of its parameter, with itself, and waits
	vWrite           // a stream
	vCount
)

const victimID = 0xf100d

var victimMethods = func() (all [vCount]*capnp.Method) {
	for i, name := range []string{"echo", "block", "stubborn", "cap", "big", "promise", "callBack", "write"} {
		all[i] = capnp.NewMethod(capnp.MethodSpec{InterfaceID: victimID, MethodID: uint16(i), InterfaceName: "t.capnp:Victim",
			MethodName: name, Params: size, Results: size, ResultsHaveCaps: true, Streaming: i == vWrite})
	}
	return all
}()

// victim is what floods are let loose on.
type victim struct {
	running, most atomic.Int64
	letGo         chan struct{}
	end           sync.Once

	mu       sync.Mutex
	longest  int // of the errors that callBack got
	promises []*capnp.Resolver[T]
}

func newVictim() *victim { return &victim{letGo: make(chan struct{})} }

func (v *victim) free() { v.end.Do(func() { close(v.letGo) }) }

func (v *victim) Impl() any { return v }
func (v *victim) FindMethod(i uint64, m uint16) *capnp.Method {
	if i != victimID || m >= vCount {
		return nil
	}
	return victimMethods[m]
}

func (v *victim) Invoke(ctx context.Context, c *capnp.Call) error {
	if n := v.running.Add(1); n > v.most.Load() {
		v.most.Store(n)
	}
	defer v.running.Add(-1)
	switch n := c.ParamsStruct().Uint64(0); c.Method() {
	case victimMethods[vEcho]:
		c.ResultsStruct().SetUint64(0, n)
	case victimMethods[vBlock]:
		c.Unblock()
		<-ctx.Done()
		return ctx.Err()
	case victimMethods[vStubborn]:
		c.Unblock()
		<-v.letGo
	case victimMethods[vCap]:
		c.ResultsStruct().SetClient(0, capnp.NewServer(v))
	case victimMethods[vBig]:
		c.ResultsStruct().NewData(0, int(n))
	case victimMethods[vPromise]:
		p, r := capnp.NewPromise[T]()
		v.mu.Lock()
		v.promises = append(v.promises, r)
		v.mu.Unlock()
		c.ResultsStruct().SetClient(0, p.Client)
	case victimMethods[vCallBack]:
		cb := T{c.ParamsStruct().Client(0)}
		defer cb.Release()
		me := c.Self()
		defer me.Release()
		_, err := capnp.Send[capnp.Struct](ctx, cb.Client, victimMethods[vCallBack], func(b capnp.StructBuilder) {
			b.SetUint64(0, n-1)
			b.SetClient(0, me)
		}).Wait()
		if err != nil {
			v.mu.Lock()
			v.longest = max(v.longest, len(err.Error()))
			v.mu.Unlock()
		}
		return err
	case victimMethods[vWrite]:
		runtime.Gosched()
	}
	return nil
}

// ask calls one of the victim's methods.
func ask(ctx context.Context, c T, method int, n uint64) capnp.Promise[capnp.Struct] {
	return capnp.Send[capnp.Struct](ctx, c.Client, victimMethods[method], func(b capnp.StructBuilder) { b.SetUint64(0, n) })
}

// message is the bytes of a message that an attacker sends.
func message(fill func(m wire.MessageBuilder)) []byte {
	mb := capnp.NewMessage(nil)
	fill(wire.NewRootMessage(mb))
	return frame.Append(nil, mb)
}

func bootstrapMessage(id uint32) []byte {
	return message(func(m wire.MessageBuilder) { m.NewBootstrap().SetQuestionId(id) })
}

func finishMessage(id uint32, release bool) []byte {
	return message(func(m wire.MessageBuilder) {
		f := m.NewFinish()
		f.SetQuestionId(id)
		f.SetReleaseResultCaps(release)
		f.SetRequireEarlyCancellationWorkaround(false)
	})
}

// callMessage calls a method of what question 0, a Bootstrap, gave; fill adds to that.
func callMessage(id uint32, method int, n uint64, fill func(c wire.CallBuilder, params capnp.StructBuilder)) []byte {
	return message(func(m wire.MessageBuilder) {
		c := m.NewCall()
		c.SetQuestionId(id)
		c.SetInterfaceId(victimID)
		c.SetMethodId(uint16(method))
		c.NewTarget().NewPromisedAnswer().SetQuestionId(0)
		params := capnp.StructBuilder(c.NewParams()).NewStruct(0, size)
		params.SetUint64(0, n)
		if fill != nil {
			fill(c, params)
		}
	})
}
