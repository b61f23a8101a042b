package packed

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"testing/iotest"
)

func rep(n int, b ...byte) []byte { return bytes.Repeat(b, n) }

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

var zero, full, some = rep(8, 0), rep(8, 7), []byte{8, 0, 0, 0, 3, 0, 2, 0}

// The forms that encoding.md, "Packing", defines, with runs around their limits.
var forms = []struct {
	name             string
	unpacked, packed []byte
}{
	{"nothing", nil, nil},
	{"one word", some, []byte{0x51, 8, 3, 2}},
	{"one zero word", zero, []byte{0, 0}},
	{"one full word", full, cat([]byte{0xff}, full, []byte{0})},
	{"four zero words", rep(32, 0), []byte{0, 3}},
	{"zeros between", cat(some, rep(16, 0), some), []byte{0x51, 8, 3, 2, 0, 1, 0x51, 8, 3, 2}},
	{"last byte only", []byte{0, 0, 0, 0, 0, 0, 0, 9}, []byte{0x80, 9}},
	{"seven bytes are no run", []byte{1, 2, 3, 4, 5, 6, 7, 0}, []byte{0x7f, 1, 2, 3, 4, 5, 6, 7}},
	{"one zero byte stays in a run", cat(full, []byte{1, 2, 3, 4, 5, 6, 7, 0}), cat([]byte{0xff}, full, []byte{1, 1, 2, 3, 4, 5, 6, 7, 0})},
	{"two zero bytes end a run", cat(full, []byte{1, 2, 3, 4, 5, 6, 0, 0}), cat([]byte{0xff}, full, []byte{0, 0x3f, 1, 2, 3, 4, 5, 6})},
	{"255 zero words", rep(255*8, 0), []byte{0, 254}},
	{"256 zero words", rep(256*8, 0), []byte{0, 255}},
	{"257 zero words", rep(257*8, 0), []byte{0, 255, 0, 0}},
	{"512 zero words", rep(512*8, 0), []byte{0, 255, 0, 255}},
	{"513 zero words", rep(513*8, 0), []byte{0, 255, 0, 255, 0, 0}},
	{"255 full words", rep(255, full...), cat([]byte{0xff}, full, []byte{254}, rep(254, full...))},
	{"256 full words", rep(256, full...), cat([]byte{0xff}, full, []byte{255}, rep(255, full...))},
	{"257 full words", rep(257, full...), cat([]byte{0xff}, full, []byte{255}, rep(255, full...), []byte{0xff}, full, []byte{0})},
}

// chunked reads at most n bytes at a time.
func chunked(b []byte, n int) io.Reader {
	if n == 0 {
		return bytes.NewReader(b)
	}
	return &chunks{b, n}
}

type chunks struct {
	b []byte
	n int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.n)], c.b)
	c.b = c.b[n:]
	return n, nil
}

// readAll reads with a buffer of the given size.
func readAll(r io.Reader, size int) ([]byte, error) {
	var out []byte
	p := make([]byte, size)
	for {
		n, err := r.Read(p)
		out = append(out, p[:n]...)
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return out, err
		}
	}
}

func TestForms(t *testing.T) {
	for _, f := range forms {
		if got := Pack(nil, f.unpacked); !bytes.Equal(got, f.packed) {
			t.Errorf("%s: Pack = %x, want %x", f.name, got, f.packed)
		}
		if got, err := Unpack(nil, f.packed); err != nil || !bytes.Equal(got, f.unpacked) {
			t.Errorf("%s: Unpack = %x, %v, want %x", f.name, got, err, f.unpacked)
		}
		if n, err := UnpackedSize(f.packed); err != nil || n != int64(len(f.unpacked)) {
			t.Errorf("%s: UnpackedSize = %d, %v, want %d", f.name, n, err, len(f.unpacked))
		}
	}
}

// Runs of each kind and many lengths, with all chunkings of reader and writer.
func TestRunsInAllChunkings(t *testing.T) {
	for _, word := range [][]byte{zero, full, some} {
		for _, n := range []int{1, 2, 254, 255, 256, 257, 510, 511, 512, 1000} {
			for _, end := range [][]byte{nil, zero, full, some} {
				src := cat(rep(n, word...), end)
				packed := Pack(nil, src)
				for _, size := range []int{1, 3, 7, 8, 9, 64, 2049, 1 << 16} {
					for _, in := range []int{0, 1, 5} {
						got, err := readAll(NewReader(chunked(packed, in)), size)
						if err != nil || !bytes.Equal(got, src) {
							t.Fatalf("%d × %x + %x, reads of %d from chunks of %d: %d bytes, %v, want %d", n, word, end, size, in, len(got), err, len(src))
						}
					}
					var buf bytes.Buffer
					w := NewWriter(&buf)
					for rest := src; len(rest) > 0; {
						k := min(size, len(rest))
						if m, err := w.Write(rest[:k]); m != k || err != nil {
							t.Fatalf("Write = %d, %v", m, err)
						}
						rest = rest[k:]
					}
					if err := w.Close(); err != nil {
						t.Fatal(err)
					}
					if got, err := Unpack(nil, buf.Bytes()); err != nil || !bytes.Equal(got, src) {
						t.Fatalf("%d × %x + %x, writes of %d: %d bytes, %v, want %d", n, word, end, size, len(got), err, len(src))
					}
				}
			}
		}
	}
}

