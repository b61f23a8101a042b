package compiler_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/compiler"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/capnp/schemas"
	"lanyard.dev/internal/wire"
)

func ExampleCompile() {
	files := fstest.MapFS{"point.capnp": {Data: []byte(`@0xe0b7a3c1d2f40516;
struct Point { x @0 :Float64; y @1 :Float64; name @2 :Txt; }
`)}}
	res, err := compiler.Compile([]string{"point.capnp"}, &compiler.Options{Files: files})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range res.Diags {
		fmt.Println(d)
	}
	// Output: point.capnp:2:55-58: error: Not defined: Txt
}

// corpus compiles a folder of the corpus several times in turn and in
// parallel: the bytes are the same each time.
func TestCompileIsDeterministic(t *testing.T) {
	const rounds = 8
	files := []string{"generics.capnp", "constants.capnp", "interfaces.capnp", "annotations.capnp"}
	opt := &compiler.Options{Files: os.DirFS("testdata/corpus"), ImportFS: []fs.FS{os.DirFS("testdata/corpus")}}
	var outs [rounds][]byte
	var wg sync.WaitGroup
	for i := range rounds {
		wg.Go(func() {
			res, err := compiler.Compile(files, opt)
			if err != nil || !res.OK() {
				t.Errorf("err %v, diags %v", err, res.Diags)
				return
			}
			outs[i] = frame.Marshal(res.Message)
		})
	}
	wg.Wait()
	for i := range outs {
		if !bytes.Equal(outs[i], outs[0]) {
			t.Errorf("run %d differs from run 0", i)
		}
	}
}

// TestRequestIsComplete: everything that a node mentions is there, and every
// node is there once.
func TestRequestIsComplete(t *testing.T) {
	for _, s := range subjects(t) {
		t.Run(s.file, func(t *testing.T) {
			req := ours(t, s)
			have := map[uint64]bool{}
			for _, n := range req.Nodes().All() {
				if have[n.Id()] {
					t.Errorf("%s is there twice", n.DisplayName())
				}
				have[n.Id()] = true
			}
			for _, n := range req.Nodes().All() {
				if n.ScopeId() != 0 && !have[n.ScopeId()] {
					t.Errorf("the scope of %s is missing", n.DisplayName())
				}
			}
			if req.SourceInfo().Len() != req.Nodes().Len() {
				t.Errorf("%d nodes, %d source infos", req.Nodes().Len(), req.SourceInfo().Len())
			}
			for _, info := range req.SourceInfo().All() {
				if !have[info.Id()] {
					t.Errorf("source info of @%x, which is not there", info.Id())
				}
			}
		})
	}
}

func TestEmbeddedMessages(t *testing.T) {
	message := func(build func(capnp.PtrBuilder)) []byte {
		mb := capnp.NewMessage(nil)
		build(mb.Root())
		return frame.Marshal(mb)
	}
	big := capnp.StructSize{DataWords: 2, Pointers: 2}
	small := capnp.StructSize{DataWords: 0, Pointers: 1}
	good := message(func(p capnp.PtrBuilder) {
		b := p.NewStruct(big)
		b.SetUint32(0, 7)
		b.SetUint64(8, 99) // not in the schema
		b.SetText(0, "hello")
	})
	for _, tt := range []struct {
		name string
		file []byte
		want []diag.Code
	}{
		{"larger than the schema", good, nil},
		{"smaller than the schema", message(func(p capnp.PtrBuilder) { p.NewStruct(small).SetText(0, "x") }), nil},
		{"null root", message(func(capnp.PtrBuilder) {}), nil},
		{"list as root", message(func(p capnp.PtrBuilder) { p.SetText("x") }), []diag.Code{diag.EmbedMessage}},
		{"cut", good[:len(good)-8], []diag.Code{diag.EmbedMessage}},
		{"more behind", append(bytes.Clone(good), make([]byte, 8)...), []diag.Code{diag.EmbedMessage}},
		{"no whole words", append(bytes.Clone(good), 0), []diag.Code{diag.EmbedMessage}},
		{"empty", nil, []diag.Code{diag.EmbedMessage}},
		{"text", []byte("certainly not a message"), []diag.Code{diag.EmbedMessage}},
		{"pointer loop", frameOf("\x00\x00\x00\x00\x00\x00\x01\x00" + "\xfc\xff\xff\xff\x00\x00\x01\x00"), []diag.Code{diag.EmbedMessage}},
		{"pointer out of bounds", frameOf("\x00\x10\x00\x00\x00\x00\x01\x00"), []diag.Code{diag.EmbedMessage}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res := compile(t, map[string]string{
				"main.capnp": "struct S { n @0 :UInt32; t @1 :Text; }\nconst s :S = embed \"m.bin\";\nconst l :List(S) = [.s, (n = 1)];",
				"m.bin":      string(tt.file),
			}, nil)
			wantCodes(t, res, tt.want...)
		})
	}
}

