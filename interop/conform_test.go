package interop_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lanyard.dev/internal/conform"
)

var update = flag.Bool("update", false, "rewrite the tables in docs")

const tablesFile = "../docs/conformance-tables.md"

// TestConform attacks each implementation's server, as `lanyard conform` does. Ours meets every
// expectation; what others do is in the committed table, and is still so. A server that hangs or
// dies is replaced.
func TestConform(t *testing.T) {
	cases, err := conform.Cases()
	if err != nil {
		t.Fatal(err)
	}
	committed := readTables(t)
	columns := []struct {
		name string
		find func() (kit, error)
	}{{"Lanyard", ours}, {"C++ 0.9.2", cpp}, {"C++ 1.3.0", newer}, {"C++ 1.4.0", named}}
	got := map[string]map[string]string{}
	for _, col := range columns {
		t.Run(col.name, func(t *testing.T) {
			if _, err := col.find(); err != nil && (col.name == "C++ 1.3.0" || col.name == "C++ 1.4.0") {
				t.Skip(err) // nobody has to have it
			}
			k := need(t, col.find)
			if v := version(k); v != "" && !strings.HasSuffix(col.name, v) {
				t.Skipf("the table is of %s, this is %s", col.name, v)
			}
			got[col.name] = map[string]string{}
			play := func(cases []conform.Case, timeout time.Duration) (surprises []conform.Case) {
				results := attackAll(t, k.probeServer, cases, timeout)
				for i, c := range cases {
					r := results[i]
					cell := string(r.Verdict)
					if r.Failed() {
						cell += ": " + r.Got
					}
					name := c.ID + "/" + c.Name
					got[col.name][name] = cell
					is, _, _ := strings.Cut(cell, ":")
					was, _, _ := strings.Cut(committed[col.name][name], ":")
					if is != was || r.Failed() && k.name == "Go" {
						surprises = append(surprises, c)
					}
				}
				return surprises
			}
			// What is not as it was may be slow only.
			surprises := play(cases, 2*time.Second)
			if len(surprises) > 0 && !*update {
				surprises = play(surprises, 15*time.Second)
			}
			for _, c := range surprises {
				name := c.ID + "/" + c.Name
				if cell := got[col.name][name]; !*update || k.name == "Go" && cell != "ok" {
					t.Errorf("%s: %s\nthe table in docs has %q (-update rewrites it)", name, cell, committed[col.name][name])
				}
			}
		})
	}
	if *update {
		var b strings.Builder
		b.WriteString(tablesHead)
		b.WriteString("| case | what is tried | expected |")
		for _, c := range columns {
			fmt.Fprintf(&b, " %s |", c.name)
		}
		b.WriteString("\n|---|---|---|" + strings.Repeat("---|", len(columns)) + "\n")
		cell := strings.NewReplacer("|", "\\|", "<", "&lt;", "*", "\\*", "_", "\\_")
		for _, c := range cases {
			name := c.ID + "/" + c.Name
			fmt.Fprintf(&b, "| %s | %s | %s |", name, cell.Replace(c.What), cell.Replace(c.Expected()))
			for _, col := range columns {
				s := got[col.name][name]
				if s == "" {
					s = committed[col.name][name]
				}
				fmt.Fprintf(&b, " %s |", cell.Replace(s))
			}
			b.WriteString("\n")
		}
		if err := os.WriteFile(tablesFile, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// named is the C++ peers of a version that the environment names: LANYARD_PEERS=1.4.0=FOLDER, where
// make cpp BUILD=FOLDER CAPNP_PREFIX=… has built them.
func named() (kit, error) {
	version, dir, ok := strings.Cut(os.Getenv("LANYARD_PEERS"), "=")
	if !ok {
		return kit{}, &missingError{"another Cap'n Proto (LANYARD_PEERS=VERSION=FOLDER)"}
	}
	return built(version, dir), nil
}

const tablesHead = `# What servers do under attack

Each row is a case of internal/conform/cases, played to a server of the test
service (interop/testservice). "ok" means that every expectation was met. What is
expected is what rpc.capnp says, and prudence where it says nothing: a server
that differs need not be wrong, only stricter or more trusting than ours. "gone"
means that afterwards the server answered nobody any more, so that it had to be
killed. Pointers in texts are shown as "…".

C++ from 1.0 on cancels only methods with an annotation that 0.9.2 does not know, so
the test service has none there: R07/canceled, R16/canceled, R22/hanging.

` + "`go test ./interop -run TestConform -update`" + ` writes this file; without -update the
test compares the verdicts. ` + "`lanyard conform ADDRESS`" + ` prints the table of a server
of your own.

`

// version is the version of Cap'n Proto C++ that a kit was built with; "" for ours.
func version(k kit) string {
	tool := map[string]string{"C++": "capnp", "newer C++": "build/newer/prefix/bin/capnp"}[k.name]
	switch {
	case k.name == "Go":
		return ""
	case tool == "":
		return k.name
	}
	out, _ := exec.Command(tool, "--version").Output()
	return strings.TrimPrefix(strings.TrimSpace(string(out)), "Cap'n Proto version ")
}

// attackAll plays every case to a server, and to a new one after each case that it did not survive.
func attackAll(t *testing.T, server peer, cases []conform.Case, timeout time.Duration) []conform.Result {
	t.Helper()
	var v *victim
	stop := func() {
		if v != nil {
			v.cmd.Process.Kill()
			<-v.exited
			v = nil
		}
	}
	defer stop()
	var out []conform.Result
	for i := range cases {
		c := &cases[i]
		if v == nil {
			v = spawn(t, server, timeout)
		}
		r, err := v.server.Run(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict == conform.Gone {
			stop()
		}
		out = append(out, r)
	}
	return out
}

// A victim is a server process that may hang or die.
type victim struct {
	cmd    *exec.Cmd
	exited chan struct{}
	server *conform.Server
}

func spawn(t *testing.T, p peer, timeout time.Duration) *victim {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	v := &victim{cmd: exec.Command(p[0], append(p[1:len(p):len(p)], "unix:"+path)...), exited: make(chan struct{})}
	stdout, err := v.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	listening := make(chan bool, 1)
	go func() {
		sc := bufio.NewScanner(stdout)
		listening <- sc.Scan()
		for sc.Scan() {
		}
		v.cmd.Wait()
		close(v.exited)
	}()
	select {
	case ok := <-listening:
		if !ok {
			t.Fatalf("%v does not listen", p)
		}
	case <-time.After(30 * time.Second):
		v.cmd.Process.Kill()
		t.Fatalf("%v does not listen after 30 s", p)
	}
	v.server, err = conform.New(t.Context(), func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}, timeout)
	if err != nil {
		v.cmd.Process.Kill()
		t.Fatal(err)
	}
	return v
}

// readTables reads the committed tables: column, case, cell.
func readTables(t *testing.T) map[string]map[string]string {
	t.Helper()
	text, err := os.ReadFile(tablesFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	plain := strings.NewReplacer("\\|", "\x00", "&lt;", "<", "\\*", "*", "\\_", "_")
	out := map[string]map[string]string{}
	var head []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		cells := strings.Split(strings.Trim(plain.Replace(strings.TrimSpace(line)), "| "), " | ")
		if head == nil {
			head = cells
			for _, name := range head[3:] {
				out[name] = map[string]string{}
			}
			continue
		}
		for i, cell := range cells[min(3, len(cells)):] {
			out[head[3+i]][cells[0]] = strings.ReplaceAll(cell, "\x00", "|")
		}
	}
	return out
}
