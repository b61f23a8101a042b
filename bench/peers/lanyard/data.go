package main

import (
	"strings"

	"lanyard.dev/bench/internal/peer"
	"lanyard.dev/bench/internal/workload"
)

// checked is how many requests the checksum is over.
const checked = 200

// openData does the workloads that need no server: NAME-object and NAME-bytes.
// There is no memory to reuse, so NAME-fresh, which is bytes without reusing
// any, is the same as NAME-bytes.
func openData(j peer.Job) (*peer.Work, error) {
	name, how, _ := strings.Cut(j.Mode, "-")
	if how != "object" && how != "bytes" && how != "fresh" {
		return nil, peer.ErrUnsupported
	}
	w, err := workload.New(name, how != "object")
	if err != nil {
		return nil, err
	}
	return &peer.Work{
		Run:   func(n int) error { _, err := w.Run(n); return err },
		Close: func() error { return nil },
		Check: func() (uint64, error) { return w.Run(checked) },
	}, nil
}
