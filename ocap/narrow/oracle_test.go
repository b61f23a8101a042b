package narrow

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
)

// The oracle evaluates a condition as it was parsed, by names, with package dynamic, and knows none of
// the shortcuts of the evaluator. It understands conditions that bindWhere accepts.
func oracle(e *expr, p dynamic.Struct) tri {
	switch e.op {
	case opNot:
		switch oracle(e.kids[0], p) {
		case yes:
			return no
		case no:
			return yes
		}
		return unknown
	case opAnd, opOr:
		saw := map[tri]bool{}
		for _, k := range e.kids {
			saw[oracle(k, p)] = true
		}
		strong, weak := no, yes
		if e.op == opOr {
			strong, weak = yes, no
		}
		switch {
		case saw[strong]:
			return strong
		case saw[unknown]:
			return unknown
		}
		return weak
	}
	s := p
	names := e.path.names[1:]
	for i, n := range names {
		f, _ := s.Type().Field(n.text)
		if !s.IsSet(f) {
			if _, ok := s.Which(); ok && e.op == opHas {
				return no
			}
			return unknown
		}
		v := s.Value(f)
		switch {
		case i == len(names)-1:
			if e.op == opHas {
				return is(f.InUnion() || s.Has(f))
			}
			return oracleValue(e, v, s, f)
		case v.Kind() == dynamic.StructKind:
			s = v.Struct()
		default: // .size
			return oracleInt(e, int64(oracleSize(v)), 0, false)
		}
	}
	panic("no field")
}

func oracleSize(v dynamic.Value) int {
	switch v.Kind() {
	case dynamic.Text:
		return len(v.Text())
	case dynamic.Data:
		return len(v.Bytes())
	}
	return v.List().Len()
}

func oracleValue(e *expr, v dynamic.Value, s dynamic.Struct, f dynamic.Field) tri {
	if len(e.values) == 1 && e.values[0].kind == litName && e.values[0].text == "null" {
		return is(s.Has(f) == (e.cmp == ne))
	}
	switch k := v.Kind(); {
	case k == dynamic.Bool:
		if e.op == opTrue {
			return is(v.Bool())
		}
		return oracleEqual(e, func(l literal) bool { return l.text == strconv.FormatBool(v.Bool()) })
	case k == dynamic.EnumKind:
		name, ok := v.Enum().Name()
		if !ok {
			return unknown
		}
		return oracleEqual(e, func(l literal) bool { return l.text == name })
	case k.IsFloat():
		bits := 64
		if k == dynamic.Float32 {
			bits = 32
		}
		x := v.Float()
		if math.IsNaN(x) {
			return unknown
		}
		for _, l := range e.values {
			y, _ := strconv.ParseFloat(l.text, bits)
			c := 0
			if x < y {
				c = -1
			} else if x > y {
				c = 1
			}
			if oracleOrder(e, c) {
				return yes
			}
		}
		return no
	case k >= dynamic.Uint8 && k <= dynamic.Uint64:
		return oracleInt(e, 0, v.Uint(), true)
	case k.IsInteger():
		return oracleInt(e, v.Int(), 0, false)
	case k == dynamic.Text:
		return oracleBytes(e, []byte(v.Text()))
	case k == dynamic.Data:
		return oracleBytes(e, v.Bytes())
	}
	panic(fmt.Sprint("no oracle of ", v.Kind()))
}

func oracleInt(e *expr, i int64, u uint64, unsigned bool) tri {
	for _, l := range e.values {
		c := 0
		if unsigned {
			w, _ := strconv.ParseUint(l.text, 10, 64)
			if u < w {
				c = -1
			} else if u > w {
				c = 1
			}
		} else {
			w, _ := strconv.ParseInt(l.text, 10, 64)
			if i < w {
				c = -1
			} else if i > w {
				c = 1
			}
		}
		if oracleOrder(e, c) {
			return yes
		}
	}
	return no
}

func oracleOrder(e *expr, c int) bool {
	if e.op == opIn {
		return c == 0
	}
	return map[cmpOp]bool{eq: c == 0, ne: c != 0, lt: c < 0, le: c <= 0, gt: c > 0, ge: c >= 0}[e.cmp]
}