// Every proper prefix of packed data ends either after a whole word or unexpectedly.
func TestTruncation(t *testing.T) {
	src := cat(some, rep(3, zero...), rep(4, full...), some, full, zero)
	packed := Pack(nil, src)
	clean := 0
	for i := range len(packed) {
		got, err := Unpack(nil, packed[:i])
		if !bytes.HasPrefix(src, got) {
			t.Errorf("prefix %d unpacks to %x", i, got)
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("prefix %d: %v", i, err)
		}
		if err == nil {
			clean++
		}
		if _, err2 := UnpackedSize(packed[:i]); (err2 == nil) != (err == nil) {
			t.Errorf("prefix %d: UnpackedSize says %v, Unpack %v", i, err2, err)
		}
		for _, size := range []int{1, 8, 100} {
			r, err2 := readAll(NewReader(bytes.NewReader(packed[:i])), size)
			if (err2 == nil) != (err == nil) || err2 != nil && !errors.Is(err2, io.ErrUnexpectedEOF) || !bytes.HasPrefix(src, r) {
				t.Errorf("prefix %d, reads of %d: %v, Unpack %v", i, size, err2, err)
			}
		}
	}
	if clean != 6 {
		t.Errorf("%d prefixes are whole, want 6", clean)
	}
}

func TestReaderPassesErrorsOn(t *testing.T) {
	packed := Pack(nil, cat(some, rep(10, full...)))
	for i := range len(packed) {
		want := errors.New("cable cut")
		r := NewReader(io.MultiReader(bytes.NewReader(packed[:i]), iotest.ErrReader(want)))
		got, err := io.ReadAll(r)
		if err != want {
			t.Errorf("after %d bytes: %x, %v", i, got, err)
		}
		if _, err := r.Read(make([]byte, 1)); err != want {
			t.Errorf("after %d bytes, again: %v", i, err)
		}
	}
	r := NewReader(iotest.DataErrReader(bytes.NewReader(packed)))
	if got, err := io.ReadAll(r); err != nil || len(got) != 11*8 {
		t.Errorf("end with the last data: %d bytes, %v", len(got), err)
	}
	if n, err := NewReader(bytes.NewReader(packed)).Read(nil); n != 0 || err != nil {
		t.Errorf("Read(nil) = %d, %v", n, err)
	}
	// A bufio.Reader is used as it is: what follows can still be read.
	b := bufio.NewReader(bytes.NewReader(cat(Pack(nil, some), []byte("rest"))))
	if got, err := io.ReadAll(io.LimitReader(NewReader(b), 8)); err != nil || !bytes.Equal(got, some) {
		t.Errorf("%x, %v", got, err)
	}
	if rest, _ := io.ReadAll(b); string(rest) != "rest" {
		t.Errorf("rest is %q", rest)
	}
}

// A word that is there is delivered without waiting for the next.
func TestReaderDoesNotWait(t *testing.T) {
	pr, pw := io.Pipe()
	defer pr.Close()
	go pw.Write(Pack(nil, some))
	p := make([]byte, 100)
	if n, err := NewReader(pr).Read(p); n != 8 || err != nil {
		t.Errorf("Read = %d, %v", n, err)
	}
}

type failingWriter struct{ left int }

func (w *failingWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		return w.left, io.ErrShortWrite
	}
	w.left -= len(p)
	return len(p), nil
}

func TestWriterErrors(t *testing.T) {
	for _, sizes := range [][]int{{100 * 8}, {4, 4}, {4, 100 * 8}} {
		w := NewWriter(&failingWriter{})
		var err error
		for _, n := range sizes {
			_, err = w.Write(rep(n, 1))
		}
		if err != io.ErrShortWrite {
			t.Errorf("writes of %v: %v", sizes, err)
		}
	}
	w := NewWriter(io.Discard)
	w.Write([]byte{1, 2, 3})
	if err := w.Close(); err != ErrLength {
		t.Errorf("Close after 3 bytes: %v", err)
	}
}

