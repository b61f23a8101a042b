package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	schema "lanyard.dev/capnp/schemas/rpc"
	"lanyard.dev/rpc"
)

// swap(pad, first, second) -> (present, third): writes "first" and "second" into what it is given, says
// in bits which it could, and returns one to read "third" from. keep(cap) keeps it; number(cap)
// returns what stands in the file.
var (
	swapSize     = capnp.StructSize{DataWords: 1, Pointers: 3}
	swapMethod   = capnp.NewMethod(capnp.MethodSpec{InterfaceID: 0xfd, MethodID: 0, InterfaceName: "t.capnp:F", MethodName: "swap", Params: swapSize, Results: swapSize, ResultsHaveCaps: true})
	keepMethod   = capnp.NewMethod(capnp.MethodSpec{InterfaceID: 0xfd, MethodID: 1, InterfaceName: "t.capnp:F", MethodName: "keep", Params: swapSize, Results: swapSize})
	numberMethod = capnp.NewMethod(capnp.MethodSpec{InterfaceID: 0xfd, MethodID: 2, InterfaceName: "t.capnp:F", MethodName: "number", Params: swapSize, Results: swapSize})
)

type fileServer struct {
	third func() *os.File

	mu   sync.Mutex
	kept []capnp.Client
}

func (s *fileServer) client(i int) capnp.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept[i]
}

func (s *fileServer) Impl() any { return s }
func (s *fileServer) FindMethod(i uint64, m uint16) *capnp.Method {
	if i != 0xfd || m > 2 {
		return nil
	}
	return []*capnp.Method{swapMethod, keepMethod, numberMethod}[m]
}
func (s *fileServer) Invoke(ctx context.Context, c *capnp.Call) error {
	p, r := c.ParamsStruct(), c.ResultsStruct()
	switch c.Method() {
	case keepMethod:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.kept = append(s.kept, p.Client(1))
		return nil
	case numberMethod:
		f, err := capnp.FileOf(ctx, p.Client(1))
		if err != nil {
			return err
		}
		defer f.Close()
		var n uint64
		b := make([]byte, 20)
		k, err := f.ReadAt(b, 0)
		if err != nil && err != io.EOF {
			return err
		}
		_, err = fmt.Sscan(string(b[:k]), &n)
		r.SetUint64(0, n)
		return err
	}
	present := uint64(0)
	for i, text := range []string{"first", "second"} {
		f, err := capnp.FileOf(ctx, p.Client(uint16(1+i)))
		if errors.Is(err, capnp.ErrNoFile) {
			continue
		}
		if err != nil {
			return err
		}
		present |= 1 << i
		_, err = f.WriteString(text)
		f.Close()
		if err != nil {
			return err
		}
	}
	r.SetUint64(0, present)
	r.SetData(0, p.Data(0))
	r.SetClient(1, capnp.NewServer(&filer{f: s.third()}))
	return nil
}

// filer is an object with a file.
type filer struct {
	server
	f *os.File
}

func (f *filer) Impl() any      { return f }
func (f *filer) File() *os.File { return f.f }

// openFiles counts the open files of this process.
func openFiles(t testing.TB) int {
	t.Helper()
	l, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(l)
}

// noMoreFiles waits until no more files are open than there were.
func noMoreFiles(t testing.TB, were int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); openFiles(t) > were; <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d files are open, %d were", openFiles(t), were)
		}
	}
}

func osPipe(t testing.TB) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

// unixPair returns the two ends of a unix socket.
func unixPair(t testing.TB) (a, b *net.UnixConn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out [2]*net.UnixConn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "socket")
		c, err := net.FileConn(f)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		out[i] = c.(*net.UnixConn)
	}
	return out[0], out[1]
}

// mincing is a transport that takes and gives bytes one by one, a file with the first.
type mincing struct{ rpc.FileTransport }

