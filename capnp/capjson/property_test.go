package capjson_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/capjson"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/internal/fill"
	"lanyard.dev/internal/zoo"
	"lanyard.dev/interop/convert"
	"pgregory.net/rapid"
)

// types are struct types with everything in them.
func types(t testing.TB) []dynamic.StructType {
	t.Helper()
	reg, err := schema.Load(zoo.ZooSchema(), convert.EverySchema())
	if err != nil {
		t.Fatal(err)
	}
	var out []dynamic.StructType
	for _, name := range []string{"Every", "Cage", "Shown", "Box"} {
		st, err := dynamic.FindStruct(reg, name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, st)
	}
	return out
}

// What becomes JSON becomes the same struct again, with and without annotations, and the JSON is JSON.
func TestRoundTrip(t *testing.T) {
	for _, st := range types(t) {
		for _, o := range []*capjson.Options{nil, {IgnoreAnnotations: true, OmitDefaults: true}, {Indent: "\t"}} {
			t.Run(st.Name(), func(t *testing.T) {
				rapid.Check(t, func(t *rapid.T) {
					b := st.NewRoot(capnp.NewMessage(nil))
					if err := fill.Struct(b, rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)).IntN); err != nil {
						t.Fatal(err)
					}
					text, err := capjson.Marshal(b.Reader(), o)
					if err != nil {
						if isRaw(err) {
							t.Skip("a json.Value with raw text or a call")
						}
						t.Fatal(err)
					}
					if !json.Valid(text) {
						t.Fatalf("not JSON: %s", text)
					}
					again := st.NewRoot(capnp.NewMessage(nil))
					if err := capjson.Unmarshal(text, again, o); err != nil {
						t.Fatalf("%v\n%s", err, text)
					}
					second, err := capjson.Marshal(again.Reader(), o)
					if err != nil || string(second) != string(text) {
						t.Errorf("%v: got\n%s\nwant\n%s", err, second, text)
					}
					if o != nil && o.IgnoreAnnotations && capnp.Equal(again.Reader().Raw(), b.Reader().Raw()) != capnp.IsEqual {
						t.Errorf("the struct differs after a round trip through\n%s", text)
					}
				})
			})
		}
	}
}

// isRaw reports whether an error is about what a json.Value can say and JSON cannot.
func isRaw(err error) bool {
	e, ok := errors.AsType[*capjson.Error](err)
	return ok && strings.Contains(e.Path, ".json")
}

func FuzzUnmarshal(f *testing.F) {
	for _, seed := range []string{
		`{"number":1,"size":{"unit":"mile"},"many":[null],"boxed":{"pair":{"second":"x"}}}`,
		`{"shapeType":"the square","side":5,"shared":"s","valued":"text","value":null,"p.q.baz":"z","json":[{"a":1e3}],"at.x":"NaN"}`,
		`{"i64":"-9223372036854775808","f32":"Infinity","data":[0,255],"textLists":[["a"],null],"inner":{"words":"\ud83d\ude00"}}`,
		`{"next":{"next":{"next":null}}`, `[1,2,{"a":[]}]`, `{"x":01}`, "\"\\ud800\"", `{"":{"":{}}}`,
	} {
		f.Add([]byte(seed))
	}
	all := types(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, st := range all {
			b := st.NewRoot(capnp.NewMessage(&capnp.BuilderOptions{MaxWords: 1 << 16}))
			err := capjson.Unmarshal(text, b, nil)
			if err == nil && !json.Valid(text) {
				t.Fatal("took what is no JSON")
			}
			if err != nil {
				continue
			}
			out, err := capjson.Marshal(b.Reader(), nil)
			if err != nil {
				t.Fatalf("cannot write what it read: %v", err)
			}
			again := st.NewRoot(capnp.NewMessage(nil))
			if err := capjson.Unmarshal(out, again, nil); err != nil {
				t.Fatalf("cannot read what it wrote: %v\n%s", err, out)
			}
			second, err := capjson.Marshal(again.Reader(), nil)
			if err != nil || string(second) != string(out) {
				t.Fatalf("%v: first\n%s\nthen\n%s", err, out, second)
			}
		}
	})
}

// FuzzMarshal reads messages that mean nothing.
func FuzzMarshal(f *testing.F) {
	m := capnp.NewMessage(nil)
	b := types(f)[1].NewRoot(m)
	if err := capjson.Unmarshal([]byte(`{"number":7,"label":"l","boxed":{"more":[{},{}]},"described":{"text":"t"}}`), b, nil); err != nil {
		f.Fatal(err)
	}
	f.Add(m.Segments()[0])
	f.Add([]byte{0, 0, 0, 0, 0, 0, 1, 0, 0xf8, 0xff, 0xff, 0xff, 0, 0, 1, 0}) // leads to itself
	all := types(f)
	o := &capjson.Options{Replace: true, MaxBytes: 1 << 20, EncodeCap: func(string, capnp.Client, dynamic.Interface) (string, error) { return "", nil }}
	f.Fuzz(func(t *testing.T, words []byte) {
		words = words[:len(words)/8*8]
		for _, st := range all {
			s := st.Root(capnp.OpenMessage([][]byte{words}, &capnp.Limits{TraversalWords: 1 << 16}))
			if out, err := capjson.Marshal(s, o); err == nil && !json.Valid(out) {
				t.Fatalf("not JSON: %q", out)
			}
		}
	})
}
