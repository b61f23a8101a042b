package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/grant"
)

// An edge is a share, as commands print it.
type edge struct {
	ID       uint64    `json:"id"`
	Parent   uint64    `json:"parent,omitempty"`
	Label    string    `json:"label"`
	From     string    `json:"from,omitempty"`
	What     string    `json:"what,omitempty"`
	State    string    `json:"state"`
	Created  time.Time `json:"created,omitzero"`
	Expires  time.Time `json:"expires,omitzero"`
	LastUsed time.Time `json:"lastUsed,omitzero"`
	Uses     uint64    `json:"uses"`
	MaxUses  uint64    `json:"maxUses,omitempty"`
	Sealed   bool      `json:"sealed,omitempty"`
	Live     bool      `json:"live,omitempty"` // there is no reference
	Alive    bool      `json:"alive"`          // it and all above it are in force
}

func edgeOf(e grant.Edge) edge {
	return edge{
		ID: e.Id(), Parent: e.Parent(), Label: e.Label(), From: e.From(), What: strings.Join(strings.FieldsFunc(e.Text(), func(r rune) bool { return r == '\n' }), "; "), State: stateName(e.State()),
		Created: instant(e.Created()), Expires: instant(e.Expires()), LastUsed: instant(e.LastUsed()),
		Uses: e.Uses(), MaxUses: e.MaxUses(), Sealed: e.Sealed(), Live: !e.Stored(), Alive: e.Alive(),
	}
}

func edgesOf(l capnp.List[grant.Edge]) []edge {
	out := []edge{}
	for _, e := range l.All() {
		out = append(out, edgeOf(e))
	}
	return out
}

func stateName(s grant.State) string {
	switch s {
	case grant.StateActive:
		return "active"
	case grant.StateRevoked:
		return "revoked"
	case grant.StateDropped:
		return "dropped"
	case grant.StateExpired:
		return "expired"
	}
	return "state " + strconv.Itoa(int(s))
}

// instant is a time as the ledger has it.
func instant(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

// state says what has become of it, for people.
func (e edge) state() string {
	switch {
	case e.State == "active" && e.MaxUses > 0 && e.Uses >= e.MaxUses:
		return "used up"
	case e.State == "active" && !e.Alive:
		return "cut off"
	}
	return e.State
}

// used says how often, of how often.
func (e edge) used() string {
	if e.MaxUses > 0 {
		return fmt.Sprintf("%d of %d", e.Uses, e.MaxUses)
	}
	return strconv.FormatUint(e.Uses, 10)
}

// writeEdges prints edges as a tree: those whose parent is among them below it.
func writeEdges(w io.Writer, edges []edge) {
	depth := map[uint64]int{}
	var rows [][]string
	for _, e := range edges {
		d := 0
		if above, ok := depth[e.Parent]; ok {
			d = above + 1
		}
		depth[e.ID] = d
		rows = append(rows, []string{strings.Repeat("  ", min(d, 64)) + e.Label, e.state(), e.used(), when(e.LastUsed), when(e.Expires), strconv.FormatUint(e.ID, 10), e.What})
	}
	table(w, []string{"LABEL", "STATE", "USES", "LAST USED", "EXPIRES", "EDGE", "WHAT"}, rows)
}
