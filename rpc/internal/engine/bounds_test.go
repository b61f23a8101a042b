package engine

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"lanyard.dev/capnp"
)

// lines does lines in s.
func lines(s *script, all ...string) {
	for _, line := range all {
		s.do(line)
	}
}

func (s *script) ask(v *vat, f func(e *Engine)) {
	t := capnp.BeginTurn()
	v.Push(Ask(f), t)
	t.End()
}

// Calls that have not returned: one less than the limit, as many, and one more; then the breaker.
func TestFull(t *testing.T) {
	for _, tt := range []struct {
		name      string
		limits    Limits
		call      string
		full, end string
	}{
		{"Running", Limits{Running: 3}, "a recv call q%d on q1", "overloaded: too much", ""},
		// One call with a capability has 24 bytes of parameters.
		{"CallBytes", Limits{CallBytes: 71}, "a recv call q%d on q1 [none]", "overloaded: too much", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript(t, tt.limits)
			lines(s, "a serve o", "a recv bootstrap q1")
			full := func(want bool) {
				t.Helper()
				s.ask(s.a, func(e *Engine) {
					if e.Full() != want {
						t.Errorf("full: %t with %d calls and %d bytes", e.Full(), e.held.calls, e.callBytes)
					}
				})
			}
			call := func(id int) { s.do(fmt.Sprintf(tt.call, id)) }
			call(2)
			call(3)
			full(false)
			call(4)
			full(true)
			call(5) // was read before reading stopped
			if got := s.out.String(); strings.Contains(got, tt.full) {
				t.Errorf("refused while nothing was broken:\n%s", got)
			}
			full(true)
			s.ask(s.a, func(e *Engine) { e.Break() })
			full(false)
			call(6)
			if got := s.out.String(); strings.Count(got, tt.full) != 1 {
				t.Errorf("want one call refused:\n%s", got)
			}
			lines(s, "a return o", "a return o") // two are left, too many to be as before
			call(7)
			call(8)
			if got := s.out.String(); strings.Count(got, tt.full) != 2 {
				t.Errorf("want two calls refused:\n%s", got)
			}
			lines(s, "a return o", "a return o", "a return o")
			call(9)
			call(10)
			full(false)
			call(11)
			full(true)
			lines(s, "a return o", "a return o", "a return o")
			for id := range 12 {
				s.do(fmt.Sprintf("a recv finish q%d releaseResultCaps", id))
			}
			s.end()
		})
	}
}

// An engine that is not full is not broken.
func TestBreakNeedsAFullEngine(t *testing.T) {
	s := newScript(t, Limits{Running: 2})
	lines(s, "a serve o", "a recv bootstrap q1", "a recv call q2 on q1")
	s.ask(s.a, func(e *Engine) { e.Break() })
	lines(s, "a recv call q3 on q1")
	s.ask(s.a, func(e *Engine) {
		if !e.Full() {
			t.Error("not full")
		}
	})
	lines(s, "a return o", "a return o", "a recv finish q2", "a recv finish q3", "a recv finish q1 releaseResultCaps")
	s.end()
}

// Results that wait to be finished: room for two less a byte, and for two.
func TestResultBytes(t *testing.T) {
	const over = "overloaded: too many results wait"
	for less, refused := range map[int64]int{1: 2, 0: 1} {
		s := newScript(t, Limits{})
		lines(s, "a serve o", "a object l", "a recv bootstrap q1", "a recv call q2 on q1")
		boot := int64(0)
		s.ask(s.a, func(e *Engine) { boot = e.held.results })
		lines(s, "a return o l")
		s.ask(s.a, func(e *Engine) { e.limits.ResultBytes = boot + 2*(e.held.results-boot) - less })
		for id := 3; id <= 4; id++ {
			lines(s, fmt.Sprintf("a recv call q%d on q1", id), "a return o l")
		}
		if got := s.out.String(); boot == 0 || strings.Count(got, over) != refused {
			t.Errorf("%d bytes less than two results: want %d calls refused:\n%s", less, refused, got)
		}
		lines(s, "a recv finish q2 releaseResultCaps", "a recv call q5 on q1", "a return o l")
		if got := s.out.String(); strings.Count(got, over) != refused {
			t.Errorf("after a Finish:\n%s", got)
		}
		for id := 3; id <= 5; id++ {
			s.do(fmt.Sprintf("a recv finish q%d releaseResultCaps", id))
		}
		s.do("a recv finish q1 releaseResultCaps")
		s.ask(s.a, func(e *Engine) {
			if h := e.held; h.results != 0 || h.params != 0 || h.calls != 0 || h.paths != 0 {
				t.Errorf("in the end it counts %+v", h)
			}
		})
		s.end()
	}
}

