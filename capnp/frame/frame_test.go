package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/packed"
)

// sample is a message with a text, in as many segments as are asked for.
func sample(segments int, text string) *capnp.MessageBuilder {
	o := &capnp.BuilderOptions{}
	if segments > 1 {
		o = &capnp.BuilderOptions{FirstWords: 1, GrowWords: 1}
	}
	mb := capnp.NewMessage(o)
	s := capnp.NewRootStruct(mb, capnp.StructSize{DataWords: 1, Pointers: 1})
	s.SetUint64(0, uint64(segments))
	for len(mb.Segments()) < segments {
		s.SetText(0, "filler")
	}
	s.SetText(0, text)
	return mb
}

func checkSample(t *testing.T, what string, m *capnp.Message, text string) {
	t.Helper()
	if got := capnp.Root[capnp.Struct](m).Text(0); got != text || m.Err() != nil {
		t.Errorf("%s: text is %q, want %q; %v", what, got, text, m.Err())
	}
}

func TestRoundTrip(t *testing.T) {
	var stream, packedStream bytes.Buffer
	w := NewWriter(&stream)
	p := packed.NewWriter(&packedStream)
	pw := NewWriter(p)
	var texts []string
	for _, n := range []int{1, 2, 3, 4, 7, 100, 500} {
		for _, size := range []int{0, 1, 100, 20_000} {
			text := strings.Repeat("x", size)
			mb := sample(n, text)
			one := Marshal(mb)
			if len(one) != Size(mb) || len(one)%8 != 0 {
				t.Errorf("%d segments: Marshal gives %d bytes, Size %d", n, len(one), Size(mb))
			}
			if all := bytes.Join(Buffers(mb), nil); !bytes.Equal(all, one) {
				t.Errorf("%d segments: Buffers differs from Marshal", n)
			}
			m, rest, err := Unmarshal(append(one, "rest"...), nil)
			if err != nil || string(rest) != "rest" {
				t.Fatalf("%d segments: rest %q, %v", n, rest, err)
			}
			checkSample(t, fmt.Sprint(n, " segments"), m, text)
			if again := Marshal(m); !bytes.Equal(again, one) {
				t.Errorf("%d segments: a read message marshals differently", n)
			}
			if err := errors.Join(w.Write(mb), pw.Write(m)); err != nil {
				t.Fatal(err)
			}
			texts = append(texts, text)
		}
	}
	for name, in := range map[string]func() io.Reader{
		"stream":          func() io.Reader { return bytes.NewReader(stream.Bytes()) },
		"byte by byte":    func() io.Reader { return iotest.OneByteReader(bytes.NewReader(stream.Bytes())) },
		"half of it":      func() io.Reader { return iotest.HalfReader(bytes.NewReader(stream.Bytes())) },
		"data with EOF":   func() io.Reader { return iotest.DataErrReader(bytes.NewReader(stream.Bytes())) },
		"packed":          func() io.Reader { return packed.NewReader(bytes.NewReader(packedStream.Bytes())) },
		"packed, by byte": func() io.Reader { return packed.NewReader(iotest.OneByteReader(bytes.NewReader(packedStream.Bytes()))) },
	} {
		r := NewReader(in(), nil)
		for i, text := range texts {
			m, err := r.Read()
			if err != nil {
				t.Fatalf("%s, message %d: %v", name, i, err)
			}
			checkSample(t, name, m, text)
		}
		for range 2 {
			if m, err := r.Read(); m != nil || err != io.EOF {
				t.Errorf("%s: at the end: %v, %v", name, m, err)
			}
		}
	}
	r := NewReader(bytes.NewReader(stream.Bytes()), nil)
	r.Read()
	if r.Buffered() == 0 {
		t.Error("nothing is buffered after the first of many messages")
	}
}

func header(words ...uint32) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(words)-1))
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return append(b, make([]byte, -len(b)&7)...)
}

func TestBadTables(t *testing.T) {
	var many []uint32
	for range 511 {
		many = append(many, math.MaxUint32)
	}
	var most []uint32
	for range 512 {
		most = append(most, 1<<29-1)
	}
	count := func(n uint32) []byte {
		return append(binary.LittleEndian.AppendUint32(nil, n), make([]byte, 5000)...)
	}
	for _, test := range []struct {
		name string
		in   []byte
		err  error
	}{
		{"count 0xffffffff, which is 0 after adding 1", count(0xffff_ffff), ErrSegments},
		{"count 0xfffffffe", count(0xffff_fffe), ErrSegments},
		{"513 segments", count(512), ErrSegments},
		{"511 segments of 2^32-1 words", header(many...), ErrTooLarge},
		{"512 segments of 2^29-1 words", header(most...), ErrTooLarge},
		{"one segment of 2^29 words", header(1 << 29), ErrTooLarge},
		{"64 MiB and a word", header(8<<20 + 1), ErrTooLarge},
		{"64 MiB and a word in two", header(8<<20, 1), ErrTooLarge},
		{"64 MiB announced, nothing there", header(8 << 20), io.ErrUnexpectedEOF},
	} {
		if m, rest, err := Unmarshal(test.in, nil); m != nil || !errors.Is(err, test.err) || len(rest) != len(test.in) {
			t.Errorf("%s: Unmarshal: %v, want %v", test.name, err, test.err)
		}
		// A message behind it is not found: there is no way back into the stream.
		in := append(append([]byte{}, test.in...), Marshal(sample(1, "x"))...)
		r := NewReader(bytes.NewReader(in), nil)
		for range 3 {
			if m, err := r.Read(); m != nil || !errors.Is(err, test.err) {
				t.Errorf("%s: Read: %v, want %v", test.name, err, test.err)
			}
		}
	}
	if m, _, err := Unmarshal(header(most[:512]...), &Limits{Bytes: math.MaxInt64}); m != nil || err == nil {
		t.Errorf("without limit: %v", err)
	}
}

