package tape

import (
	"io"
	"net"
	"sync"

	"lanyard.dev/rpc/record"
)

// Record passes everything between the two ends of a connection until either
// closes it, and records what passed, seen from the client. A message counts as
// passed before it is sent on, so neither end can have answered a message that
// stands later.
func Record(w io.Writer, client, server net.Conn) error {
	rec, err := record.New(w, &record.Options{Contents: true})
	if err != nil {
		return err
	}
	recorded := rec.Wrap("server", server)
	pass := func(to, from io.ReadWriteCloser) {
		io.Copy(to, from)
		// The other direction ends, too: a vat has no use for half a connection.
		to.Close()
		from.Close()
	}
	var wg sync.WaitGroup
	wg.Go(func() { pass(recorded, client) })
	wg.Go(func() { pass(client, recorded) })
	wg.Wait()
	return rec.Err()
}