// What C++ calls a bomb: each two bytes are two KiB. A reader holds none of it.
func TestBomb(t *testing.T) {
	bomb := rep(1e5, 0, 255)
	if n, err := UnpackedSize(bomb); n != 1e5*2048 || err != nil {
		t.Errorf("UnpackedSize = %d, %v", n, err)
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{NewReader(bytes.NewReader(bomb))}, make([]byte, 4096))
	if n != 1e5*2048 || err != nil {
		t.Errorf("read %d, %v", n, err)
	}
}

func TestRandomData(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		src := make([]byte, r.IntN(300)*8)
		density := r.IntN(9)
		for i := range src {
			if r.IntN(8) < density {
				src[i] = byte(r.Uint32())
			}
		}
		packed := Pack(nil, src)
		if got, err := Unpack([]byte("x"), packed); err != nil || string(got) != "x"+string(src) {
			t.Fatalf("%x: %x, %v", src, got, err)
		}
		if len(packed) > len(src)+len(src)/8/4+10 {
			t.Fatalf("%d bytes became %d", len(src), len(packed))
		}
	}
}

func Example() {
	packed := Pack(nil, []byte{1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0})
	fmt.Printf("%x\n", packed)
	r := NewReader(bytes.NewReader(packed))
	io.Copy(hexWriter{}, r)
	// Output:
	// 8101020000
	// 01000000000000020000000000000000
}

type hexWriter struct{}

func (hexWriter) Write(p []byte) (int, error) {
	fmt.Fprintf(os.Stdout, "%x\n", p)
	return len(p), nil
}

// Any bytes unpack the same way through Unpack and through a Reader, however they arrive; what unpacks can be packed.
func FuzzUnpack(f *testing.F) {
	for _, form := range forms {
		f.Add(form.packed, uint8(3))
	}
	f.Add([]byte{0xff, 1, 2, 3}, uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, chunk uint8) {
		want, err := Unpack(nil, in)
		size, sizeErr := UnpackedSize(in)
		if (err == nil) != (sizeErr == nil) || err == nil && size != int64(len(want)) {
			t.Fatalf("UnpackedSize = %d, %v; Unpack %d bytes, %v", size, sizeErr, len(want), err)
		}
		for _, c := range []int{0, 1, int(chunk)} {
			for _, size := range []int{1 + int(chunk), 8, 4096} {
				got, err2 := readAll(NewReader(chunked(in, c)), size)
				if (err == nil) != (err2 == nil) || err == nil && !bytes.Equal(got, want) {
					t.Fatalf("chunks of %d, reads of %d: %d bytes, %v; want %d, %v", c, size, len(got), err2, len(want), err)
				}
			}
		}
		if err != nil {
			return
		}
		if again, err := Unpack(nil, Pack(nil, want)); err != nil || !bytes.Equal(again, want) {
			t.Fatalf("packed and unpacked: %x, %v, want %x", again, err, want)
		}
	})
}

// Any words survive packing, however they are written.
func FuzzPack(f *testing.F) {
	for _, form := range forms {
		f.Add(form.unpacked, uint8(9))
	}
	f.Fuzz(func(t *testing.T, in []byte, chunk uint8) {
		src := in[:len(in)&^7]
		packed := Pack(nil, in)
		if got, err := Unpack(nil, packed); err != nil || !bytes.Equal(got, src) {
			t.Fatalf("got %x, %v, want %x", got, err, src)
		}
		for _, c := range []int{len(in), 1, int(chunk) + 1} {
			var buf bytes.Buffer
			w := NewWriter(&buf)
			for rest := in; len(rest) > 0; rest = rest[min(c, len(rest)):] {
				w.Write(rest[:min(c, len(rest))])
			}
			if err := w.Close(); (err == nil) != (len(in)%8 == 0) {
				t.Fatalf("Close: %v after %d bytes", err, len(in))
			}
			if got, err := Unpack(nil, buf.Bytes()); err != nil || !bytes.Equal(got, src) {
				t.Fatalf("writes of %d: got %x, %v, want %x", c, got, err, src)
			}
			if c == len(in) && !bytes.Equal(buf.Bytes(), packed) {
				t.Fatalf("one write packs to %x, Pack to %x", buf.Bytes(), packed)
			}
		}
	})
}

func BenchmarkPack(b *testing.B) {
	for _, word := range []struct {
		name string
		word []byte
	}{{"zero", zero}, {"full", full}, {"some", some}} {
		src := rep(8192, word.word...)
		packed := Pack(nil, src)
		b.Run("pack "+word.name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			var dst []byte
			for b.Loop() {
				dst = Pack(dst[:0], src)
			}
		})
		b.Run("unpack "+word.name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			var dst []byte
			for b.Loop() {
				dst, _ = Unpack(dst[:0], packed)
			}
		})
	}
}
