package engine

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"lanyard.dev/capnp"
)

var update = flag.Bool("update", false, "rewrite what the transcripts expect")

// TestTranscripts plays testdata/*.txt: commands, and below ---- what they lead to. A block ends
// with an empty line; # starts a comment. Two vats a and b are connected, and c and d, of which c
// may be thought of as the same vat as b; but messages move only when a transcript says so; "recv" gives a vat a message that its peer never sent. At the end of
// each transcript every table must be empty, and nobody may hold a reference any more.
//
//	a serve o             o is the bootstrap capability of a      a object o    just an object
//	a x = bootstrap       a client for the peer's
//	a x = ref y           a client for an object, or another reference to a client
//	a x = promise         a local promise; a resolve x y; a reject x why
//	a p = call x y z      call x with capabilities y and z; - is null
//	a p = only x y z      the same for the pipeline only
//	a p = last o x y z    the same for the oldest call on o to end as
//	a x = pipe p.0.1      the client for a field of the promised results
//	a x = result p.0      the same, when the results are there
//	a x = param o.0       take a parameter of the oldest call on o
//	a return o y z        end the oldest call on o with capabilities; a fail o kind: why; a tail o p
//	a pipeline o p        offer the results of p early
//	a wait p              print what became of p
//	a state o             print whether the oldest call on o was cancelled
//	a release x           a give p      give a promise up
//	deliver a [n]         the oldest messages from a, all: that are there; run: everything
//	a recv message        a drop: forget what a has sent
//	a close why           tables
func TestTranscripts(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.txt")
	if len(files) == 0 {
		t.Fatal("no transcripts")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			old, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := playTranscript(t, string(old), Limits{})
			if bytes.Equal(got, old) {
				return
			}
			if *update {
				if err := os.WriteFile(file, got, 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Errorf("%s: got\n%s", file, got)
		})
	}
}

// TestTranscriptsBite plays transcripts with an engine that leaves something out: it shows.
func TestTranscriptsBite(t *testing.T) {
	for name, tt := range map[string]struct {
		wrong sabotage
		file  string
	}{
		"NoEmbargo": {sabotage{noEmbargo: true}, "embargo-to-local"},
		"NoBarrier": {sabotage{noBarrier: true}, "embargo-echo-behind-queue"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile("testdata/" + tt.file + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			s := newScript(t, Limits{})
			s.a.e.broken, s.b.e.broken = tt.wrong, tt.wrong
			got := s.play(string(text))
			calls := func(text []byte) (l []string) {
				for line := range strings.Lines(string(text)) {
					if strings.HasPrefix(line, "l gets call ") {
						l = append(l, strings.TrimSpace(line))
					}
				}
				return l
			}
			want := calls(text)
			if len(want) < 4 || !slices.IsSorted(want) || slices.IsSorted(calls(got)) {
				t.Errorf("got %q, which is no worse than %q", calls(got), want)
			}
		})
	}
}

// playTranscript plays a transcript and returns it with what happened.
func playTranscript(t *testing.T, text string, limits Limits) []byte {
	var out []byte
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t, limits)
		s.settle = synctest.Wait // for calls whose context has ended: their cancelling has a goroutine of its own
		out = s.play(text)
		s.end()
	})
	return out
}

func (s *script) play(text string) []byte {
	var out bytes.Buffer
	var cmds []string
	flush := func() {
		if len(cmds) == 0 {
			return
		}
		for _, c := range cmds {
			s.do(c)
			if s.settle != nil {
				s.settle()
			}
		}
		cmds = nil
		out.WriteString("----\n" + s.out.String())
		s.out.Reset()
	}
	expecting := false
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		switch {
		case line == "":
			flush()
			out.WriteString("\n")
			expecting = false
		case line == "----":
			expecting = true
		case expecting:
		case strings.HasPrefix(line, "#"):
			out.WriteString(line + "\n")
		default:
			out.WriteString(line + "\n")
			cmds = append(cmds, line)
		}
	}
	flush()
	return out.Bytes()
}

