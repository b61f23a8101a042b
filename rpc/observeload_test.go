package rpc_test

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
)

// C++: getCurrentQueueSize, getCurrentQueueCount, getOutgoingMessageWaitTime.
func TestStatsOfTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe() // writes wait until the other end reads
		c := rpc.NewConn(near, nil)
		if s := c.Stats(); s.QueuedMessages != 0 || s.QueuedBytes != 0 || s.QueuedFor != 0 || s.BytesSent != 0 {
			t.Errorf("at first: %+v", s)
		}
		for range 3 {
			go rpc.Bootstrap[T](t.Context(), c)
			synctest.Wait()
		}
		time.Sleep(time.Second)
		s := c.Stats()
		if s.QueuedMessages != 3 || s.QueuedBytes != 3*48 || s.QueuedFor != time.Second {
			t.Errorf("with three messages that nobody reads: %+v", s)
		}
		time.Sleep(time.Second)
		if s := c.Stats(); s.QueuedFor != 2*time.Second {
			t.Errorf("a second later: %+v", s)
		}
		far.Read(make([]byte, 48)) // the first of them
		synctest.Wait()
		if s := c.Stats(); s.QueuedMessages != 2 || s.BytesSent != 48 || s.QueuedFor != 0 {
			t.Errorf("when one was read: %+v", s)
		}
		far.Read(make([]byte, 96))
		synctest.Wait()
		if s := c.Stats(); s.QueuedMessages != 0 || s.QueuedBytes != 0 || s.QueuedFor != 0 || s.BytesSent != 3*48 || s.MessagesSent != 3 {
			t.Errorf("when all were read: %+v", s)
		}
		far.Close()
		<-c.Done()
	})
}

// What one end has sent, the other has received, but for the tables.
func TestStatsCountBytes(t *testing.T) {
	boot := capnp.NewServer(&server{})
	a, b := rpc.Pipe(nil, &rpc.Options{Bootstrap: boot})
	boot.Release()
	defer b.Close()
	defer a.Close()
	c := rpc.Bootstrap[T](t.Context(), a)
	defer c.Release()
	for range 10 {
		if _, err := add(t.Context(), c, 1).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	b.Close()
	<-a.Done()
	sent, got := b.Stats(), a.Stats()
	if want := sent.BytesSent - 8*sent.MessagesSent; got.BytesReceived != want || want == 0 {
		t.Errorf("received %d bytes, want %d", got.BytesReceived, want)
	}
}
