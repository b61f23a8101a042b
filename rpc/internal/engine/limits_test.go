package engine

import (
	"strings"
	"testing"

	"lanyard.dev/capnp"
)

// TestLimits plays each limit at n, where it must not show, and then at n+1.
func TestLimits(t *testing.T) {
	serve := "a serve o\na recv bootstrap q1\n"
	for _, tt := range []struct {
		name      string
		limits    Limits
		at        string // at the limit
		over      string // beyond it
		want      string
		end       string
		survivors bool // the connection goes on
	}{
		{name: "Answers", limits: Limits{Answers: 2}, at: serve + "a recv call q2 on q1", over: "a recv call q3 on q1",
			want: "abort failed: more than 2 calls at a time", end: "a return o"},
		{name: "AnswersBootstrap", limits: Limits{Answers: 1}, at: serve, over: "a recv bootstrap q3",
			want: "abort failed: more than 1 calls at a time"},
		{name: "Questions", limits: Limits{Questions: 2}, at: "a boot = bootstrap\na p = call boot", over: "a q = call boot\na wait q",
			want: "q: overloaded: more than 2 calls wait on one connection", survivors: true,
			end: "a recv return q1 results\na recv return q0 results\na release boot"},
		{name: "Exports", limits: Limits{Exports: 1}, at: "a object l\na object m\na boot = bootstrap\na p = call boot l l", over: "a q = call boot l m\na wait q",
			want: "q: overloaded: more than 1 capabilities exported", survivors: true,
			end: "a recv return q1 results releaseParamCaps\na recv return q0 results\na release boot"},
		{name: "ExportsInResults", limits: Limits{Exports: 2}, at: serve + "a object l\na object m\na recv call q2 on q1\na return o l\na recv finish q2 releaseResultCaps",
			over: "a recv call q2 on q1\na return o l m", want: "return q2 exception releaseParamCaps overloaded: more than 2 capabilities exported",
			survivors: true, end: "a recv finish q2\na recv finish q1 releaseResultCaps"},
		{name: "Imports", limits: Limits{Imports: 1}, at: serve + "a recv call q2 on q1 [senderHosted 5] [senderHosted 5]", over: "a recv call q3 on q1 [senderHosted 5] [senderHosted 6]",
			want: "abort failed: Call: more than 1 capabilities imported", end: "a return o"},
		{name: "Embargoes", limits: Limits{Embargoes: 1}, at: "a object l\na boot = bootstrap\na p = call boot l\na x = pipe p.0\na q = call x\na y = pipe p.1\na r = call y\na recv return q1 results [receiverHosted 0]",
			over: "a s = call boot l\na z = pipe s.0\na u = call z\na recv return q1 results [receiverHosted 0]",
			want: "abort failed: more than 1 embargoes", end: "a give p\na release x\na release y\na give s\na release z\na release boot"},
		{name: "CapsSent", limits: Limits{Caps: 2}, at: "a object l\na boot = bootstrap\na p = call boot l l", over: "a q = call boot l l l\na wait q",
			want: "q: failed: more than 2 capabilities in one message", survivors: true,
			end: "a recv return q1 results releaseParamCaps\na recv return q0 results\na release boot"},
		{name: "CapsReceived", limits: Limits{Caps: 2}, at: serve + "a recv call q2 on q1 [senderHosted 5] [none]", over: "a recv call q3 on q1 [none] [none] [none]",
			want: "abort failed: Call: more than 2 capabilities in one message", end: "a return o"},
		{name: "CapsInReturn", limits: Limits{Caps: 1}, at: "a boot = bootstrap\na p = call boot\na recv return q1 results [senderHosted 1]\na give p\na q = call boot", over: "a recv return q1 results [none] [none]",
			want: "abort failed: Return: more than 1 capabilities in one message", end: "a release boot"},
		{name: "OpsInCall", limits: Limits{Ops: 2}, at: serve + "a recv call q2 on q1\na recv call q3 on q2.0.0", over: "a recv call q4 on q2.0.0.0",
			want: "return q4 exception releaseParamCaps failed: more than 2 steps in a path", survivors: true,
			end: "a return o\na recv finish q2\na recv finish q3\na recv finish q4\na recv finish q1 releaseResultCaps"},
		{name: "OpsInDescriptor", limits: Limits{Ops: 2}, at: serve + "a recv call q2 on q1\na recv call q3 on q1 [receiverAnswer q2.0.0]",
			over: "a recv call q4 on q1 [receiverAnswer q2.0.0.0]\na return o\na return o\na x = param o.0\na p = call x\na wait p",
			want: "p: failed: more than 2 steps in a path", survivors: true,
			end: "a return o\na release x\na recv finish q2\na recv finish q3\na recv finish q4\na recv finish q1 releaseResultCaps"},
		{name: "Promises", limits: Limits{Promises: 1}, at: serve + "a recv call q2 on q1 [senderPromise 5] [senderPromise 5] [senderHosted 6]", over: "a recv call q3 on q1 [senderPromise 7]",
			want: "abort failed: Call: more than 1 promises that are not resolved", end: "a return o"},
		{name: "PromisesSettled", limits: Limits{Promises: 1}, at: serve + "a recv call q2 on q1 [senderPromise 5]\na recv resolve promise 5 [senderHosted 6]\na recv call q3 on q1 [senderPromise 7]\na return o\na return o\na recv call q4 on q1 [senderPromise 8]",
			over: "a recv call q5 on q1 [senderPromise 9]", want: "abort failed: Call: more than 1 promises that are not resolved", end: "a return o"},
		{name: "Disembargoes", limits: Limits{Embargoes: 1}, at: "a serve o\na x = promise\na recv bootstrap q1\na recv call q2 on q1\na return o x\na recv disembargo senderLoopback 1 on q2.0", over: "a recv disembargo senderLoopback 2 on q2.0",
			want: "abort failed: more than 1 Disembargoes on their way", end: "a release x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript(t, tt.limits)
			for line := range strings.Lines(tt.at) {
				s.do(line)
			}
			if got := s.out.String(); strings.Contains(got, "more than") || strings.Contains(got, "too much") || s.a.closed != nil {
				t.Errorf("at the limit: %v\n%s", s.a.closed, got)
			}
			for line := range strings.Lines(tt.over) {
				s.do(line)
			}
			if got := s.out.String(); !strings.Contains(got, tt.want) {
				t.Errorf("over the limit: want %q, got\n%s", tt.want, got)
			}
			if open := s.a.closed == nil; open != tt.survivors {
				t.Errorf("the connection is open: %t, want %t", open, tt.survivors)
			}
			for line := range strings.Lines(tt.end) {
				s.do(line)
			}
			s.end()
			if t.Failed() {
				t.Log(s.out.String())
			}
		})
	}
}

