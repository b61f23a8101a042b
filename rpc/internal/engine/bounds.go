package engine

import (
	"fmt"

	"lanyard.dev/capnp"
)

// This file is about what the peer makes the engine hold besides rows of tables.
//
//	calls not returned,    Full: the host reads no more until some have returned. Should that never
//	their parameters       come, because methods here wait for what has not been read, the host
//	                       calls Break, and calls are refused until half of them are gone.
//	results, parameters    until Finish. A call that returns what goes beyond fails as overloaded;
//	of calls returned      a peer that all the same finishes nothing is cut off.
//	promises, loops, paths beyond is an error of that one call, or the end of the connection.

// bounds counts it. An empty one is nothing.
type bounds struct {
	slots *capnp.Slots // for methods to run in; nil for no limit

	calls    int   // that have not returned
	results  int64 // bytes of results
	params   int64 // bytes of parameters of calls that have returned
	promises int   // imports that are promises and have not settled
	loops    int   // Disembargoes on their way through here
	paths    int   // steps of paths into answers
	refusing bool
}

const (
	pathsOfRow = 1 << 10 // steps of paths into one answer
	pathsOfAll = MaxPaths
	keptParams = 4 // times ResultBytes, of calls that returned and were not finished
)

// SetSlots makes the methods that the peer calls run in s. Call it before the first Do.
func (e *Engine) SetSlots(s *capnp.Slots) { e.held.slots = s }

// Full reports whether the peer has as many calls under way as it may have: nothing more should be
// read until some have returned.
func (e *Engine) Full() bool { return e.closed == nil && !e.held.refusing && e.overFlow() }

func (e *Engine) overFlow() bool {
	return e.held.calls >= e.limits.Running || e.callBytes > e.limits.CallBytes
}

// Break makes an engine that is full refuse calls, as overloaded, instead: the host goes on reading,
// and hears what the methods here may be waiting for. It reports whether the engine was full.
func (e *Engine) Break() bool {
	if !e.Full() {
		return false
	}
	e.held.refusing = true
	return true
}

// Waiting reports whether calls of ours have not returned.
func (e *Engine) Waiting() bool { return e.questions.len() > 0 }

// admit counts a call that has come. It reports false, having refused it, if there is no room.
func (e *Engine) admit(row *answer, t *capnp.Turn) bool {
	full := e.held.refusing && e.overFlow()
	row.bytes = row.call.Payload().Size()
	e.callBytes += row.bytes
	e.held.calls++
	// What methods hold whose calls were given up is in nobody's callBytes.
	if full || e.held.slots.Bytes() > e.limits.CallBytes {
		e.limited("CallBytes", t)
		row.call.Return(capnp.Result{Err: capnp.NewError(capnp.Overloaded, "too much is being called at once on this connection")}, t)
		return false
	}
	row.call.Through(e.held.slots)
	return true
}

// returns counts a call that has returned.
func (e *Engine) returns(row *answer) {
	e.callBytes -= row.bytes
	e.held.calls--
	if e.held.refusing && e.held.calls <= e.limits.Running/2 && e.callBytes <= e.limits.CallBytes/2 {
		e.held.refusing = false
	}
}

// noRoom says why no further capability can be imported, if so.
func (e *Engine) noRoom(promise bool, t *capnp.Turn) error {
	if len(e.imports) >= e.limits.Imports {
		e.limited("Imports", t)
		return fmt.Errorf("more than %d capabilities imported", e.limits.Imports)
	}
	if promise && e.held.promises >= e.limits.Promises {
		e.limited("Promises", t)
		return fmt.Errorf("more than %d promises that are not resolved", e.limits.Promises)
	}
	return nil
}

// keep counts the results of row if they stay here until its Finish. If there is no room for them it
// returns an error instead.
func (e *Engine) keep(row *answer, r capnp.Result, t *capnp.Turn) capnp.Result {
	if r.Err != nil || row.finished || len(r.Payload.Hooks()) == 0 && !row.redirect && !row.noReturn {
		return r
	}
	n := sizeOf(&r.Payload)
	if e.held.results+n > e.limits.ResultBytes {
		e.limited("ResultBytes", t)
		r.Payload.Release(t)
		return capnp.Result{Err: capnp.NewError(capnp.Overloaded, "too many results wait to be finished on this connection")}
	}
	row.kept = n
	e.held.results += n
	return r
}

// unsentResults counts the results of row, which could not be sent: they stay until its Finish.
func (e *Engine) unsentResults(row *answer) {
	if row.kept == 0 {
		row.kept = sizeOf(&row.result.Payload)
		e.held.results += row.kept
	}
}

// sizeOf is the size of results in bytes.
func sizeOf(p *capnp.Payload) int64 {
	if b, _ := p.Frame(); b != nil {
		return b.Words() * 8
	}
	return p.Size()
}

// stays is called when row has returned.
func (e *Engine) stays(row *answer, t *capnp.Turn) {
	if e.closed != nil || row.gone {
		return
	}
	if row.bytes > 0 && !row.counted {
		row.counted = true
		e.held.params += row.bytes
	}
	if e.held.params > keptParams*e.limits.ResultBytes || e.held.results > e.limits.ResultBytes+row.kept {
		e.limited("ResultBytes", t)
		e.fail(t, "too many calls that have returned are not finished")
	}
}

// goes is called when row leaves the table.
func (e *Engine) goes(row *answer) {
	e.held.results -= row.kept
	e.held.paths -= row.paths
	if row.counted {
		e.held.params -= row.bytes
	}
	row.kept, row.paths, row.counted = 0, 0, false
}

// pathInto returns the hook for a path into the results of row to come.
func (e *Engine) pathInto(row *answer, path []uint16) capnp.Hook {
	h, made := row.pipe.Within(path, min(pathsOfRow-row.paths, pathsOfAll-e.held.paths))
	row.paths += made
	e.held.paths += made
	if h == nil {
		return capnp.BrokenHook(capnp.NewError(capnp.Overloaded, "too many paths into the results of calls"))
	}
	return h
}

// Held is about how many bytes the peer makes the engine hold.
func (e *Engine) Held() int64 {
	h := &e.held
	return e.callBytes + h.results + h.params + h.slots.Bytes() +
		int64(e.asked())*RowBytes + int64(e.exports.len())*ExportBytes + int64(len(e.imports))*ImportBytes +
		int64(e.embargoes.len()+h.loops)*ImportBytes + int64(h.paths)*PathBytes
}

// What one row of a table takes at most, with all that hangs on it, less what is counted in bytes.
// TestRowBytes measures it.
const (
	MaxPaths    = 1 << 16 // how many of those there are
	RowBytes    = 3 << 10
	ExportBytes = 512
	ImportBytes = 768
	PathBytes   = 320
)
