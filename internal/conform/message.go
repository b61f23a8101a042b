package conform

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schemas/rpc"
)

// The interfaces of the test service (interop/testservice) and of a method that
// nobody has.
const (
	probeID = 0x96b08aaa7dd06201

	unknownID = 0xfeed_f00d_dead_beef
)

var (
	probeMethods = []string{"self", "echo", "callBack", "write", "written", "reflect", "defer", "ticket", "fail", "hang", "fresh"}
	kinds        = []string{"failed", "overloaded", "disconnected", "unimplemented"}
)

// words reads the rest of a statement. The first thing that is wrong stays.
type words struct {
	s    []string
	vars map[string]uint32
	loop uint32 // %
	err  error
}

func (w *words) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

func (w *words) peek() string {
	if len(w.s) == 0 {
		return ""
	}
	return w.s[0]
}

func (w *words) next() string {
	if len(w.s) == 0 {
		w.fail("the statement ends too early")
		return ""
	}
	x := w.s[0]
	w.s = w.s[1:]
	return x
}

func (w *words) flag(name string) bool {
	if w.peek() != name {
		return false
	}
	w.next()
	return true
}

func (w *words) id() uint32 { return uint32(w.num(w.next(), 32)) }

// num reads a number, $NAME, or % with what is done to it.
func (w *words) num(s string, bits int) uint64 {
	if name, ok := strings.CutPrefix(s, "$"); ok {
		v, ok := w.vars[name]
		if !ok {
			w.fail("%s was not awaited", s)
		}
		return uint64(v)
	}
	if rest, ok := strings.CutPrefix(s, "%"); ok {
		if rest == "" {
			return uint64(w.loop)
		}
		n := w.num(rest[1:], bits)
		switch rest[0] {
		case '+':
			return uint64(w.loop) + n
		case '-':
			return uint64(w.loop) - n
		case '*':
			return (uint64(w.loop) * n) & math.MaxUint32
		}
	}
	n, err := strconv.ParseUint(s, 0, bits)
	if err != nil {
		w.fail("%q is no number of %d bits", s, bits)
	}
	return n
}

func (w *words) tag() uint16 { return uint16(w.num(w.next(), 16)) }

func (w *words) index(names []string, s string) int {
	for i, name := range names {
		if name == s {
			return i
		}
	}
	w.fail("%q is none of %s", s, strings.Join(names, ", "))
	return 0
}

// given is the capabilities of ours that a message gives away.
type given []uint32

// message fills b with the message that the words describe.
func (w *words) message(b rpc.MessageBuilder) (refs given) {
	switch verb := w.next(); verb {
	case "bootstrap":
		b.NewBootstrap().SetQuestionId(w.id())
	case "call":
		return w.call(b.NewCall())
	case "return":
		return w.ret(b.NewReturn())
	case "finish":
		f := b.NewFinish()
		f.SetQuestionId(w.id())
		f.SetReleaseResultCaps(!w.flag("keep"))
		f.SetRequireEarlyCancellationWorkaround(!w.flag("cancel"))
	case "resolve":
		return w.resolve(b.NewResolve())
	case "release":
		r := b.NewRelease()
		r.SetId(w.id())
		r.SetReferenceCount(w.id())
	case "disembargo":
		w.disembargo(b.NewDisembargo())
	case "provide":
		p := b.NewProvide()
		p.SetQuestionId(w.id())
		w.target(p.NewTarget())
	case "accept":
		b.NewAccept().SetQuestionId(w.id())
	case "join":
		j := b.NewJoin()
		j.SetQuestionId(w.id())
		w.target(j.NewTarget())
	case "thirdPartyAnswer":
		b.NewThirdPartyAnswer().SetAnswerId(w.id())
	case "abort":
		x := b.NewAbort()
		w.exception(x)
		if w.peek() != "" {
			x.SetReason(strings.Repeat("x", int(w.id())))
		}
	case "unimplemented":
		n := 1
		if s, ok := strings.CutPrefix(w.peek(), "*"); ok {
			w.next()
			n = int(w.num(s, 8))
		}
		for range n {
			b = b.NewUnimplemented()
		}
		return w.message(b)
	case "tag":
		// A message with a body, as a later version of the protocol might have it.
		b.NewBootstrap().SetQuestionId(7)
		capnp.StructBuilder(b).SetUint16(0, w.tag())
	default:
		w.fail("no statement %q", verb)
	}
	return nil
}

