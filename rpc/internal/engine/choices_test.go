package engine

import (
	"bufio"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// choices is where a world gets its decisions from: a source of random numbers, and then it
// notes them, or a plan. A plan may be incomplete: what is missing is 0, and what is too large is
// taken modulo the number of possibilities; so any part of a plan is one.
type choices struct {
	rng  *rand.Rand
	plan *plan

	step []int // what is left of the plan for this step
	made plan
	last bool // the steps are over
}

// plan is the decisions of a schedule, step by step.
type plan struct {
	steps [][]int
	end   []int
}

func chance(seed uint64) *choices { return &choices{rng: rand.New(rand.NewPCG(seed, 1))} }

func (p plan) choices() *choices { return &choices{plan: &p} }

// IntN returns a decision among n possibilities.
func (c *choices) IntN(n int) int {
	x := 0
	switch {
	case c.rng != nil:
		x = c.rng.IntN(n)
	case len(c.step) > 0:
		x = c.step[0] % n
		c.step = c.step[1:]
	}
	if k := len(c.made.steps); c.last {
		c.made.end = append(c.made.end, x)
	} else if k > 0 {
		c.made.steps[k-1] = append(c.made.steps[k-1], x)
	}
	return x
}

// next begins another of n steps, or reports that there is none.
func (c *choices) next(n int, log *strings.Builder) bool {
	k := len(c.made.steps)
	if c.plan != nil {
		if n = len(c.plan.steps); k < n {
			c.step = c.plan.steps[k]
		}
	}
	if k >= n {
		return false
	}
	c.made.steps = append(c.made.steps, nil)
	if log != nil && c.plan != nil {
		fmt.Fprintf(log, "do%s\n", numbers(c.step))
	}
	return true
}

// end begins what follows the steps.
func (c *choices) end() {
	c.last = true
	if c.step = nil; c.plan != nil {
		c.step = c.plan.end
	}
}

func numbers(s []int) string {
	var b strings.Builder
	for _, n := range s {
		b.WriteString(" " + strconv.Itoa(n))
	}
	return b.String()
}

// transcript is a schedule as a text file: the world, its decisions, and as comments what they
// lead to. parseSchedule reads it back.
func transcript(opt worldOptions, p plan) string {
	var log strings.Builder
	wrong := play(p.choices(), opt, &log)
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\nworld %s\n", strings.ReplaceAll(cmp.Or(wrong, "nothing is wrong"), "\n", " "), opt)
	for line := range strings.Lines(log.String()) {
		if !strings.HasPrefix(line, "do") {
			b.WriteString("# ")
		}
		b.WriteString(line)
	}
	if len(p.end) > 0 {
		fmt.Fprintf(&b, "end%s\n", numbers(p.end))
	}
	return b.String()
}

// String is the options as a transcript has them.
func (o worldOptions) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "sites %d", o.sites)
	for _, f := range o.flags() {
		if *f.set {
			b.WriteString(" " + f.name)
		}
	}
	return b.String()
}

type flagOf struct {
	name string
	set  *bool
}

func (o *worldOptions) flags() []flagOf {
	return []flagOf{{"line", &o.line}, {"lazy", &o.lazy}, {"kill", &o.kill},
		{"noEmbargo", &o.wrong.noEmbargo}, {"noBarrier", &o.wrong.noBarrier}}
}

// parseSchedule reads a transcript.
func parseSchedule(text string) (opt worldOptions, p plan, err error) {
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		if f[0] == "world" {
			if opt, err = parseWorld(f[1:]); err != nil {
				return opt, p, err
			}
			continue
		}
		var ns []int
		for _, s := range f[1:] {
			n, err := strconv.Atoi(s)
			if err != nil || n < 0 {
				return opt, p, fmt.Errorf("what is %q?", lines.Text())
			}
			ns = append(ns, n)
		}
		switch f[0] {
		case "do":
			p.steps = append(p.steps, ns)
		case "end":
			p.end = ns
		default:
			return opt, p, fmt.Errorf("what is %q?", lines.Text())
		}
	}
	opt.steps = max(len(p.steps), 1)
	return opt, p, lines.Err()
}

func parseWorld(f []string) (opt worldOptions, err error) {
	for i := 0; i < len(f); i++ {
		if f[i] == "sites" && i+1 < len(f) {
			i++
			if opt.sites, err = strconv.Atoi(f[i]); err != nil {
				return opt, err
			}
			continue
		}
		known := false
		for _, x := range opt.flags() {
			if x.name == f[i] {
				*x.set, known = true, true
			}
		}
		if !known {
			return opt, fmt.Errorf("what is %q?", f[i])
		}
	}
	return opt, nil
}

// shrink makes a plan that goes wrong shorter, as long as something goes wrong.
func shrink(opt worldOptions, p plan) plan {
	left := 3000
	wrong := func(q plan) bool {
		left--
		return left > 0 && play(q.choices(), opt, nil) != ""
	}
	if q := (plan{steps: p.steps}); wrong(q) {
		p = q
	}
	for size := len(p.steps); size > 0; {
		smaller := false
		for i := 0; i+size <= len(p.steps); {
			q := plan{steps: slices.Concat(p.steps[:i], p.steps[i+size:]), end: p.end}
			if wrong(q) {
				p, smaller = q, true
			} else {
				i++
			}
		}
		if !smaller || size > len(p.steps) {
			size /= 2
		}
	}
	return p
}