func oracleEqual(e *expr, same func(literal) bool) tri {
	any := false
	for _, l := range e.values {
		any = any || same(l)
	}
	return is(any != (e.op == opCompare && e.cmp == ne))
}

func oracleBytes(e *expr, v []byte) tri {
	if e.op == opIn || e.cmp == eq || e.cmp == ne {
		return oracleEqual(e, func(l literal) bool { return l.text == string(v) })
	}
	w := []byte(e.values[0].text)
	switch e.cmp {
	case prefix:
		return is(len(v) >= len(w) && string(v[:len(w)]) == string(w))
	case suffix:
		return is(len(v) >= len(w) && string(v[len(v)-len(w):]) == string(w))
	}
	return is(bytes.Count(v, w) > 0)
}

// Random conditions and parameters. Values are few, so that comparisons hold about as often as not.

type chooser struct{ *rand.Rand }

func pick[T any](r chooser, of ...T) T { return of[r.IntN(len(of))] }

var texts = []string{"", "a", "ab", "b", "ba", "é"}

func (r chooser) literal(t dynamic.Type) string {
	switch k := t.Kind(); {
	case k == dynamic.Bool:
		return pick(r, "true", "false")
	case k == dynamic.EnumKind:
		return t.Enum().At(r.IntN(t.Enum().Len())).Name()
	case k.IsFloat():
		return pick(r, "0", "1", "-1", "1.5", "1e3", "0.1")
	case k >= dynamic.Uint8 && k <= dynamic.Uint64:
		return pick(r, "0", "1", "2", "255")
	case k.IsInteger():
		return pick(r, "0", "1", "-1", "-3", "127")
	}
	return strconv.Quote(pick(r, texts...))
}

func (r chooser) condition(m dynamic.Method, depth int) string {
	if depth > 0 && r.IntN(3) > 0 {
		switch r.IntN(3) {
		case 0:
			return "not (" + r.condition(m, depth-1) + ")"
		default:
			return "(" + r.condition(m, depth-1) + ")" + pick(r, " and ", " or ") + "(" + r.condition(m, depth-1) + ")"
		}
	}
	path, t := m.Name(), m.Params()
	for {
		f := t.FieldAt(r.IntN(t.NumFields()))
		path += "." + f.Name()
		k := f.Type().Kind()
		switch {
		case r.IntN(6) == 0 && (f.InUnion() || k.IsPointer() && !f.IsGroup()):
			return "has " + path
		case r.IntN(6) == 0 && k.IsPointer() && !f.IsGroup():
			return path + pick(r, " == null", " != null")
		case k == dynamic.StructKind:
			t = f.Type().Struct()
			continue
		case sized(k) && (r.IntN(3) == 0 || k == dynamic.ListKind):
			return path + ".size " + pick(r, "==", "!=", "<", "<=", ">", ">=") + pick(r, " 0", " 1", " 2")
		case k == dynamic.Void:
			return "has " + path
		case k == dynamic.InterfaceKind || k == dynamic.AnyPointer:
			return path + " == null"
		case r.IntN(4) == 0:
			return path + " in [" + r.literal(f.Type()) + ", " + r.literal(f.Type()) + "]"
		case k == dynamic.Bool && r.IntN(2) == 0:
			return path
		case k == dynamic.Bool || k == dynamic.EnumKind:
			return path + pick(r, " == ", " != ") + r.literal(f.Type())
		case k == dynamic.Text || k == dynamic.Data:
			return path + pick(r, " == ", " != ", " ^= ", " $= ", " *= ") + r.literal(f.Type())
		}
		return path + pick(r, " == ", " != ", " < ", " <= ", " > ", " >= ") + r.literal(f.Type())
	}
}

