package tape

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// Record passes everything between the two ends of a connection until either
// closes it, and returns what passed. A message counts as passed before it is
// sent on, so neither end can have answered a message that stands later.
func Record(client, server net.Conn) (Tape, error) {
	var (
		mu   sync.Mutex // guards t
		t    Tape
		wg   sync.WaitGroup
		errs [2]error
	)
	pass := func(to, from net.Conn, fromServer bool) error {
		for {
			frame, err := readFrame(from)
			if err != nil {
				// The other direction ends, too: a vat has no use for half a connection.
				to.Close()
				from.Close()
				return ignoreEnd(err)
			}
			mu.Lock()
			t = append(t, Message{fromServer, frame})
			mu.Unlock()
			if _, err := to.Write(frame); err != nil {
				return ignoreEnd(err)
			}
		}
	}
	wg.Go(func() { errs[0] = pass(server, client, false) })
	wg.Go(func() { errs[1] = pass(client, server, true) })
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return t, fmt.Errorf("record, direction %d: %w", i, err)
		}
	}
	return t, nil
}

// ignoreEnd drops the errors that are only the end of a connection.
func ignoreEnd(err error) error {
	var op *net.OpError
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) || errors.As(err, &op) {
		return nil
	}
	return err
}
