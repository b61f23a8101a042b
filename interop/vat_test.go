package interop_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
	"lanyard.dev/rpc"
	"lanyard.dev/service/calculator"
	"lanyard.dev/vat"
)

// small is a policy that denies large numbers.
type small struct{}

func (small) Judge(c *ocap.Crossing) error {
	if c.Root() && c.InterfaceID() == calculator.CalculatorEvaluateMethod.InterfaceID() && c.MethodID() == calculator.CalculatorEvaluateMethod.MethodID() {
		if n := calculator.CalculatorEvaluateParams(c.Params()).Expression().Literal(); n > 100 {
			return ocap.Denied.Errorf("numbers up to 100 only; Alice can give more")
		}
	}
	return nil
}

// lent is a vat that restores one narrowed calculator, until it is revoked.
type lent struct {
	vat    *vat.Vat
	ref    vat.Reference
	revoke func()
}

func lend(t *testing.T) *lent {
	t.Helper()
	calc := calculator.New(nil)
	facet := ocap.Facet(calc, calculator.CalculatorEvaluateMethod, calculator.CalculatorGetOperatorMethod)
	narrow, _ := ocap.Membrane(facet, small{}, nil)
	narrow, revoke := ocap.Revocable(narrow)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	secret := []byte("0123456789abcdef0123456789abcdef")
	v, err := vat.New(&vat.Options{
		At: []vat.Address{{Network: "tcp", Address: l.Addr().String()}},
		Restore: func(_ context.Context, got []byte, _ vat.Key) (capnp.Client, error) {
			if string(got) != string(secret) {
				return capnp.Client{}, errors.New("unknown")
			}
			return capnp.AddRef(narrow).Client, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	go v.Serve(context.Background(), l)
	ref, err := v.Reference(secret)
	if err != nil {
		t.Fatal(err)
	}
	return &lent{v, ref, func() { revoke(errors.New("Alice has taken it back")) }}
}

// A holder is a program that holds a calculator and does what it is told.
type holder interface{ do(line string) string }

// told is what a narrowed calculator answers, in this order; before the last the lender revokes.
var told = []struct{ line, want string }{
	{"evaluate 42", "ok 42"},
	{"operator", "ok 3"},
	{"define", "unimplemented "},
	{"evaluate 101", "failed numbers up to 100 only; Alice can give more"},
	{"evaluate 100", "ok 100"},
	{"evaluate 42", "failed Alice has taken it back"},
}

// play tells a holder all that, and compares.
func play(t *testing.T, h holder, l *lent) {
	t.Helper()
	for i, step := range told {
		if i == len(told)-1 {
			l.revoke()
		}
		got := h.do(step.line)
		kind, text, _ := strings.Cut(got, " ")
		wantKind, wantText, _ := strings.Cut(step.want, " ")
		if kind != wantKind || !strings.Contains(text, wantText) {
			t.Errorf("%s: got %q, want %q", step.line, got, step.want)
		}
	}
}

// TestVat: what is narrowed is narrowed alike for programs in Go, C++ and Python, whether through a
// bridge or, where a program has TLS, directly.
func TestVat(t *testing.T) {
	t.Run("go", func(t *testing.T) {
		l := lend(t)
		me, err := vat.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		defer me.Close()
		play(t, goHolder{t, calculator.Calculator{Client: me.Restore(t.Context(), l.ref)}}, l)
	})
	t.Run("go-through-bridge", func(t *testing.T) {
		l := lend(t)
		conn, err := rpc.Dial(t.Context(), "unix", bridge(t, l.ref), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		play(t, goHolder{t, rpc.Bootstrap[calculator.Calculator](t.Context(), conn)}, l)
	})
	for name, find := range map[string]func() (kit, error){"cpp": cpp, "newer": newer, "pycapnp": python} {
		t.Run(name+"-through-bridge", func(t *testing.T) {
			if _, err := newer(); name == "newer" && err != nil {
				t.Skip(err)
			}
			k := need(t, find)
			l := lend(t)
			play(t, run(t, k.heldClient, "unix:"+bridge(t, l.ref)), l)
		})
	}
	t.Run("pycapnp-directly", func(t *testing.T) {
		k := need(t, python)
		l := lend(t)
		play(t, run(t, k.heldClient, "--reference", capFile(t, l.ref)), l)
	})
	t.Run("pycapnp-finds-an-impostor", func(t *testing.T) {
		k := need(t, python)
		l, other := lend(t), lend(t)
		forged, err := vat.NewReference(l.vat.Key(), l.ref.Secret(), other.ref.Addresses()...)
		if err != nil {
			t.Fatal(err)
		}
		if got := run(t, k.heldClient, "--reference", capFile(t, forged)).line(); !strings.Contains(got, "another vat") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("pycapnp-is-refused", func(t *testing.T) {
		k := need(t, python)
		l := lend(t)
		forged, err := vat.NewReference(l.vat.Key(), []byte("a guess"), l.ref.Addresses()...)
		if err != nil {
			t.Fatal(err)
		}
		if got := run(t, k.heldClient, "--reference", capFile(t, forged)).line(); !strings.HasPrefix(got, "failed ") || !strings.Contains(got, "not good here") {
			t.Errorf("got %q", got)
		}
	})
}

// bridge offers a reference on a private socket and returns its path.
func bridge(t *testing.T, r vat.Reference) string {
	t.Helper()
	me, err := vat.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "bridge")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "socket")
	l, err := vat.ListenPrivate(path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- vat.Bridge(context.Background(), me, r, l) }()
	t.Cleanup(func() {
		me.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		os.RemoveAll(dir)
	})
	return path
}

func capFile(t *testing.T, r vat.Reference) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.cap")
	if err := vat.WriteCap(path, r); err != nil {
		t.Fatal(err)
	}
	return path
}

// goHolder is a holder in this process.
type goHolder struct {
	t    *testing.T
	calc calculator.Calculator
}

func (h goHolder) do(line string) string {
	ctx, cancel := context.WithTimeout(h.t.Context(), 30*time.Second)
	defer cancel()
	var result any
	var err error
	command, arg, _ := strings.Cut(line, " ")
	switch command {
	case "evaluate":
		var n float64
		fmt.Sscan(arg, &n)
		v := h.calc.Evaluate(ctx, func(p calculator.CalculatorEvaluateParamsBuilder) { p.NewExpression().SetLiteral(n) }).Value()
		var res calculator.CalculatorValueReadResults
		res, err = v.Read(ctx, nil).Wait()
		result = res.Value()
	case "operator":
		f := h.calc.GetOperator(ctx, func(p calculator.CalculatorGetOperatorParamsBuilder) { p.SetOp(calculator.CalculatorOperatorAdd) }).Func()
		var res calculator.CalculatorFunctionCallResults
		res, err = f.Call(ctx, func(p calculator.CalculatorFunctionCallParamsBuilder) { p.SetParams([]float64{1, 2}) }).Wait()
		result = res.Value()
	case "define":
		_, err = h.calc.DefFunction(ctx, func(p calculator.CalculatorDefFunctionParamsBuilder) {
			p.SetParamCount(1)
			p.NewBody().SetParameter(0)
		}).Wait()
		result = "defined"
	}
	if err != nil {
		x := capnp.AsException(err)
		return x.Kind.Error() + " " + x.Reason
	}
	return fmt.Sprint("ok ", result)
}

// program is a holder that is a process.
type program struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Scanner
	err *syncBuffer
}

func run(t *testing.T, p peer, args ...string) *program {
	t.Helper()
	cmd := exec.Command(p[0], append(p[1:len(p):len(p)], args...)...)
	h := &program{t: t, err: &syncBuffer{}}
	cmd.Stderr = h.err
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	h.in, h.out = in, bufio.NewScanner(out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v\n%s", cmd.Args, err, h.err.String())
		}
	})
	return h
}

func (h *program) do(line string) string {
	fmt.Fprintln(h.in, line)
	return h.line()
}

func (h *program) line() string {
	if !h.out.Scan() {
		h.t.Fatalf("it says nothing: %s", h.err.String())
	}
	return h.out.Text()
}
