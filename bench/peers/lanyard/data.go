package main

import (
	"strings"

	"lanyard.dev/bench/internal/peer"
	"lanyard.dev/bench/internal/workload"
)

// checked is how many requests the checksum is over.
const checked = 200

// openData does the workloads that need no server: NAME-object, NAME-bytes and
// NAME-fresh.
func openData(j peer.Job) (*peer.Work, error) {
	hows := map[string]workload.How{"object": workload.Object, "bytes": workload.Bytes, "fresh": workload.Fresh}
	name, word, _ := strings.Cut(j.Mode, "-")
	how, ok := hows[word]
	if !ok {
		return nil, peer.ErrUnsupported
	}
	w, err := workload.New(name, how)
	if err != nil {
		return nil, err
	}
	return &peer.Work{
		Run:   func(n int) error { _, err := w.Run(n); return err },
		Close: func() error { return nil },
		Check: func() (uint64, error) { return w.Run(checked) },
	}, nil
}
