package conform

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schemas/rpc"
)

var outcomes = map[string]rpc.ReturnWhich{
	"results": rpc.ReturnWhichResults, "exception": rpc.ReturnWhichException, "canceled": rpc.ReturnWhichCanceled,
	"elsewhere": rpc.ReturnWhichResultsSentElsewhere, "take": rpc.ReturnWhichTakeFromOtherQuestion,
}

// event waits for what the words describe and returns what it was.
func (r *run) event(w *words) (got string, err error) {
	p := r.peer
	switch verb := w.next(); verb {
	case "abort", "closed":
		return r.end(verb == "abort")
	case "alive", "quiet":
		if err := p.ping(); err != nil {
			if other := r.unseen(); other != "" && !errors.Is(err, errSilent) {
				err = errors.New(other)
			}
			return "", err
		}
		if verb == "quiet" {
			if other := r.unseen(); other != "" {
				return "", errors.New(other)
			}
		}
		return verb, nil
	case "released":
		return r.released(w)
	default:
		return r.message(verb, w)
	}
}

// end waits for the end of the connection. A server that answers a ping goes on instead; it may
// have had an Abort on its way, so it is asked twice.
func (r *run) end(word bool) (string, error) {
	for try := 0; ; try++ {
		err := r.peer.ping()
		if errors.Is(err, errSilent) {
			return "", err
		}
		if err != nil {
			break // reading has ended
		}
		if try > 0 && !strings.Contains(r.unseen(), "abort") || try > 10 {
			return "", errors.New(orElse(r.unseen(), "the connection goes on"))
		}
	}
	for _, m := range r.peer.in {
		if m.m.Which() != rpc.MessageWhichAbort {
			continue
		}
		m.seen = true
		if word && leaks(m.m.Abort().Reason()) {
			return "", fmt.Errorf("%s, which tells more than the peer may know", describe(m.m))
		}
		return describe(m.m), nil
	}
	if word {
		return "", errors.New("closed without a word")
	}
	return "closed", nil
}

var (
	paths     = regexp.MustCompile(`/\w+/\w+|\.(c\+\+|go|rs|py):\d`)
	addresses = regexp.MustCompile(`\b(0x)?[0-9a-f]{6,}\b`)
)

// leaks reports whether a text has paths or addresses of the server's machine in it.
func leaks(s string) bool { return paths.MatchString(s) || hideAddresses(s) != s }

// hideAddresses replaces what looks like an address: hexadecimal, but neither a word nor decimal.
func hideAddresses(s string) string {
	return addresses.ReplaceAllStringFunc(s, func(x string) string {
		if strings.HasPrefix(x, "0x") || strings.ContainsAny(x, "0123456789") && strings.ContainsAny(x, "abcdef") {
			return "…"
		}
		return x
	})
}

// released waits until references of ours have come back.
func (r *run) released(w *words) (string, error) {
	p := r.peer
	all := w.flag("all")
	var id uint32
	var n int
	if !all {
		id = w.id()
		n = int(w.id())
	}
	if w.err != nil {
		return "", w.err
	}
	state := ""
	err := p.wait(func(in []*received, end error) (bool, error) {
		out := p.outstanding()
		state = ""
		for _, i := range slices.Sorted(maps.Keys(out)) {
			left := out[i]
			if !all && i == id {
				left -= p.given[i] - n
			}
			switch {
			case left < 0 && all:
				return false, fmt.Errorf("released %d references too many to %d", -left, i)
			case left > 0 && (all || i == id):
				state = fmt.Sprintf("%d references to %d are kept", left, i)
			}
		}
		for _, m := range in {
			if m.m.Which() == rpc.MessageWhichRelease {
				m.seen = true
			}
		}
		return state == "", nil
	})
	if errors.Is(err, errSilent) {
		err = errors.New(state)
	}
	return "released", err
}

