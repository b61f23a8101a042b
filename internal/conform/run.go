package conform

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"net"
	"slices"
	"strings"
	"time"
)

// A Server is what is attacked.
type Server struct {
	dial             func(context.Context) (net.Conn, error)
	timeout          time.Duration
	bootstrap, probe bool // what it offers
}

// New returns the server that dial connects to, having found out what it offers. timeout is how
// long to wait, each time, for what should come.
func New(ctx context.Context, dial func(context.Context) (net.Conn, error), timeout time.Duration) (*Server, error) {
	s := &Server{dial: dial, timeout: timeout}
	if err := s.try(ctx, "expect alive"); err != nil {
		return nil, err
	}
	s.bootstrap = s.try(ctx, "boot") == nil
	s.probe = s.bootstrap && s.try(ctx, "boot", "call 1 boot probe.fresh", "await return 1 results") == nil
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return s, nil
}

// try plays statements on a connection of their own.
func (s *Server) try(ctx context.Context, lines ...string) error {
	c := &Case{}
	for _, line := range lines {
		w := strings.Fields(line)
		c.steps = append(c.steps, step{0, w[0], w[1:]})
	}
	r, err := s.start(ctx, c)
	if err != nil {
		return err
	}
	defer r.stop()
	_, err = r.play()
	return err
}

// Verdict says how a server took a case.
type Verdict string

// The verdicts.
const (
	OK            Verdict = "ok"
	Differs       Verdict = "differs"
	NotApplicable Verdict = "n/a"  // the server lacks what the case needs
	Gone          Verdict = "gone" // afterwards the server answered nobody any more
)

// Result is how one case went. The tags are those of the command's JSON.
type Result struct {
	ID       string  `json:"id"`
	Name     string  `json:"name"`
	What     string  `json:"what"`
	Expected string  `json:"expected"`
	Got      string  `json:"got"`
	Verdict  Verdict `json:"verdict"`
}

// Probe finds out what the server offers. It must be called before Run.
func (s *Server) Probe(ctx context.Context) error {
	if s.timeout == 0 {
		s.timeout = 2 * time.Second
	}
	try := func(lines ...string) (error, error) {
		c := &Case{}
		for _, line := range lines {
			w := strings.Fields(line)
			c.steps = append(c.steps, step{0, w[0], w[1:]})
		}
		r, err := s.start(ctx, c)
		if err != nil {
			return nil, err
		}
		defer r.stop()
		_, err = r.play()
		return err, nil
	}
	if failed, err := try("expect alive"); err != nil || failed != nil {
		return errors.Join(err, failed)
	}
	failed, err := try("boot")
	s.bootstrap = failed == nil
	if err != nil || failed != nil {
		return err
	}
	failed, err = try("boot", "call 1 boot probe.ticket", "await return 1 results")
	s.probe = failed == nil
	return err
}

// Run plays a case on a connection of its own, and then looks, on another one, whether the server
// is still there. It returns an error if the case cannot be played or ctx has ended.
func (s *Server) Run(ctx context.Context, c *Case) (Result, error) {
	res := Result{ID: c.ID, Name: c.Name, What: c.What, Expected: c.Expected(), Verdict: OK}
	if c.Bootstrap && !s.bootstrap || c.Probe && !s.probe {
		res.Verdict = NotApplicable
		return res, nil
	}
	r, err := s.start(ctx, c)
	if err != nil {
		return res, err
	}
	got, err := r.play()
	if broken, ok := errors.AsType[*scriptError](err); ok {
		r.stop()
		return res, broken
	}
	r.stop()
	res.Got = got
	if err != nil {
		res.Verdict, res.Got = Differs, err.Error()
		if errors.Is(err, errSilent) {
			res.Got = "hangs: " + err.Error()
		}
	}
	if err := s.try(ctx, "expect alive"); err != nil {
		if ctx.Err() != nil {
			return res, context.Cause(ctx)
		}
		res.Verdict = Gone
		res.Got = strings.TrimPrefix(res.Got+"; then nobody is served: "+printable(err.Error()), "; ")
	}
	return res, nil
}

