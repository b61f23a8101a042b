package rpc

import (
	"sync/atomic"
	"time"
)

// pulse looks after what must not last: a method that keeps the reader's role, the role without
// anybody who has it, calls that wait to be written. It is one timer that goes on while something
// happens: setting one for each call would wake another processor each time.
type pulse struct {
	r     *reader
	timer *time.Timer
	on    atomic.Bool

	// Owned by the beat: what it saw last.
	run     uint64
	lent    uint64
	delayed int64
}

// period is the time from beat to beat. What lasts from one to the next has lasted too long.
const period = 500 * time.Microsecond

func (p *pulse) init(r *reader) {
	p.r = r
	p.timer = time.AfterFunc(time.Hour, p.beat)
	p.timer.Stop()
}

// start makes it beat until nothing happens any more. Whoever calls it has made true before what the
// beat is to look at.
func (p *pulse) start() {
	if !p.on.Load() && !p.on.Swap(true) {
		p.timer.Reset(period)
	}
}

func (p *pulse) beat() {
	r := p.r
	delayed := r.c.overdue(p.delayed)
	run := r.run.Load()
	if run == p.run && run%2 == 1 {
		r.overdue(run)
	}
	lent, take := r.lending.sweep(p.lent)
	busy := p.busy(run, lent, delayed)
	p.run, p.lent, p.delayed = run, lent, delayed
	if busy {
		p.timer.Reset(period)
	} else {
		saw := pulse{run: run, lent: lent, delayed: delayed} // p's fields are the next beat's from now on
		p.on.Store(false)
		if r.c.Err() == nil && saw.busy(r.run.Load(), r.lending.lent.Load(), r.c.out.delayed.Load()) {
			p.start() // since just now; whoever came saw it on
		}
	}
	if take {
		r.loop()
	}
}

// busy reports whether something has happened since the last beat or must be looked at.
func (p *pulse) busy(run, lent uint64, delayed int64) bool {
	return run != p.run || run%2 == 1 || lent != p.lent || lent%2 == 1 || delayed != p.delayed || delayed%2 == 1
}
