// Command raw moves frames of a call's size, and chunks, over sockets and does
// nothing else: the floor under everything in Go that makes calls.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"lanyard.dev/bench/internal/peer"
)

func main() {
	peer.Main(peer.Implementation{Library: "raw Go echo", Serve: serve, Open: open})
}

// header is what a small call and its return cost on the wire besides the data.
const header = 64

func serve(l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			var kind [1]byte
			if _, err := io.ReadFull(c, kind[:]); err != nil {
				return
			}
			if kind[0] == 's' {
				swallow(c)
			} else {
				echo(c)
			}
		}()
	}
}

func echo(c net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}

// swallow reads as many bytes as were announced, says how many came, and begins
// again.
func swallow(c net.Conn) {
	buf := make([]byte, 256<<10)
	var head [8]byte
	for {
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return
		}
		want := binary.LittleEndian.Uint64(head[:])
		var got uint64
		for got < want {
			n, err := c.Read(buf[:min(uint64(len(buf)), want-got)])
			if err != nil {
				return
			}
			got += uint64(n)
		}
		binary.LittleEndian.PutUint64(head[:], got)
		if _, err := c.Write(head[:]); err != nil {
			return
		}
	}
}

func open(j peer.Job) (*peer.Work, error) {
	switch j.Mode {
	case "flight", "chain", "stream":
		if j.Conns > 1 {
			return nil, peer.ErrUnsupported
		}
		c, err := dial(j.Addr, j.Mode)
		if err != nil {
			return nil, err
		}
		run := func(n int) error { return flight(c, n, j.Inflight, j.Size) }
		switch j.Mode {
		case "chain":
			run = func(n int) error { return flight(c, n*j.Depth, 1, j.Size) }
		case "stream":
			run = func(n int) error { return stream(c, n, j.Size) }
		}
		return &peer.Work{Run: run, Close: c.Close}, nil
	case "idle":
		return idle(j), nil
	}
	return nil, peer.ErrUnsupported
}

func dial(addr, mode string) (net.Conn, error) {
	c, err := peer.Dial(addr)
	if err == nil {
		_, err = c.Write([]byte(mode[:1]))
	}
	return c, err
}

// flight keeps so many frames on their way: for every frame that came back it
// sends another.
func flight(c net.Conn, n, inflight, size int) error {
	frame := header + size
	out := make([]byte, inflight*frame)
	in := make([]byte, 64<<10)
	sent := min(inflight, n)
	if _, err := c.Write(out[:sent*frame]); err != nil {
		return err
	}
	for got, back := 0, 0; back < n; {
		k, err := c.Read(in)
		if err != nil {
			return err
		}
		got += k
		came := got/frame - back
		back += came
		if more := min(came, n-sent); more > 0 {
			if _, err := c.Write(out[:more*frame]); err != nil {
				return err
			}
			sent += more
		}
	}
	return nil
}

func stream(c net.Conn, n, size int) error {
	var head [8]byte
	total := uint64(n) * uint64(size)
	binary.LittleEndian.PutUint64(head[:], total)
	if _, err := c.Write(head[:]); err != nil {
		return err
	}
	chunk := make([]byte, size)
	for range n {
		if _, err := c.Write(chunk); err != nil {
			return err
		}
	}
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return err
	}
	if got := binary.LittleEndian.Uint64(head[:]); got != total {
		return fmt.Errorf("%d bytes arrived, want %d", got, total)
	}
	return nil
}

func idle(j peer.Job) *peer.Work {
	var conns []net.Conn
	return &peer.Work{
		Once: true,
		Run: func(n int) error {
			for range n {
				c, err := dial(j.Addr, "flight")
				if err != nil {
					return err
				}
				conns = append(conns, c)
				if err := flight(c, 1, 1, j.Size); err != nil {
					return err
				}
			}
			return nil
		},
		Close: func() error {
			var errs []error
			for _, c := range conns {
				errs = append(errs, c.Close())
			}
			return errors.Join(errs...)
		},
	}
}