// fill sets some fields of b, also to what the schema does not know.
func (r chooser) fill(b dynamic.StructBuilder, depth int) {
	if n := b.Type().NumFields(); n > 0 && b.Type().HasUnion() && r.IntN(8) == 0 {
		b.Raw().SetUint16(b.Type().Node().Struct().DiscriminantOffset()*2, 99)
		return
	}
	for f := range b.Type().Fields() {
		if f.InUnion() && r.IntN(3) > 0 || !f.InUnion() && r.IntN(3) == 0 {
			continue
		}
		switch k := f.Type().Kind(); {
		case f.IsGroup():
			if in, err := b.NewField(f); err == nil {
				r.fill(in, depth)
			}
		case k == dynamic.StructKind:
			if in, err := b.NewField(f); err == nil && depth > 0 {
				r.fill(in, depth-1)
			}
		case k == dynamic.ListKind:
			_, _ = b.NewListField(f, r.IntN(3))
		case k == dynamic.Text:
			_ = b.SetField(f, pick(r, texts...))
		case k == dynamic.Data:
			_ = b.SetField(f, []byte(pick(r, texts...)))
		case k == dynamic.Bool:
			_ = b.SetField(f, r.IntN(2) == 0)
		case k == dynamic.EnumKind:
			_ = b.SetField(f, uint16(r.IntN(4)))
		case k == dynamic.Float64 || k == dynamic.Float32:
			_ = b.SetField(f, pick(r, 0, 1, -1, 1.5, 1000, math.NaN(), math.Inf(1)))
		case k.IsInteger():
			_ = b.SetField(f, pick(r, 0, 1, 2, 127))
		}
	}
}

var asked = []string{"send", "find", "get", "put", "draw", "lists", "drawer"}

// Random conditions on random parameters: the evaluator and the oracle agree, what is printed parses
// to the same, and every answer comes up.
func TestConditionsAgainstOracle(t *testing.T) {
	reg := registry(t)
	seen := map[tri]int{}
	for seed := range uint64(2000) {
		r := chooser{rand.New(rand.NewPCG(seed, 1))}
		m := deskMethod(t, pick(r, asked...))
		text := r.condition(m, 3)
		w, err := bindWhere(reg, deskID, []string{text})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		e, err := parse(text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parse(e.String())
		if err != nil || again.String() != e.String() {
			t.Fatalf("%s prints as %s, and that as %v (%v)", text, e, again, err)
		}
		for range 4 {
			msg := capnp.NewMessage(nil)
			r.fill(m.Params().NewRoot(msg), 2)
			s := capnp.Root[capnp.Struct](msg.Seal())
			want := oracle(e, m.Params().Read(s))
			seen[want]++
			if got := judge(w.checks[methodOf(m)], s) == nil; got != (want == yes) {
				t.Fatalf("seed %d: %s: passes %v, the oracle says %v", seed, text, got, want)
			}
			if !strings.Contains(text, " and ") { // or it was taken apart
				if got := w.checks[methodOf(m)][0].test(s); got != want {
					t.Fatalf("seed %d: %s: got %v, the oracle says %v", seed, text, got, want)
				}
			}
		}
	}
	for _, v := range []tri{no, unknown, yes} {
		if seen[v] < 300 {
			t.Errorf("answer %d came up only %d times", v, seen[v])
		}
	}
}

// FuzzCondition: no text panics the parser or the binder, and what it makes of any parameters is judged.
func FuzzCondition(f *testing.F) {
	for _, s := range []string{
		`send.text.size < 1000`, `find.prefix ^= "a"`, `get.id in ["a", "b"]`, `op == add`, `not (a.b == 1 or has c.d)`,
		`draw.shape.circle.radius <= 2.5e-3`, `.in`, `send.blob == "\x00"`, `lists.shapes.size > 1 and urgent`,
	} {
		f.Add(s, []byte("\x01\x02\x03"))
	}
	reg := registry(f)
	f.Fuzz(func(t *testing.T, text string, data []byte) {
		e, err := parse(text)
		if err != nil {
			return
		}
		again, err := parse(e.String())
		if err != nil || again.String() != e.String() {
			t.Fatalf("%q prints as %q, and that as %v (%v)", text, e, again, err)
		}
		w, err := bindWhere(reg, deskID, []string{text})
		if err != nil {
			return
		}
		data = append(data, make([]byte, 8-len(data)%8)...)
		for m := range w.checks {
			_ = judge(w.checks[m], capnp.Root[capnp.Struct](capnp.OpenMessage([][]byte{data}, nil)))
		}
	})
}
