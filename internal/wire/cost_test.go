package wire

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// Getters that are not inlined cost ten times as much, and nothing else tells that they are not.
func TestGettersAreInlined(t *testing.T) {
	if testing.Short() {
		t.Skip("builds packages")
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command: ", err)
	}
	for pkg, want := range map[string][]string{
		"lanyard.dev/internal/wire": {
			"Struct.Bool", "Struct.Uint8", "Struct.Uint16", "Struct.Uint32", "Struct.Uint64", "Struct.HasPtr", "Struct.Ptr",
			"Struct.IsNull", "List.Len", "List.Struct",
			"StructBuilder.Bool", "StructBuilder.Uint8", "StructBuilder.Uint16", "StructBuilder.Uint32", "StructBuilder.Uint64",
			"ListBuilder.Len", "ListBuilder.Struct",
		},
		"lanyard.dev/capnp": {
			"Struct.Bool", "Struct.Uint8", "Struct.Uint16", "Struct.Uint32", "Struct.Uint64", "Struct.HasPtr", "Struct.Ptr",
			"Struct.Struct", "Struct.Text", "Struct.TextBytes", "Struct.Data", "Struct.AnyList", "Struct.When",
			"Ptr.Struct", "Ptr.Text", "AnyList.Len", "AnyList.Struct",
			"StructBuilder.Bool", "StructBuilder.Uint64", "StructBuilder.SetBool", "StructBuilder.SetUint8",
			"StructBuilder.SetUint16", "StructBuilder.SetUint32", "StructBuilder.SetUint64", "StructBuilder.ClearPtr",
		},
	} {
		cmd := exec.Command(goTool, "build", "-gcflags=-m", pkg)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, out)
		}
		can := map[string]bool{}
		for _, m := range regexp.MustCompile(`(?m)can inline (\S+)$`).FindAllStringSubmatch(string(out), -1) {
			can[strings.NewReplacer("(", "", ")", "", "*", "").Replace(m[1])] = true
		}
		for _, f := range want {
			if !can[f] {
				t.Errorf("%s: %s is not inlined", pkg, f)
			}
		}
	}
}

func readerSample() (*Message, Struct) {
	mb := NewMessageBuilder(BuilderOptions{})
	s := mb.Root().NewStruct(Size{4, 4})
	s.SetUint64(0, 1)
	s.Ptr(0).NewStruct(Size{2, 0})
	s.Ptr(1).SetText("some text")
	SetScalars(s.Ptr(2).NewList(Kind64, 4), []uint64{1, 2, 3, 4})
	s.Ptr(3).NewStructList(Size{1, 1}, 4)
	m := NewMessage(mb.Segments(), Limits{TraversalWords: 1 << 60})
	return m, m.Root().Struct()
}

func TestReadingAllocatesNothing(t *testing.T) {
	m, s := readerSample()
	if n := testing.AllocsPerRun(100, func() {
		r := m.Root().Struct()
		_ = r.Uint64(0) + uint64(r.Uint32(8)) + uint64(r.Uint8(9))
		_ = r.Bool(3)
		_ = r.Struct(0).Uint64(8)
		_, _ = r.Text(1)
		_, _ = r.Bytes(1)
		l := s.List(2, Kind64)
		for i := range l.Len() {
			_ = At[uint64](l, i)
		}
		c := s.List(3, KindStruct)
		for i := range c.Len() {
			_ = At[Struct](c, i).Struct(0)
		}
		_ = r.Ptr(3).Kind()
		_ = Fits[uint64](Kind64) && Fits[Struct](KindStruct)
		if m.Err() != nil {
			t.Fatal(m.Err())
		}
	}); n != 0 {
		t.Errorf("reading allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		m.left.Store(1 << 40)
		if m.Verify() != nil {
			t.Fatal(m.Err())
		}
	}); n != 0 {
		t.Errorf("Verify allocates %v times", n)
	}
}

