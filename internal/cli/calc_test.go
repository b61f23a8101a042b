package cli

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"lanyard.dev/internal/cli/infix"
	"lanyard.dev/internal/cli/wiretap"
	"lanyard.dev/rpc"
	"lanyard.dev/service/calculator"
)

// dialTapped serves a calculator and reaches it through a wiretap.
func dialTapped(t *testing.T) (calculator.Calculator, *wiretap.Tap) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- rpc.ServeEach(ctx, l, newCalculator, nil) }()
	tap, err := wiretap.Start(ctx, "tcp", l.Addr().String(), 60*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := rpc.Dial(ctx, "tcp", tap.Addr(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		tap.Wait()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return rpc.Bootstrap[calculator.Calculator](ctx, conn), tap
}

// TestCalculateTakesOneRoundTrip: however long the expression is.
func TestCalculateTakesOneRoundTrip(t *testing.T) {
	for _, c := range []struct {
		source string
		want   float64
		calls  int
	}{
		{"1", 1, 2},                               // evaluate, read
		{"123 + 45 * (6 - 1)", 348, 5},            // and three operators
		{"1" + strings.Repeat("+1", 100), 101, 9}, // in pieces
		{"1" + strings.Repeat("-1", 300), -299, 21},
	} {
		calc, tap := dialTapped(t)
		e, err := infix.Parse(c.source)
		if err != nil {
			t.Fatal(err)
		}
		got, err := calculate(t.Context(), calc, e)
		if err != nil || got != c.want {
			t.Errorf("%.20s… = %v, %v, want %v", c.source, got, err, c.want)
		}
		if n := tap.Counts(); n.RoundTrips != 1 || n.Calls != c.calls {
			t.Errorf("%.20s… took %d calls and %d round trips, want %d and 1", c.source, n.Calls, n.RoundTrips, c.calls)
		}
	}
}

// TestCalculateLongest: the longest expression that is accepted can be
// evaluated, too, whichever way it leans.
func TestCalculateLongest(t *testing.T) {
	n := infix.MaxLength/2 - 1
	for source, want := range map[string]float64{
		"1" + strings.Repeat("+1", n): float64(n + 1),
		"1" + strings.Repeat("+(1", infix.MaxNesting) + strings.Repeat(")", infix.MaxNesting): infix.MaxNesting + 1,
	} {
		e, err := infix.Parse(source)
		if err != nil {
			t.Fatal(err)
		}
		near, far := rpc.Pipe(nil, &rpc.Options{Bootstrap: newCalculator(t.Context()).Client})
		got, err := calculate(t.Context(), rpc.Bootstrap[calculator.Calculator](t.Context(), near), e)
		if err != nil || got != want {
			t.Errorf("%.20s… = %v, %v, want %v", source, got, err, want)
		}
		near.Close()
		<-far.Done()
	}
}

func TestCalculateReportsErrors(t *testing.T) {
	calc, _ := dialTapped(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := calculate(ctx, calc, &infix.Number{Value: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

func TestFormatNumber(t *testing.T) {
	for want, v := range map[string]float64{
		"348": 348, "-0.25": -0.25, "0": 0, "1000000": 1e6, "999999999999999": 999999999999999,
		"1e+15": 1e15, "1e-07": 1e-7, "0.000001": 1e-6, "0.30000000000000004": 0.30000000000000004,
	} {
		if got := formatNumber(v); got != want {
			t.Errorf("formatNumber(%g) = %s, want %s", v, got, want)
		}
	}
}
