package record_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	schema "lanyard.dev/capnp/schemas/rpc"
	"lanyard.dev/rpc"
	"lanyard.dev/rpc/record"
)

var (
	size   = capnp.StructSize{DataWords: 1, Pointers: 2}
	method = capnp.NewMethod(capnp.MethodSpec{InterfaceID: 0xabc, MethodID: 3, Params: size, Results: size, ResultsHaveCaps: true})
)

type thing struct{ capnp.Client }

// echo returns its first parameter and itself; a nonzero number makes it fail.
type echo struct{}

func (e *echo) Impl() any                               { return e }
func (e *echo) FindMethod(uint64, uint16) *capnp.Method { return method }
func (e *echo) Invoke(_ context.Context, c *capnp.Call) error {
	if c.ParamsStruct().Uint64(0) != 0 {
		return &capnp.Exception{Kind: capnp.Overloaded, Reason: "reason", Details: []capnp.Detail{{ID: 7, Data: []byte("secret detail")}}}
	}
	c.ResultsStruct().SetText(0, c.ParamsStruct().Text(0))
	c.ResultsStruct().SetClient(1, c.Self())
	return nil
}

// conversation is a bootstrap, a call with "secret" both ways and one that fails.
func conversation(t *testing.T, rec *record.Recorder) {
	t.Helper()
	x, y := net.Pipe()
	boot := capnp.NewServer(&echo{})
	a, b := rpc.NewConn(rec.Wrap("pipe", x), nil), rpc.NewConn(y, &rpc.Options{Bootstrap: boot})
	boot.Release()
	c := rpc.Bootstrap[thing](t.Context(), a)
	send := func(n uint64) error {
		p := capnp.Send[capnp.Struct](t.Context(), c.Client, method, func(b capnp.StructBuilder) {
			b.SetUint64(0, n)
			b.SetText(0, "secret")
		})
		_, err := p.Wait()
		p.Release()
		return err
	}
	if err := send(0); err != nil {
		t.Fatal(err)
	}
	if err := send(0x0ddba11c0ffee); !errors.Is(err, capnp.Overloaded) {
		t.Fatal(err)
	}
	c.Release()
	a.Close()
	b.Close()
}

func read(t testing.TB, b []byte) (out []record.Record, err error) {
	r, err := record.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	for rec, err := range r.All() {
		if err != nil {
			return out, err
		}
		out = append(out, rec)
	}
	return out, nil
}

// describe is a record in short, with what the message is.
func describe(t *testing.T, r record.Record) string {
	if r.Kind != record.Received && r.Kind != record.Sent {
		return fmt.Sprintf("%d %s %q", r.Conn, r.Kind, r.Data)
	}
	m, rest, err := frame.Unmarshal(r.Data, nil)
	if err != nil || len(rest) > 0 {
		t.Fatalf("%v: %v, %d bytes left", r, err, len(rest))
	}
	root := capnp.Root[schema.Message](m)
	var s strings.Builder
	s.WriteString(fmt.Sprintf("%d %s %s", r.Conn, r.Kind, root.Which()))
	switch root.Which() {
	case schema.MessageWhichCall:
		c := root.Call()
		s.WriteString(fmt.Sprintf(" %d %#x.%d on %s", c.QuestionId(), c.InterfaceId(), c.MethodId(), c.Target().Which()))
	case schema.MessageWhichReturn:
		ret := root.Return()
		s.WriteString(fmt.Sprintf(" %d %s", ret.AnswerId(), ret.Which()))
		switch ret.Which() {
		case schema.ReturnWhichResults:
			for _, d := range ret.Results().CapTable().All() {
				s.WriteString(" " + d.Which().String())
			}
		case schema.ReturnWhichException:
			x := ret.Exception()
			s.WriteString(fmt.Sprintf(" %s %s, detail %d", x.Type(), x.Reason(), x.Details().At(0).DetailId()))
		}
	}
	return s.String()
}

