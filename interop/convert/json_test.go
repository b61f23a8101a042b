package convert

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/capjson"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/internal/fill"
	"lanyard.dev/internal/zoo"
)

// everyType is Every as capjson sees it.
func everyType(t *testing.T) dynamic.StructType {
	t.Helper()
	reg, err := schema.Load(EverySchema())
	if err != nil {
		t.Fatal(err)
	}
	st, err := dynamic.FindStruct(reg, "Every")
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// framed is a message as the tool reads it.
func framed(t *testing.T, m *capnp.MessageBuilder) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := frame.NewWriter(&b).Write(m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestJSONLikeTheTool converts the same messages to JSON with both programs, and each one's JSON back with the other.
func TestJSONLikeTheTool(t *testing.T) {
	c := needTool(t)
	st := everyType(t)
	messages := map[string]*capnp.MessageBuilder{}
	for _, v := range values {
		m := capnp.NewMessage(nil)
		v.fill(NewRootEvery(m))
		messages[v.name] = m
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 20 {
		m := capnp.NewMessage(nil)
		if err := fill.Struct(st.NewRoot(m), r.IntN); err != nil {
			t.Fatal(err)
		}
		messages["random "+string(rune('a'+i))] = m
	}
	for name, m := range messages {
		t.Run(name, func(t *testing.T) {
			binary := framed(t, m)
			s := st.Root(m.Seal())
			ours, err := capjson.Marshal(s, nil)
			if err != nil {
				if strings.Contains(err.Error(), "a capability") || strings.Contains(err.Error(), "a pointer of a type") {
					return // the tool refuses those, too
				}
				t.Fatal(err)
			}
			theirs := c.convert(t, binary, "binary:json", "every.capnp", "Every")
			if !sameJSON(t, ours, theirs) {
				t.Errorf("ours\n%s\nthe tool's\n%s", ours, theirs)
			}
			// Theirs read by us.
			again := st.NewRoot(capnp.NewMessage(nil))
			if err := capjson.Unmarshal(theirs, again, nil); err != nil {
				t.Errorf("we cannot read the tool's: %v", err)
			} else if text, err := capjson.Marshal(again.Reader(), nil); err != nil || !sameJSON(t, text, theirs) {
				t.Errorf("the tool's\n%s\nread by us is\n%s\n%v", theirs, text, err)
			}
			// Ours read by them.
			back := c.convert(t, unescaped(ours), "json:json", "every.capnp", "Every")
			if !sameJSON(t, back, theirs) {
				t.Errorf("ours read by the tool is\n%s\nwant\n%s", back, theirs)
			}
		})
	}
}

// TestJSONAnnotationsLikeTheTool does the same with every annotation of json.capnp.
func TestJSONAnnotationsLikeTheTool(t *testing.T) {
	c := needTool(t)
	reg, err := schema.Load(zoo.ZooSchema())
	if err != nil {
		t.Fatal(err)
	}
	file := []string{"-I../../capnp/schemas", "../../internal/zoo/zoo.capnp", "Shown"}
	st, err := dynamic.FindStruct(reg, "Shown")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	compared := 0
	for range 40 {
		m := capnp.NewMessage(nil)
		if err := fill.Struct(st.NewRoot(m), r.IntN); err != nil {
			t.Fatal(err)
		}
		binary := framed(t, m)
		ours, err := capjson.Marshal(st.Root(m.Seal()), nil)
		if err != nil {
			continue // a json.Value that is no JSON
		}
		compared++
		theirs := c.convert(t, binary, append([]string{"binary:json"}, file...)...)
		if !sameJSON(t, ours, theirs) {
			t.Errorf("ours\n%s\nthe tool's\n%s", ours, theirs)
		}
		again := st.NewRoot(capnp.NewMessage(nil))
		if err := capjson.Unmarshal(theirs, again, nil); err != nil {
			t.Errorf("we cannot read the tool's: %v\n%s", err, theirs)
		} else if text, err := capjson.Marshal(again.Reader(), nil); err != nil || !sameJSON(t, text, theirs) {
			t.Errorf("the tool's\n%s\nread by us is\n%s\n%v", theirs, text, err)
		}
		back := c.convert(t, unescaped(ours), append([]string{"json:json"}, file...)...)
		if !sameJSON(t, back, theirs) {
			t.Errorf("ours read by the tool is\n%s\nwant\n%s", back, theirs)
		}
	}
	if compared < 10 {
		t.Errorf("only %d messages were compared", compared)
	}
}

// unescaped is JSON with the characters themselves that capjson escapes for the sake of terminals: version 0.9.2 of the
// tool misreads escapes of what is no ASCII.
func unescaped(text []byte) []byte {
	text = bytes.ReplaceAll(text, []byte(`\u007f`), []byte("\u007f"))
	return bytes.ReplaceAll(text, []byte(`\u2028`), []byte("\u2028"))
}

// sameJSON compares two values without regard to order and form. Numbers compare as doubles: the tool writes a Float32
// with the digits of a double.
func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		t.Fatalf("%v\n%s", err, a)
	}
	if err := json.Unmarshal(b, &y); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return reflect.DeepEqual(rounded(x), rounded(y))
}

// rounded is a value whose numbers are singles if they are near to one.
func rounded(v any) any {
	switch x := v.(type) {
	case float64:
		f, size := float64(float32(x)), math.Abs(x)
		if math.Abs(f-x) <= size*1e-7 || 1e-46 < size && size < 1e-37 {
			return f
		}
	case []any:
		for i := range x {
			x[i] = rounded(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = rounded(x[k])
		}
	}
	return v
}
