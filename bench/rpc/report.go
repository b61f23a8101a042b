package main

import (
	"encoding/json"
	"io"
	"slices"
)

// A report is everything that was measured.
type report struct {
	machine *machine
	o       *options
	peers   []*implementation
	jobs    []job
	samples []*sample
	by      map[cell][]*sample
}

// A cell is what one peer did of one job.
type cell struct{ peer, job string }

func newReport(m *machine, o *options, peers []*implementation, jobs []job, samples []*sample) *report {
	r := &report{m, o, peers, jobs, samples, map[cell][]*sample{}}
	for _, s := range samples {
		c := cell{s.Peer, s.Job}
		r.by[c] = append(r.by[c], s)
	}
	return r
}

// A measure takes one figure from a sample; negative means that there is none.
type measure func(*sample) float64

// figures returns a peer's figures for a job, one for each round.
func (r *report) figures(peer, job string, f measure) []float64 {
	var out []float64
	for _, s := range r.by[cell{peer, job}] {
		if v := f(s); v >= 0 {
			out = append(out, v)
		}
	}
	return out
}

// ratio is the median over the rounds of a peer's figure divided by another's
// in the same round; ok is false if there is none.
func (r *report) ratio(peer, other, job string, f measure) (v float64, ok bool) {
	theirs := map[int]float64{}
	for _, s := range r.by[cell{other, job}] {
		theirs[s.Round] = f(s)
	}
	var ratios []float64
	for _, s := range r.by[cell{peer, job}] {
		if t := theirs[s.Round]; t > 0 && f(s) >= 0 {
			ratios = append(ratios, f(s)/t)
		}
	}
	return median(ratios), len(ratios) > 0
}

// median of nothing is 0.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

func (r *report) peer(name string) *implementation {
	for _, p := range r.peers {
		if p.name == name {
			return p
		}
	}
	return nil
}

// writeJSON writes everything raw.
func (r *report) writeJSON(w io.Writer) error {
	libraries := map[string]string{}
	for _, p := range r.peers {
		libraries[p.name] = p.library
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(map[string]any{
		"machine":   r.machine,
		"rounds":    r.o.rounds,
		"seconds":   r.o.span,
		"libraries": libraries,
		"budgets":   r.verdicts(),
		"samples":   r.samples,
	})
}