func TestRecord(t *testing.T) {
	for _, contents := range []bool{false, true} {
		var file bytes.Buffer
		rec, err := record.New(&file, &record.Options{Contents: contents})
		if err != nil {
			t.Fatal(err)
		}
		conversation(t, rec)
		if err := rec.Err(); err != nil {
			t.Fatal(err)
		}
		records, err := read(t, file.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		last := time.Duration(0)
		for _, r := range records {
			if s := describe(t, r); !strings.Contains(s, "finish") && !strings.Contains(s, "release") {
				got = append(got, s)
			}
			if r.At < last {
				t.Errorf("%s is earlier than what stands before it", describe(t, r))
			}
			last = r.At
			if message := r.Kind == record.Sent || r.Kind == record.Received; message && r.LeftOut == contents {
				t.Errorf("contents %v, left out %v", contents, r.LeftOut)
			} else if message && (r.Size == 0 || contents && r.Size != len(r.Data)) {
				t.Errorf("%d bytes on the wire, %d of data", r.Size, len(r.Data))
			}
		}
		want := strings.Split(`1 opened "pipe"
1 sent bootstrap
1 sent call 1 0xabc.3 on promisedAnswer
1 received return 0 results senderHosted
1 received return 1 results senderHosted
1 sent call 0 0xabc.3 on importedCap
1 received return 0 exception overloaded reason, detail 7
1 closed ""`, "\n")
		// The call may have waited to be sent until the bootstrap capability was there.
		late := slices.Clone(want)
		late[2], late[3] = late[3], late[2]
		if g, w := normal(got), normal(want); g != w && g != normal(late) {
			t.Errorf("got:\n%s\nwant:\n%s", g, w)
		}
		for _, secret := range []string{"secret", "\xee\xff\xc0\x11\xba\xdd"} {
			if n := bytes.Count(file.Bytes(), []byte(secret)); (n > 0) != contents {
				t.Errorf("contents %v, but %d times %q", contents, n, secret)
			}
		}
	}
}

// normal makes the ids alike, which depend on timing.
func normal(lines []string) string {
	s := strings.Join(lines, "\n")
	for _, r := range []string{"call 0", "call 1", "call 2", "return 0", "return 1", "return 2"} {
		s = strings.ReplaceAll(s, r, strings.Fields(r)[0])
	}
	s = strings.ReplaceAll(s, "promisedAnswer", "importedCap")
	return s
}

// A recording that was cut off anywhere gives what is whole, and says so.
func TestTruncated(t *testing.T) {
	var file bytes.Buffer
	rec, _ := record.New(&file, nil)
	conversation(t, rec)
	whole, err := read(t, file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	clean := 0
	for n := range file.Len() {
		got, err := read(t, file.Bytes()[:n])
		switch {
		case n < 16:
			if !errors.Is(err, record.ErrFormat) {
				t.Fatalf("%d bytes: %v", n, err)
			}
			continue
		case err == nil:
			clean++
		case err != io.ErrUnexpectedEOF:
			t.Fatalf("%d bytes: %v", n, err)
		}
		if len(got) > len(whole) {
			t.Fatalf("%d bytes: %d records", n, len(got))
		}
	}
	if clean != len(whole) {
		t.Errorf("%d cuts between records, want %d", clean, len(whole))
	}
}

// wire is a transport whose reads come from a string.
type wire struct {
	io.Reader
	io.Writer
}

func (wire) Close() error { return errors.New("why not") }

// What is no message is counted, and stored only with Contents; the stream goes on untouched.
func TestWhatIsNoMessage(t *testing.T) {
	bootstrap := func() string {
		mb := capnp.NewMessage(nil)
		schema.NewRootMessage(mb).NewBootstrap()
		return string(frame.Marshal(mb))
	}()
	for _, c := range []struct {
		name, in string
		contents bool
		want     string
	}{
		{"noise", bootstrap + "GET / HTTP/1.1\r\n\r\n", false, `received 48, receivedRest 8 "", closed 0 "why not"`},
		{"noise, contents", "GET /!", true, `receivedRest 6 "GET /!", closed 0 "why not"`},
		{"cut off", bootstrap + bootstrap[:20], false, `received 48, receivedRest 20 "", closed 0 "why not"`},
		{"too large", "\x00\x00\x00\x00\xff\xff\xff\x0f" + strings.Repeat("x", 100), false, `receivedRest 8 "", closed 0 "why not"`},
	} {
		var file bytes.Buffer
		rec, err := record.New(&file, &record.Options{Contents: c.contents})
		if err != nil {
			t.Fatal(err)
		}
		var sent bytes.Buffer
		w := rec.Wrap("", wire{strings.NewReader(c.in), &sent})
		passed, err := io.ReadAll(&slow{w})
		if err != nil || string(passed) != c.in {
			t.Errorf("%s: passed %q, %v", c.name, passed, err)
		}
		w.Close()
		records, err := read(t, file.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range records[1:] {
			s := fmt.Sprintf("%s %d", r.Kind, r.Size)
			if r.Kind != record.Received {
				s += fmt.Sprintf(" %q", r.Data)
			}
			got = append(got, s)
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("%s: got %s, want %s", c.name, s, c.want)
		}
	}
}

// slow reads eight bytes at a time at most.
type slow struct{ io.Reader }

func (s *slow) Read(b []byte) (int, error) { return s.Reader.Read(b[:min(len(b), 8)]) }

// At the bound a recording says that it ends, and the connection goes on.
func TestBound(t *testing.T) {
	for limit, want := range map[int64]record.Kind{100: record.Cut, 1 << 20: record.Closed} {
		var file bytes.Buffer
		rec, _ := record.New(&file, &record.Options{Bytes: limit})
		conversation(t, rec)
		records, err := read(t, file.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if got := records[len(records)-1].Kind; got != want {
			t.Errorf("bound %d: ends with %s, want %s", limit, got, want)
		}
		if n := int64(file.Len()); n > limit+64 {
			t.Errorf("bound %d: %d bytes", limit, n)
		}
	}
}

// full is a disk.
type full struct{ room int }

func (f *full) Write(b []byte) (int, error) {
	if f.room -= len(b); f.room < 0 {
		return 0, errors.New("disk full")
	}
	return len(b), nil
}

// A recorder that cannot write does not disturb the connection.
func TestWriterFails(t *testing.T) {
	rec, err := record.New(&full{100}, nil)
	if err != nil {
		t.Fatal(err)
	}
	conversation(t, rec)
	if err := rec.Err(); err == nil || err.Error() != "disk full" {
		t.Errorf("Err is %v", err)
	}
	if _, err := record.New(&full{1}, nil); err == nil {
		t.Error("New does not tell that it cannot write")
	}
}

// Connections that a listener accepts are recorded in one file.
func TestListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	rec, _ := record.New(&file, nil)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	boot := capnp.NewServer(&echo{})
	defer boot.Release()
	go func() { done <- rpc.Serve(ctx, rec.Listener(l), thing{boot}, nil) }()
	for range 2 {
		c, err := rpc.Dial(ctx, "tcp", l.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		b := rpc.Bootstrap[thing](ctx, c)
		if err := b.Resolve(ctx); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	records, err := read(t, file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for _, r := range records {
		n[fmt.Sprintf("%d %s", r.Conn, r.Kind)]++
	}
	for _, k := range []string{"1 opened", "2 opened", "1 closed", "2 closed"} {
		if n[k] != 1 {
			t.Errorf("%s: %d times, want once", k, n[k])
		}
	}
}

// The format, byte by byte.
func TestFormat(t *testing.T) {
	var file bytes.Buffer
	now := time.Unix(0, 0x1122)
	rec, _ := record.New(&file, &record.Options{Contents: true, Now: func() time.Time { now = now.Add(1); return now }})
	w := rec.Wrap("hi", wire{strings.NewReader(""), io.Discard})
	w.Write([]byte("\x00\x00\x00\x00\x01\x00\x00\x00wordword"))
	const want = "LANYREC\x01\x23\x11\x00\x00\x00\x00\x00\x00" +
		"\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00hi" +
		"\x02\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x03\x00\x00\x00\x10\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00wordword"
	if got := file.String(); got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

// FuzzReader: no file makes the reader panic, or allocate what is not there.
func FuzzReader(f *testing.F) {
	f.Add([]byte("LANYREC\x01\x23\x11\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00hi"))
	f.Fuzz(func(t *testing.T, b []byte) {
		records, _ := read(t, b)
		n := 0
		for _, r := range records {
			n += len(r.Data)
		}
		if n > len(b) {
			t.Errorf("%d bytes of data in a file of %d", n, len(b))
		}
	})
}

// FuzzTransport: whatever goes over a recorded transport, it passes, and the recording can be read.
func FuzzTransport(f *testing.F) {
	mb := capnp.NewMessage(nil)
	schema.NewRootMessage(mb).NewCall().NewParams()
	f.Add(frame.Marshal(mb))
	f.Fuzz(func(t *testing.T, b []byte) {
		var file bytes.Buffer
		rec, _ := record.New(&file, nil)
		w := rec.Wrap("", wire{bytes.NewReader(b), io.Discard})
		got, err := io.ReadAll(&slow{w})
		if err != nil || !bytes.Equal(got, b) {
			t.Fatalf("passed %q, %v", got, err)
		}
		if _, err := read(t, file.Bytes()); err != nil {
			t.Fatal(err)
		}
	})
}
