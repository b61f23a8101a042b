package conform

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// A case file is named for the group of attacks it belongs to (R03-return.txt)
// and holds cases, each opened by a line `-- name: what is tried --`. The lines
// of a case are statements. # starts a comment, | joins alternatives.
//
// Messages to send, with what they need, the rest may be left out:
//
//	bootstrap Q
//	call Q TARGET [0xINTERFACE METHOD | probe.NAME] [yourself] [thirdParty]
//	     [noPipelining] [onlyPipeline] [PAYLOAD]
//	return Q results [PAYLOAD] | exception KIND | canceled | elsewhere | take Q | third | tag N
//	     [keepParamCaps] [noFinish]
//	finish Q [keep] [cancel]       cancel: without the early cancellation workaround
//	resolve ID DESCRIPTOR | exception KIND | tag N
//	release ID COUNT
//	disembargo TARGET senderLoopback N | receiverLoopback N | accept | tag N
//	provide Q TARGET    accept Q    join Q TARGET    thirdPartyAnswer Q
//	abort KIND [BYTES]             with a reason of so many bytes
//	unimplemented [*N] MESSAGE     nested so often
//	tag N                          a kind of message that does not exist
//	raw HEX...                     bytes, not framed
//	cut N MESSAGE                  all of the message but its last N bytes
//	repeat A..B MESSAGE            % is the number, %+1 the next, %*8 a multiple
//
//	TARGET      import:ID | boot | answer:Q[.FIELD]... | noops:N,Q | tag
//	PAYLOAD     words=N,N… ptrs=PTR,PTR… caps=DESCRIPTOR,DESCRIPTOR…
//	PTR         cap:INDEX | data:BYTES | text:BYTES | null
//	DESCRIPTOR  none | senderHosted:ID | senderPromise:ID | receiverHosted:ID |
//	            receiverAnswer:Q[.FIELD]... | thirdPartyHosted:VINE | tag; ID can be A..B; *N for N of them
//
// boot stands for `bootstrap 0` and its answer; what it named is the target boot
// and the id $boot. Other statements:
//
//	await EVENT [as NAME]    go on when this has come; what it is about is $NAME
//	expect EVENT [as NAME]   the same; this is what the case is about
//	hang up                  close the writing side
//	dial N                   open so many other connections
//	others HEX...            send bytes on each of them
//
// Events:
//
//	return Q [results|exception [KIND]|canceled|elsewhere|take]    call [TARGET]
//	finish Q    resolve ID [results|exception]    disembargo senderLoopback|receiverLoopback
//	unimplemented [NAME]
//	released ID N     references given back, by Release, Return or Finish
//	released all      of everything that was given
//	abort             an Abort, then the end of the connection; nothing in it but words
//	closed            the end of the connection, with or without a word
//	alive             a Bootstrap is answered
//	quiet             a Bootstrap is answered, and nothing else came that was not awaited
//
//go:embed cases/*.txt
var files embed.FS

// A Case is one attack.
type Case struct {
	ID   string // of the group, as in R03
	Name string // within the group
	What string // what is tried
	File string // where it is written down

	Probe     bool // needs the methods of the test service
	Bootstrap bool // needs a capability to start with

	steps []step
}

// A step is one statement.
type step struct {
	line  int
	verb  string
	words []string
}

// Expected says what a server should do.
func (c *Case) Expected() string {
	var out []string
	for _, s := range c.steps {
		if s.verb == "expect" {
			text, _, _ := strings.Cut(strings.Join(s.words, " "), " as ")
			out = append(out, strings.ReplaceAll(text, " | ", " or "))
		}
	}
	return strings.Join(out, "; ")
}

// Cases returns every case, in the order of their ids.
func Cases() ([]Case, error) {
	names, err := fs.Glob(files, "cases/*.txt")
	if err != nil {
		return nil, err
	}
	var out []Case
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		cases, err := parse(path.Base(name), string(text))
		if err != nil {
			return nil, err
		}
		out = append(out, cases...)
	}
	return out, nil
}

// parse reads a case file.
func parse(file, text string) ([]Case, error) {
	id, _, ok := strings.Cut(strings.TrimSuffix(file, ".txt"), "-")
	if !ok {
		return nil, fmt.Errorf("%s: want ID-subject.txt", file)
	}
	var out []Case
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if head, ok := strings.CutPrefix(line, "-- "); ok {
			name, what, ok := strings.Cut(strings.TrimSuffix(head, " --"), ": ")
			if !ok {
				return nil, fmt.Errorf("%s:%d: want -- name: what is tried --", file, i+1)
			}
			out = append(out, Case{ID: id, Name: name, What: what, File: file})
			continue
		}
		if len(out) == 0 {
			return nil, fmt.Errorf("%s:%d: a statement before the first case", file, i+1)
		}
		c := &out[len(out)-1]
		w := strings.Fields(line)
		c.steps = append(c.steps, step{i + 1, w[0], w[1:]})
		c.Bootstrap = c.Bootstrap || w[0] == "boot"
		c.Probe = c.Probe || strings.Contains(line, "probe.")
	}
	for i := range out {
		if out[i].Expected() == "" {
			return nil, fmt.Errorf("%s: case %s expects nothing", file, out[i].Name)
		}
	}
	return out, nil
}
