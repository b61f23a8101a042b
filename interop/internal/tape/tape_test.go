package tape

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const recordings = "../../testdata/recordings"

func names(t *testing.T) (out []string) {
	t.Helper()
	files, err := filepath.Glob(recordings + "/*.rec")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	for _, f := range files {
		out = append(out, strings.TrimSuffix(filepath.Base(f), ".rec"))
	}
	return out
}

func load(t *testing.T, name string) Tape {
	t.Helper()
	tp, err := Load(os.DirFS(recordings), name)
	if err != nil {
		t.Fatal(err)
	}
	return tp
}

func TestLoadRefusesWhatDoesNotFit(t *testing.T) {
	name := names(t)[0]
	whole, err := os.ReadFile(recordings + "/" + name + ".rec")
	if err != nil {
		t.Fatal(err)
	}
	// The first message stands behind the file's header, the record that opens the
	// connection ("server"), and its own header.
	const first = 16 + 24 + len("server") + 24
	for _, test := range []struct {
		what   string
		change func(b []byte) []byte
	}{
		{"no recording", func(b []byte) []byte { return b[8:] }},
		{"bytes missing", func(b []byte) []byte { return b[:len(b)-1] }},
		{"contents left out", func(b []byte) []byte { b[first-11] = 1; return b }},
		{"another connection", func(b []byte) []byte { b[first-16] = 2; return b }},
		{"too many segments", func(b []byte) []byte { b[first+1] = 0xff; return b }},
		{"too many words", func(b []byte) []byte { b[first+7] = 0xff; return b }},
		{"too few words", func(b []byte) []byte { b[first+4]--; return b }},
	} {
		fsys := fstest.MapFS{"x.rec": {Data: test.change(slices.Clone(whole))}}
		if _, err := Load(fsys, "x"); err == nil {
			t.Errorf("%s: loaded all the same", test.what)
		}
	}
}

// A mirror plays the server's part of a tape, with its ids moved up.
func mirror(conn net.Conn, tp Tape, up uint32) error {
	defer conn.Close()
	for i, m := range tp {
		frame := slices.Clone(m.Frame)
		r, err := parse(frame)
		if err != nil {
			return err
		}
		if m.FromServer {
			for _, d := range r.caps {
				if d.exported() {
					d.id.set(d.id.get() + up)
				}
			}
			if r.kind == call {
				r.question.set(r.question.get() + up)
			}
			if _, err := conn.Write(frame); err != nil {
				return err
			}
			continue
		}
		got, err := readFrame(conn)
		if err != nil {
			return err
		}
		for _, s := range serverIDs(r) {
			s.set(s.get() + up)
		}
		if !bytes.Equal(got, frame) {
			return fmt.Errorf("message %d from the client: got %x, want %x", i, got, frame)
		}
	}
	return nil
}

// serverIDs are the slots of a client's message that hold ids of the server.
func serverIDs(r *rpcMessage) (out []slot) {
	switch {
	case r.kind == release:
		out = append(out, r.id)
	case r.kind == ret:
		out = append(out, r.question)
	case r.target != nil:
		out = append(out, r.target)
	}
	for _, d := range r.caps {
		if d.kind == receiverHosted {
			out = append(out, d.id)
		}
	}
	return out
}

func TestReplayPutsTheServersIDsInPlace(t *testing.T) {
	for _, name := range names(t) {
		for _, up := range []uint32{0, 1, 1000} {
			tp := load(t, name)
			client, server := net.Pipe()
			mirrored := make(chan error, 1)
			go func() { mirrored <- mirror(server, tp, up) }()
			opt := &Options{Rand: rand.New(rand.NewPCG(1, uint64(up)))}
			report, err := Replay(t.Context(), client, tp, opt)
			if err != nil {
				client.Close()
				t.Fatalf("%s, ids + %d: %v (server: %v)", name, up, err, <-mirrored)
			}
			client.Close()
			// An Abort at the end of the tape finds nobody.
			if err := <-mirrored; err != nil && !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("%s, ids + %d: %v", name, up, err)
			}
			if len(report.Different) > 0 || report.Finishes > 0 {
				t.Errorf("%s: differs from itself: %+v", name, report)
			}
			if (report.Rewritten > 0) != (up > 0) {
				t.Errorf("%s, ids + %d: %d ids rewritten", name, up, report.Rewritten)
			}
		}
	}
}

// A release of two references to one export, where this server has two exports.
func TestRewriteSplitsARelease(t *testing.T) {
	frame := []byte{
		0, 0, 0, 0, 4, 0, 0, 0, // one segment of four words
		0, 0, 0, 0, 1, 0, 1, 0,
		6, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 1, 0, 0, 0,
		7, 0, 0, 0, 3, 0, 0, 0, // export 7, three references
	}
	p := &player{report: &Report{}, refs: map[uint32][]uint32{7: {4, 5, 4, 9}}}
	frames, err := p.rewrite(&outgoing{frame: frame})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range frames {
		r, err := parse(f)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d×%d", r.id.get(), r.n.get()))
	}
	if want := []string{"4×2", "5×1"}; !slices.Equal(got, want) {
		t.Errorf("releases: got %v, want %v", got, want)
	}
	if want := []uint32{9}; !slices.Equal(p.refs[7], want) {
		t.Errorf("references left: got %v, want %v", p.refs[7], want)
	}
}

func TestRecordPassesEverythingOn(t *testing.T) {
	tp := load(t, names(t)[0])
	clientEnd, proxyClient := net.Pipe()
	proxyServer, serverEnd := net.Pipe()
	var file bytes.Buffer
	recorded := make(chan error, 1)
	go func() { recorded <- Record(&file, proxyClient, proxyServer) }()
	go mirror(serverEnd, tp, 0)
	if _, err := Replay(t.Context(), clientEnd, tp, nil); err != nil {
		t.Fatal(err)
	}
	clientEnd.Close()
	if err := <-recorded; err != nil {
		t.Fatal(err)
	}
	got, err := Load(fstest.MapFS{"x.rec": {Data: file.Bytes()}}, "x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newPlan(got, true); err != nil || len(got) < len(tp)-1 {
		t.Errorf("recorded %d of %d messages, plan: %v", len(got), len(tp), err)
	}
}
