package main

import "fmt"

// A job is one kind of work over one kind of connection.
type job struct {
	title     string   // as in the table
	options   []string // of the client, but for the number of calls
	network   string   // unix or tcp
	placement string   // free, same, apart
	probe     int      // calls to find out how long one takes
	unit      string
}

func (j job) name() string { return fmt.Sprintf("%s, %s, %s", j.title, j.network, j.placement) }

func allJobs(placements []string) []job {
	kinds := []job{
		{title: "one call at a time", options: []string{"--mode", "flight", "--inflight", "1"}, probe: 200, unit: "µs/call"},
		{title: "64 calls in flight", options: []string{"--mode", "flight", "--inflight", "64"}, probe: 2000, unit: "µs/call"},
		{title: "pipelined chain, 16 deep", options: []string{"--mode", "chain", "--depth", "16"}, probe: 50, unit: "µs/chain"},
		{title: "stream, 64 KiB chunks", options: []string{"--mode", "stream", "--size", "65536"}, probe: 200, unit: "µs/chunk"},
	}
	var out []job
	for _, placement := range placements {
		for _, network := range []string{"unix", "tcp"} {
			for _, j := range kinds {
				j.network, j.placement = network, placement
				out = append(out, j)
			}
		}
	}
	return out
}
