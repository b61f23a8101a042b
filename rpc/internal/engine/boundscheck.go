//go:build invariants

package engine

// checkHeld is the part of check that counts again what is counted in held.
func (e *Engine) checkHeld(must func(ok bool, format string, args ...any)) {
	want := bounds{slots: e.held.slots, refusing: e.held.refusing, loops: e.held.loops}
	count := func(row *answer) {
		want.results += row.kept
		want.paths += row.paths
		if row.counted {
			want.params += row.bytes
		}
		if !row.returned {
			want.calls++
		}
	}
	for _, row := range e.answers {
		count(row)
	}
	for row := range e.orphans {
		count(row)
	}
	for _, r := range e.imports {
		if r.promise && r.settled == nil {
			want.promises++
		}
	}
	must(e.held == want, "held are %+v, counted %+v", want, e.held)
	must(want.loops >= 0, "%d Disembargoes are on their way", want.loops)
}
