// Package peer is what the Go programs under measurement have in common: the
// conversation with bench/rpc over standard input and output, warming up, and
// counting. It makes no calls of its own.
//
// A peer is one program:
//
//	PEER serve ADDRESS   prints "listening on ADDRESS"; for every line "stats" it
//	                     prints what its process has used so far; ends with its input
//	PEER load            prints "library NAME"; does one job per line, until its input ends
//
// A job is a line MODE ADDRESS KEY VALUE KEY VALUE …; ADDRESS is HOST:PORT,
// unix:PATH or - where the job needs no server. The answers are "unsupported",
// or "ready CALLS" when it is connected and warm; then, after a line "go", the
// result as JSON; then, after a line "close", "closed". So whoever asks can look
// at both processes when nothing runs.
package peer

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Job is one kind of work.
type Job struct {
	Mode, Addr string
	Inflight   int     // calls unanswered at a time
	Depth      int     // calls in a chain
	Size       int     // bytes in a call or chunk
	Conns      int     // connections
	Seconds    float64 // how long it should take, roughly
	Warm       float64 // how long to warm up
}

// A Work makes n calls (chains, chunks) of a job's kind. Close ends it; Check,
// if there is one, is a number that every implementation has to come to.
type Work struct {
	Run   func(n int) error
	Close func() error
	Check func() (uint64, error)
	// Once asks for a single Run(Conns) without warming up.
	Once bool
}

// An Implementation is one library under measurement. Open returns ErrUnsupported
// for what the library has not got.
type Implementation struct {
	Library string
	Serve   func(l net.Listener) error
	Open    func(j Job) (*Work, error)
}

// ErrUnsupported is for jobs that a library has nothing for.
var ErrUnsupported = errors.New("unsupported")

// Used is what a process has used since it started. Mallocs is -1 where nobody counts.
type Used struct {
	CPU     float64 `json:"cpu"` // seconds
	Mallocs int64   `json:"mallocs"`
	Heap    int64   `json:"heap"` // bytes in use after a collection, if one was asked for
}

// A Result is what a job took, at the client.
type Result struct {
	Calls   int     `json:"calls"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu"`
	Mallocs int64   `json:"mallocs"`
	Check   uint64  `json:"check"`
}

// Main is the program of a peer.
func Main(impl Implementation) {
	err := errors.New("usage: PEER serve ADDRESS | PEER load")
	if stop := profile(); stop != nil {
		defer stop()
	}
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		err = serve(impl, os.Args[2])
	case len(os.Args) == 2 && os.Args[1] == "load":
		err = load(impl, os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "failed:", err)
		os.Exit(1)
	}
}

// profile writes a CPU profile of this process if BENCH_PROFILE names a folder.
func profile() (stop func()) {
	folder := os.Getenv("BENCH_PROFILE")
	if folder == "" || len(os.Args) < 2 {
		return nil
	}
	f, err := os.Create(filepath.Join(folder, fmt.Sprintf("%s.%s.%d.prof", filepath.Base(os.Args[0]), os.Args[1], os.Getpid())))
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "no profile:", err)
		return nil
	}
	return func() { pprof.StopCPUProfile(); f.Close() }
}

// Split turns an address into what package net wants.
func Split(addr string) (network, address string) {
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		return "unix", path
	}
	return "tcp", addr
}

// Dial connects to an address.
func Dial(addr string) (net.Conn, error) {
	network, address := Split(addr)
	var d net.Dialer
	return d.DialContext(context.Background(), network, address)
}

func serve(impl Implementation, addr string) error {
	network, address := Split(addr)
	l, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	shown := addr
	if network == "tcp" {
		shown = l.Addr().String()
	}
	fmt.Println("listening on", shown)
	failed := make(chan error, 1)
	go func() { failed <- impl.Serve(l) }()
	ended := make(chan error, 1)
	go func() {
		in := bufio.NewScanner(os.Stdin)
		for in.Scan() {
			if in.Text() == "collect" {
				runtime.GC()
				debug.FreeOSMemory()
			}
			if err := json.NewEncoder(os.Stdout).Encode(used()); err != nil {
				ended <- err
				return
			}
		}
		ended <- in.Err()
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case err := <-ended:
		return err
	}
}