func TestLimitsAtTheirEdges(t *testing.T) {
	for _, n := range []int{1, 2, 5, 511} {
		mb := sample(n, "some text")
		one := Marshal(mb)
		n := len(mb.Segments())
		size := int64(len(one) - tableBytes(n))
		for _, test := range []struct {
			limits Limits
			err    error
		}{
			{Limits{Bytes: size, Segments: n}, nil},
			{Limits{Bytes: size + 1, Segments: n + 1}, nil},
			{Limits{Bytes: size - 1}, ErrTooLarge},
			{Limits{Segments: n - 1}, ErrSegments},
		} {
			if n == 1 && test.err == ErrSegments {
				continue // zero means the default
			}
			l := test.limits
			if _, _, err := Unmarshal(one, &l); !errors.Is(err, test.err) {
				t.Errorf("%d segments: Unmarshal: %v, want %v", n, err, test.err)
			}
			if _, err := NewReader(bytes.NewReader(one), &l).Read(); !errors.Is(err, test.err) {
				t.Errorf("%d segments: Read: %v, want %v", n, err, test.err)
			}
			if _, err := NewReader(packed.NewReader(bytes.NewReader(packed.Pack(nil, one))), &l).Read(); !errors.Is(err, test.err) {
				t.Errorf("%d segments, packed: Read: %v, want %v", n, err, test.err)
			}
		}
	}
	// The limits of reading reach the message, whichever way it came.
	one := Marshal(sample(1, "some text"))
	l := &Limits{Message: capnp.Limits{TraversalWords: 1}}
	m, _, _ := Unmarshal(one, l)
	if err := m.Verify(); !errors.Is(err, capnp.ErrLimit) {
		t.Errorf("Unmarshal: %v", err)
	}
	m, _ = NewReader(bytes.NewReader(one), l).Read()
	if err := m.Verify(); !errors.Is(err, capnp.ErrLimit) {
		t.Errorf("Read: %v", err)
	}
}

func TestTruncatedEverywhere(t *testing.T) {
	for _, n := range []int{1, 2, 5} {
		one := Marshal(sample(n, "some text"))
		pack := packed.Pack(nil, one)
		for i := range len(one) {
			if m, _, err := Unmarshal(one[:i], nil); m != nil || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%d segments cut at %d: Unmarshal: %v", n, i, err)
			}
			want := io.ErrUnexpectedEOF
			if i == 0 {
				want = io.EOF
			}
			if m, err := NewReader(bytes.NewReader(one[:i]), nil).Read(); m != nil || !errors.Is(err, want) {
				t.Errorf("%d segments cut at %d: Read: %v", n, i, err)
			}
			cut := errors.New("cable cut")
			r := io.MultiReader(bytes.NewReader(one[:i]), iotest.ErrReader(cut))
			if m, err := NewReader(r, nil).Read(); m != nil || err != cut {
				t.Errorf("%d segments and an error at %d: Read: %v", n, i, err)
			}
		}
		for i := range len(pack) {
			m, err := NewReader(packed.NewReader(bytes.NewReader(pack[:i])), nil).Read()
			if m != nil || i > 0 && !errors.Is(err, io.ErrUnexpectedEOF) || i == 0 && err != io.EOF {
				t.Errorf("%d segments cut at packed byte %d: Read: %v", n, i, err)
			}
		}
	}
}

// Nothing and nulls are messages, too.
func TestEmptyMessages(t *testing.T) {
	m, _, err := Unmarshal(make([]byte, 16), nil)
	if err != nil || !m.Root().IsNull() || len(m.Segments()) != 1 {
		t.Errorf("all zero: %v, %v", m, err)
	}
	m, _, err = Unmarshal(header(1, 0)[:16], nil)
	if !errors.Is(err, io.ErrUnexpectedEOF) || m != nil {
		t.Errorf("two segments, cut: %v", err)
	}
	if m, _, err := Unmarshal(header(make([]uint32, 512)...), nil); err != nil || len(m.Segments()) != 512 {
		t.Errorf("512 empty segments: %v", err)
	}
	m, rest, err := Unmarshal(append(header(0, 1, 0), make([]byte, 8)...), nil)
	if err != nil || len(rest) != 0 || !m.Root().IsNull() || m.Err() == nil {
		t.Errorf("first segment empty: %v, %v", err, m.Err())
	}
}