func (w *words) call(c rpc.CallBuilder) given {
	c.SetQuestionId(w.id())
	w.target(c.NewTarget())
	c.SetInterfaceId(unknownID)
	if name, ok := strings.CutPrefix(w.peek(), "probe."); ok {
		w.next()
		c.SetInterfaceId(probeID)
		c.SetMethodId(uint16(w.index(probeMethods, name)))
	} else if strings.HasPrefix(w.peek(), "0x") {
		c.SetInterfaceId(w.num(w.next(), 64))
		c.SetMethodId(w.tag())
	}
	var refs given
	for w.err == nil && w.peek() != "" {
		switch {
		case w.flag("yourself"):
			c.NewSendResultsTo().SetYourself()
		case w.flag("thirdParty"):
			c.NewSendResultsTo().SetThirdParty(capnp.Ptr{})
		case w.flag("noPipelining"):
			c.SetNoPromisePipelining(true)
		case w.flag("onlyPipeline"):
			c.SetOnlyPromisePipeline(true)
		default:
			refs = append(refs, w.payload(c.EditParams())...)
		}
	}
	return refs
}

func (w *words) ret(r rpc.ReturnBuilder) (refs given) {
	r.SetAnswerId(w.id())
	switch what := w.next(); what {
	case "results":
		p := r.NewResults()
		for strings.Contains(w.peek(), "=") {
			refs = append(refs, w.payload(p)...)
		}
	case "exception":
		w.exception(r.NewException())
	case "canceled":
		r.SetCanceled()
	case "elsewhere":
		r.SetResultsSentElsewhere()
	case "take":
		r.SetTakeFromOtherQuestion(w.id())
	case "third":
		r.SetAwaitFromThirdParty(capnp.Ptr{})
	case "tag":
		capnp.StructBuilder(r).SetUint16(6, w.tag())
	default:
		w.fail("return %q", what)
	}
	r.SetReleaseParamCaps(!w.flag("keepParamCaps"))
	r.SetNoFinishNeeded(w.flag("noFinish"))
	return refs
}

func (w *words) resolve(r rpc.ResolveBuilder) given {
	r.SetPromiseId(w.id())
	switch w.peek() {
	case "exception":
		w.next()
		w.exception(r.NewException())
	case "tag":
		w.next()
		if w.peek() != "" {
			capnp.StructBuilder(r).SetUint16(4, w.tag())
			break
		}
		w.s = []string{"tag"} // a descriptor of that kind
		fallthrough
	default:
		return w.descriptor(r.NewCap(), w.next())
	}
	return nil
}

func (w *words) disembargo(d rpc.DisembargoBuilder) {
	w.target(d.NewTarget())
	c := d.NewContext()
	switch what := w.next(); what {
	case "senderLoopback":
		c.SetSenderLoopback(w.id())
	case "receiverLoopback":
		c.SetReceiverLoopback(w.id())
	case "accept":
		c.SetAccept([]byte("embargo"))
	case "tag":
		capnp.StructBuilder(d).SetUint16(4, w.tag())
	default:
		w.fail("disembargo %q", what)
	}
}

// exception fills in a kind, by name or number.
func (w *words) exception(x rpc.ExceptionBuilder) {
	s := w.next()
	if s != "" && s[0] >= '0' && s[0] <= '9' {
		capnp.StructBuilder(x).SetUint16(4, uint16(w.num(s, 16)))
	} else {
		capnp.StructBuilder(x).SetUint16(4, uint16(w.index(kinds, s)))
	}
	x.SetReason("on purpose")
}

func (w *words) target(t rpc.MessageTargetBuilder) {
	kind, rest, _ := strings.Cut(w.next(), ":")
	switch kind {
	case "boot":
		t.SetImportedCap(w.vars["boot"])
	case "import":
		t.SetImportedCap(uint32(w.num(rest, 32)))
	case "answer":
		w.path(t.NewPromisedAnswer(), rest)
	case "noops":
		n, q, _ := strings.Cut(rest, ",")
		p := t.NewPromisedAnswer()
		p.SetQuestionId(uint32(w.num(q, 32)))
		p.NewTransform(int(w.num(n, 24)))
	case "tag":
		t.SetImportedCap(0)
		capnp.StructBuilder(t).SetUint16(4, 4711)
	default:
		w.fail("no target %q", kind)
	}
}

// path reads Q.FIELD.FIELD; FIELD*N is N times the same.
func (w *words) path(p rpc.PromisedAnswerBuilder, s string) {
	q, rest, _ := strings.Cut(s, ".")
	p.SetQuestionId(uint32(w.num(q, 32)))
	if rest == "" {
		return
	}
	var fields []uint16
	for f := range strings.SplitSeq(rest, ".") {
		f, n := w.times(f)
		for range n {
			fields = append(fields, uint16(w.num(f, 16)))
		}
	}
	ops := p.NewTransform(len(fields))
	for i, f := range fields {
		ops.At(i).SetGetPointerField(f)
	}
}

// times reads X or X*N.
func (w *words) times(s string) (string, int) {
	if strings.HasPrefix(s, "%") {
		return s, 1
	}
	x, n, ok := strings.Cut(s, "*")
	if !ok {
		return s, 1
	}
	return x, int(w.num(n, 24))
}