// A peer that finishes nothing is cut off.
func TestParametersOfCallsNotFinished(t *testing.T) {
	s := newScript(t, Limits{ResultBytes: 200, CallBytes: 1 << 20})
	lines(s, "a serve o", "a recv bootstrap q1")
	for id := 2; s.a.closed == nil; id++ {
		lines(s, fmt.Sprintf("a recv call q%d on q1 [none]", id))
		if s.a.closed == nil {
			s.do("a fail o failed: no")
		}
		if id > 200 {
			t.Fatal("never cut off")
		}
	}
	if got := s.out.String(); !strings.Contains(got, "abort failed: too many calls that have returned are not finished") {
		t.Error(got)
	}
	s.end()
}

// Paths into the results of one call, and of all.
func TestPaths(t *testing.T) {
	var q Engine
	q.limits = Limits{}.WithDefaults()
	row := q.newAnswer(1)
	broken := func(h capnp.Hook) bool { return h.Broken() != nil }
	for i := range pathsOfRow {
		if broken(q.pathInto(row, []uint16{uint16(i)})) {
			t.Fatalf("path %d is refused", i)
		}
	}
	if broken(q.pathInto(row, []uint16{0})) {
		t.Error("a path used before is refused")
	}
	if !broken(q.pathInto(row, []uint16{0, 1})) {
		t.Error("one more step than there may be is not refused")
	}
	q.held.paths = pathsOfAll - 1
	other := q.newAnswer(2)
	if !broken(q.pathInto(other, []uint16{0, 1})) || broken(q.pathInto(other, []uint16{0})) || !broken(q.pathInto(other, []uint16{1})) {
		t.Error("the limit of all calls together")
	}
	q.goes(row)
	q.goes(other)
	if q.held.paths != pathsOfAll-1-pathsOfRow {
		t.Errorf("%d steps are left", q.held.paths)
	}
}

// What a row takes at most is what the host's computation of the worst case takes it for.
func TestRowBytes(t *testing.T) {
	const n = 2000
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	for _, tt := range []struct {
		name string
		most int64
		more func(s *script, i int)
		rows func(e *Engine) int
	}{
		{"calls that have not returned", RowBytes, func(s *script, i int) { s.recv("call q%d on q1.0", i+3) }, (*Engine).asked},
		{"calls that wait for a result", RowBytes, func(s *script, i int) { s.recv("call q%d on q2.0", i+3) }, (*Engine).asked},
		{"calls that have returned", RowBytes, func(s *script, i int) { s.recv("call q%d on q2222222", i+3) }, (*Engine).asked},
		{"imports", ImportBytes, func(s *script, i int) { keep(s, i, "senderHosted") }, func(e *Engine) int { return len(e.imports) }},
		{"imports that are promises", ImportBytes, func(s *script, i int) { keep(s, i, "senderPromise") }, func(e *Engine) int { return len(e.imports) }},
		{"paths", PathBytes, func(s *script, i int) { s.recv("call q%d on q2.%d", i+3, i); s.recv("finish q%d", i+3) }, func(e *Engine) int { return e.held.paths }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript(t, Limits{Imports: 1 << 20, Promises: 1 << 20})
			lines(s, "a serve o", "a recv bootstrap q1")
			if strings.HasPrefix(tt.name, "imports") {
				s.do("a recv call q2 on q1.0") // fails
			} else {
				s.do("a recv call q2 on q1")
			}
			before, rows := heap(), 0
			for i := range n {
				tt.more(s, i)
				s.out.Reset()
				s.a.out = nil
			}
			s.ask(s.a, func(e *Engine) { rows = tt.rows(e) })
			each := (heap() - before) / int64(max(rows, 1))
			t.Logf("%d bytes each of %d", each, rows)
			if rows < 1000 || each > tt.most {
				t.Errorf("%d bytes each of %d, want at most %d", each, rows, tt.most)
			}
			runtime.KeepAlive(s)
		})
	}
}

// keep imports capability i and holds it.
func keep(s *script, i int, kind string) {
	s.recv("call q3 on q1 [%s %d]", kind, i+1)
	s.do(fmt.Sprintf("a x%d = param o.0", i))
	s.do("a return o")
}

func (s *script) recv(format string, args ...any) { s.do("a recv " + fmt.Sprintf(format, args...)) }

// Results that could not be sent stay as long as their calls are not finished, and count.
func TestResultsNotSent(t *testing.T) {
	s := newScript(t, Limits{ResultBytes: 1000})
	s.a.refuse = func(m *Message) error {
		if m.Type == Return && m.Outcome == Results && m.ID > 1 {
			return capnp.NewError(capnp.Overloaded, "not now")
		}
		return nil
	}
	lines(s, "a serve o", "a recv bootstrap q1")
	for range 100 { // finished at once
		lines(s, "a recv call q2 on q1", "a return o", "a recv finish q2")
	}
	if s.a.closed != nil {
		t.Fatal(s.a.closed)
	}
	for id := 2; s.a.closed == nil; id++ {
		lines(s, fmt.Sprintf("a recv call q%d on q1", id), "a return o")
		if id > 50 {
			t.Fatal("never cut off")
		}
	}
	if got := s.out.String(); !strings.Contains(got, "abort failed: too many calls that have returned are not finished") {
		t.Error(got)
	}
	s.end()
}
