package capjson_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/capjson"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/internal/zoo"
)

func registry(t testing.TB) *schema.Registry {
	t.Helper()
	reg, err := schema.Load(zoo.ZooSchema())
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

// build starts a struct of a type.
func build(t testing.TB, name string) dynamic.StructBuilder {
	t.Helper()
	st, err := dynamic.FindStruct(registry(t), name)
	if err != nil {
		t.Fatal(err)
	}
	return st.NewRoot(capnp.NewMessage(nil))
}

// marshal is Marshal of what was built.
func marshal(t testing.TB, b dynamic.StructBuilder, o *capjson.Options) string {
	t.Helper()
	out, err := capjson.Marshal(b.Reader(), o)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// What goes in comes out, in another form where two columns differ.
func TestShownRoundTrip(t *testing.T) {
	// What is always there.
	const numbers = `"flatNumber":1,"renamedInner":{"hello":true},"p.renamedBar":2`
	tests := []struct{ name, in, want string }{
		{"empty", `{}`,
			`{"flatNumber":0,"renamedInner":{"hello":false},"p.renamedBar":0,"shapeType":"circle","shared":0,"valued":"text","value":"","typed":{"type":"one","one":0}}`},
		{"all", `{"another name":"x","flatNumber":1,"flatText":"t","renamedInner":{"hello":true},"deep":"d","p.foo":"f","p.renamedBar":2,"p.q.baz":"z",
			"shapeType":"the square","side":5,"shared":"text","valued":"renamedNumber","value":7,"typed":{"type":"three","three":"3"},
			"tagged":{"kind":"place","x":1,"y":-2},"units":["inch","the mile",7],"base":"AAH/","digits":"00ff","plain":[0,255],
			"at.x":0.5,"at.y":2,"json":{"a":[1,"b",null,true,{"c":{}}]},"again":{}}`,
			`{"another name":"x","flatNumber":1,"flatText":"t","renamedInner":{"hello":true},"deep":"d","p.foo":"f","p.renamedBar":2,"p.q.baz":"z",` +
				`"shapeType":"the square","side":5,"shared":"text","valued":"renamedNumber","value":7,"typed":{"type":"three","three":"3"},` +
				`"tagged":{"kind":"place","x":1,"y":-2},"units":["inch","the mile",7],"base":"AAH/","digits":"00ff","plain":[0,255],` +
				`"at.x":0.5,"at.y":2,"json":{"a":[1,"b",null,true,{"c":{}}]},"again":{"flatNumber":0,"renamedInner":{"hello":false},"p.renamedBar":0,` +
				`"shapeType":"circle","shared":0,"valued":"text","value":"","typed":{"type":"one","one":0}}}`},
		{"the variant stands last", `{"shared":"s","side":3,"value":9,` + numbers + `,"valued":"renamedNumber","shapeType":"the square","typed":{"two":null,"type":"two"}}`,
			`{` + numbers + `,"shapeType":"the square","side":3,"shared":"s","valued":"renamedNumber","value":9,"typed":{"type":"two"}}`},
		{"void variants", `{` + numbers + `,"shapeType":"point","valued":"nothing","typed":{"type":"two"}}`,
			`{` + numbers + `,"shapeType":"point","valued":"nothing","typed":{"type":"two"}}`},
		{"no discriminator, but the member says it", `{` + numbers + `,"typed":{"three":"x"},"shapeType":"point","valued":"nothing"}`,
			`{` + numbers + `,"shapeType":"point","valued":"nothing","typed":{"type":"three","three":"x"}}`},
		{"an escaped name", `{"another\u0020name":"\ud83d\ude00\"\\\/\b\f\n\r\t\u007f",` + numbers + `,"shapeType":"point","valued":"nothing","typed":{"type":"two"}}`,
			`{"another name":"😀\"\\/\u0008\u000c\n\r\t\u007f",` + numbers + `,"shapeType":"point","valued":"nothing","typed":{"type":"two"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := build(t, "Shown")
			if err := capjson.Unmarshal([]byte(tt.in), b, nil); err != nil {
				t.Fatal(err)
			}
			got := marshal(t, b, nil)
			if got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			again := build(t, "Shown")
			if err := capjson.Unmarshal([]byte(got), again, nil); err != nil {
				t.Fatal(err)
			}
			if second := marshal(t, again, nil); second != got {
				t.Errorf("after a round trip it is\n%s", second)
			}
		})
	}
}

func TestUnionsWithoutAnnotations(t *testing.T) {
	const size = `"size":{"width":1.5,"height":0,"unit":"metre"}`
	tests := []struct{ in, want string }{
		{`{}`, `{"number":0,"empty":null,"locked":true,` + size + `}`},
		{`{"described":{"text":"t"}}`, `{"number":0,"described":{"text":"t","legs":4},"locked":true,` + size + `}`},
		{`{"only":null}`, `{"number":0,"only":null,"locked":true,` + size + `}`},
		{`{"many":[]}`, `{"number":0,"many":[],"locked":true,` + size + `}`},
		{`{"label":null,"numbers":[3,-4],"mark":[],"sign":{}}`,
			`{"number":0,"empty":null,"locked":true,` + size + `,"mark":[],"sign":{},"numbers":[3,-4]}`},
		{`{"boxed":{"content":{"number":1},"more":[{"content":{"number":2}}],"pair":{"first":{},"second":"s"}}}`,
			`{"number":0,"empty":null,"boxed":{"content":{"number":1,"empty":null,"locked":true,` + size + `},` +
				`"more":[{"content":{"number":2,"empty":null,"locked":true,` + size + `}}],` +
				`"pair":{"first":{"number":0,"empty":null,"locked":true,` + size + `},"second":"s"}},"locked":true,` + size + `}`},
	}
	for _, tt := range tests {
		b := build(t, "Cage")
		if err := capjson.Unmarshal([]byte(tt.in), b, nil); err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		if got := marshal(t, b, nil); !sameMembers(got, tt.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.in, got, tt.want)
		}
	}
}

// sameMembers compares without regard to the order of members.
func sameMembers(a, b string) bool {
	sorted := func(s string) string {
		parts := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("{},[]", r) })
		slices.Sort(parts)
		return strings.Join(parts, "\n")
	}
	return sorted(a) == sorted(b)
}

func TestUnmarshalRefuses(t *testing.T) {
	tests := []struct{ in, err string }{
		{``, `$: the JSON ends too early`},
		{`{`, `$: the JSON ends too early`},
		{`{} x`, `$: 'x' after the value (byte 3)`},
		{`{}{}`, `$: '{' after the value`},
		{`[]`, `$: an array where Cage should be`},
		{`null`, `$: null where Cage should be`},
		{`{"number":1,}`, `where the name of a member should be`},
		{`{"numbers":[1,]}`, `$.numbers[1]: ']' where a value should be`},
		{`{number:1}`, `'n' where the name of a member should be`},
		{`{"number" 1}`, `$.number: '1' where : should be`},
		{`{"number":01}`, `$.number: a number in a form that JSON does not have`},
		{`{"number":+1}`, `'+' where a value should be`},
		{`{"number":1.}`, `a number in a form`},
		{`{"number":.5}`, `'.' where a value`},
		{`{"number":1e}`, `a number in a form`},
		{`{"number":-}`, `a number in a form`},
		{`{"number":NaN}`, `'N' where a value`},
		{`{"number":1/*x*/}`, `'/' where , or } should be`},
		{`{"number":1,"number":1}`, `$.number: the member comes twice`},
		{`{"number":1,"n\u0075mber":1}`, `$.number: the member comes twice`},
		{`{"next":{"next":{"nothing":1}}}`, `$.next.next.nothing: Cage has no such member`},
		{`{"a b":1}`, `$["a b"]: Cage has no such member`},
		{`{"":1}`, `$.: Cage has no such member`},
		{`{"number":-1}`, `$.number: -1 is out of the range of UInt32`},
		{`{"number":4294967296}`, `out of the range of UInt32`},
		{`{"number":1e400}`, `$.number: 1e400 is out of the range of UInt32`},
		{`{"number":1.5}`, `$.number: 1.5 where UInt32 should be`},
		{`{"number":"1x"}`, `$.number: the string "1x" where UInt32 should be`},
		{`{"number":true}`, `$.number: a boolean where UInt32 should be`},
		{`{"number":null}`, `$.number: null where UInt32 should be`},
		{`{"size":{"height":1e400}}`, `$.size.height: 1e400 is out of the range of Float64`},
		{`{"size":{"width":1e39}}`, `$.size.width: 1e39 is out of the range of Float32`},
		{`{"size":{"height":"1,5"}}`, `the string "1,5" where Float64 should be`},
		{`{"size":{"unit":"mile"}}`, `$.size.unit: Unit has no value "mile"`},
		{`{"size":{"unit":65536}}`, `65536 is out of the range of Unit`},
		{`{"size":null}`, `$.size: null where Cage.size should be`},
		{`{"locked":0}`, `a number where Bool should be`},
		{`{"label":7}`, `a number where Text should be`},
		{`{"label":"\ud800"}`, `$.label: half of a surrogate pair`},
		{`{"label":"\ud800\u0041"}`, `half of a surrogate pair`},
		{`{"label":"\x"}`, `an escape in a string that JSON does not have`},
		{`{"label":"\u00g0"}`, `an escape`},
		{`{"label":"` + "\x01" + `"}`, `a control character`},
		{`{"label":"` + "\xff" + `"}`, `no UTF-8`},
		{`{"label":"\n` + "\xff" + `"}`, `no UTF-8`},
		{`{"label":"`, `ends too early`},
		{`{"label":"\`, `ends too early`},
		{`{"label":"\u12`, `ends too early`},
		{`{"mark":"AA=="}`, `a string where Data should be`},
		{`{"mark":[256]}`, `element 0 of Data is no number from 0 to 255`},
		{`{"mark":[1,"2"]}`, `element 1 of Data`},
		{`{"numbers":[1,32768]}`, `$.numbers[1]: 32768 is out of the range of Int16`},
		{`{"numbers":{}}`, `$.numbers: an object where List(Int16) should be`},
		{`{"numbers":[null]}`, `$.numbers[0]: null where Int16`},
		{`{"empty":true}`, `$.empty: a boolean where Void should be`},
		{`{"empty":null,"many":[]}`, `$.many: "empty" is set already`},
		{`{"described":{},"only":null}`, `is set already, and of one union only one member can be`},
		{`{"inside":"Polly"}`, `$.inside: a capability`},
		{`{"many":["Polly"]}`, `$.many[0]: a capability`},
		{`{"inside":7}`, `a number where Animal should be`},
		{`{"boxed":{"anything":7}}`, `$.boxed.anything: a pointer of a type that the schema does not say`},
		{strings.Repeat(`{"next":`, 65) + `{}` + strings.Repeat(`}`, 65), `nested too deeply`},
		{`{"numbers":` + strings.Repeat(`[`, 100000), `nested too deeply`},
	}
	for _, tt := range tests {
		err := capjson.Unmarshal([]byte(tt.in), build(t, "Cage"), nil)
		if err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%.60s: %v, want %s", tt.in, err, tt.err)
			continue
		}
		if _, ok := errors.AsType[*capjson.Error](err); !ok {
			t.Errorf("%.60s: the error is a %T", tt.in, err)
		}
	}
}

func TestUnmarshalRefusesDiscriminators(t *testing.T) {
	tests := []struct{ in, err string }{
		{`{"shapeType":"triangle"}`, `$.shapeType: no variant of Shown.shape is called "triangle"`},
		{`{"shapeType":7}`, `$.shapeType: a number where the name of a variant should be`},
		{`{"shapeType":"circle","side":1}`, `$.side: it is no member of the variant "circle"`},
		{`{"side":1}`, `$.side: nothing says of which variant this is`},
		{`{"value":1}`, `$.value: nothing says of which variant`},
		{`{"valued":"text","value":1}`, `$.value: a number where Text should be`},
		{`{"typed":{"type":"one","three":"x"}}`, `$.typed.three: "one" is set already`},
		{`{"typed":{"one":1,"three":"x"}}`, `"one" is set already`},
		{`{"tagged":{"kind":"word","x":1}}`, `$.tagged.x: it is no member of the variant "word"`},
		{`{"renamed":"x"}`, `$.renamed: Shown has no such member`},
		{`{"flat":{}}`, `$.flat: Shown has no such member`},
		{`{"base":"AA"}`, `$.base: the string is not base64`},
		{`{"base":[1]}`, `$.base: an array where Data should be`},
		{`{"digits":"0"}`, `$.digits: the string is not hexadecimal`},
		{`{"json":{"a":1e400}}`, `$.json: 1e400 is out of the range of Float64`},
	}
	for _, tt := range tests {
		err := capjson.Unmarshal([]byte(tt.in), build(t, "Shown"), nil)
		if err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v, want %s", tt.in, err, tt.err)
		}
	}
}

func TestNumbersInEveryForm(t *testing.T) {
	for in, want := range map[string]uint32{`7`: 7, `"7"`: 7, `7.0`: 7, `7e0`: 7, `0.7e1`: 7, `4294967295`: 1<<32 - 1, `-0`: 0} {
		b := build(t, "Cage")
		if err := capjson.Unmarshal([]byte(`{"number":`+in+`}`), b, nil); err != nil {
			t.Errorf("%s: %v", in, err)
		} else if v, _ := b.Reader().Get("number"); v.Uint() != uint64(want) {
			t.Errorf("%s reads %d", in, v.Uint())
		}
	}
	for in, want := range map[string]string{`null`: `"NaN"`, `"NaN"`: `"NaN"`, `"Infinity"`: `"Infinity"`, `"-Infinity"`: `"-Infinity"`, `-0.0`: `-0`, `"1e3"`: `1000`, `5e-324`: `5e-324`} {
		b := build(t, "Cage")
		if err := capjson.Unmarshal([]byte(`{"size":{"height":`+in+`}}`), b, nil); err != nil {
			t.Errorf("%s: %v", in, err)
		} else if got := marshal(t, b, nil); !strings.Contains(got, `"height":`+want+`,`) {
			t.Errorf("%s becomes %s", in, got)
		}
	}
}

func TestOptions(t *testing.T) {
	b := build(t, "Cage")
	for path, v := range map[string]any{"key": "hunter2", "next.key": "hunter2", "label": "l"} {
		if err := b.Set(path, v); err != nil {
			t.Fatal(err)
		}
	}
	if got := marshal(t, b, &capjson.Options{Redact: true}); strings.Contains(got, "hunter2") || strings.Count(got, `"key":"[secret]"`) != 2 {
		t.Errorf("redacted it is %s", got)
	}
	if got := marshal(t, b, nil); strings.Count(got, "hunter2") != 2 {
		t.Errorf("not redacted it is %s", got)
	}
	if got, want := marshal(t, b, &capjson.Options{OmitDefaults: true, Indent: "  "}), `{
  "key": "hunter2",
  "next": {
    "key": "hunter2",
    "empty": null,
    "size": {}
  },
  "empty": null,
  "size": {},
  "label": "l"
}`; got != want {
		t.Errorf("without defaults it is %s", got)
	}
	if _, err := capjson.Marshal(b.Reader(), &capjson.Options{MaxBytes: 50}); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("50 bytes: %v", err)
	}
	if _, err := capjson.Marshal(b.Reader(), &capjson.Options{Depth: 1}); err == nil || !strings.Contains(err.Error(), "$.next") {
		t.Errorf("depth 1: %v", err)
	}
	if err := capjson.Unmarshal([]byte(`{"what":[1,{"x":"]"}],"number":3}`), b, &capjson.Options{AllowUnknown: true}); err != nil {
		t.Error(err)
	}
	if err := capjson.Unmarshal([]byte(`{"number":3}`), b, &capjson.Options{MaxBytes: 11}); err == nil {
		t.Error("12 bytes where 11 are allowed")
	}
	if err := b.Set("label", []byte("a\xffb")); err != nil {
		t.Fatal(err)
	}
	if _, err := capjson.Marshal(b.Reader(), nil); err == nil || !strings.Contains(err.Error(), "$.label: a string that is no UTF-8") {
		t.Errorf("no UTF-8: %v", err)
	}
	if got := marshal(t, b, &capjson.Options{Replace: true}); !strings.Contains(got, "a\ufffdb") {
		t.Errorf("replaced it is %s", got)
	}
	shown := build(t, "Shown")
	if got := marshal(t, shown, &capjson.Options{IgnoreAnnotations: true}); !strings.Contains(got, `"flat":{"flatNumber":0,"inner":{"hello":false},"double":{}}`) {
		t.Errorf("without annotations it is %s", got)
	}
}

func TestCapabilitiesAndAnyPointers(t *testing.T) {
	broken := capnp.Broken(capnp.NewError(capnp.Failed, "Polly is away"))
	reg := registry(t)
	cage, _ := dynamic.FindStruct(reg, "Cage")
	var asked []string
	o := &capjson.Options{
		EncodeCap: func(path string, c capnp.Client, of dynamic.Interface) (string, error) {
			asked = append(asked, path+" "+of.Name())
			return "Polly", nil
		},
		DecodeCap: func(path, text string, of dynamic.Interface) (capnp.Client, error) {
			if text != "Polly" {
				return capnp.Client{}, errors.New("nobody is called " + text)
			}
			return broken, nil
		},
		Any: func(path string) (dynamic.Type, bool) { return cage.Type(), path == "$.boxed.anything" },
	}
	b := build(t, "Cage")
	const in = `{"inside":"Polly","many":["Polly",null],"boxed":{"anything":{"number":5,"inside":"Polly"}}}`
	if err := capjson.Unmarshal([]byte(in), b, o); err != nil {
		t.Fatal(err)
	}
	got := marshal(t, b, o)
	for _, want := range []string{`"inside":"Polly"`, `"many":["Polly",null]`, `"anything":{"number":5,"inside":"Polly"`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
	if len(asked) != 3 || asked[0] != "$.inside Animal" || asked[1] != "$.many[0] Animal" {
		t.Errorf("asked %q", asked)
	}
	if err := capjson.Unmarshal([]byte(`{"inside":"Molly"}`), build(t, "Cage"), o); err == nil || err.Error() != "$.inside: nobody is called Molly" {
		t.Errorf("Molly: %v", err)
	}
	if _, err := capjson.Marshal(b.Reader(), nil); err == nil || !strings.Contains(err.Error(), "$.inside: a capability") {
		t.Errorf("without hook: %v", err)
	}
}

func TestMarshalValue(t *testing.T) {
	s := build(t, "Cage").Reader()
	for path, want := range map[string]string{"numbers": `[1,-2]`, "label": `"cage"`, "size.unit": `"metre"`, "next": `{"number":0`, "key": `null`, "boxed.more": `null`, "locked": `true`} {
		v, err := s.Get(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := capjson.MarshalValue(v, nil); err != nil || !strings.HasPrefix(string(got), want) {
			t.Errorf("%s is %s, %v, want %s", path, got, err, want)
		}
	}
	if got, err := capjson.MarshalValue(dynamic.Value{}, nil); err != nil || string(got) != "null" {
		t.Errorf("nothing is %s, %v", got, err)
	}
}
