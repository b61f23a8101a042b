package main

import (
	"fmt"
	"strings"
)

// A group is a table of the report.
type group int

const (
	flights group = iota
	chains
	streams
	caps
	placements
	idles
	syscalls
	locals
	data
	compile
)

// A job is one kind of work over one kind of connection.
type job struct {
	name      string // as -only and JSON have it
	title     string // as in a table
	group     group
	network   string // unix, tcp, or none when there is no server
	placement string // free, same (both processes on one CPU), apart (on two)
	words     string // the job's line for a peer, but for address and times
	unit      string // what is counted
	bytes     int    // in one of these, where a rate in bytes says something
	rounds    int    // measured in so many rounds only, or 0
	alone     bool   // needs processes that did nothing before
	traced    bool   // count system calls
}

// line is the job's line for a peer.
func (j job) line(addr string, o *options) string {
	mode, rest, _ := strings.Cut(j.words, " ")
	return fmt.Sprintf("%s %s %s seconds %g warm %g", mode, addr, rest, o.span, o.warm)
}

// payload is the number of bytes in a small call.
const payload = "size 32"

// allJobs returns the jobs in the order in which they run: those on the same
// processes together.
func allJobs(o *options) []job {
	var all []job
	for _, network := range []string{"unix", "tcp"} {
		all = append(all, connected(network)...)
	}
	for _, placement := range []string{"same", "apart"} {
		for _, network := range []string{"unix", "tcp"} {
			j := inFlight(1, network, placement)
			j.name, j.group = "placement/"+placement+"/"+network, placements
			all = append(all, j)
		}
	}
	for _, n := range []int{1, 64} {
		j := inFlight(n, "unix", "free")
		j.name, j.group, j.traced, j.rounds = fmt.Sprintf("syscalls/%d/unix", n), syscalls, true, 3
		all = append(all, j)
	}
	for _, n := range []int{100, 1000, 10000} {
		n = min(n, o.conns)
		j := job{name: fmt.Sprintf("idle/%d", n), group: idles, network: "unix", alone: true, unit: "connection",
			title: fmt.Sprintf("%d connections", n), words: fmt.Sprintf("idle conns %d %s", n, payload), rounds: 1}
		if n < 1000 {
			j.rounds = 3
		}
		if len(all) == 0 || all[len(all)-1].name != j.name {
			all = append(all, j)
		}
	}
	all = append(all, job{name: "local", title: "call of an object in the same process", group: locals, network: "none", words: "local " + payload, unit: "call"})
	for _, how := range []string{"object", "bytes", "fresh"} {
		for _, what := range []string{"carsales", "catrank", "eval"} {
			title := map[string]string{"object": what + ", object", "bytes": what + ", bytes", "fresh": what + ", bytes in new memory"}[how]
			all = append(all, job{name: "data/" + what + "/" + how, title: title, group: data, network: "none", words: what + "-" + how, unit: "request"})
		}
	}
	all = append(all, job{name: "compile", title: "compile the standard schemas", group: compile, network: "none", unit: "run"})
	for i := range all {
		if all[i].placement == "" {
			all[i].placement = "free"
		}
	}
	return all
}

func inFlight(n int, network, placement string) job {
	title := fmt.Sprintf("%d calls in flight", n)
	if n == 1 {
		title = "one call at a time"
	}
	return job{name: fmt.Sprintf("flight/%d/%s", n, network), title: title, group: flights, network: network, placement: placement,
		words: fmt.Sprintf("flight inflight %d %s", n, payload), unit: "call"}
}

// connected returns what is measured over one connection of a kind.
func connected(network string) []job {
	var all []job
	for _, n := range []int{1, 8, 64, 512} {
		all = append(all, inFlight(n, network, "free"))
	}
	all = append(all, job{name: "spread/" + network, title: "64 calls in flight over 4 connections", group: flights, network: network,
		words: "flight conns 4 inflight 64 " + payload, unit: "call"})
	for _, n := range []int{1, 4, 16, 64} {
		all = append(all, job{name: fmt.Sprintf("chain/%d/%s", n, network), title: fmt.Sprintf("chain, %d deep", n), group: chains, network: network,
			words: fmt.Sprintf("chain depth %d %s", n, payload), unit: "chain"})
	}
	all = append(all,
		job{name: "cap/param/" + network, title: "pass a capability that is called back", group: caps, network: network, words: "callback", unit: "call"},
		job{name: "cap/result/" + network, title: "get a capability, call it, release it", group: caps, network: network, words: "returned", unit: "pair"})
	for _, kib := range []int{1, 16, 64, 256, 1024} {
		all = append(all, job{name: fmt.Sprintf("stream/%d/%s", kib, network), title: fmt.Sprintf("stream, %d KiB chunks", kib), group: streams, network: network,
			words: fmt.Sprintf("stream size %d", kib<<10), unit: "chunk", bytes: kib << 10})
	}
	return all
}
