package ocap_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
)

// ledger keeps records, and checks that none is late.
type ledger struct {
	t      *testing.T
	before func() int64 // how often the method has run

	mu      sync.Mutex
	records []ocap.Record
	ran     []int64
	down    bool
	slow    chan struct{}
}

func (l *ledger) Record(batch []ocap.Record) error {
	if l.slow != nil {
		<-l.slow
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return errors.New("the disk is full")
	}
	for _, r := range batch {
		l.records = append(l.records, r)
		l.ran = append(l.ran, l.before())
	}
	return nil
}

func (l *ledger) set(down bool) {
	l.mu.Lock()
	l.down = down
	l.mu.Unlock()
}

func (l *ledger) all() []ocap.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]ocap.Record(nil), l.records...)
}

// ended waits until n calls have ended on record.
func (l *ledger) ended(n int) []ocap.Record {
	l.t.Helper()
	eventually(l.t, "the ends are recorded", func() bool {
		ends := 0
		for _, r := range l.all() {
			if r.Event == ocap.End {
				ends++
			}
		}
		return ends >= n
	})
	return l.all()
}

func TestAuditIsWrittenAhead(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			o, c := newThing()
			l := &ledger{t: t, before: o.pings.Load, slow: make(chan struct{})}
			h, _ := p.setup(t, c, func(c T) (T, func(...error)) {
				return ocap.Audit(c, l, &ocap.AuditOptions{Label: "bob"}), nil
			})
			call := send(t.Context(), h.Client, ping, 0)
			l.slow <- struct{}{} // the first is about to be written
			if _, err := call.Wait(); err != nil {
				t.Fatal(err)
			}
			close(l.slow)
			records := l.ended(1)
			if l.ran[0] != 0 {
				t.Error("the method ran before it was recorded")
			}
			if len(records) != 2 || records[0].Event != ocap.Begin || records[1].Event != ocap.End ||
				records[0].Call != records[1].Call || records[1].Outcome != "ok" ||
				records[0].Interface != thingID || records[0].Ordinal != ping.MethodID() || records[0].Label != "bob" || !records[0].Inward {
				t.Errorf("records %+v", records)
			}
		})
	}
}

// One end for each begin, whatever becomes of the calls.
func TestAuditBeginsAndEnds(t *testing.T) {
	o, c := newThing()
	l := &ledger{t: t, before: o.pings.Load}
	h, revoke := ocap.Revocable(ocap.Audit(c, l, nil))
	s, sc := newSink()
	for range 20 {
		must(t, h.Client, ping, 0)
	}
	must(t, h.Client, callBack, 0, sc) // two: the call back crosses, too
	child := result(t, h.Client, bear)
	must(t, child, parent, 0)
	_, _ = do(t, h.Client, newMethod(thingID, 99, "none", false), 0)
	ctx, stop := contextWithCancel()
	canceled := send(ctx, h.Client, hang, 0)
	eventually(t, "it hangs", func() bool { return o.pings.Load() == 21 })
	stop()
	_, _ = canceled.Wait()
	hanging := send(t.Context(), h.Client, hang, 0)
	eventually(t, "the other hangs", func() bool { return o.pings.Load() == 22 })
	revoke()
	_, _ = hanging.Wait()
	records := l.ended(27)
	open := map[uint64]string{}
	outcomes := map[string]int{}
	for _, r := range records {
		switch r.Event {
		case ocap.Begin:
			if _, ok := open[r.Call]; ok {
				t.Errorf("call %d begins twice", r.Call)
			}
			open[r.Call] = "open"
		case ocap.End:
			if open[r.Call] != "open" {
				t.Errorf("call %d ends, being %q", r.Call, open[r.Call])
			}
			open[r.Call] = "ended"
			outcomes[r.Outcome]++
		}
	}
	for call, state := range open {
		if state != "ended" {
			t.Errorf("call %d is %s", call, state)
		}
	}
	if s.gives.Load() != 1 || outcomes["ok"] != 24 || outcomes["unimplemented"] != 1 {
		t.Errorf("outcomes %v", outcomes)
	}
}

func TestAuditSinkDown(t *testing.T) {
	for _, open := range []bool{false, true} {
		o, c := newThing()
		l := &ledger{t: t, before: o.pings.Load, down: true}
		h := ocap.Audit(c, l, &ocap.AuditOptions{Open: open})
		_, err := do(t, h.Client, ping, 0)
		if open {
			if err != nil {
				t.Error(err)
			}
		} else {
			wantErr(t, "with the sink down", err, capnp.Overloaded)
		}
		if want := map[bool]int64{false: 0, true: 1}[open]; o.pings.Load() != want {
			t.Errorf("open %v: ping ran %d times", open, o.pings.Load())
		}
		if open { // the end of the first call is lost as well, but maybe not yet
			eventually(t, "the end is lost, too", func() bool {
				l.set(true)
				_, err := do(t, h.Client, ping, 0)
				return err == nil
			})
		}
		l.set(false)
		must(t, h.Client, ping, 0)
		records := l.ended(1)
		lost := uint64(0)
		for _, r := range records {
			lost += r.Lost
		}
		if open == (lost == 0) {
			t.Errorf("open %v: %d lost records are recorded", open, lost)
		}
	}
}

