package narrow

import (
	"errors"
	"math"
	"strings"
	"sync"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/ocap"
	"lanyard.dev/ocap/narrow/internal/desk"
)

const deskID, itemID, baseID = 0xb0b1f0bd8be3a5d2, 0xf3d0b0d6bb5b7e4c, 0xe36d9b8f7a1dd6a0

var loaded = sync.OnceValues(func() (*schema.Registry, error) { return schema.Load(desk.DeskSchema()) })

func registry(t testing.TB) *schema.Registry {
	t.Helper()
	reg, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

func deskMethod(t testing.TB, name string) dynamic.Method {
	t.Helper()
	i, err := dynamic.LookupInterface(registry(t), deskID)
	if err != nil {
		t.Fatal(err)
	}
	m, err := i.Method(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

type sets map[string]any

// params makes parameters of a method.
func params(t testing.TB, m dynamic.Method, set sets) capnp.Struct {
	t.Helper()
	msg := capnp.NewMessage(nil)
	b := m.Params().NewRoot(msg)
	for path, v := range set {
		if err := b.Set(path, v); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	return capnp.Root[capnp.Struct](msg.Seal())
}

func TestConditions(t *testing.T) {
	one, many := sets{"text": "hello"}, sets{"text": strings.Repeat("x", 1000)}
	for _, tt := range []struct {
		where  string
		method string
		set    sets
		passes bool
	}{
		{`send.text.size < 1000`, "send", one, true},
		{`send.text.size < 1000`, "send", many, false},
		{`send.text.size <= 1000`, "send", many, true},
		{`send.text.size < 1000`, "send", nil, true},
		{`send.text.size < 1000`, "stop", nil, true}, // another method
		{`send.text == "hello"`, "send", one, true},
		{`send.text != "hello"`, "send", one, false},
		{`send.text ^= "he"`, "send", one, true},
		{`send.text ^= "lo"`, "send", one, false},
		{`send.text $= "lo"`, "send", one, true},
		{`send.text $= "he"`, "send", one, false},
		{`send.text *= "ell"`, "send", one, true},
		{`send.text *= "elk"`, "send", one, false},
		{`send.text == null`, "send", nil, true},
		{`send.text == null`, "send", one, false},
		{`send.text != null`, "send", one, true},
		{`has send.text`, "send", nil, false},
		{`has send.text`, "send", sets{"text": ""}, true},
		{`send.blob == "\x00\xff"`, "send", sets{"blob": []byte{0, 255}}, true},
		{`send.blob.size == 2`, "send", sets{"blob": []byte{0, 255}}, true},
		{`send.to.size == 2`, "send", sets{"to": []string{"a", "b"}}, true},
		{`send.to.size == 2`, "send", nil, false},
		{`send.urgent`, "send", nil, false},
		{`send.urgent`, "send", sets{"urgent": true}, true},
		{`not send.urgent`, "send", nil, true},
		{`send.urgent == false`, "send", nil, true},
		{`send.urgent != true`, "send", sets{"urgent": true}, false},
		{`send.urgent in [true, false]`, "send", nil, true},
		{`send.sink == null`, "send", nil, true},
		// Defaults are the schema's.
		{`find.prefix ^= "x"`, "find", nil, true},
		{`find.prefix.size == 1`, "find", nil, true},
		{`find.prefix ^= "x"`, "find", sets{"prefix": ""}, false},
		{`find.limit == 10`, "find", nil, true},
		{`find.limit <= 9`, "find", nil, false},
		{`get.id in ["a", "b"]`, "get", sets{"id": "b"}, true},
		{`get.id in ["a", "b"]`, "get", sets{"id": "c"}, false},
		{`not (get.id in ["a", "b"])`, "get", sets{"id": "c"}, true},
		// A condition without a method.
		{`op == add`, "put", nil, true},
		{`op == add`, "put", sets{"op": "subtract"}, false},
		{`op in [subtract, multiply]`, "put", sets{"op": "subtract"}, true},
		{`op != multiply`, "put", sets{"op": "subtract"}, true},
		{`op == add`, "send", nil, false}, // a method without the field
		{`op == add`, "ping", nil, false},
		{`id ^= "a"`, "get", sets{"id": "ab"}, true},
		{`id ^= "a"`, "put", sets{"id": "ab"}, true},
		{`id ^= "a"`, "put", sets{"id": "b"}, false},
		{`id ^= "a"`, "id", nil, false}, // a method of that name has no such field
		{`.in`, "drawer", sets{"in": true}, true},
		{`drawer.in`, "drawer", nil, false},
		{`id == "a" and op == add`, "put", sets{"id": "a"}, true},
		{`id == "a" and op == add`, "get", sets{"id": "a"}, false},
		{`ping.n < 5`, "ping", sets{"n": 4}, true},
		{`ping.n < 5`, "ping", sets{"n": 5}, false},
		// Numbers.
		{`put.numbers.i8 == -3`, "put", nil, true},
		{`put.numbers.i8 > -128`, "put", sets{"numbers.i8": -128}, false},
		{`put.numbers.i16 < 0`, "put", sets{"numbers.i16": -1}, true},
		{`put.numbers.i32 == 7`, "put", nil, true},
		{`put.numbers.i64 >= 9223372036854775807`, "put", sets{"numbers.i64": int64(math.MaxInt64)}, true},
		{`put.numbers.i64 < -9223372036854775808`, "put", sets{"numbers.i64": int64(math.MinInt64)}, false},
		{`put.numbers.u8 in [1, 255]`, "put", sets{"numbers.u8": 255}, true},
		{`put.numbers.u16 == 500`, "put", nil, true},
		{`put.numbers.u64 > 18446744073709551614`, "put", sets{"numbers.u64": uint64(math.MaxUint64)}, true},
		{`put.numbers.f32 == 0.1`, "put", sets{"numbers.f32": float32(0.1)}, true},
		{`put.numbers.f64 == 1.5`, "put", nil, true},
		{`put.numbers.f64 <= 2`, "put", sets{"numbers.f64": 2.5}, false},
		{`put.numbers.f64 in [1, 2.5e0]`, "put", sets{"numbers.f64": 2.5}, true},
		{`put.numbers.f64 < 1`, "put", sets{"numbers.f64": math.NaN()}, false},
		{`not (put.numbers.f64 < 1)`, "put", sets{"numbers.f64": math.NaN()}, false},
		{`put.numbers.flag`, "put", nil, true},
		{`put.numbers.op == subtract`, "put", nil, true},
		{`put.numbers.op != add`, "put", sets{"numbers.op": uint16(77)}, false}, // unknown to the schema
		// Unions.
		{`draw.shape.circle.radius < 5`, "draw", sets{"shape.circle.radius": 4.0}, true},
		{`draw.shape.circle.radius < 5`, "draw", sets{"shape.box.width": 4}, false},
		{`not (draw.shape.circle.radius < 5)`, "draw", sets{"shape.box.width": 4}, false},
		{`draw.shape.box.width < 5 or draw.shape.circle.radius < 5`, "draw", sets{"shape.box.width": 4}, true},
		{`has draw.shape.box`, "draw", sets{"shape.box.width": 4}, true},
		{`has draw.shape.box`, "draw", sets{"shape.name": "x"}, false},
		{`not has draw.shape.box`, "draw", sets{"shape.name": "x"}, true},
		{`has draw.shape.point`, "draw", sets{"shape.point": nil}, true},
		{`draw.shape.inner.name == "x"`, "draw", sets{"shape.inner.name": "x"}, true},
		{`draw.shape.inner.name == "x"`, "draw", sets{"shape.name": "x"}, false},
		{`has draw.shape.inner.name`, "draw", sets{"shape.name": "x"}, false},
		{`draw.shape.style.color == 255`, "draw", sets{"shape.style.color": 255}, true},
		{`draw.shape.style.color == 255`, "draw", nil, false},
		{`has draw.shape.style.plain`, "draw", nil, true},
		// Lists.
		{`lists.bools.size == 3`, "lists", sets{"bools": []bool{true, false, true}}, true},
		{`lists.numbers.size == 1`, "lists", sets{"numbers": []uint64{1}}, true},
		{`lists.nested.size < 1`, "lists", nil, true},
		{`lists.any == null`, "lists", nil, true},
		// Logic.
		{`send.urgent or send.text == "hello"`, "send", one, true},
		{`not send.urgent and send.text == "hello"`, "send", one, true},
		{`not (send.urgent or send.text == "hello")`, "send", one, false},
		{`send.text == "a" or send.text == "b" and send.urgent`, "send", sets{"text": "a"}, true},
		{`(send.text == "a" or send.text == "b") and send.urgent`, "send", sets{"text": "a"}, false},
	} {
		t.Run(tt.where+"/"+tt.method, func(t *testing.T) {
			w, err := bindWhere(registry(t), deskID, []string{tt.where})
			if err != nil {
				t.Fatal(err)
			}
			m := deskMethod(t, tt.method)
			err = judge(w.checks[methodOf(m)], params(t, m, tt.set))
			passes := err == nil && (w.only == nil || w.only[methodOf(m)])
			if passes != tt.passes {
				t.Errorf("%s %v: passes %v (%v), want %v", tt.method, tt.set, passes, err, tt.passes)
			}
			if err != nil && !errors.Is(err, ocap.Denied) {
				t.Errorf("%v is not %v", err, ocap.Denied)
			}
		})
	}
}

// The message of a denial names fields, neither what was sent nor what it was compared with.
func TestDenialNamesNoValues(t *testing.T) {
	w, err := bindWhere(registry(t), deskID, []string{`send.text != "hidden" or send.urgent`})
	if err != nil {
		t.Fatal(err)
	}
	m := deskMethod(t, "send")
	err = judge(w.checks[methodOf(m)], params(t, m, sets{"text": "hidden"}))
	if want := "the call is denied because of its parameter text, urgent"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestConditionErrors(t *testing.T) {
	for _, tt := range []struct {
		where, want string
	}{
		{``, `column 1: the end where the name of a method or field should be`},
		{`send.text.size < `, `column 18: the end where a value should be`},
		{`send.text.size < 1000 x`, `column 23: "x" where the end, and or or should be`},
		{`send.txt == "a"`, `column 6: Desk.send has no field txt; did you mean text?`},
		{`send.attachment == "a"`, `column 6: Desk.send has no field attachment; it has blob, sink, text, to, urgent`},
		{`sned.text == "a"`, `column 1: Desk has no method sned, and none of its methods has such a field; did you mean send?`},
		{`quux.text == "a"`, `column 1: Desk has no method quux, and none of its methods has such a field; methods are draw, drawer, find, get, id, lists, ping, put, send, stop`},
		{`txet == "a"`, `column 1: Desk has no method txet, and none of its methods has such a field; did you mean text?`},
		{`send == 1`, `column 1: Desk has no method send, and none of its methods has such a field`},
		{`send.text < 10`, `column 6: text is of type Text and cannot be compared by <; its .size can`},
		{`send.text == 10`, `column 14: text is of type Text, which 10 cannot be; write texts in "double quotes"`},
		{`send.text in ["a", null]`, `column 20: text is of type Text, which null cannot be; null can be compared by == and != only`},
		{`send.text.length < 10`, `column 11: text is Text and has no field length; it has a .size`},
		{`send.urgent < true`, `column 6: urgent is of type Bool and cannot be compared by <; write == or !=`},
		{`send.urgent == 1`, `column 16: urgent is of type Bool, which 1 cannot be; write true or false`},
		{`send.text`, `column 6: text is of type Text and not true or false; compare it: ==, !=, <, ...`},
		{`send.to == "a"`, `column 6: to is of type List(Text) and cannot be compared; its .size can`},
		{`send.to.size ^= "a"`, `column 6: to is a size and cannot be compared by ^=; only texts and data can`},
		{`put.op == divide`, `column 11: op is of type Op, which divide cannot be; it is one of add, multiply, subtract`},
		{`put.op < add`, `column 5: op is of type Op and cannot be compared by <; write == or != or in`},
		{`put.op == null`, `column 11: op is of type Op, which null cannot be; it is one of add, multiply, subtract`},
		{`put.numbers == 1`, `column 5: numbers is of type Numbers and cannot be compared; its fields can: f32,`},
		{`put.numbers.u8 < 256`, `column 18: u8 is of type UInt8, which 256 cannot be; it is out of range`},
		{`put.numbers.u8 < -1`, `column 18: u8 is of type UInt8, which -1 cannot be; it is out of range`},
		{`put.numbers.i8 < 1.5`, `column 18: i8 is of type Int8, which 1.5 cannot be; write a whole number`},
		{`put.numbers.f32 < 1e300`, `column 19: f32 is of type Float32, which 1e300 cannot be; it is out of range`},
		{`put.numbers.f64 ^= 1`, `column 13: f64 is of type Float64 and cannot be compared by ^=; only texts and data can`},
		{`draw.shape.circle == 1`, `column 12: circle is a group; compare one of its fields: radius`},
		{`has draw.shape.circle.radius`, `column 23: radius is always there; has asks for members of unions and for pointers`},
		{`has send.text.size`, `column 10: text is always there`},
		{`send.sink < null`, `column 13: null can be compared by == and != only`},
		{`send.sink == "a"`, `column 6: sink is of type Capability and cannot be compared; it can be compared with null`},
		{`send.urgent or get.id == "a"`, `column 16: the condition speaks of another method before; write one condition for each method, or join them by and`},
		{`send.urgent or .id == "a"`, `column 16: the condition speaks of another method before`},
		{`text == 1`, `column 9: send: text is of type Text, which 1 cannot be; name the method that is meant`},
		{`text == "" and op == ad`, `column 22: `},
		{`urgent and limit == 1`, `column 12: with the conditions before, no method is left; name the methods that are meant`},
		{`urgent or limit == 1`, `column 1: no method of Desk has all these fields`},
		{`send.text = "a"`, `column 11: "=" means nothing here; write == to compare`},
		{`send.text == 'a'`, `column 14: "'" means nothing here; write texts in "double quotes"`},
		{`send.urgent && send.urgent`, `column 13: "&" means nothing here; write and, or, not`},
		{`send.text == "a`, `column 14: a text that does not end`},
		{`ping.n == 0x10`, `column 11: "0x10" is no number; write it in decimal`},
		{`ping.n == 1e`, `is no number`},
		{`ping.n == -`, `is no number`},
		{`ping.n == 1.2.3`, `is no number`},
		{"ping.n == 1\x80", `column 1: not UTF-8`},
		{`ping.n == 1` + strings.Repeat(" ", MaxCondition), `column 1: 4107 bytes, limit 4096`},
		{strings.Repeat("(", 100), `nested deeper than 32`},
		{strings.Repeat("not ", 100), `nested deeper than 32`},
		{"a in [" + strings.Repeat("1,", 300) + "1]", `more than 256 values`},
		{"a" + strings.Repeat(" or a", 300), `more than 256 comparisons`},
		{"a" + strings.Repeat(".a", 30), `path of more than 16 names`},
		{"ping.n == 1 \x1b[31m", `column 13: "\x1b" means nothing here`},
	} {
		_, err := bindWhere(registry(t), deskID, []string{tt.where})
		switch {
		case err == nil:
			t.Errorf("%s: no error", tt.where)
		case !strings.Contains(err.Error(), tt.want):
			t.Errorf("%s:\ngot  %v\nwant %s", tt.where, err, tt.want)
		case strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r > '~' }):
			t.Errorf("%q has control characters", err)
		default:
			if _, ok := errors.AsType[*ConditionError](err); !ok {
				t.Errorf("%v is no ConditionError", err)
			}
		}
	}
}

func TestConditionNeedsSchema(t *testing.T) {
	for _, tt := range []struct {
		reg  *schema.Registry
		id   uint64
		want string
	}{
		{registry(t), 0, "no interface is given"},
		{nil, deskID, "no schemas are given"},
		{registry(t), 12345, "no schema of @0x"},
		{registry(t), 0xd5d1c9f3d5ad5fc5, "is no interface"},
	} {
		_, err := bindWhere(tt.reg, tt.id, []string{"ping.n == 1"})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%#x: got %v, want %s", tt.id, err, tt.want)
		}
	}
}

// Whatever is malformed in what a condition looks at is refused, also where the condition would
// hold of the nothing that it reads as.
func TestMalformedParametersAreRefused(t *testing.T) {
	m := deskMethod(t, "send")
	size := m.Params().Size()
	for name, word := range map[string]uint64{
		"out of bounds":     1<<2 | 1 | 2<<32 | 1000<<35 | 0x7fff<<2,
		"a struct":          0xfffffffc,
		"a far pointer":     2 | 5<<32,
		"text without end":  1 | 2<<32 | 8<<35,
		"a capability":      3,
		"of unknown kind":   7,
		"a list of structs": 1 | 7<<32,
	} {
		t.Run(name, func(t *testing.T) {
			msg := capnp.NewMessage(nil)
			b := capnp.NewRootStruct(msg, size)
			b.SetText(0, "1234567") // something to point to
			seg := append([]byte(nil), msg.Segments()[0]...)
			at := 8 + 8*int(size.DataWords)
			for i := range 8 {
				seg[at+i] = byte(word >> (8 * i))
			}
			if name == "text without end" {
				for i := at + 8*int(size.Pointers); i < len(seg); i++ {
					seg[i] = 'x'
				}
				off := uint64(size.Pointers - 1)
				word := 1 | off<<2 | 2<<32 | 8<<35
				for i := range 8 {
					seg[at+i] = byte(word >> (8 * i))
				}
			}
			for _, cond := range []string{`send.text.size < 10`, `not send.text == "a"`, `send.text != "a" or send.text == "a"`} {
				w, err := bindWhere(registry(t), deskID, []string{cond})
				if err != nil {
					t.Fatal(err)
				}
				s := capnp.Root[capnp.Struct](capnp.OpenMessage([][]byte{seg}, nil))
				if err := judge(w.checks[methodOf(m)], s); !errors.Is(err, ocap.Denied) {
					t.Errorf("%s: got %v, want %v", cond, err, ocap.Denied)
				}
			}
		})
	}
}
