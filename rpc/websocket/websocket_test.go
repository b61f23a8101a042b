package websocket_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	ws "github.com/coder/websocket"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/frame"
	schema "lanyard.dev/capnp/schemas/rpc"
	"lanyard.dev/rpc"
	"lanyard.dev/rpc/websocket"
)

// The test interface: echo(n, data) -> (n, data); wait() returns when the gate opens.
var (
	size       = capnp.StructSize{DataWords: 1, Pointers: 1}
	echoMethod = capnp.NewMethod(capnp.MethodSpec{InterfaceID: 0xabc, MethodID: 0, InterfaceName: "t.capnp:T", MethodName: "echo", Params: size, Results: size})
	waitMethod = capnp.NewMethod(capnp.MethodSpec{InterfaceID: 0xabc, MethodID: 1, InterfaceName: "t.capnp:T", MethodName: "wait", Params: size, Results: size})
)

type T struct{ capnp.Client }

type server struct {
	begun chan struct{}
	gate  chan struct{}
}

func newServer() *server { return &server{make(chan struct{}, 1), make(chan struct{})} }

func (s *server) Impl() any { return s }
func (s *server) FindMethod(i uint64, m uint16) *capnp.Method {
	if i != 0xabc || m > 1 {
		return nil
	}
	return []*capnp.Method{echoMethod, waitMethod}[m]
}
func (s *server) Invoke(ctx context.Context, c *capnp.Call) error {
	if c.Method() == waitMethod {
		c.Unblock()
		s.begun <- struct{}{}
		select {
		case <-s.gate:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	p, r := c.ParamsStruct(), c.ResultsStruct()
	r.SetUint64(0, p.Uint64(0))
	r.SetData(0, p.Data(0))
	return nil
}

func call(ctx context.Context, c T, m *capnp.Method, n uint64, data []byte) capnp.Promise[capnp.Struct] {
	return capnp.Send[capnp.Struct](ctx, c.Client, m, func(b capnp.StructBuilder) {
		b.SetUint64(0, n)
		b.SetData(0, data)
	})
}

// listen serves s on a loopback port.
func listen(t *testing.T, s *server, o *websocket.Options) (url string, h *websocket.Handler) {
	t.Helper()
	h = websocket.NewHandler(func(*http.Request) (T, error) { return T{capnp.NewServer(s)}, nil }, o)
	web := httptest.NewServer(h)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		h.Shutdown(ctx)
		web.Close()
	})
	return "ws" + strings.TrimPrefix(web.URL, "http"), h
}

func dial(t *testing.T, url string) (*rpc.Conn, T) {
	t.Helper()
	conn, err := websocket.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, rpc.Bootstrap[T](t.Context(), conn)
}

func TestCalls(t *testing.T) {
	url, _ := listen(t, newServer(), nil)
	conn, c := dial(t, url)
	var calls []capnp.Promise[capnp.Struct]
	for n := range 120 { // from nothing to what takes several writes, and several segments
		calls = append(calls, call(t.Context(), c, echoMethod, uint64(n), bytes.Repeat([]byte{byte(n)}, n*n*3)))
	}
	for n, p := range calls {
		r, err := p.Wait()
		if err != nil {
			t.Fatalf("call %d: %v", n, err)
		}
		if r.Uint64(0) != uint64(n) || !bytes.Equal(r.Data(0), bytes.Repeat([]byte{byte(n)}, n*n*3)) {
			t.Fatalf("call %d: got %d and %d bytes", n, r.Uint64(0), len(r.Data(0)))
		}
	}
	conn.Close()
	if err := conn.Err(); !errors.Is(err, capnp.Disconnected) {
		t.Errorf("ended with %v", err)
	}
}

// message frames a message of rpc.capnp.
func message(fill func(schema.MessageBuilder)) []byte {
	mb := capnp.NewMessage(nil)
	fill(schema.NewRootMessage(mb))
	return frame.Marshal(mb)
}

func bootstrap(id uint32) []byte {
	return message(func(m schema.MessageBuilder) { m.NewBootstrap().SetQuestionId(id) })
}

