package main

import (
	"strings"
	"testing"
)

func TestWriteTable(t *testing.T) {
	peers := []peer{{name: "a"}, {name: "b"}}
	jobs := []job{{title: "work", network: "unix", placement: "free", unit: "µs/call"}, {title: "more", network: "tcp", placement: "same", unit: "µs/call"}}
	results := map[key][]float64{
		{"a", jobs[0].name()}: {30e-6, 10e-6, 20e-6},
		{"b", jobs[0].name()}: {8e-6, 12e-6},
		{"a", jobs[1].name()}: {1234e-6},
	}
	var b strings.Builder
	writeTable(&b, peers, jobs, map[string]string{"a": "A 1.0", "b": "B"}, results)
	got := b.String()
	want := `| work | A 1.0 | B |
|---|---|---|
| work, unix (µs/call) | 20.0 (10.0–30.0) | 10.0 (8.00–12.0) [2.00×] |
| more, tcp, same (µs/call) | 1234 (1234–1234) | – |
`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
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
