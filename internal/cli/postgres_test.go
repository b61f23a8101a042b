package cli_test

import (
	"bufio"
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
	"lanyard.dev/service/calculator"
	"lanyard.dev/store/storetest/pgtest"
	"lanyard.dev/vat"
)

// postgresURL makes a database for a test and returns its URL.
func postgresURL(t *testing.T) string {
	t.Helper()
	s := pgtest.New()
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	u := url.URL{Scheme: "postgres", Path: "/"}
	q := url.Values{}
	for setting := range strings.FieldsSeq(s.Database(t)) {
		name, value, _ := strings.Cut(setting, "=")
		switch name {
		case "user":
			u.User = url.User(value)
		case "dbname":
			u.Path += value
		default:
			q.Set(name, value)
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// program runs the program with a home and returns what it printed.
func program(t *testing.T, home string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	cmd := exec.Command("lanyard", args...)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "LANYARD_HOME="+home)
	var out, msg strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &msg
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), msg.String()
}

// good is program for what must succeed.
func good(t *testing.T, home string, args ...string) string {
	t.Helper()
	status, out, msg := program(t, home, args...)
	if status != 0 {
		t.Fatalf("lanyard %s: %d, %s", strings.Join(args, " "), status, msg)
	}
	return out
}

// serving starts a server and returns its process.
func serving(t *testing.T, home, config string) *os.Process {
	t.Helper()
	cmd := exec.Command("lanyard", "serve", config)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "LANYARD_HOME="+home)
	var msg strings.Builder
	cmd.Stderr = &msg
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGCONT)
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server ended with %v\n%s", err, &msg)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "listening on ") {
		t.Fatalf("the server says %q, %v", line, err)
	}
	return cmd.Process
}

// TestServePostgres: two servers share a ledger. What one of them gave the other has as well, and a revocation at
// one holds at both when the command that waits returns.
func TestServePostgres(t *testing.T) {
	ledger := postgresURL(t)
	dir, err := os.MkdirTemp("", "lp") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	in := func(name string) string { return filepath.Join(dir, name) }
	alice := in("alice")
	good(t, alice, "init")
	config := func(name, key string) string {
		text := "listen = [\"unix:" + name + "\"]\nhints = [\"unix:one\", \"unix:two\"]\nledger = " + strconv.Quote(ledger) +
			"\nledger-key = " + strconv.Quote(key) + "\n[objects.calc]\nservice = \"calculator\"\n"
		if err := os.WriteFile(in(name+".toml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return in(name + ".toml")
	}
	serving(t, alice, config("one", "shared.key"))
	two := serving(t, alice, config("two", "shared.key"))
	if info, err := os.Stat(in("shared.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the key: %v, %v", info, err)
	}

	// Another key is none, and is not left behind.
	status, _, msg := program(t, alice, "serve", config("three", "other.key"))
	if status == 0 || !strings.Contains(msg, "all servers of a ledger have one key") {
		t.Errorf("another key: %d, %q", status, msg)
	}
	if _, err := os.Lstat(in("other.key")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a key of no use was left: %v", err)
	}

	good(t, alice, "share", "calc", "--as", "bob", "--to", in("bob.cap"))
	text, err := os.ReadFile(in("bob.cap"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := vat.Parse(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	// hold gets Bob's calculator from one server; each time it is another Bob.
	hold := func(server string) calculator.Calculator {
		v, err := vat.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { v.Close() })
		at, err := vat.ParseAddress("unix:" + in(server))
		if err != nil {
			t.Fatal(err)
		}
		there, err := vat.NewReference(r.Key(), r.Secret(), at)
		if err != nil {
			t.Fatal(err)
		}
		return capnp.As[calculator.Calculator](v.Restore(ctx, there))
	}
	call := func(c calculator.Calculator) error {
		p := c.GetOperator(ctx, nil)
		defer p.Release()
		_, err := p.Wait()
		return err
	}
	bobs := map[string]calculator.Calculator{"one": hold("one"), "two": hold("two")}
	for name, b := range bobs {
		if err := call(b); err != nil {
			t.Fatalf("at %s: %v", name, err)
		}
	}

	// The command waits for the other server: as long as that cannot answer, until its lease is over.
	if err := two.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	done := make(chan string, 1)
	go func() {
		status, out, msg := program(t, alice, "revoke", "bob", "--wait", "--reason", "he moved")
		done <- strconv.Itoa(status) + out + msg
	}()
	select {
	case said := <-done:
		t.Fatalf("the revocation did not wait: %s", said)
	case <-time.After(time.Second):
	}
	if err := two.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if said := <-done; !strings.HasPrefix(said, "0revoked: 1 edge\n") {
		t.Fatalf("the revocation: %s", said)
	}
	for name, b := range bobs {
		for range 20 {
			if err := call(b); !errors.Is(err, ocap.Revoked) || !strings.Contains(err.Error(), "he moved") {
				t.Fatalf("at %s, after the revocation: %v", name, err)
			}
		}
		if err := call(hold(name)); !errors.Is(err, ocap.Revoked) {
			t.Errorf("at %s a revoked reference: %v", name, err)
		}
	}

	good(t, alice, "undo", "bob")
	for name := range bobs {
		if err := call(hold(name)); err != nil {
			t.Errorf("at %s, after the undo: %v", name, err)
		}
	}
}

// TestServePassfile: a file of passwords that others can read is refused, before anything is sent.
func TestServePassfile(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	good(t, home, "init")
	passwords := filepath.Join(home, "pgpass")
	if err := os.WriteFile(passwords, []byte("*:*:*:*:hunter2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(home, "lanyard.toml")
	text := "listen = [\"127.0.0.1:0\"]\nledger = \"postgres://me@127.0.0.1:1/x?passfile=" + passwords + "\"\n[objects.calc]\nservice = \"calculator\"\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, msg := program(t, home, "serve")
	if status == 0 || !strings.Contains(msg, "chmod 600 it") || strings.Contains(msg, "hunter2") {
		t.Errorf("%d, %q", status, msg)
	}
	if _, err := os.Lstat(filepath.Join(home, "ledger.key")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a key was made: %v", err)
	}
}
