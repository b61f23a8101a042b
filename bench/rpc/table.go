package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// write writes the report in Markdown; chart is the name of the drawing beside
// it, if there is one.
func (r *report) write(w io.Writer, chart string) {
	r.writeHead(w)
	if chart != "" && chart != "." {
		fmt.Fprintf(w, "\n![Rates compared with C++](%s)\n", chart)
	}
	r.writeBudgets(w)
	for _, t := range tables() {
		r.writeTable(w, t)
	}
}

func (r *report) writeHead(w io.Writer) {
	m := r.machine
	fmt.Fprintf(w, "%s, %d CPUs (%s), Linux %s, %s. Measured on %s at commit %s.\n", m.OS, m.CPUs, m.CPU, m.Kernel, strings.Join(append([]string{m.Go}, m.Tools...), ", "), m.Date, m.Commit)
	fmt.Fprintf(w, "%d rounds of %s for each figure, %.0f s together; load average %s before and %s after.\n", r.o.rounds, duration(r.o.span), m.Seconds, m.Before, m.After)
	fmt.Fprintf(w, "Every peer calls itself: a client and a server process, all in turn in the same minutes. Figures are medians.\n")
	if b := base(r.peers); b != nil {
		fmt.Fprintf(w, "In brackets the rate compared with %s, the median of the ratios of each round: 2.00× is twice as fast.\n", b.library)
	}
	fmt.Fprintf(w, "Small calls carry 32 bytes each way. Chains of gRPC, net/rpc and raw sockets are calls one after the other: they have no pipelining.\n")
	for _, note := range m.Notes {
		fmt.Fprintf(w, "Note: %s.\n", note)
	}
	for _, note := range m.Missing {
		fmt.Fprintf(w, "Not measured: %s.\n", note)
	}
	for _, note := range m.Failed {
		fmt.Fprintf(w, "Failed: %s.\n", note)
	}
}

func (r *report) writeBudgets(w io.Writer) {
	verdicts := r.verdicts()
	if len(verdicts) == 0 {
		return
	}
	var others []*implementation
	for _, p := range r.peers {
		if p.cpp || p.name == "raw" {
			others = append(others, p)
		}
	}
	fmt.Fprintf(w, "\n## Budgets\n\nIn brackets least and most of the rounds. “Missed by” is by how much of its bound a figure is beyond it.\n\n| work |")
	for _, p := range others {
		fmt.Fprintf(w, " %s |", p.library)
	}
	fmt.Fprintf(w, " Lanyard | compared | must | | aim |\n|---|%s---|---|---|---|---|\n", strings.Repeat("---|", len(others)))
	for _, v := range verdicts {
		fmt.Fprintf(w, "| %s |", v.Work)
		for _, p := range others {
			fmt.Fprintf(w, " %s |", r.spread(p.name, v))
		}
		fmt.Fprintf(w, " %s | %s | %s | %s | %s |\n", r.spread("lanyard", v), v.compared(), v.Must, v.text(), v.Aim)
	}
}

// spread writes a peer's median for a budget's work, and least and most.
func (r *report) spread(peer string, v verdict) string {
	figures := r.figures(peer, v.Job, v.budget.measure)
	if len(figures) == 0 {
		return "–"
	}
	if v.Unit == "allocations" {
		return fmt.Sprintf("%.1f", median(figures))
	}
	low, _, _ := strings.Cut(duration(slices.Min(figures)), " ")
	high := duration(slices.Max(figures))
	if lowUnit, highUnit := unitOf(slices.Min(figures)), unitOf(slices.Max(figures)); lowUnit != highUnit {
		low += " " + lowUnit
	}
	return fmt.Sprintf("%s (%s–%s)", duration(median(figures)), low, high)
}

// A table is a part of the report: a row for each job of its group, a column
// for each peer that has something to show.
type table struct {
	title, about string
	group        group
	row          func(j job) string
	cell         func(r *report, p *implementation, j job) string
}

func tables() []table {
	title := func(j job) string { return j.title + ", " + j.network }
	plain := func(j job) string { return j.title }
	return []table{
		{"Calls in flight", "Time per call, one connection.", flights, title, timeCell},
		{"Chains", "Time per chain of pipelined calls, each on the result of the one before; only the last is waited for.", chains, title, timeCell},
		{"Streams", "Time per chunk and throughput; every byte is confirmed by the server before the clock stops.", streams, title, streamCell},
		{"Capabilities", "", caps, title, timeCell},
		{"Placement", "One call at a time, both processes on one CPU or each on its own. The tables above leave it to the kernel.", placements,
			func(j job) string {
				return map[string]string{"same": "same CPU", "apart": "different CPUs"}[j.placement] + ", " + j.network
			}, timeCell},
		{"Processor time", "Microseconds per call (chain, chunk) that both processes used together, by getrusage.", flights, title, cpuCell},
		{"", "", chains, title, cpuCell},
		{"", "", streams, title, cpuCell},
		{"Allocations", "Per call: client + server, by runtime.MemStats.", flights, title, mallocCell},
		{"", "", caps, title, mallocCell},
		{"System calls", "Per call: client + server.", syscalls, title, syscallCell},
		{"Idle connections", "Memory of the server per connection that has made one call: resident anonymous memory as it is, and in brackets after a garbage collection; time to open one and make the call.", idles, plain, idleCell},
		{"No connection", "", locals, plain, localCell},
		{"Data", "C++'s own benchmarks, redone by both with the same random numbers and equal checksums: time per request, which is built, read, answered, and the answer read. object: the reader gets the builder's memory; bytes: both messages are framed and parsed. Memory is reused from one request to the next, as those benchmarks do, but for Go's builders and where the row says new.", data, plain, timeCell},
		{"Compiler", "A CodeGeneratorRequest for the standard schemas, a new process each time.", compile, plain, timeCell},
	}
}