func TestBuildingAllocatesOnlyMemory(t *testing.T) {
	mb := NewMessageBuilder(BuilderOptions{FirstWords: 1 << 16})
	if n := testing.AllocsPerRun(100, func() {
		s := mb.Root().NewStruct(Size{2, 2})
		s.SetUint64(0, 1)
		s.SetBool(100, true)
		s.Ptr(0).SetText("some text")
		SetScalars(s.Ptr(1).NewList(Kind16, 3), []int16{1, 2, 3})
	}); n != 0 {
		t.Errorf("building allocates %v times", n)
	}
	if mb.Err() != nil {
		t.Fatal(mb.Err())
	}
}

var sink uint64

// The yardstick for the other figures on a busy machine.
func BenchmarkPlainLoop(b *testing.B) {
	v := []uint64{1, 2, 3, 4}
	n := uint64(0)
	for b.Loop() {
		for i := range 100 {
			n += v[i&3] + v[(i+1)&3] + v[(i+2)&3]
		}
	}
	sink += n
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/300, "ns/load")
}

func BenchmarkStructUint64(b *testing.B) {
	_, s := readerSample()
	n := uint64(0)
	for b.Loop() {
		for i := range uint32(100) {
			off := i & 1 * 8
			n += s.Uint64(off) + s.Uint64(off+8) + s.Uint64(off+16)
		}
	}
	sink += n
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/300, "ns/getter")
}

func BenchmarkStructPtr(b *testing.B) {
	for name, verified := range map[string]bool{"counted": false, "verified": true} {
		b.Run(name, func(b *testing.B) {
			m, s := readerSample()
			m.left.Store(unlimited - 1)
			if verified {
				m.left.Store(unlimited)
			}
			n := uint64(0)
			for b.Loop() {
				n += s.Struct(0).Uint64(0)
			}
			sink += n
		})
	}
}

func BenchmarkText(b *testing.B) {
	_, s := readerSample()
	n := 0
	for b.Loop() {
		t, _ := s.Text(1)
		n += len(t)
	}
	sink += uint64(n)
}

func BenchmarkListAt(b *testing.B) {
	mb := NewMessageBuilder(BuilderOptions{})
	mb.Root().NewStructList(Size{2, 1}, 1000)
	structs := mb.Seal().Root().List(KindStruct)
	mb = NewMessageBuilder(BuilderOptions{})
	mb.Root().NewList(Kind64, 1000)
	nums := mb.Seal().Root().List(Kind64)
	b.Run("struct", func(b *testing.B) {
		n := uint64(0)
		for b.Loop() {
			for i := range structs.Len() {
				n += At[Struct](structs, i).Uint64(8)
			}
		}
		sink += n
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/element")
	})
	b.Run("uint64", func(b *testing.B) {
		n := uint64(0)
		for b.Loop() {
			for i := range nums.Len() {
				n += At[uint64](nums, i)
			}
		}
		sink += n
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/element")
	})
}

func BenchmarkBuilderSet(b *testing.B) {
	mb := NewMessageBuilder(BuilderOptions{})
	s := mb.Root().NewStruct(Size{4, 0})
	for b.Loop() {
		for i := range uint64(100) {
			s.SetUint64(0, i)
			s.SetUint32(8, uint32(i))
			s.SetUint8(12, uint8(i))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/300, "ns/setter")
}

func BenchmarkBuildMessage(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		mb := NewMessageBuilder(BuilderOptions{FirstWords: 32})
		s := mb.Root().NewStruct(Size{2, 2})
		s.SetUint64(0, 1)
		s.Ptr(0).SetText("some text")
		s.Ptr(1).NewStruct(Size{1, 0}).SetUint64(0, 3)
		mb.Seal()
	}
}

func BenchmarkFits(b *testing.B) {
	b.Run("uint16", func(b *testing.B) {
		for b.Loop() {
			if !Fits[uint16](Kind16) {
				b.Fatal("does not fit")
			}
		}
	})
	b.Run("struct", func(b *testing.B) {
		for b.Loop() {
			if !Fits[Struct](KindStruct) {
				b.Fatal("does not fit")
			}
		}
	})
}
