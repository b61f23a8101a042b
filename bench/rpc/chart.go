package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
)

// charted are the jobs of the drawing.
func charted() []string {
	return []string{"flight/1/unix", "flight/64/unix", "flight/1/tcp", "flight/64/tcp", "chain/16/unix", "stream/64/unix", "cap/param/unix"}
}

// What the drawing looks like, in pixels.
const (
	chartWidth = 880
	chartLeft  = 150 // where the axis begins
	chartTitle = 15  // height of a row's title
	chartBar   = 14
	chartGap   = 12
	chartTop   = 64
)

// drawChart draws how the rates of all peers compare with the base: bars to the
// right of the line are faster, to the left slower, on a logarithmic axis. It
// can be read on a light page and on a dark one.
func drawChart(r *report) []byte {
	b := base(r.peers)
	type bar struct {
		peer string
		rate float64
	}
	type row struct {
		title string
		bars  []bar
	}
	var rows []row
	low, high := 0.5, 2.0
	for _, name := range charted() {
		for _, j := range r.jobs {
			if j.name != name || b == nil {
				continue
			}
			w := row{title: j.title + ", " + j.network}
			for _, p := range r.peers {
				// Raw sockets are a floor, not a peer.
				if ratio, ok := r.ratio(p.name, b.name, name, (*sample).time); ok && p != b && p.name != "raw" && ratio > 0 {
					w.bars = append(w.bars, bar{p.library, 1 / ratio})
					low, high = min(low, 1/ratio), max(high, 1/ratio)
				}
			}
			if len(w.bars) > 0 {
				rows = append(rows, w)
			}
		}
	}
	// Whole powers of two at both ends.
	from, to := math.Floor(math.Log2(low)), math.Ceil(math.Log2(high))
	x := func(rate float64) float64 {
		return chartLeft + (chartWidth-chartLeft-70)*(math.Log2(rate)-from)/(to-from)
	}
	height := chartTop + 20
	for _, w := range rows {
		height += chartTitle + len(w.bars)*chartBar + chartGap
	}

	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="11">`+"\n", chartWidth, height)
	out.WriteString(`<style>
.page { fill: #ffffff } text { fill: #1f2328; stroke: #ffffff; stroke-width: 3px; paint-order: stroke } .dim { fill: #59636e } .line { stroke: #d1d9e0 } .one { stroke: #59636e } .ours { fill: #0969da } .other { fill: #9aa4ae }
@media (prefers-color-scheme: dark) { .page { fill: #0d1117 } text { fill: #e6edf3; stroke: #0d1117 } .dim { fill: #9198a1 } .line { stroke: #3d444d } .one { stroke: #9198a1 } .ours { fill: #4493f8 } .other { fill: #656c76 } }
</style>
<rect class="page" width="100%" height="100%" rx="6"/>
`)
	label := ""
	if b != nil {
		label = b.library
	}
	fmt.Fprintf(&out, `<text x="8" y="20" font-size="15" font-weight="600">Rate compared with %s (longer to the right is faster)</text>`+"\n", html.EscapeString(label))
	fmt.Fprintf(&out, `<text x="8" y="38" class="dim">two processes, %s, %s; medians of %d rounds</text>`+"\n", html.EscapeString(r.machine.CPU), r.machine.Go, r.o.rounds)
	for e := from; e <= to; e++ {
		at := x(math.Pow(2, e))
		class := "line"
		if e == 0 {
			class = "one"
		}
		fmt.Fprintf(&out, `<line class="%s" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>`, class, at, chartTop-6, at, height-16)
		fmt.Fprintf(&out, `<text class="dim" x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", at, chartTop-10, power(e))
	}
	y := chartTop
	for _, w := range rows {
		fmt.Fprintf(&out, `<text x="8" y="%d" font-weight="600">%s</text>`+"\n", y+10, html.EscapeString(w.title))
		y += chartTitle
		for _, a := range w.bars {
			from, to := min(x(1), x(a.rate)), max(x(1), x(a.rate))
			class := "other"
			if ours := r.peer("lanyard"); ours != nil && a.peer == ours.library {
				class = "ours"
			}
			fmt.Fprintf(&out, `<text class="dim" x="%d" y="%d" text-anchor="end">%s</text>`, chartLeft-6, y+10, html.EscapeString(a.peer))
			fmt.Fprintf(&out, `<rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d"/>`, class, from, y+1, max(to-from, 1), chartBar-3)
			fmt.Fprintf(&out, `<text x="%.1f" y="%d">%.2f×</text>`+"\n", to+4, y+10, a.rate)
			y += chartBar
		}
		y += chartGap
	}
	out.WriteString("</svg>\n")
	return out.Bytes()
}

// power writes a power of two as a multiple: 4× or 1/4.
func power(e float64) string {
	if e < 0 {
		return fmt.Sprintf("1/%.0f", math.Pow(2, -e))
	}
	return fmt.Sprintf("%.0f×", math.Pow(2, e))
}