func (m mincing) ReadFiles(b []byte, most int) (int, []*os.File, error) {
	return m.FileTransport.ReadFiles(b[:1], most)
}
func (m mincing) WriteFiles(b []byte, files []*os.File) (int, error) {
	n, err := m.FileTransport.WriteFiles(b[:1], files)
	if err != nil {
		return n, err
	}
	more, err := m.Write(b[1:])
	return n + more, err
}
func (m mincing) Write(b []byte) (int, error) {
	for i := range b {
		if _, err := m.FileTransport.Write(b[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(b), nil
}

func swap(ctx context.Context, c T, pad int, first, second *os.File) capnp.Promise[capnp.Struct] {
	return capnp.Send[capnp.Struct](ctx, c.Client, swapMethod, func(b capnp.StructBuilder) {
		b.SetData(0, make([]byte, pad))
		b.SetClient(1, capnp.NewServer(&filer{f: first}))
		b.SetClient(2, capnp.NewServer(&filer{f: second}))
	})
}

func readAll(t testing.TB, r *os.File) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// C++: rpc-twoparty-test, "send FD over RPC": messages of several sizes, in one piece and in many;
// and "FD per message limit": with one file a message the second is simply not there.
func TestFiles(t *testing.T) {
	for _, c := range []struct {
		most, pad int
		mince     bool
		present   uint64
	}{
		{16, 0, false, 3}, {16, 1 << 10, false, 3}, {16, 100_000, false, 3}, {16, 3 << 20, false, 3},
		{16, 0, true, 3}, {16, 1 << 10, true, 3},
		{1, 0, false, 1}, {1, 100_000, false, 1}, {2, 0, false, 3}, {1000, 0, false, 3},
	} {
		t.Run(fmt.Sprintf("%d files/%d bytes/minced %v", c.most, c.pad, c.mince), func(t *testing.T) {
			were := openFiles(t)
			in1, out1 := osPipe(t)
			in2, out2 := osPipe(t)
			in3, out3 := osPipe(t)
			out3.WriteString("third")
			out3.Close()
			x, y := unixPair(t)
			var a, b io.ReadWriteCloser = x, y
			if c.mince {
				a, b = mincing{rpc.FilesOver(x)}, mincing{rpc.FilesOver(y)}
			}
			far := rpc.NewConn(b, &rpc.Options{Files: c.most, Bootstrap: capnp.NewServer(&fileServer{third: func() *os.File { return in3 }})})
			near := rpc.NewConn(a, &rpc.Options{Files: c.most})
			boot := rpc.Bootstrap[T](t.Context(), near)
			p := swap(t.Context(), boot, c.pad, out1, out2)
			f, err := capnp.FileOf(t.Context(), capnp.PipelineClient(p, 1)) // of a promise
			if err != nil {
				t.Fatal(err)
			}
			in3.Close() // it has come; whose it was does not matter any more
			if got := readAll(t, f); got != "third" {
				t.Errorf("returned %q", got)
			}
			f.Close()
			r, err := p.Wait()
			if err != nil || r.Uint64(0) != c.present {
				t.Errorf("present %b, %v; want %b", r.Uint64(0), err, c.present)
			}
			out1.Close()
			out2.Close()
			near.Close()
			far.Close()
			want := []string{"first", "second"}
			for i, in := range []*os.File{in1, in2} {
				if c.present&(1<<i) == 0 {
					want[i] = ""
				}
				if got := readAll(t, in); got != want[i] {
					t.Errorf("file %d got %q, want %q", i+1, got, want[i])
				}
				in.Close()
			}
			noMoreFiles(t, were)
		})
	}
}

// overUnix returns a client of s over a unix socket that carries files, and both connections.
func overUnix(t testing.TB, s capnp.Dispatcher, o rpc.Options) (T, *rpc.Conn, *rpc.Conn) {
	t.Helper()
	x, y := unixPair(t)
	o.Bootstrap = capnp.NewServer(s)
	far := rpc.NewConn(y, &o)
	near := rpc.NewConn(x, &rpc.Options{Files: 16})
	return rpc.Bootstrap[T](t.Context(), near), near, far
}

// Each file comes with its own message, whatever else is under way.
func TestFilesKeepTheirMessage(t *testing.T) {
	c, near, far := overUnix(t, &fileServer{}, rpc.Options{Files: 16, Limits: rpc.Limits{Files: 1000}})
	defer near.Close()
	defer far.Close()
	var calls []capnp.Promise[capnp.Struct]
	const n = 300
	for i := range n {
		f, err := os.Create(filepath.Join(t.TempDir(), "n"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(f, i)
		calls = append(calls, capnp.Send[capnp.Struct](t.Context(), c.Client, numberMethod, func(b capnp.StructBuilder) {
			b.SetData(0, make([]byte, i*i%10_000))
			b.SetClient(1, capnp.NewServer(&filer{f: f}))
		}))
		defer f.Close()
		if i%3 == 0 {
			capnp.Send[capnp.Struct](t.Context(), c.Client, keepMethod, func(b capnp.StructBuilder) { b.SetData(0, make([]byte, 7*i)) })
		}
	}
	for i, p := range calls {
		if r, err := p.Wait(); err != nil || r.Uint64(0) != uint64(i) {
			t.Fatalf("call %d: %d, %v", i, r.Uint64(0), err)
		}
	}
}

// A file is closed when the capability is released, at the latest with the connection; it
// travels on with the capability; and no more are held than the limit says.
func TestFilesAreReleased(t *testing.T) {
	were := openFiles(t)
	r, w := osPipe(t)
	s := &fileServer{}
	c, near, far := overUnix(t, s, rpc.Options{Files: 4, Limits: rpc.Limits{Files: 3}})
	base := openFiles(t)
	offer := capnp.NewServer(&filer{f: r})
	for i := range 5 {
		x := offer
		if i > 0 { // another object with the same file
			x = capnp.NewServer(&filer{f: r})
		}
		if _, err := capnp.Send[capnp.Struct](t.Context(), c.Client, keepMethod, func(b capnp.StructBuilder) { b.SetClient(1, x) }).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if got := openFiles(t) - base; got != 3 {
		t.Errorf("%d files held, want 3", got)
	}
	if _, err := capnp.FileOf(t.Context(), s.client(4)); !errors.Is(err, capnp.ErrNoFile) {
		t.Errorf("beyond the limit: %v", err)
	}

	// On to a third process.
	third := &fileServer{}
	c2, near2, far2 := overUnix(t, third, rpc.Options{Files: 4})
	if _, err := capnp.Send[capnp.Struct](t.Context(), c2.Client, keepMethod, func(b capnp.StructBuilder) { b.SetClient(1, s.client(0)) }).Wait(); err != nil {
		t.Fatal(err)
	}
	f, err := capnp.FileOf(t.Context(), third.client(0))
	if err != nil {
		t.Fatal(err)
	}
	w.WriteString("through two connections")
	w.Close()
	if got := readAll(t, f); got != "through two connections" {
		t.Errorf("read %q", got)
	}
	f.Close()
	third.client(0).Release()
	near2.Close()
	far2.Close()
	noMoreFiles(t, base+3-1) // w is closed

	s.client(1).Release()
	noMoreFiles(t, base+2-1)
	near.Close()
	far.Close()
	r.Close()
	noMoreFiles(t, were)
	if _, err := capnp.FileOf(t.Context(), s.client(0)); err == nil {
		t.Error("a file of a connection that is closed")
	}
}

// Without the option nothing comes and nothing is sent; over what carries no files it is an
// error.
func TestFilesAreOptional(t *testing.T) {
	were := openFiles(t)
	r, w := osPipe(t)
	for _, o := range []rpc.Options{{}, {Files: 4}} {
		s := &fileServer{}
		x, y := unixPair(t)
		far := rpc.NewConn(y, &rpc.Options{Files: o.Files, Bootstrap: capnp.NewServer(s)})
		near := rpc.NewConn(x, &rpc.Options{Files: 4 - o.Files})
		c := rpc.Bootstrap[T](t.Context(), near)
		base := openFiles(t)
		if _, err := capnp.Send[capnp.Struct](t.Context(), c.Client, keepMethod, func(b capnp.StructBuilder) {
			b.SetClient(1, capnp.NewServer(&filer{f: r}))
		}).Wait(); err != nil {
			t.Fatal(err)
		}
		if _, err := capnp.FileOf(t.Context(), s.client(0)); !errors.Is(err, capnp.ErrNoFile) {
			t.Errorf("receiving %d: %v", o.Files, err)
		}
		if got := openFiles(t); got != base {
			t.Errorf("receiving %d: %d files open, were %d", o.Files, got, base)
		}
		near.Close()
		far.Close()
	}
	r.Close()
	w.Close()
	noMoreFiles(t, were)

	a, b := net.Pipe()
	defer b.Close()
	conn := rpc.NewConn(a, &rpc.Options{Files: 1})
	<-conn.Done()
	if err := conn.Err(); !errors.Is(err, capnp.Unimplemented) {
		t.Errorf("over a pipe: %v", err)
	}
}

// T14: a peer that sends files with every byte makes us hold none but those that its capabilities
// came with.
func TestFilesFlood(t *testing.T) {
	were := openFiles(t)
	r, w := osPipe(t)
	defer w.Close()
	x, y := unixPair(t)
	far := rpc.NewConn(y, &rpc.Options{Files: 8, Limits: rpc.Limits{Files: 50}, Bootstrap: capnp.NewServer(&fileServer{})})
	base := openFiles(t)
	go io.Copy(io.Discard, x)
	fds := make([]int, 253)
	for i := range fds {
		fds[i] = int(r.Fd())
	}
	rights := syscall.UnixRights(fds...)
	export := uint32(0)
	most := 0
	for id := range uint32(400) {
		mb := capnp.NewMessage(nil)
		call := schema.NewRootMessage(mb).NewCall()
		call.SetQuestionId(id)
		call.NewTarget().NewPromisedAnswer().SetQuestionId(1 << 20) // does not exist: the call fails
		if id == 0 {
			mb = capnp.NewMessage(nil)
			schema.NewRootMessage(mb).NewBootstrap().SetQuestionId(id)
		} else {
			call.NewTarget().NewPromisedAnswer() // the bootstrap
			call.SetInterfaceId(0xfd)
			call.SetMethodId(1)
			table := call.NewParams().NewCapTable(10)
			for i := range 10 {
				table.At(i).SetSenderHosted(export)
				table.At(i).SetAttachedFd(uint8(i))
				export++
			}
		}
		b := frame.Marshal(mb)
		for len(b) > 0 { // in two pieces, files with both
			k := min(len(b), 16)
			if _, _, err := x.WriteMsgUnix(b[:k], rights, nil); err != nil {
				t.Fatalf("message %d: %v", id, err)
			}
			b = b[k:]
			if len(b) > 0 {
				if _, _, err := x.WriteMsgUnix(b, rights, nil); err != nil {
					t.Fatalf("message %d: %v", id, err)
				}
				b = nil
			}
		}
		most = max(most, openFiles(t)-base)
	}
	// 50 held, 8 of the message being read, and for a moment the 253 that came at once.
	if most > 50+8+253+10 {
		t.Errorf("%d files were open, want at most %d", most, 50+8+253+10)
	}
	r.Close()
	x.Close()
	far.Close()
	noMoreFiles(t, were+1) // w
}
