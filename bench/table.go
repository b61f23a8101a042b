package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// writeHead says where and how was measured.
func writeHead(w io.Writer, base string, rounds int, busy string) {
	fmt.Fprintf(w, "%s/%s, %d CPUs (%s), %s%s.\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), cpuModel(), runtime.Version(), busy)
	fmt.Fprintf(w, "Medians of %d rounds (least–most); every peer against itself, two processes, all in turn.\n", rounds)
	fmt.Fprintf(w, "In brackets the rate compared with %s.\n", base)
}

// writeTable prints the medians, and for every peer but the first how its rate
// compares: 2.00× is twice as fast.
func writeTable(w io.Writer, peers []peer, jobs []job, library map[string]string, results map[key][]float64) {
	fmt.Fprint(w, "| work |")
	for _, p := range peers {
		fmt.Fprintf(w, " %s |", library[p.name])
	}
	fmt.Fprint(w, "\n|---|"+strings.Repeat("---|", len(peers))+"\n")
	for _, j := range jobs {
		fmt.Fprintf(w, "| %s (%s) |", strings.TrimSuffix(j.name(), ", free"), j.unit)
		base := median(results[key{peers[0].name, j.name()}])
		for i, p := range peers {
			r := results[key{p.name, j.name()}]
			if len(r) == 0 {
				fmt.Fprint(w, " – |")
				continue
			}
			fmt.Fprintf(w, " %s (%s–%s)", micros(median(r)), micros(slices.Min(r)), micros(slices.Max(r)))
			if i > 0 {
				fmt.Fprintf(w, " [%.2f×]", base/median(r))
			}
			fmt.Fprint(w, " |")
		}
		fmt.Fprintln(w)
	}
}

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

// micros writes seconds as microseconds with three significant digits.
func micros(seconds float64) string {
	us := seconds * 1e6
	switch {
	case us < 10:
		return fmt.Sprintf("%.2f", us)
	case us < 100:
		return fmt.Sprintf("%.1f", us)
	default:
		return fmt.Sprintf("%.0f", us)
	}
}

// cpuModel is what Linux calls the processor, or nothing.
func cpuModel() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.SplitSeq(string(info), "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

// loadAverage says how much else the machine had to do before the start, or
// nothing where that is not known or little.
func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(b), " ")
	if n, err := strconv.ParseFloat(first, 64); err != nil || n < 0.5 {
		return ""
	}
	return ", busy with other things (load " + first + ")"
}
