package capjson

import (
	"strconv"
	"strings"
)

// where is a place in a JSON value. nil is the value itself.
type where struct {
	up    *where
	name  string
	index int // -1 for members
}

func (w *where) member(name string) *where { return &where{w, name, -1} }

func (w *where) element(i int) *where { return &where{w, "", i} }

// maxShown bounds paths in errors, which a stranger may have written.
const maxShown = 500

// String returns the path.
func (w *where) String() string {
	var steps []string
	size := 0
	for ; w != nil; w = w.up {
		step := "[" + strconv.Itoa(w.index) + "]"
		if w.index < 0 {
			step = memberStep(w.name)
		}
		if size += len(step); size > maxShown {
			steps = append(steps, "…")
			break
		}
		steps = append(steps, step)
	}
	var b strings.Builder
	b.WriteByte('$')
	for i := len(steps) - 1; i >= 0; i-- {
		b.WriteString(steps[i])
	}
	return b.String()
}

func memberStep(name string) string {
	for i, r := range name {
		letter := r == '_' || 'a' <= r|0x20 && r|0x20 <= 'z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return "[" + strconv.Quote(clip(name)) + "]"
		}
	}
	return "." + clip(name)
}

func clip(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// fault makes an error of what is wrong at a place, unless it says the place already.
func (w *where) fault(err error) error {
	if _, ok := err.(*Error); ok || err == nil {
		return err
	}
	return &Error{w.String(), err}
}