// Each WebSocket message is one message, however many were written together, as in C++
// (websocket-rpc-test, and WebSocketMessageStream).
func TestOneMessageInEach(t *testing.T) {
	url, _ := listen(t, newServer(), nil)
	c, res, err := ws.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if got := res.Header.Get("Sec-WebSocket-Protocol") + res.Header.Get("Sec-WebSocket-Extensions"); got != "" {
		t.Errorf("negotiated %q", got)
	}
	const n = 100
	for id := range uint32(n) {
		if err := c.Write(t.Context(), ws.MessageBinary, bootstrap(id)); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[uint32]bool{}
	for range n {
		kind, b, err := c.Read(t.Context())
		if err != nil || kind != ws.MessageBinary {
			t.Fatal(kind, err)
		}
		m, rest, err := frame.Unmarshal(b, nil)
		if err != nil || len(rest) > 0 {
			t.Fatalf("%d bytes, of which %d behind the message, %v", len(b), len(rest), err)
		}
		root := capnp.Root[schema.Message](m)
		if root.Which() != schema.MessageWhichReturn || root.Return().Which() != schema.ReturnWhichResults {
			t.Fatalf("a %v", root.Which())
		}
		seen[root.Return().AnswerId()] = true
	}
	if len(seen) != n {
		t.Errorf("%d answers, want %d", len(seen), n)
	}
	if err := c.Close(ws.StatusNormalClosure, ""); err != nil {
		t.Errorf("close handshake: %v", err)
	}
}

// What is not one message in each ends the connection, with a code that says why.
func TestRefuses(t *testing.T) {
	one := bootstrap(1)
	for name, c := range map[string]struct {
		kind ws.MessageType
		b    []byte
		want ws.StatusCode
	}{
		"text":         {ws.MessageText, []byte("hello"), ws.StatusUnsupportedData},
		"two messages": {ws.MessageBinary, append(bytes.Clone(one), one...), ws.StatusInvalidFramePayloadData},
		"and a bit":    {ws.MessageBinary, append(bytes.Clone(one), 0), ws.StatusInvalidFramePayloadData},
		"half a one":   {ws.MessageBinary, one[:len(one)-8], ws.StatusInvalidFramePayloadData},
		"nothing":      {ws.MessageBinary, nil, ws.StatusInvalidFramePayloadData},
		"too large":    {ws.MessageBinary, append([]byte{0, 0, 0, 0, 0, 0, 4, 0}, make([]byte, 2<<20)...), ws.StatusNormalClosure},
		"announced":    {ws.MessageBinary, []byte{0, 0, 0, 0, 255, 255, 255, 15}, ws.StatusNormalClosure},
	} {
		t.Run(name, func(t *testing.T) {
			url, _ := listen(t, newServer(), &websocket.Options{RPC: &rpc.Options{Limits: rpc.Limits{MessageBytes: 1 << 20}}})
			conn, _, err := ws.Dial(t.Context(), url, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.CloseNow()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			conn.Write(ctx, c.kind, c.b)
			aborted := false
			for err == nil {
				var b []byte
				if _, b, err = conn.Read(ctx); err == nil {
					m, _, _ := frame.Unmarshal(b, nil)
					aborted = capnp.Root[schema.Message](m).Which() == schema.MessageWhichAbort
				}
			}
			if !aborted {
				t.Error("no Abort")
			}
			if got := ws.CloseStatus(err); got != c.want {
				t.Errorf("closed with %v (%v), want %v", got, err, c.want)
			}
		})
	}
}

// T13: a page of another site gets nothing, unless it is listed; no origin is no browser.
func TestOrigin(t *testing.T) {
	for name, c := range map[string]struct {
		origin string
		listed []string
		want   bool
	}{
		"none":        {"", nil, true},
		"other":       {"https://evil.example", nil, false},
		"null":        {"null", nil, false},
		"listed":      {"https://good.example", []string{"good.example"}, true},
		"not listed":  {"https://good.example.evil.example", []string{"good.example"}, false},
		"other case":  {"https://GOOD.example", []string{"good.example"}, true},
		"other port":  {"https://good.example:444", []string{"good.example"}, false},
		"own but sub": {"http://x.127.0.0.1", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			url, _ := listen(t, newServer(), &websocket.Options{Origins: c.listed})
			h := http.Header{}
			if c.origin != "" {
				h.Set("Origin", c.origin)
			}
			conn, err := websocket.Dial(t.Context(), url, &websocket.Options{Header: h})
			if (err == nil) != c.want {
				t.Errorf("connected: %v (%v), want %v", err == nil, err, c.want)
			}
			if conn != nil {
				conn.Close()
			}
		})
	}
}

// DNS rebinding: a name that leads to a loopback address is not the handler's own.
func TestHost(t *testing.T) {
	for name, c := range map[string]struct {
		host, origin string
		hosts        []string
		want         bool
	}{
		"rebound":               {"evil.example", "http://evil.example", nil, false},
		"rebound, with a port":  {"evil.example:80", "http://evil.example:80", nil, false},
		"no browser":            {"evil.example", "", nil, true},
		"localhost":             {"localhost:99", "http://localhost:99", nil, true},
		"under localhost":       {"app.localhost", "http://app.localhost", nil, true},
		"looks like localhost":  {"localhost.evil.example", "http://localhost.evil.example", nil, false},
		"an address":            {"[::1]:99", "http://[::1]:99", nil, true},
		"listed":                {"App.example:99", "http://app.example:99", []string{"app.example"}, true},
		"listed, final dot":     {"app.example.", "http://app.example.", []string{"app.example"}, true},
		"not listed":            {"127.0.0.1", "http://127.0.0.1", []string{"app.example"}, false},
		"listed by pattern":     {"a.app.example", "http://a.app.example", []string{"*.app.example"}, true},
		"a pattern that is bad": {"app.example", "http://app.example", []string{"[app"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := websocket.NewHandler(func(*http.Request) (T, error) { return T{capnp.NewServer(newServer())}, nil }, &websocket.Options{Hosts: c.hosts})
			web := httptest.NewServer(h)
			defer web.Close()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, web.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = c.host
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			// Without the headers of a WebSocket who is let through is asked for an upgrade.
			if got := res.StatusCode == http.StatusUpgradeRequired; got != c.want {
				t.Errorf("let through: %v (%s), want %v", got, res.Status, c.want)
			}
		})
	}
}

// T13: no compression, whoever asks for it: nothing to bomb with.
func TestNoCompression(t *testing.T) {
	url, _ := listen(t, newServer(), nil)
	c, res, err := ws.Dial(t.Context(), url, &ws.DialOptions{CompressionMode: ws.CompressionContextTakeover})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if got := res.Header.Get("Sec-WebSocket-Extensions"); got != "" {
		t.Errorf("negotiated %q", got)
	}
}

// boot decides who gets a capability.
func TestForbidden(t *testing.T) {
	h := websocket.NewHandler(func(*http.Request) (T, error) { return T{}, errors.New("secret reason") }, nil)
	web := httptest.NewServer(h)
	defer web.Close()
	_, res, err := ws.Dial(t.Context(), web.URL, nil)
	if err == nil || res.StatusCode != http.StatusForbidden {
		t.Fatalf("%v, status %d", err, res.StatusCode)
	}
	if _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(web.URL, "http"), nil); !errors.Is(err, capnp.Disconnected) || strings.Contains(err.Error(), "secret") {
		t.Errorf("Dial: %v", err)
	}
}