// script is two vats and what a transcript has given names to.
type script struct {
	*pair
	more      *pair
	out       strings.Builder
	objects   map[string]*object
	clients   map[string]capnp.Client
	promises  map[string]capnp.Promise[capnp.Struct]
	resolvers map[string]*capnp.Resolver[anyClient]
	lasts     map[string]bool // promises without results
	calls     uint64
	settle    func() // until nothing goes on beside the script; nil if nothing does
}

func newScript(t testing.TB, limits Limits) *script {
	s := &script{pair: newPair(t), more: &pair{t: t, a: &vat{name: "c"}, b: &vat{name: "d"}}, objects: map[string]*object{}, clients: map[string]capnp.Client{},
		promises: map[string]capnp.Promise[capnp.Struct]{}, resolvers: map[string]*capnp.Resolver[anyClient]{}, lasts: map[string]bool{}}
	for _, v := range s.vats() {
		v.e = New(v, limits)
		v.trace = &s.out
	}
	return s
}

func (s *script) vats() []*vat { return []*vat{s.a, s.b, s.more.a, s.more.b} }

func (s *script) vat(name string) *vat {
	switch name {
	case "a":
		return s.a
	case "b":
		return s.b
	case "c":
		return s.more.a
	case "d":
		return s.more.b
	}
	panic("there is no vat " + name)
}

func (s *script) do(line string) {
	defer func() {
		if p := recover(); p != nil {
			panic(fmt.Sprintf("%s: %v\nso far:\n%s", line, p, s.out.String()))
		}
	}()
	f := strings.Fields(line)
	switch f[0] {
	case "run":
		for s.step(s.a, s.b) || s.step(s.b, s.a) || s.step(s.more.a, s.more.b) || s.step(s.more.b, s.more.a) {
		}
		return
	case "deliver":
		n := 1
		if len(f) > 2 {
			var err error
			if n, err = strconv.Atoi(f[2]); err != nil {
				n = len(s.vat(f[1]).out)
			}
		}
		for range n {
			if !s.step(s.vat(f[1]), s.other(s.vat(f[1]))) {
				panic("nothing to deliver")
			}
		}
		return
	case "tables":
		for i, v := range s.vats() {
			x := v.e.Stats()
			if i > 1 && x == (Stats{}) {
				continue
			}
			fmt.Fprintf(&s.out, "%s has %d questions, %d answers, %d exports, %d imports, %d embargoes\n",
				v.name, x.Questions, x.Answers, x.Exports, x.Imports, x.Embargoes)
		}
		return
	}
	v := s.vat(f[0])
	if len(f) > 2 && f[2] == "=" {
		s.define(v, f[1], f[3], f[4:])
		return
	}
	s.command(v, f[1], f[2:], line)
}

func (s *script) other(v *vat) *vat {
	switch v {
	case s.a:
		return s.b
	case s.b:
		return s.a
	case s.more.a:
		return s.more.b
	}
	return s.more.a
}

// client finds a client by name; for an object it makes one, which done releases.
func (s *script) client(name string) (c capnp.Client, done func()) {
	if name == "-" {
		return capnp.Client{}, func() {}
	}
	if c, ok := s.clients[name]; ok {
		return c, func() {}
	}
	if o, ok := s.objects[name]; ok {
		c := capnp.NewClient(o)
		return c, c.Release
	}
	panic("there is no capability " + name)
}

