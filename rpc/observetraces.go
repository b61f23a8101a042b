package rpc

import (
	"regexp"
	"strings"

	"lanyard.dev/capnp"
)

// Traces opts in to saying where errors arose (Exception.trace in rpc.capnp). A stack tells a peer
// how a program is built, so it is off by default, and redacted when it is on.
type Traces struct {
	_ struct{}

	// Redact makes of a stack what the peer may see; "" sends nothing. The default is RedactStack.
	// It is called while messages wait and must only work on its argument.
	Redact func(stack string) string
}

// maxTrace bounds what is sent, in bytes. What is received is cut off at the same length.
const maxTrace = 8 << 10

// outgoing returns x as the peer may see it.
func (tr *Traces) outgoing(x *capnp.Exception) *capnp.Exception {
	if tr == nil && x.Trace == "" {
		return x
	}
	y := *x
	y.Trace = ""
	if tr != nil {
		y.Trace = tr.redacted(x.StackTrace())
	}
	return &y
}

func (tr *Traces) redacted(stack string) (out string) {
	if stack == "" {
		return ""
	}
	redact := tr.Redact
	if redact == nil {
		redact = RedactStack
	}
	defer func() {
		if recover() != nil {
			out = "" // what to leave out is not known
		}
	}()
	out = redact(stack)
	if len(out) > maxTrace {
		out = strings.ToValidUTF8(out[:maxTrace], "")
	}
	return out
}

// incoming drops what nobody has asked for.
func (tr *Traces) incoming(x *capnp.Exception) {
	if tr == nil {
		x.Trace = ""
	}
}

var (
	folders   = regexp.MustCompile(`(^|[\s("'=])(?:[A-Za-z]:)?[/\\](?:[^\s:/\\]+[/\\])*`)
	addresses = regexp.MustCompile(`\+?\b0[xX][0-9a-fA-F]+\b`)
)

// RedactStack makes a stack fit for others' eyes. Of a Go stack it leaves one line for each
// function between the panic, or whoever asked for the stack, and the method's caller: the
// function's name, the file's name without its folders, the line. In other text it takes away
// folders and addresses.
func RedactStack(stack string) string {
	lines := strings.Split(stack, "\n")
	if !strings.HasPrefix(stack, "goroutine ") {
		for i, l := range lines {
			lines[i] = addresses.ReplaceAllString(folders.ReplaceAllString(l, "$1"), "")
		}
		return strings.Join(lines, "\n")
	}
	var out []string
	for i := 1; i+1 < len(lines); i += 2 {
		f, inPanic := functionName(lines[i])
		switch {
		case inPanic:
			out = out[:0]
			continue
		case f == "runtime/debug.Stack", strings.HasSuffix(f, "/capnp.(*Exception).Traced"):
			continue
		case strings.HasSuffix(f, "/capnp.(*object).invoke"):
			return strings.Join(out, "\n")
		}
		place, _, _ := strings.Cut(strings.TrimSpace(lines[i+1]), " ")
		out = append(out, f+" "+place[strings.LastIndexAny(place, `/\`)+1:])
	}
	return strings.Join(out, "\n")
}

// functionName reads the first of a frame's two lines; the arguments are addresses.
func functionName(line string) (name string, isPanic bool) {
	name, _, _ = strings.Cut(line, " in goroutine ")
	name = strings.TrimPrefix(name, "created by ")
	if strings.HasSuffix(name, ")") {
		if i := strings.LastIndexByte(name, '('); i > 0 && !strings.HasPrefix(name[i:], "(*") {
			name = name[:i]
		}
	}
	return name, name == "panic"
}