// A shut down handler lets what is under way end, and takes nobody any more.
func TestShutdown(t *testing.T) {
	s := newServer()
	url, h := listen(t, s, nil)
	conn, c := dial(t, url)
	p := call(t.Context(), c, waitMethod, 7, nil)
	<-s.begun
	done := make(chan error, 1)
	go func() { done <- h.Shutdown(t.Context()) }()
	for end := time.Now().Add(20 * time.Second); ; {
		other, err := websocket.Dial(t.Context(), url, nil)
		if err != nil {
			break
		}
		other.Close()
		if time.Now().After(end) {
			t.Fatal("still accepts")
		}
	}
	close(s.gate)
	if r, err := p.Wait(); err != nil || r.Uint64(0) != 7 {
		t.Errorf("the call under way: %v", err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	<-conn.Done()
}

// A peer that does not answer a ping is gone.
func TestPing(t *testing.T) {
	url, _ := listen(t, newServer(), &websocket.Options{Ping: 500 * time.Millisecond})
	c, _, err := ws.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	answering := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 1200*time.Millisecond)
	defer cancel()
	if _, _, err = c.Read(ctx); ctx.Err() == nil { // answers pings
		t.Fatalf("closed after %s: %v", time.Since(answering), err)
	}
	// Nobody reads, so nobody answers.
	quiet, _, err := ws.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer quiet.CloseNow()
	end := time.Now().Add(20 * time.Second)
	for id := uint32(0); ; id++ {
		if err := quiet.Write(t.Context(), ws.MessageBinary, bootstrap(id)); err != nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("a peer that answers no ping stays connected")
		}
		<-time.After(20 * time.Millisecond)
	}
}