// message waits for a message.
func (r *run) message(verb string, w *words) (got string, err error) {
	args := w.s
	about := func(id uint32) { r.about = id }
	// match says whether m is what is waited for; why says that it is what was asked for, but bad.
	var match func(m rpc.Message) (ok bool, why string)
	switch verb {
	case "return":
		id := w.id()
		kind := ""
		if w.flag("exception") {
			kind = w.peek()
			args = []string{"exception"}
		} else {
			args = w.s
		}
		match = func(m rpc.Message) (bool, string) {
			if m.Which() != rpc.MessageWhichReturn || m.Return().AnswerId() != id {
				return false, ""
			}
			ret := m.Return()
			if len(args) > 0 && ret.Which() != outcomes[args[0]] {
				return false, describe(m)
			}
			if kind != "" && kinds[min(int(ret.Exception().Type()), 3)] != kind {
				return false, describe(m)
			}
			if t := ret.Results().CapTable(); t.Len() > 0 {
				about(named(t.At(0)))
			}
			return true, ""
		}
	case "call":
		match = func(m rpc.Message) (bool, string) {
			if m.Which() != rpc.MessageWhichCall {
				return false, ""
			}
			t := m.Call().Target()
			if len(args) > 0 && args[0] != "import:"+strconv.Itoa(int(t.ImportedCap())) {
				return false, ""
			}
			about(m.Call().QuestionId())
			return true, ""
		}
	case "finish":
		id := w.id()
		match = func(m rpc.Message) (bool, string) {
			return m.Which() == rpc.MessageWhichFinish && m.Finish().QuestionId() == id, ""
		}
	case "resolve":
		id := w.id()
		args = w.s
		match = func(m rpc.Message) (bool, string) {
			if m.Which() != rpc.MessageWhichResolve || m.Resolve().PromiseId() != id {
				return false, ""
			}
			res := m.Resolve()
			if len(args) > 0 && (args[0] == "exception") != (res.Which() == rpc.ResolveWhichException) {
				return false, describe(m)
			}
			if res.Which() == rpc.ResolveWhichCap {
				about(named(res.Cap()))
			}
			return true, ""
		}
	case "disembargo":
		match = func(m rpc.Message) (bool, string) {
			if m.Which() != rpc.MessageWhichDisembargo {
				return false, ""
			}
			c := m.Disembargo().Context()
			if len(args) > 0 && args[0] != c.Which().String() {
				return false, ""
			}
			about(c.SenderLoopback() | c.ReceiverLoopback())
			return true, ""
		}
	case "unimplemented":
		match = func(m rpc.Message) (bool, string) {
			ok := m.Which() == rpc.MessageWhichUnimplemented && (len(args) == 0 || m.Unimplemented().Which().String() == args[0])
			return ok, ""
		}
	default:
		return "", fmt.Errorf("no event %q", verb)
	}
	if w.err != nil {
		return "", w.err
	}
	err = r.peer.wait(func(in []*received, end error) (bool, error) {
		for _, m := range in {
			if m.seen {
				continue
			}
			ok, why := match(m.m)
			m.seen = ok
			if why != "" {
				return false, errors.New(why)
			}
			if ok {
				got = describe(m.m)
				return true, nil
			}
			if m.m.Which() == rpc.MessageWhichAbort {
				m.seen = true
				return false, errors.New(describe(m.m))
			}
		}
		return false, nil
	})
	if errors.Is(err, errSilent) {
		err = errors.New(orElse(r.unseen(), "nothing"))
	}
	return got, err
}

// named is the id in a descriptor.
func named(d rpc.CapDescriptor) uint32 {
	switch d.Which() {
	case rpc.CapDescriptorWhichSenderHosted:
		return d.SenderHosted()
	case rpc.CapDescriptorWhichSenderPromise:
		return d.SenderPromise()
	case rpc.CapDescriptorWhichReceiverHosted:
		return d.ReceiverHosted()
	}
	return 0
}

// unseen describes the messages that were not awaited, except for what settles others.
func (r *run) unseen() string {
	p := r.peer
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, m := range p.in {
		switch m.m.Which() {
		case rpc.MessageWhichRelease, rpc.MessageWhichFinish:
			continue
		}
		if !m.seen {
			out = append(out, describe(m.m))
		}
	}
	if len(out) > 3 {
		out = append(out[:3], fmt.Sprintf("and %d more", len(out)-3))
	}
	return strings.Join(out, "; ")
}

// describe prints a message in the words of a case.
func describe(m rpc.Message) string {
	name := m.Which().String()
	switch m.Which() {
	case rpc.MessageWhichUnimplemented:
		if in := m.Unimplemented(); !capnp.IsNull(in) {
			return name + " " + in.Which().String()
		}
	case rpc.MessageWhichAbort:
		return name + ": " + quote(m.Abort().Reason())
	case rpc.MessageWhichBootstrap:
		return fmt.Sprint(name, " ", m.Bootstrap().QuestionId())
	case rpc.MessageWhichCall:
		return fmt.Sprint(name, " ", m.Call().QuestionId())
	case rpc.MessageWhichReturn:
		ret := m.Return()
		out := fmt.Sprint(name, " ", ret.AnswerId(), " ", ret.Which())
		if ret.Which() == rpc.ReturnWhichException {
			out += fmt.Sprint(" ", ret.Exception().Type(), ": ", quote(ret.Exception().Reason()))
		}
		return out
	case rpc.MessageWhichFinish:
		return fmt.Sprint(name, " ", m.Finish().QuestionId())
	case rpc.MessageWhichResolve:
		return fmt.Sprint(name, " ", m.Resolve().PromiseId(), " ", m.Resolve().Which())
	case rpc.MessageWhichRelease:
		return fmt.Sprint(name, " ", m.Release().Id(), " ", m.Release().ReferenceCount())
	case rpc.MessageWhichDisembargo:
		return fmt.Sprint(name, " ", m.Disembargo().Context().Which())
	}
	return name
}

// quote makes a reason fit for a table: without addresses, which differ each time, and not long.
func quote(s string) string {
	s = printable(hideAddresses(s))
	if r := []rune(s); len(r) > 90 {
		s = string(r[:90]) + "…"
	}
	return s
}

// printable makes what a server said safe to print.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