func TestAuditSinkPanics(t *testing.T) {
	_, c := newThing()
	h := ocap.Audit(c, sinkFunc(func([]ocap.Record) error { panic("disk on fire") }), nil)
	_, err := do(t, h.Client, ping, 0)
	wantErr(t, "the sink panics", err, capnp.Overloaded)
}

type sinkFunc func([]ocap.Record) error

func (f sinkFunc) Record(b []ocap.Record) error { return f(b) }

// auditFile makes a log of n records.
func auditFile(t *testing.T, n int) (name string, head ocap.Head) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "audit.jsonl")
	s, err := ocap.OpenAudit(name)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range n {
		if err := s.Record([]ocap.Record{{Event: ocap.Begin, Call: uint64(i + 1), Label: "bob\n\x1b[31m", Interface: thingID}}); err != nil {
			t.Fatal(err)
		}
	}
	return name, s.Head()
}

func TestAuditLogFindsTampering(t *testing.T) {
	name, head := auditFile(t, 10)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(name); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(whole), "\n"), "\n")
	lines[9] += "\n"
	join := func(l ...string) string { return strings.Join(l, "") }
	for _, tt := range []struct {
		name, log string
		ok        bool
	}{
		{"as it is", string(whole), true},
		{"a line deleted", join(lines[:3]...) + join(lines[4:]...), false},
		{"the first line deleted", join(lines[1:]...), false},
		{"two lines exchanged", join(lines[:3]...) + lines[4] + lines[3] + join(lines[5:]...), false},
		{"a line twice", join(lines[:3]...) + lines[2] + join(lines[3:]...), false},
		{"truncated", join(lines[:9]...), false},
		{"truncated within a line", string(whole[:len(whole)-5]), false},
		{"empty", "", false},
		{"a word changed", strings.Replace(string(whole), `"call":5`, `"call":6`, 1), false},
		{"white space", strings.Replace(string(whole), `"call":5`, `"call": 5`, 1), false},
		{"the hash changed", strings.Replace(string(whole), `{"hash":"`, `{"hash":"0`, 1), false},
		{"junk", string(whole) + "junk\n", false},
	} {
		_, err := ocap.VerifyAudit(strings.NewReader(tt.log), head)
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	// Without a head kept elsewhere the end can be missing.
	if _, err := ocap.VerifyAudit(strings.NewReader(join(lines[:9]...)), ocap.Head{}); err != nil {
		t.Error(err)
	}
	if _, err := ocap.VerifyAudit(iotest{}, ocap.Head{}); err == nil {
		t.Error("what cannot be read is verified")
	}
}

type iotest struct{}

func (iotest) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestAuditLogGoesOn(t *testing.T) {
	name, head := auditFile(t, 3)
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"hash":"12`); err != nil { // a crash
		t.Fatal(err)
	}
	f.Close()
	s, err := ocap.OpenAudit(name)
	if err != nil {
		t.Fatal(err)
	}
	if s.Head() != head {
		t.Errorf("head %v, want %v", s.Head(), head)
	}
	if err := s.Record([]ocap.Record{{Event: ocap.End, Call: 3}}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := s.Record([]ocap.Record{{}}); err == nil {
		t.Error("a closed log takes records")
	}
	whole, _ := os.ReadFile(name)
	got, err := ocap.VerifyAudit(bytes.NewReader(whole), head)
	if err != nil || got.Lines != 4 {
		t.Errorf("%v, %v", got, err)
	}
	if err := os.WriteFile(name, whole[10:], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ocap.OpenAudit(name); err == nil {
		t.Error("a log that was tampered with is continued")
	}
}

func TestAuditToLog(t *testing.T) {
	var mu sync.Mutex
	var out bytes.Buffer
	_, c := newThing()
	h := ocap.Audit(c, ocap.LogSink(slog.New(slog.NewTextHandler(lockedWriter{&mu, &out}, nil))), &ocap.AuditOptions{Label: "bob"})
	must(t, h.Client, ping, 0)
	eventually(t, "both are logged", func() bool {
		mu.Lock()
		defer mu.Unlock()
		s := out.String()
		return strings.Contains(s, `msg="call begin" label=bob call=1`) && strings.Contains(s, `msg="call end" label=bob call=1 outcome=ok`)
	})
}

type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}
