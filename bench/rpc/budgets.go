package main

import (
	"fmt"
	"strings"
)

// A budget is what one kind of work may cost.
type budget struct {
	work    string
	job     string
	measure measure
	unit    string // of an absolute bound; "" compares with C++
	against string // cpp: the installed C++; "" the newest
	must    float64
	aim     float64 // 0 for none
	// show writes a bound as people say it.
	show func(bound float64) string
}

// isRate tells whether the bound is said as a rate, the inverse of a time.
func (b budget) isRate() bool { return strings.HasPrefix(b.show(1), "≥") }

// budgets returns every row of the design's table of budgets. A bound on a
// ratio is one of times: Lanyard's divided by C++'s.
func budgets() []budget {
	times := func(v float64) string { return fmt.Sprintf("≤ %.3g × the time", v) }
	rate := func(v float64) string { return fmt.Sprintf("≥ %.3g × the rate", 1/v) }
	count := func(v float64) string { return fmt.Sprintf("≤ %.3g", v) }
	out := []budget{
		{work: "one call at a time", job: "flight/1/unix", measure: (*sample).time, must: 1, aim: 0.5, show: times},
		{work: "64 calls in flight", job: "flight/64/unix", measure: (*sample).time, must: 1 / 1.7, aim: 1 / 2.5, show: rate},
		{work: "the same against the installed C++", job: "flight/64/unix", measure: (*sample).time, against: "cpp", must: 1 / 4.0, show: rate},
		{work: "pipelined chain, 16 deep", job: "chain/16/unix", measure: (*sample).time, must: 1, aim: 0.5, show: times},
		{work: "`-> stream`, 64 KiB chunks", job: "stream/64/unix", measure: (*sample).time, must: 1, aim: 1 / 1.5, show: rate},
		{work: "allocations per call, both ends", job: "flight/1/unix", measure: (*sample).mallocs, unit: "allocations", must: 10, aim: 4, show: count},
		{work: "local call, no connection", job: "local", measure: (*sample).time, unit: "seconds", must: 1e-6, show: func(v float64) string { return "≤ " + duration(v) }},
		{work: "its allocations", job: "local", measure: (*sample).mallocs, unit: "allocations", must: 3, show: count},
	}
	for _, name := range []string{"carsales", "catrank", "eval"} {
		out = append(out, budget{work: name + ", `bytes` mode", job: "data/" + name + "/bytes", measure: (*sample).time, must: 1.5, aim: 1, show: times})
	}
	return append(out, budget{work: "compile the standard schemas", job: "compile", measure: (*sample).time, must: 1, show: times})
}

// A verdict is what became of a budget.
type verdict struct {
	Work    string  `json:"work"`
	Job     string  `json:"job"`
	Unit    string  `json:"unit"`    // of the figures: seconds or allocations
	Figure  float64 `json:"figure"`  // Lanyard's median
	Against string  `json:"against"` // the peer compared with, if any
	Ratio   float64 `json:"ratio"`   // what the bounds are for: a ratio of times, or the figure itself
	Must    string  `json:"must"`
	Aim     string  `json:"aim"`
	Met     bool    `json:"met"`
	Missed  float64 `json:"missed"` // by how much of the bound: 0.1 is 10 %; negative when met
	Best    bool    `json:"best"`   // the aim is met as well
	budget  budget
}

// verdicts judges the budgets whose work was measured.
func (r *report) verdicts() []verdict {
	var out []verdict
	for _, b := range budgets() {
		figures := r.figures("lanyard", b.job, b.measure)
		if len(figures) == 0 {
			continue
		}
		v := verdict{Work: b.work, Job: b.job, Unit: b.unit, Figure: median(figures), Ratio: median(figures), Must: b.show(b.must), budget: b}
		if b.unit == "" {
			v.Unit, v.Against = "seconds", b.against
			if cpp := base(r.peers); b.against == "" && cpp != nil {
				v.Against = cpp.name
			}
			ratio, ok := r.ratio("lanyard", v.Against, b.job, b.measure)
			if !ok {
				continue
			}
			v.Ratio = ratio
		}
		if b.aim > 0 {
			v.Aim = b.show(b.aim)
			v.Best = v.Ratio <= b.aim
		}
		v.Met = v.Ratio <= b.must
		v.Missed = v.Ratio/b.must - 1
		if b.isRate() {
			v.Missed = 1 - b.must/v.Ratio
		}
		out = append(out, v)
	}
	return out
}

// text says it in a few words.
func (v verdict) text() string {
	switch {
	case v.Met && v.Best:
		return "met, and the aim"
	case v.Met:
		return "met"
	default:
		return fmt.Sprintf("**missed by %.0f %%**", 100*v.Missed)
	}
}

// compared is the figure that the bounds are for.
func (v verdict) compared() string {
	switch {
	case v.budget.unit == "seconds":
		return duration(v.Ratio)
	case v.budget.unit != "":
		return fmt.Sprintf("%.1f", v.Ratio)
	case v.budget.isRate():
		return fmt.Sprintf("%.2f × the rate", 1/v.Ratio)
	default:
		return fmt.Sprintf("%.2f × the time", v.Ratio)
	}
}