func (s *script) define(v *vat, name, what string, args []string) {
	if name != "_" && (s.clients[name] != capnp.Client{}) {
		panic(name + " is defined already")
	}
	switch what {
	case "bootstrap":
		s.clients[name] = v.bootstrap()
	case "ref":
		c, done := s.client(args[0])
		s.clients[name] = capnp.AddRef(anyClient{c}).Client
		done()
	case "promise":
		c, r := capnp.NewPromise[anyClient]()
		s.clients[name], s.resolvers[name] = c.Client, r
	case "call", "only", "last":
		ctx := context.Background()
		switch what {
		case "only":
			ctx = capnp.PipelineOnly(ctx)
			s.lasts[name] = true
		case "last":
			ctx = s.objects[args[0]].calls[0].TailContext()
			s.lasts[name] = true
			args = args[1:]
		}
		c, done := s.client(args[0])
		defer done()
		var params []capnp.Client
		for _, p := range args[1:] {
			c, done := s.client(p)
			defer done()
			params = append(params, c)
		}
		s.calls++
		s.promises[name] = send(ctx, c, s.calls, params...)
	case "pipe", "result":
		base, path, _ := strings.Cut(args[0], ".")
		p, ok := s.promises[base]
		if !ok {
			panic("there is no promise " + base)
		}
		_, steps := answerPath("q0." + path)
		if what == "result" {
			res, err := p.Wait()
			if err != nil {
				panic(err)
			}
			s.clients[name] = res.Client(steps[0])
			return
		}
		for _, i := range steps[:len(steps)-1] {
			p = capnp.PipelineStruct[capnp.Struct](p, i)
		}
		s.clients[name] = capnp.PipelineClient(p, steps[len(steps)-1])
	case "param":
		base, i, _ := strings.Cut(args[0], ".")
		n, _ := strconv.Atoi(i)
		s.clients[name] = s.objects[base].calls[0].ParamsStruct().Client(uint16(n))
	default:
		panic("what is " + what + "?")
	}
}

func (s *script) command(v *vat, what string, args []string, line string) {
	switch what {
	case "object", "serve":
		o := &object{name: args[0], log: &s.out}
		s.objects[args[0]] = o
		if what == "serve" {
			v.boot = o
		}
	case "resolve":
		c, done := s.client(args[1])
		s.resolvers[args[0]].Resolve(anyClient{c})
		done()
	case "reject":
		s.resolvers[args[0]].Reject(errors.New(strings.Join(args[1:], " ")))
	case "return":
		var hooks []capnp.Hook
		for _, n := range args[1:] {
			c, done := s.client(n)
			defer done()
			hooks = append(hooks, capnp.HookOf(c))
		}
		returns(s.objects[args[0]].take(s.t), hooks...)
	case "fail":
		w := &words{args[1:]}
		fails(s.objects[args[0]].take(s.t), w.exception())
	case "tail":
		c := s.objects[args[0]].take(s.t)
		if err := c.Tail(s.promises[args[1]]); err != nil {
			fmt.Fprintln(&s.out, err)
			fails(c, err)
			return
		}
		turn(func(t *capnp.Turn) { c.Payload().Release(t) })
	case "pipeline":
		s.objects[args[0]].calls[0].SetPipeline(s.promises[args[1]])
	case "state":
		c := s.objects[args[0]].calls[0]
		fmt.Fprintf(&s.out, "%s's call: %v\n", args[0], c.Cause())
	case "wait":
		s.wait(args[0])
	case "release":
		s.clients[args[0]].Release()
		delete(s.clients, args[0])
	case "give":
		s.promises[args[0]].Release()
		delete(s.promises, args[0])
	case "recv":
		_, text, _ := strings.Cut(line, " recv ")
		v.do(Receive(parseMessage(text)))
	case "drop":
		v.out = nil
	case "close":
		v.do(Close(errors.New(strings.Join(args, " ")), nil))
	default:
		panic("what is " + what + "?")
	}
}

func (s *script) wait(name string) {
	p := s.promises[name]
	none := s.lasts[name]
	select {
	case <-p.Done():
	default:
		if !none {
			fmt.Fprintf(&s.out, "%s: not yet\n", name)
			return
		}
	}
	if _, err := p.Wait(); err != nil {
		fmt.Fprintf(&s.out, "%s: %s: %v\n", name, capnp.AsException(err).Kind, err)
		return
	}
	fmt.Fprintf(&s.out, "%s: results\n", name)
}

// end releases nothing, but checks that nothing is left.
func (s *script) end() {
	s.t.Helper()
	for _, v := range s.vats() {
		if x := v.e.Stats(); x != (Stats{}) {
			s.t.Errorf("%s still holds %+v", v.name, x)
		}
		if len(v.inbox) > 0 {
			s.t.Errorf("%s has not worked off its inbox", v.name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.objects)) {
		o := s.objects[name]
		if o.refs != 0 {
			s.t.Errorf("object %s has %d references left", name, o.refs)
		}
		if len(o.calls) != 0 {
			s.t.Errorf("object %s has calls left", name)
		}
	}
}
