package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
)

// tiny is a report of two peers and two rounds.
func tiny() *report {
	o := &options{rounds: 2, span: 0.15, only: regexp.MustCompile(""), peers: regexp.MustCompile("")}
	peers := []*implementation{{name: "lanyard", library: "L"}, {name: "cpp-prefix", library: "C++ <new>", cpp: true}, {name: "cpp", library: "C++ old", cpp: true}}
	jobs := []job{inFlight(1, "unix", "free"), inFlight(64, "unix", "free")}
	add := func(round int, peer, job string, seconds float64, mallocs int64) *sample {
		return &sample{Round: round, Peer: peer, Job: job, Calls: 10, Seconds: seconds, Client: cost{Mallocs: mallocs}, Server: cost{Mallocs: mallocs}}
	}
	return newReport(&machine{OS: "here"}, o, peers, jobs, []*sample{
		add(1, "lanyard", "flight/1/unix", 100e-6, 30), add(2, "lanyard", "flight/1/unix", 300e-6, 20),
		add(1, "cpp-prefix", "flight/1/unix", 200e-6, -1), add(2, "cpp-prefix", "flight/1/unix", 400e-6, -1),
		add(1, "lanyard", "flight/64/unix", 10e-6, 30),
		add(1, "cpp-prefix", "flight/64/unix", 12e-6, -1),
		add(1, "cpp", "flight/64/unix", 50e-6, -1),
	})
}

func TestWriteTable(t *testing.T) {
	r := tiny()
	var b strings.Builder
	r.writeTable(&b, table{title: "T", about: "A.", group: flights, row: func(j job) string { return j.title }, cell: timeCell})
	want := `
## T

A.

| | L | C++ <new> | C++ old |
|---|---|---|---|
| one call at a time | 20.0 µs [1.60×] | 30.0 µs | – |
| 64 calls in flight | 1.00 µs [1.20×] | 1.20 µs | 5.00 µs [0.24×] |
`
	if got := b.String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	b.Reset()
	r.writeTable(&b, table{title: "none", group: streams, row: func(j job) string { return j.title }, cell: timeCell})
	if got := b.String(); got != "" {
		t.Errorf("a table without rows is written: %s", got)
	}
}

// The ratio is the median of the rounds' ratios (0.5 and 0.75), not the ratio
// of the medians.
func TestVerdicts(t *testing.T) {
	type row struct {
		work     string
		compared string
		text     string
	}
	var got []row
	for _, v := range tiny().verdicts() {
		got = append(got, row{v.Work, v.compared(), v.text()})
	}
	want := []row{
		{"one call at a time", "0.62 × the time", "met"},
		{"64 calls in flight", "1.20 × the rate", "**missed by 29 %**"},
		{"the same against the installed C++", "5.00 × the rate", "met"},
		{"allocations per call, both ends", "5.0", "met"},
	}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %v, want %v", got[i], want[i])
		}
	}
}

func TestReportIsWhole(t *testing.T) {
	r := tiny()
	var text strings.Builder
	r.write(&text, "chart.svg")
	for _, want := range []string{"](chart.svg)", "## Budgets", "20.0 µs (10.0–30.0 µs)", "≥ 1.7 × the rate", "## Calls in flight", "5.0 |"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, text.String())
		}
	}
	var raw strings.Builder
	if err := r.writeJSON(&raw); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Samples []sample
		Budgets []verdict
	}
	if err := json.Unmarshal([]byte(raw.String()), &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Samples) != len(r.samples) || len(back.Budgets) != 4 || back.Samples[1].Seconds != 300e-6 {
		t.Errorf("JSON has %d samples and %d budgets: %s", len(back.Samples), len(back.Budgets), raw.String())
	}
}

func TestChartIsXML(t *testing.T) {
	chart := string(drawChart(tiny()))
	d := xml.NewDecoder(strings.NewReader(chart))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, chart)
		}
	}
	for _, want := range []string{"C++ &lt;new&gt;", "1.60×", "0.24×", "prefers-color-scheme: dark", `class="ours"`} {
		if !strings.Contains(chart, want) {
			t.Errorf("the chart lacks %q:\n%s", want, chart)
		}
	}
}

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		in   []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1}, 5}, {[]float64{9, 1, 2}, 2}} {
		if got := median(test.in); got != test.want {
			t.Errorf("median(%v) = %v, want %v", test.in, got, test.want)
		}
	}
}

func TestDuration(t *testing.T) {
	for _, test := range []struct {
		in   float64
		want string
	}{{0.5e-6, "500 ns"}, {1.234e-6, "1.23 µs"}, {56.78e-6, "56.8 µs"}, {5e-3, "5000 µs"}, {12.3e-3, "12.3 ms"}, {2, "2.00 s"}} {
		if got := duration(test.in); got != test.want {
			t.Errorf("duration(%v) = %s, want %s", test.in, got, test.want)
		}
	}
}