// A Call, or results, that the host cannot send at all end with its error and leave nothing.
func TestWhatCannotBeSent(t *testing.T) {
	for name, lines := range map[string]string{
		"Call": "a object l\na boot = bootstrap\nrefuse call\na p = call boot l\na x = pipe p.0\na wait p\na q = call x\na wait q\na recv return q0 results\na release x\na release boot",
		"Return": "a serve o\na object l\na recv bootstrap q1\nrefuse return\na recv call q2 on q1 [senderHosted 4]\na return o l\n" +
			"a recv finish q2\na recv finish q1 releaseResultCaps",
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, Limits{})
			for line := range strings.Lines(lines) {
				if what, ok := strings.CutPrefix(strings.TrimSpace(line), "refuse "); ok {
					s.a.refuse = func(m *Message) error {
						if m.Type.String() == what && (m.Type != Return || m.Outcome == Results) {
							return capnp.NewError(capnp.Failed, "it is too large")
						}
						return nil
					}
					continue
				}
				s.do(line)
			}
			s.end()
			if got := s.out.String(); !strings.Contains(got, "failed: it is too large") {
				t.Errorf("got\n%s", got)
			}
		})
	}
}

// Close tells the peer why; after that nothing is sent, and nothing is heard.
func TestCloseAborts(t *testing.T) {
	s := newScript(t, Limits{})
	s.do("a serve o")
	s.do("b boot = bootstrap")
	s.a.do(Close(capnp.NewError(capnp.Disconnected, "closed"), capnp.NewError(capnp.Failed, "no more")))
	s.do("a recv bootstrap q5")
	s.a.do(Ask(func(e *Engine) {
		if e.Calls() != 0 {
			t.Errorf("%d calls are under way", e.Calls())
		}
	}))
	s.a.do(Close(nil, nil))
	s.do("run")
	s.do("b p = call boot")
	s.do("b wait p")
	if got, want := s.out.String(), "p: disconnected: remote exception: the peer ended the connection: no more"; !strings.Contains(got, want) {
		t.Errorf("want %q, got\n%s", want, got)
	}
	s.do("b release boot")
	s.end()
}
