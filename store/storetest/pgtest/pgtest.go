// Package pgtest starts a throw-away PostgreSQL server for the tests of one
// binary, from the programs that Debian and others install.
//
// Do not use it for anything that should be kept: the server goes with the
// process that started it, and so does its data.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// envPolicy is as for the other peers of the tests: require makes a missing
// server a failure, off skips.
const envPolicy = "LANYARD_INTEROP"

// patience is how long a server may take to start.
const patience = 60 * time.Second

// A Server is a PostgreSQL server that starts with the first Database. Make it a
// variable of the test binary and stop it in TestMain.
type Server struct {
	settings []string

	mu      sync.Mutex // guards the fields below
	dir     string
	tools   string // the folder of initdb and postgres
	err     error
	watch   *exec.Cmd
	release io.Closer // closing it ends the server
	n       int
}

// New returns a server with these settings, as "fsync=on". Unless they say so, it does
// not wait for the disk: that is about power, not about processes.
func New(settings ...string) *Server {
	return &Server{settings: append([]string{"fsync=off", "max_connections=200"}, settings...)}
}

// Database makes an empty schema, which is as good as a database here and a
// hundred times quicker, and returns how to connect to it. Without
// PostgreSQL the test is skipped, or fails if LANYARD_INTEROP says require.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	policy := os.Getenv(envPolicy)
	if policy == "off" {
		t.Skip(envPolicy + "=off")
	}
	conn, err := s.Create()
	switch {
	case errors.Is(err, ErrMissing) && policy != "require":
		t.Skip(err, "; ", envPolicy, "=require makes this a failure")
	case err != nil:
		t.Fatal(err)
	}
	return conn
}

// Create makes an empty schema and returns how to connect to it: ErrMissing if
// there is no PostgreSQL here.
func (s *Server) Create() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" && s.err == nil {
		if s.err = s.create(); s.err == nil {
			s.err = s.start()
		}
	}
	if s.err != nil {
		return "", s.err
	}
	s.n++
	name := "t" + strconv.Itoa(s.n)
	return s.dsn() + " search_path=" + name, s.exec("create schema " + name)
}

func (s *Server) dsn() string {
	return fmt.Sprintf("host=%s user=lanyard dbname=postgres", s.dir)
}

func (s *Server) exec(statement string) error {
	config, err := pgx.ParseConfig(s.dsn())
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*config)
	defer db.Close()
	_, err = db.Exec(statement)
	return err
}

// ErrMissing reports that PostgreSQL is not installed.
var ErrMissing = errors.New("no PostgreSQL server here: install postgresql")

// find looks for the programs in the path and where Debian keeps them.
func find() (string, error) {
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.Sort(dirs)
	slices.Reverse(dirs) // the newest
	if p, err := exec.LookPath("initdb"); err == nil {
		dirs = append(dirs, filepath.Dir(p))
	}
	for _, dir := range dirs {
		_, err1 := os.Stat(filepath.Join(dir, "initdb"))
		_, err2 := os.Stat(filepath.Join(dir, "postgres"))
		if err1 == nil && err2 == nil {
			return dir, nil
		}
	}
	return "", ErrMissing
}

// command runs a program of the server, by the user postgres if the test is root:
// PostgreSQL refuses to be.
func command(name string, args ...string) *exec.Cmd {
	if os.Getuid() == 0 {
		return exec.Command("runuser", append([]string{"-u", "postgres", "--", name}, args...)...)
	}
	return exec.Command(name, args...)
}

func (s *Server) create() error {
	var err error
	if s.tools, err = find(); err != nil {
		return err
	}
	// A socket's path is short, so this is no folder of a test.
	if s.dir, err = os.MkdirTemp("", "pg"); err != nil {
		return err
	}
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			return fmt.Errorf("%w, with its user (%w)", ErrMissing, err)
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(s.dir, uid, gid); err != nil {
			return err
		}
	}
	initdb := command(filepath.Join(s.tools, "initdb"), "-D", filepath.Join(s.dir, "data"),
		"-U", "lanyard", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.Dir = s.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// guard runs the server until its standard input ends or has a line, and stops it
// with the signal that the line names. Without a line the test was killed: nobody
// else removes the data then.
const guard = `log=$1; shift
"$@" >"$log" 2>&1 &
pid=$!
how=INT
read -r how
kill -"${how:-INT}" $pid
wait $pid
code=$?
[ -n "$how" ] || rm -rf "$(dirname "$log")"
exit $code`

// start starts the server and waits until it answers.
func (s *Server) start() error {
	args := []string{"-c", guard, "guard", filepath.Join(s.dir, "log"),
		filepath.Join(s.tools, "postgres"), "-D", filepath.Join(s.dir, "data"), "-k", s.dir, "-h", ""}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	s.watch = command("sh", args...)
	s.watch.Dir = s.dir
	in, err := s.watch.StdinPipe()
	if err != nil {
		return err
	}
	s.release = in
	if err := s.watch.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := pgx.Connect(ctx, s.dsn())
		if err == nil {
			return c.Close(ctx)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return errors.Join(fmt.Errorf("the server does not start: %w\n%s", err, log), s.end("INT"))
		}
	}
}

// end stops the server by a signal: INT in order, QUIT at once, as if it had crashed.
func (s *Server) end(signal string) error {
	if s.watch == nil {
		return nil
	}
	w, _ := s.release.(io.Writer)
	_, err := io.WriteString(w, signal+"\n")
	err = errors.Join(err, s.release.Close())
	werr := s.watch.Wait()
	s.watch = nil
	if _, exited := errors.AsType[*exec.ExitError](werr); exited && signal != "INT" {
		werr = nil // it says how it ended
	}
	return errors.Join(err, werr)
}

// Crash stops the server at once, as if it had crashed, and starts it again; it
// recovers from its log.
func (s *Server) Crash() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.end("QUIT"); err != nil {
		return err
	}
	return s.start()
}

// Stop ends the server, if it was started, and removes its data.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.end("INT")
	if s.dir != "" {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	return err
}
