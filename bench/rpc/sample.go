package main

import (
	"fmt"
	"os"
	"strings"

	"lanyard.dev/bench/internal/peer"
)

// A sample is one measurement.
type sample struct {
	Round   int     `json:"round"`
	Job     string  `json:"job"`
	Peer    string  `json:"peer"`
	Calls   int     `json:"calls"`
	Seconds float64 `json:"seconds"`
	Check   uint64  `json:"check,omitempty"`
	Client  cost    `json:"client"`
	Server  cost    `json:"server"`
}

// A cost is what one process used for a sample. What nobody counted is -1.
type cost struct {
	CPU      float64 `json:"cpu"` // seconds
	Mallocs  int64   `json:"mallocs"`
	Reads    int64   `json:"reads"`    // system calls of the kind of read(2), recv(2) not counted
	Writes   int64   `json:"writes"`   // system calls of the kind of write(2), send(2) not counted
	Syscalls float64 `json:"syscalls"` // per call, where they were traced
	Memory   int64   `json:"memory"`   // bytes of resident anonymous memory more than before
	Settled  int64   `json:"settled"`  // the same after a garbage collection, for idle connections
}

// A state is what the counters of a session showed at one time.
type state struct{ client, server counters }

// counters are those of the kernel, and what the process itself says.
type counters struct {
	used          peer.Used
	reads, writes int64
	memory        int64
}

// look reads all counters. The server collects its garbage first if it is told
// to "collect".
func (s *session) look(word string) (state, error) {
	var out state
	out.client.kernel(s.client.pid())
	if s.server == nil {
		return out, nil
	}
	err := s.server.ask(word, &out.server.used)
	out.server.kernel(s.server.pid())
	return out, err
}

// kernel reads what Linux counts.
func (c *counters) kernel(pid int) {
	io := procFields(pid, "io")
	c.reads, c.writes = io["syscr"], io["syscw"]
	c.memory = procFields(pid, "status")["RssAnon"] << 10
}

// procFields reads the lines "NAME: NUMBER …" of a file in /proc.
func procFields(pid int, name string) map[string]int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	if err != nil {
		return nil
	}
	out := map[string]int64{}
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(line, ":")
		var n int64
		if _, err := fmt.Sscan(value, &n); err == nil {
			out[key] = n
		}
	}
	return out
}

func newSample(r peer.Result, before, after state) *sample {
	s := &sample{Calls: r.Calls, Seconds: r.Seconds, Check: r.Check}
	s.Client = difference(before.client, after.client)
	s.Server = difference(before.server, after.server)
	s.Client.CPU, s.Client.Mallocs = r.CPU, r.Mallocs
	return s
}

func difference(before, after counters) cost {
	c := cost{
		CPU:      after.used.CPU - before.used.CPU,
		Mallocs:  after.used.Mallocs - before.used.Mallocs,
		Reads:    after.reads - before.reads,
		Writes:   after.writes - before.writes,
		Memory:   after.memory - before.memory,
		Syscalls: -1,
	}
	if after.used.Mallocs < 0 {
		c.Mallocs = -1
	}
	return c
}

// transfers is reads and writes a call, or -1 if the process does neither.
func (c cost) transfers(calls int) float64 {
	if n := c.Reads + c.Writes; n > int64(calls)/100 {
		return float64(n) / float64(calls)
	}
	return -1
}

// time is seconds a call.
func (s *sample) time() float64 { return s.Seconds / float64(s.Calls) }

// processor is seconds of processor time a call, both processes together.
func (s *sample) processor() float64 { return (s.Client.CPU + s.Server.CPU) / float64(s.Calls) }

// mallocs is allocations a call, both processes together, or -1.
func (s *sample) mallocs() float64 {
	if s.Client.Mallocs < 0 {
		return -1
	}
	return float64(s.Client.Mallocs+s.Server.Mallocs) / float64(s.Calls)
}