// Buffers grow with the bytes that come, not with those that are announced.
func TestMemoryGrowsWithInput(t *testing.T) {
	in := append(header(8<<20), make([]byte, 100<<10)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const tries = 50
	for range tries {
		if _, err := NewReader(bytes.NewReader(in), nil).Read(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / tries; each > 500<<10 {
		t.Errorf("64 MiB announced, 100 KiB sent: %d KiB allocated", each>>10)
	}
	l := &Limits{Segments: 1 << 30}
	in = append(binary.LittleEndian.AppendUint32(nil, 1<<28), make([]byte, 100)...)
	runtime.ReadMemStats(&before)
	if _, err := NewReader(bytes.NewReader(in), l).Read(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("1 GiB of table announced: %d KiB allocated", n>>10)
	}
}

// Each message has memory of its own and of its size, so that keeping a part of it keeps nothing else.
func TestMessagesHaveTheirOwnMemory(t *testing.T) {
	var in []byte
	for i := range 20 {
		in = Append(in, sample(1, fmt.Sprint("text ", i)))
	}
	r := NewReader(bytes.NewReader(in), nil)
	var texts [][]byte
	for {
		m, err := r.Read()
		if err == io.EOF {
			break
		}
		texts = append(texts, capnp.Root[capnp.Struct](m).TextBytes(0))
		if s := m.Segments()[0]; cap(s) != len(s) {
			t.Errorf("a segment of %d bytes can grow to %d", len(s), cap(s))
		}
	}
	for i := range in {
		in[i] = 0xff
	}
	for i, text := range texts {
		if want := fmt.Sprint("text ", i); string(text) != want {
			t.Errorf("text is %q, want %q", text, want)
		}
	}
}

type failingWriter struct{ left int }

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

func TestWriterErrors(t *testing.T) {
	mb := sample(3, "text")
	for i := range Size(mb) {
		if err := NewWriter(&failingWriter{i}).Write(mb); err != io.ErrClosedPipe {
			t.Errorf("writer fails after %d bytes: %v", i, err)
		}
	}
	small := capnp.NewMessage(&capnp.BuilderOptions{MaxWords: 3})
	capnp.NewRootStruct(small, capnp.StructSize{DataWords: 9})
	if err := NewWriter(io.Discard).Write(small); !errors.Is(err, capnp.ErrTooLarge) {
		t.Errorf("a builder with an error is written: %v", err)
	}
}

func TestReadAllocations(t *testing.T) {
	one := Marshal(sample(1, "text"))
	in := bytes.NewReader(nil)
	r := NewReader(in, nil)
	if n := testing.AllocsPerRun(100, func() {
		in.Reset(one)
		if _, err := r.Read(); err != nil {
			t.Fatal(err)
		}
	}); n > 3 {
		t.Errorf("%v allocations for a message of one segment, want memory, message and a list of segments", n)
	}
}

// The same bytes give the same messages from memory and from a stream in any chunking, and a message that was read
// marshals to what it was read from.
func FuzzRead(f *testing.F) {
	f.Add(Marshal(sample(1, "text")))
	f.Add(Marshal(sample(2, "text")))
	f.Add(append(Marshal(sample(3, "text")), Marshal(sample(1, ""))...))
	f.Add(header(0))
	f.Add(header(0, 0))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	f.Add(make([]byte, 64))
	f.Fuzz(func(t *testing.T, in []byte) {
		l := &Limits{Bytes: 1 << 16, Segments: 10}
		readers := []*Reader{
			NewReader(bytes.NewReader(in), l),
			NewReader(iotest.OneByteReader(bytes.NewReader(in)), l),
			NewReaderSize(iotest.HalfReader(bytes.NewReader(in)), l, 16),
		}
		for rest := in; ; {
			m, next, err := Unmarshal(rest, l)
			for i, r := range readers {
				got, err2 := r.Read()
				if (err == nil) != (err2 == nil) {
					t.Fatalf("Unmarshal says %v, reader %d %v", err, i, err2)
				}
				if err == nil && !bytes.Equal(Marshal(got), Marshal(m)) {
					t.Fatalf("reader %d reads another message", i)
				}
			}
			if err != nil {
				return
			}
			one := Marshal(m)
			if was := rest[:len(rest)-len(next)]; !bytes.Equal(one[tableBytes(len(m.Segments())):], was[tableBytes(len(m.Segments())):]) || len(one) != len(was) {
				t.Fatalf("read %x, marshalled %x", was, one)
			}
			m.Verify()
			rest = next
		}
	})
}

func BenchmarkRead(b *testing.B) {
	for _, size := range []int{10, 1000, 100_000, 10_000_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			one := Marshal(sample(1, strings.Repeat("x", size)))
			in := bytes.NewReader(nil)
			r := NewReader(in, nil)
			b.SetBytes(int64(len(one)))
			b.ReportAllocs()
			for b.Loop() {
				in.Reset(one)
				if _, err := r.Read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