// All runs cases one after the other.
func (s *Server) All(ctx context.Context, cases []Case) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		for i := range cases {
			r, err := s.Run(ctx, &cases[i])
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// run is a case under way.
type run struct {
	s      *Server
	c      *Case
	ctx    context.Context
	peer   *peer
	others []net.Conn
	vars   map[string]uint32
	about  uint32 // what the last event was about
}

// A scriptError says what is wrong with a case.
type scriptError struct {
	c    *Case
	line int
	err  error
}

func (e *scriptError) Error() string {
	return fmt.Sprintf("%s:%d: %v", e.c.File, e.line, e.err)
}

func (s *Server) start(ctx context.Context, c *Case) (*run, error) {
	conn, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	return &run{s: s, c: c, ctx: ctx, peer: newPeer(conn, s.timeout), vars: map[string]uint32{}}, nil
}

func (r *run) stop() {
	r.peer.close()
	for _, c := range r.others {
		c.Close()
	}
}

// play goes through the steps and returns what the expectations were met by.
func (r *run) play() (string, error) {
	stop := context.AfterFunc(r.ctx, func() { r.peer.conn.Close() })
	defer stop()
	var got []string
	for i, s := range r.c.steps {
		switch s.verb {
		case "await", "expect":
			e, err := r.await(i)
			if err != nil {
				return "", err
			}
			if s.verb == "expect" && !slices.Contains(got, e) {
				got = append(got, e)
			}
		case "boot":
			if err := r.send([]string{"bootstrap", "0"}, 0); err != nil {
				return "", err
			}
			if _, err := r.event(&words{s: strings.Fields("return 0 results")}); err != nil {
				return "", err
			}
			r.vars["boot"] = r.about
		default:
			err := r.act(s)
			if err, ok := errors.AsType[*wordsError](err); ok {
				return "", &scriptError{r.c, s.line, err}
			}
			if err != nil {
				return "", err
			}
		}
	}
	return strings.Join(got, "; "), nil
}

// await waits for the event of step i, or an alternative.
func (r *run) await(i int) (string, error) {
	s := r.c.steps[i]
	alternatives := [][]string{nil}
	name := ""
	for j := 0; j < len(s.words); j++ {
		switch last := len(alternatives) - 1; s.words[j] {
		case "|":
			alternatives = append(alternatives, nil)
		case "as":
			j++
			name = s.words[j]
		default:
			alternatives[last] = append(alternatives[last], s.words[j])
		}
	}
	var err error
	for _, a := range alternatives {
		w := &words{s: a, vars: r.vars}
		got, e := r.event(w)
		if w.err != nil {
			return "", &scriptError{r.c, s.line, w.err}
		}
		if e == nil {
			if name != "" {
				r.vars[name] = r.about
			}
			return got, nil
		}
		if err == nil {
			err = e
		}
	}
	return "", err
}

// A wordsError says that a statement cannot be understood.
type wordsError struct{ error }

// act performs a step that sends something.
func (r *run) act(s step) error {
	switch s.verb {
	case "raw":
		b, err := hex.DecodeString(strings.Join(s.words, ""))
		if err != nil {
			return &wordsError{err}
		}
		return r.peer.write(b)
	case "hang":
		if c, ok := r.peer.conn.(interface{ CloseWrite() error }); ok {
			c.CloseWrite() // it may be closed already
			return nil
		}
		return &wordsError{errors.New("this kind of connection has no half")}
	case "dial":
		w := &words{s: s.words}
		n := w.id()
		if w.err != nil {
			return &wordsError{w.err}
		}
		for range n {
			c, err := r.s.dial(r.ctx)
			if err != nil {
				return err
			}
			r.others = append(r.others, c)
		}
		return nil
	case "others":
		b, err := hex.DecodeString(strings.Join(s.words, ""))
		if err != nil {
			return &wordsError{err}
		}
		for _, c := range r.others {
			c.SetWriteDeadline(time.Now().Add(r.s.timeout))
			c.Write(b) // it may be closed already
		}
		return nil
	case "cut":
		w := &words{s: s.words, vars: r.vars}
		n := int(w.id())
		b, err := encode(w)
		if err != nil {
			return &wordsError{err}
		}
		return r.peer.write(b[:max(0, len(b)-n)])
	case "repeat":
		from, to, ok := strings.Cut(s.words[0], "..")
		w := &words{}
		first, last := uint32(w.num(from, 32)), uint32(w.num(to, 32))
		if !ok || w.err != nil {
			return &wordsError{fmt.Errorf("repeat %q", s.words[0])}
		}
		for i := first; i <= last; i++ {
			if err := r.send(s.words[1:], i); err != nil {
				return err
			}
		}
		return nil
	}
	return r.send(append([]string{s.verb}, s.words...), 0)
}

// send sends the message that the words describe.
func (r *run) send(text []string, loop uint32) error {
	b, err := encode(&words{s: text, vars: r.vars, loop: loop})
	if err != nil {
		return &wordsError{err}
	}
	r.peer.gave(b)
	return r.peer.write(b)
}
