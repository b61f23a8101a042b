package rpc_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
)

// The logger hears why a connection ended.
func TestLoggerHearsTheEnd(t *testing.T) {
	var log bytes.Buffer
	h := slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})
	a, b := rpc.Pipe(&rpc.Options{Logger: slog.New(h)}, &rpc.Options{Bootstrap: capnp.NewServer(&server{})})
	b.Close()
	<-a.Done()
	if got := log.String(); !strings.Contains(got, "connection closed") || !strings.Contains(got, "the peer closed the connection") {
		t.Errorf("log: %q", got)
	}
}