// used asks the kernel and the runtime.
func used() Used {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return Used{CPU: seconds(u.Utime) + seconds(u.Stime), Mallocs: int64(m.Mallocs), Heap: int64(m.HeapInuse)}
}

func load(impl Implementation, stdin io.Reader, stdout io.Writer) error {
	in := bufio.NewScanner(stdin)
	fmt.Fprintln(stdout, "library", impl.Library)
	for in.Scan() {
		j, err := ParseJob(in.Text())
		if err != nil {
			return err
		}
		if err := do(impl, j, in, stdout); err != nil {
			return fmt.Errorf("%s: %w", in.Text(), err)
		}
	}
	return in.Err()
}

// ParseJob reads a job's line.
func ParseJob(line string) (Job, error) {
	words := strings.Fields(line)
	j := Job{Inflight: 1, Depth: 1, Conns: 1, Seconds: 0.1, Warm: 0.02}
	if len(words) < 2 || len(words)%2 != 0 {
		return j, fmt.Errorf("no job: %q", line)
	}
	j.Mode, j.Addr = words[0], words[1]
	ints := map[string]*int{"inflight": &j.Inflight, "depth": &j.Depth, "size": &j.Size, "conns": &j.Conns}
	floats := map[string]*float64{"seconds": &j.Seconds, "warm": &j.Warm}
	for i := 2; i < len(words); i += 2 {
		var err error
		if p := ints[words[i]]; p != nil {
			*p, err = strconv.Atoi(words[i+1])
		} else if p := floats[words[i]]; p != nil {
			*p, err = strconv.ParseFloat(words[i+1], 64)
		} else {
			err = fmt.Errorf("unknown option %s", words[i])
		}
		if err != nil {
			return j, fmt.Errorf("%q: %w", line, err)
		}
	}
	return j, nil
}

// do does one job, and waits in between for what bench/rpc says.
func do(impl Implementation, j Job, in *bufio.Scanner, stdout io.Writer) error {
	expect := func(want string) error {
		if !in.Scan() || in.Text() != want {
			return fmt.Errorf("got %q, want %q: %v", in.Text(), want, in.Err())
		}
		return nil
	}
	w, err := impl.Open(j)
	if errors.Is(err, ErrUnsupported) {
		fmt.Fprintln(stdout, "unsupported")
		return nil
	}
	if err != nil {
		return err
	}
	res, calls := Result{}, j.Conns
	if w.Check != nil {
		if res.Check, err = w.Check(); err != nil {
			return err
		}
	}
	if !w.Once {
		if calls, err = warm(w.Run, j); err != nil {
			return err
		}
	}
	fmt.Fprintln(stdout, "ready", calls)
	if err := expect("go"); err != nil {
		return err
	}
	before := used()
	start := time.Now()
	if err := w.Run(calls); err != nil {
		return err
	}
	res.Calls, res.Seconds = calls, time.Since(start).Seconds()
	after := used()
	res.CPU, res.Mallocs = after.CPU-before.CPU, after.Mallocs-before.Mallocs
	if err := json.NewEncoder(stdout).Encode(res); err != nil {
		return err
	}
	if err := expect("close"); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "closed")
	return nil
}

// warm runs more and more calls until they take as long as the job wants, and
// says how many fill the time of the measurement.
func warm(run func(n int) error, j Job) (calls int, err error) {
	for n := max(1, j.Inflight); ; {
		start := time.Now()
		if err := run(n); err != nil {
			return 0, err
		}
		taken := time.Since(start).Seconds()
		if taken >= j.Warm {
			return max(j.Inflight, int(float64(n)*j.Seconds/taken), 1), nil
		}
		// Aim a little too far, but do not believe the first few calls.
		n = int(float64(n) * min(8, max(1.5, 1.2*j.Warm/max(taken, 1e-9))))
		if n < 4 {
			n = 4
		}
	}
}
