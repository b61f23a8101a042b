package cli_test

import (
	"bufio"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"lanyard.dev/internal/cli"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata/script")

// TestMain lets scripts run this test binary as the program, by each of its
// names.
func TestMain(m *testing.M) {
	run := func() { os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr)) }
	testscript.Main(m, map[string]func(){
		"lanyard":        run,
		"capnpc-lanyard": run,
		"capnpc-go":      run,
	})
}

func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", "atexit_sleep_ms=0") // or each command takes a second longer
			env.Values[serversKey{}] = map[string]*exec.Cmd{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start":  start,
			"end":    end,
			"status": status,
			"take":   take,
		},
	})
}

// start runs a server until "end" or the end of the script:
//
//	start NAME PROGRAM ARG...
//
// It waits for "listening on ADDRESS" and sets the variable NAME to the
// address. What it says on standard error is in the file NAME.stderr.
func start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: start NAME PROGRAM ARG...")
	}
	path, err := find(ts.Getenv("PATH"), args[1])
	ts.Check(err)
	cmd := exec.Command(path, args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "LANYARD_HOME="+ts.Getenv("LANYARD_HOME"))
	said, err := os.Create(ts.MkAbs(args[0] + ".stderr"))
	ts.Check(err)
	defer said.Close()
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	ts.Check(err)
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		ts.Fatalf("%s says %q, not where it listens", args[1], line)
	}
	ts.Logf("%s listens on %s", args[0], address)
	ts.Setenv(args[0], address)
	servers(ts)[args[0]] = cmd
}

// end sends a signal to a server, INT or TERM, and checks that it ends with
// status 0.
func end(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: end NAME INT|TERM")
	}
	cmd := servers(ts)[args[0]]
	if cmd == nil {
		ts.Fatalf("no server %s", args[0])
	}
	ts.Check(cmd.Process.Signal(map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM}[args[1]]))
	ts.Check(cmd.Wait())
}

// status runs a program and checks its exit status:
//
//	status N PROGRAM ARG...
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("status %d, want %d", got, want)
	}
}

// take sets a variable to what a group of a regular expression matches in the last command's output:
//
//	take NAME REGEXP
func take(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: take NAME REGEXP")
	}
	re, err := regexp.Compile(args[1])
	ts.Check(err)
	out := ts.ReadFile("stdout")
	m := re.FindStringSubmatch(out)
	if len(m) != 2 {
		ts.Fatalf("%s has no one group in %q", args[1], out)
	}
	ts.Setenv(args[0], m[1])
}

type serversKey struct{}

func servers(ts *testscript.TestScript) map[string]*exec.Cmd {
	return ts.Value(serversKey{}).(map[string]*exec.Cmd)
}

// find looks a program up in the script's path, which is not the test's own.
func find(path, name string) (string, error) {
	for _, dir := range filepath.SplitList(path) {
		if p, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return p, nil
		}
	}
	return "", &exec.Error{Name: name, Err: exec.ErrNotFound}
}