func (r *report) writeTable(w io.Writer, t table) {
	var jobs []job
	for _, j := range r.jobs {
		if j.group == t.group {
			jobs = append(jobs, j)
		}
	}
	var columns []*implementation
	for _, p := range r.peers {
		if slices.ContainsFunc(jobs, func(j job) bool { return t.cell(r, p, j) != "" }) {
			columns = append(columns, p)
		}
	}
	if len(columns) == 0 {
		return
	}
	if t.title != "" {
		fmt.Fprintf(w, "\n## %s\n", t.title)
	}
	about := t.about
	if t.group == syscalls {
		about += " Counted by " + r.machine.Tracer + "."
	}
	if about != "" {
		fmt.Fprintf(w, "\n%s\n", about)
	}
	fmt.Fprint(w, "\n| |")
	for _, p := range columns {
		fmt.Fprintf(w, " %s |", p.library)
	}
	fmt.Fprint(w, "\n|---|"+strings.Repeat("---|", len(columns))+"\n")
	for _, j := range jobs {
		fmt.Fprintf(w, "| %s |", t.row(j))
		for _, p := range columns {
			text := t.cell(r, p, j)
			if text == "" {
				text = "–"
			}
			fmt.Fprintf(w, " %s |", text)
		}
		fmt.Fprintln(w)
	}
}

func timeCell(r *report, p *implementation, j job) string {
	return r.cell(p, j, (*sample).time, duration)
}

func cpuCell(r *report, p *implementation, j job) string {
	return r.cell(p, j, (*sample).processor, duration)
}

// cell writes a median and, for all but the base, the rate compared with it.
func (r *report) cell(p *implementation, j job, f measure, show func(float64) string) string {
	figures := r.figures(p.name, j.name, f)
	if len(figures) == 0 {
		return ""
	}
	text := show(median(figures))
	if b := base(r.peers); b != nil && b != p {
		if ratio, ok := r.ratio(p.name, b.name, j.name, f); ok && ratio > 0 {
			text += fmt.Sprintf(" [%.2f×]", 1/ratio)
		}
	}
	return text
}

func streamCell(r *report, p *implementation, j job) string {
	return r.cell(p, j, (*sample).time, func(t float64) string {
		return fmt.Sprintf("%s, %.2f GB/s", duration(t), float64(j.bytes)/t/1e9)
	})
}

func mallocCell(r *report, p *implementation, j job) string {
	if len(r.figures(p.name, j.name, (*sample).mallocs)) == 0 {
		return ""
	}
	client := r.figures(p.name, j.name, func(s *sample) float64 { return float64(s.Client.Mallocs) / float64(s.Calls) })
	server := r.figures(p.name, j.name, func(s *sample) float64 { return float64(s.Server.Mallocs) / float64(s.Calls) })
	return fmt.Sprintf("%.1f + %.1f", median(client), median(server))
}

func syscallCell(r *report, p *implementation, j job) string {
	client := r.figures(p.name, j.name, func(s *sample) float64 { return s.Client.Syscalls })
	server := r.figures(p.name, j.name, func(s *sample) float64 { return s.Server.Syscalls })
	if len(client) == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f + %.2f", median(client), median(server))
}

func idleCell(r *report, p *implementation, j job) string {
	memory := r.figures(p.name, j.name, func(s *sample) float64 { return float64(s.Server.Memory) / float64(s.Calls) })
	settled := r.figures(p.name, j.name, func(s *sample) float64 { return float64(s.Server.Settled) / float64(s.Calls) })
	times := r.figures(p.name, j.name, (*sample).time)
	if len(memory) == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f KiB (%.1f), %s", median(memory)/1024, median(settled)/1024, duration(median(times)))
}

func localCell(r *report, p *implementation, j job) string {
	text := timeCell(r, p, j)
	if mallocs := r.figures(p.name, j.name, (*sample).mallocs); len(mallocs) > 0 {
		text += fmt.Sprintf(", %.1f allocations", median(mallocs))
	}
	return text
}

// unitOf is the unit in which a time is written.
func unitOf(seconds float64) string {
	switch {
	case seconds < 1e-6:
		return "ns"
	case seconds < 1e-2:
		return "µs"
	case seconds < 1:
		return "ms"
	default:
		return "s"
	}
}

// duration writes seconds with three significant digits.
func duration(seconds float64) string {
	unit := unitOf(seconds)
	v := seconds * map[string]float64{"ns": 1e9, "µs": 1e6, "ms": 1e3, "s": 1}[unit]
	switch {
	case v < 10:
		return fmt.Sprintf("%.2f %s", v, unit)
	case v < 100:
		return fmt.Sprintf("%.1f %s", v, unit)
	default:
		return fmt.Sprintf("%.0f %s", v, unit)
	}
}