// frameOf frames one segment.
func frameOf(words string) []byte {
	m := capnp.OpenMessage([][]byte{[]byte(words)}, nil)
	return frame.Marshal(m)
}

// TestEmbeddedMessageIsCopied: a constant has all that the message has, lists
// of every kind included.
func TestEmbeddedMessageIsCopied(t *testing.T) {
	mb := capnp.NewMessage(nil)
	b := mb.Root().NewStruct(capnp.StructSize{DataWords: 2, Pointers: 12})
	b.SetUint32(0, 7)
	b.SetUint64(8, 99)
	b.SetText(0, "hello")
	capnp.SetFieldList(b, 1, capnp.KindVoid, []struct{}{{}, {}})
	capnp.SetFieldList(b, 2, capnp.KindBool, []bool{true, false, true, true, false, false, false, false, true})
	capnp.SetFieldList(b, 3, capnp.KindUint8, []uint8{1, 2, 255})
	capnp.SetFieldList(b, 4, capnp.KindUint16, []uint16{1, 2, 65535})
	capnp.SetFieldList(b, 5, capnp.KindUint32, []uint32{1, 2, 1 << 31})
	capnp.SetFieldList(b, 6, capnp.KindUint64, []uint64{1, 2, 1 << 63})
	capnp.SetFieldList(b, 7, capnp.KindText, []string{"a", "", "c"})
	l := capnp.NewFieldStructList[capnp.StructBuilder](b, 8, capnp.StructSize{DataWords: 1, Pointers: 1}, 3)
	l.At(1).SetUint64(0, 5)
	l.At(2).SetText(0, "x")
	capnp.NewFieldStructList[capnp.StructBuilder](b, 9, capnp.StructSize{}, 2)
	capnp.NewFieldList[capnp.PtrBuilder](b, 10, capnp.KindPtr, 2).At(1).NewStruct(capnp.StructSize{Pointers: 1})

	res := compile(t, map[string]string{
		"main.capnp": "struct S { n @0 :UInt32; t @1 :Text; }\nconst s :S = embed \"m.bin\";\nconst l :List(S) = [.s];",
		"m.bin":      string(frame.Marshal(mb)),
	}, nil)
	wantCodes(t, res)
	for _, n := range res.Request.Nodes().All() {
		switch name := n.DisplayName(); {
		case n.Which() != schema.NodeWhichConst:
		case strings.HasSuffix(name, ":s"):
			got, want := &dumper{}, &dumper{}
			got.object(0, wire.Ptr(n.Const().Value().Struct()))
			want.object(0, wire.Ptr(mb.Root().Reader()))
			if diff := difference(got.b.String(), want.b.String()); diff != "" {
				t.Errorf("the constant (-), the message (+):\n%s", diff)
			}
		case strings.HasSuffix(name, ":l"): // only what the schema knows
			s := n.Const().Value().List().AnyList().Struct(0)
			if s.Uint32(0) != 7 || s.Uint64(8) != 0 || s.Text(0) != "hello" || s.HasPtr(1) {
				t.Errorf("%s: %d %d %q", name, s.Uint32(0), s.Uint64(8), s.Text(0))
			}
		}
	}
}

func TestIgnoreIssue344(t *testing.T) {
	text := "struct A { union { a @0 :UInt8; g :group { union { b @1 :UInt8; c @2 :UInt16; } } } }"
	wantCodes(t, compileText(t, text), diag.Issue344)
	wantCodes(t, compile(t, map[string]string{"main.capnp": text}, &compiler.Options{IgnoreIssue344: true}))
}

func BenchmarkCompileStandardSchemas(b *testing.B) {
	files := []string{"capnp/schema.capnp", "capnp/rpc.capnp", "capnp/rpc-twoparty.capnp", "capnp/persistent.capnp"}
	opt := &compiler.Options{Files: schemas.FS()}
	for b.Loop() {
		if res, err := compiler.Compile(files, opt); err != nil || !res.OK() {
			b.Fatal(err)
		}
	}
}
