package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"lanyard.dev/bench/internal/peer"
)

// A session is a peer's two processes; the server is nil where no job needs it.
type session struct {
	client, server *process
	addr           string
}

// open starts the processes.
func (m *measurer) open(ctx context.Context, p *implementation, network, placement string) (*session, error) {
	s := &session{addr: "-"}
	var err error
	if network != "none" {
		addr := "127.0.0.1:0"
		if network == "unix" {
			path := filepath.Join(m.dir, p.name+"."+placement)
			os.Remove(path)
			addr = "unix:" + path
		}
		if s.server, err = start(ctx, append(pin(placement, 0), append(p.program, "serve", addr)...)...); err != nil {
			return nil, err
		}
		if s.addr, err = s.server.expect("listening on"); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	if s.client, err = start(ctx, append(pin(placement, 1), append(p.program, "load")...)...); err != nil {
		return nil, errors.Join(err, s.close())
	}
	library, err := s.client.expect("library")
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	p.library = library
	return s, nil
}

// close ends the processes.
func (s *session) close() error {
	var errs []error
	for _, p := range []*process{s.client, s.server} {
		if p != nil {
			errs = append(errs, p.stop())
		}
	}
	return errors.Join(errs...)
}

// kill ends the processes whatever they are doing.
func (s *session) kill() {
	for _, p := range []*process{s.client, s.server} {
		if p != nil {
			p.cmd.Process.Kill()
			p.stop()
		}
	}
}

// pin is what a command begins with to stay on a CPU.
func pin(placement string, side int) []string {
	switch {
	case placement == "same":
		side = 0
	case placement != "apart":
		return nil
	case side == 1:
		side = runtime.NumCPU() - 1
	}
	return []string{"taskset", "-c", strconv.Itoa(side)}
}

// measure does one job; nil without an error means that the peer has nothing for
// it.
func (m *measurer) measure(ctx context.Context, s *session, j job) (*sample, error) {
	if err := s.client.say(j.line(s.addr, m.o)); err != nil {
		return nil, err
	}
	answer, err := s.client.hear()
	if err != nil || answer == "unsupported" {
		return nil, err
	}
	if _, err := fmt.Sscanf(answer, "ready %d", new(int)); err != nil {
		return nil, fmt.Errorf("%s: said %q", j.name, answer)
	}
	var counting *trace
	if j.traced {
		if counting, err = m.tracer.start(ctx, m.dir, s); err != nil {
			return nil, err
		}
	}
	before, err := s.look("stats")
	if err != nil {
		return nil, err
	}
	var r peer.Result
	if err := s.client.ask("go", &r); err != nil {
		return nil, err
	}
	after, err := s.look("stats")
	if err != nil {
		return nil, err
	}
	out := newSample(r, before, after)
	if counting != nil {
		if out.Client.Syscalls, out.Server.Syscalls, err = counting.stop(r.Calls); err != nil {
			return nil, err
		}
	}
	if j.traced && counting == nil {
		out.Client.Syscalls, out.Server.Syscalls = out.Client.transfers(r.Calls), out.Server.transfers(r.Calls)
	}
	if j.alone && s.server != nil {
		// Once more, after a collection.
		settled, err := s.look("collect")
		if err != nil {
			return nil, err
		}
		out.Server.Settled = settled.server.memory - before.server.memory
	}
	if err := s.client.say("close"); err != nil {
		return nil, err
	}
	_, err = s.client.expect("closed")
	return out, err
}
