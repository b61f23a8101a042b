package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
)

// A measurer runs the jobs and keeps what came out.
type measurer struct {
	o       *options
	dir     string
	peers   []*implementation
	tracer  tracer
	jobs    []job // those that were measured
	samples []*sample
	failed  map[cell]error // what is not tried again
}

// all measures everything, in rounds.
func (m *measurer) all(ctx context.Context, jobs []job) error {
	for _, j := range jobs {
		if m.o.only.MatchString(j.name) {
			m.jobs = append(m.jobs, j)
		}
	}
	for round := range m.o.rounds {
		// Jobs that share processes are neighbours.
		for rest := m.jobs; len(rest) > 0; {
			n := 1
			for n < len(rest) && shares(rest[0], rest[n]) {
				n++
			}
			if err := m.section(ctx, round, rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
	}
	return nil
}

// errs is everything that went wrong, as sentences.
func (m *measurer) errs() []string {
	var out []string
	for c, err := range m.failed {
		out = append(out, fmt.Sprintf("%s, %s: %v", c.job, c.peer, err))
	}
	if err := m.compareChecks(); err != nil {
		out = append(out, err.Error())
	}
	slices.Sort(out)
	return out
}

// shares tells whether two jobs run on the same processes.
func shares(a, b job) bool {
	return a.network == b.network && a.placement == b.placement && !a.alone && !b.alone &&
		a.traced == b.traced && (a.group == compile) == (b.group == compile)
}

// section measures jobs that share processes: all processes are started, then
// each job is done by every peer in turn.
func (m *measurer) section(ctx context.Context, round int, jobs []job) error {
	jobs = slices.DeleteFunc(slices.Clone(jobs), func(j job) bool { return j.rounds > 0 && round >= j.rounds })
	switch {
	case len(jobs) == 0:
		return nil
	case jobs[0].group == compile:
		return m.compile(ctx, round, jobs[0])
	case jobs[0].alone:
		for _, p := range m.peers {
			if err := m.turns(ctx, round, jobs, []*implementation{p}); err != nil {
				return err
			}
		}
		return nil
	}
	return m.turns(ctx, round, jobs, m.peers)
}

// turns does the jobs, each by every peer in turn. A peer that fails a job gets
// new processes and is not asked for that job again.
func (m *measurer) turns(ctx context.Context, round int, jobs []job, peers []*implementation) (err error) {
	sessions, err := m.openAll(ctx, peers, jobs[0])
	defer func() {
		for _, s := range sessions {
			if s != nil {
				err = errors.Join(err, s.close())
			}
		}
	}()
	if err != nil {
		return err
	}
	for _, j := range jobs {
		// Who goes first changes, so that nobody always has the warm machine.
		for i := range peers {
			i = (i + round) % len(peers)
			c := cell{peers[i].name, j.name}
			if m.failed[c] != nil {
				continue
			}
			progress("round %d of %d: %s, %s", round+1, m.o.rounds, j.name, c.peer)
			s, err := m.one(ctx, sessions[i], j)
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case err != nil:
				m.failed[c] = err
				fmt.Fprintf(os.Stderr, "bench/rpc: %s, %s: %v\n", c.job, c.peer, err)
				sessions[i].kill()
				if sessions[i], err = m.open(ctx, peers[i], j.network, j.placement); err != nil {
					return wrap(err, j, peers[i])
				}
			case s != nil:
				s.Round, s.Job, s.Peer = round+1, c.job, c.peer
				m.samples = append(m.samples, s)
			}
		}
	}
	return nil
}

// one does a job; nil without an error means that the peer has nothing for it.
func (m *measurer) one(ctx context.Context, s *session, j job) (*sample, error) {
	if j.alone {
		// The first connection touches what all of them share.
		first := job{name: j.name, words: "idle conns 1"}
		if out, err := m.measure(ctx, s, first); err != nil || out == nil {
			return nil, err
		}
	}
	return m.measure(ctx, s, j)
}

func wrap(err error, j job, p *implementation) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s, %s: %w", j.name, p.name, err)
}

// openAll starts the sessions of all peers at the same time.
func (m *measurer) openAll(ctx context.Context, peers []*implementation, j job) ([]*session, error) {
	sessions, errs := make([]*session, len(peers)), make([]error, len(peers))
	var wg sync.WaitGroup
	for i, p := range peers {
		wg.Go(func() {
			sessions[i], errs[i] = m.open(ctx, p, j.network, j.placement)
			errs[i] = wrap(errs[i], j, p)
		})
	}
	wg.Wait()
	return sessions, errors.Join(errs...)
}

// compareChecks fails when implementations did not do the same work.
func (m *measurer) compareChecks() error {
	first := map[string]*sample{}
	for _, s := range m.samples {
		if f := first[s.Job]; f == nil {
			first[s.Job] = s
		} else if f.Check != s.Check {
			return fmt.Errorf("%s: %s has the checksum %d, %s has %d", s.Job, f.Peer, f.Check, s.Peer, s.Check)
		}
	}
	return nil
}
