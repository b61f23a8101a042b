//go:build invariants

package engine

import (
	"fmt"
	"math/rand/v2"
)

// check panics if the tables contradict each other. It looks at everything after every command,
// so it is built in by the tag invariants only; large tables it looks at now and then, so that a
// command costs no more than a small table does.
func (e *Engine) check() {
	must := func(ok bool, format string, args ...any) {
		if !ok {
			panic("engine: " + fmt.Sprintf(format, args...))
		}
	}
	must(len(e.after) == 0, "%d messages were not sent", len(e.after))
	if e.closed != nil {
		must(e.Stats() == Stats{}, "closed, but the tables hold %+v", e.Stats())
		must(len(e.byHook) == 0, "closed, but %d hooks are exported", len(e.byHook))
		return
	}
	const small = 64
	rows := len(e.questions.rows) + len(e.answers) + len(e.exports.rows) + len(e.imports) + len(e.embargoes.rows)
	if rows > small && rand.IntN(rows) >= small {
		return
	}
	e.questions.check(must)
	for id, s := range e.questions.rows {
		if q := s.row; s.used {
			must(q.id == uint32(id), "question %d is in row %d", q.id, id)
			must(!q.last.only() && q.done == q.canceled, "question %d: done %t, cancelled %t", id, q.done, q.canceled)
		}
	}
	for id, q := range e.high {
		must(q.id == id && id>>31 == 1 && q.last.only(), "question %d is in row %d of those without Return", q.id, id)
		must(!q.done && !q.canceled, "question %d: done %t, cancelled %t", id, q.done, q.canceled)
	}
	bytes := int64(0)
	for row := range e.orphans {
		must(row.noReturn && row.finished && !row.gone, "call %d without id: finished %t, gone %t", row.id, row.finished, row.gone)
		if !row.returned {
			bytes += row.bytes
		}
	}
	for id, row := range e.answers {
		must(row.id == id && !row.gone, "answer %d is in row %d, gone %t", row.id, id, row.gone)
		if !row.returned {
			bytes += row.bytes
			must(row.named == nil && row.exports == nil, "answer %d has results before it returned", id)
		}
	}
	e.checkHeld(must)
	must(bytes <= e.callBytes, "%d bytes of parameters, counted as %d", bytes, e.callBytes)
	e.exports.check(must)
	for id, s := range e.exports.rows {
		if x := s.row; s.used {
			must(x.id == uint32(id), "export %d is in row %d", x.id, id)
			must(x.refs > 0 && !x.gone, "export %d has %d references, gone %t", id, x.refs, x.gone)
			must(!x.promise || e.byHook[x.hook] == x, "export %d, a promise, is not found by its hook", id)
		}
	}
	for h, x := range e.byHook {
		y, ok := e.exports.get(x.id)
		must(ok && y == x && x.hook == h, "hook of export %d leads elsewhere", x.id)
	}
	for id, r := range e.imports {
		must(r.imported && r.id == id && !r.gone, "import %d is in row %d, gone %t", r.id, id, r.gone)
		must(r.count >= 0, "import %d counts %d", id, r.count)
		must(r.count > 0 || r.references() == 0, "import %d is referred to, but the peer does not know", id)
	}
	e.embargoes.check(must)
	for id, s := range e.embargoes.rows {
		if r := s.row; s.used {
			must(r.embargoID == uint32(id) && r.embargo && r.settled != nil && r.target.Load() == nil,
				"embargo %d: %v, settled %v", id, r, r.settled)
		}
	}
}

// check looks whether every row is either used or free.
func (t *table[T]) check(must func(ok bool, format string, args ...any)) {
	used := 0
	for _, s := range t.rows {
		if s.used {
			used++
		}
	}
	must(used == t.n, "%d rows are used, counted as %d", used, t.n)
	must(used+len(t.free) == len(t.rows), "%d rows, %d used, %d free", len(t.rows), used, len(t.free))
	for _, id := range t.free {
		must(!t.rows[id].used, "row %d is used and free", id)
	}
}
