package wiretap

import (
	"context"
	"net"
	"sync"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/capnp/schemas/rpc"
)

// A Tap listens on a port of this machine and passes one connection on to a
// server, with every message delayed.
type Tap struct {
	listener        net.Listener
	network, server string
	delay           time.Duration
	counter         counter
	done            chan struct{} // the connection is over
}

// Start makes a tap in front of the server at an address. Each message takes
// delay to cross it; it must be long enough that a program sends what it can
// send without waiting in much less.
func Start(ctx context.Context, network, server string, delay time.Duration) (*Tap, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t := &Tap{listener: l, network: network, server: server, delay: delay, done: make(chan struct{})}
	go t.serve(ctx)
	return t, nil
}

// Addr is where the client connects to.
func (t *Tap) Addr() string { return t.listener.Addr().String() }

// Reset starts counting anew.
func (t *Tap) Reset() { t.counter.reset() }

// Counts returns what was counted since the last Reset.
func (t *Tap) Counts() Counts { return t.counter.read() }

// Wait waits until the connection is over: both sides have closed it, or none
// came and ctx ended.
func (t *Tap) Wait() { <-t.done }

// serve passes the first connection on, and takes no other.
func (t *Tap) serve(ctx context.Context) {
	defer close(t.done)
	stop := context.AfterFunc(ctx, func() { t.listener.Close() })
	near, err := t.listener.Accept()
	stop()
	t.listener.Close()
	if err != nil {
		return
	}
	var d net.Dialer
	far, err := d.DialContext(ctx, t.network, t.server)
	if err != nil {
		near.Close()
		return
	}
	var wires sync.WaitGroup
	wires.Go(func() { t.wire(near, far, client, server) })
	wires.Go(func() { t.wire(far, near, server, client) })
	wires.Wait()
}

// A parcel is a message on its way.
type parcel struct {
	bytes []byte
	stamp stamp
	due   time.Time
}

// onTheWire bounds the messages on their way in one direction.
const onTheWire = 1024

// wire carries messages from one side to the other, each delay late, until
// there are none, and closes both: after a connection is broken in one
// direction nothing useful can come in the other.
func (t *Tap) wire(from, to net.Conn, sender, receiver side) {
	queue := make(chan parcel, onTheWire)
	var writer sync.WaitGroup
	writer.Go(func() {
		broken := false
		for p := range queue {
			if broken {
				continue
			}
			time.Sleep(time.Until(p.due))
			// Counted as arrived before its reader can act on it.
			t.counter.arrives(receiver, p.stamp)
			_, err := to.Write(p.bytes)
			broken = err != nil
		}
	})
	for r := frame.NewReader(from, nil); ; {
		m, err := r.Read()
		if err != nil {
			break
		}
		b := frame.Marshal(m)
		queue <- parcel{b, t.counter.leaves(sender, isCall(m), len(b)), time.Now().Add(t.delay)}
	}
	close(queue)
	writer.Wait()
	to.Close()
	from.Close()
}

func isCall(m *capnp.Message) bool {
	which := capnp.Root[rpc.Message](m).Which()
	return which == rpc.MessageWhichCall
}
