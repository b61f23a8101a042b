package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"lanyard.dev/internal/cli/infix"
	"lanyard.dev/rpc"
	"lanyard.dev/service/calculator"
)

func calcCommand() *cobra.Command {
	var timeout time.Duration
	var insecure bool
	var recording recording
	cmd := &cobra.Command{
		Use:   "calc ADDRESS EXPRESSION",
		Short: "Evaluate an expression on a calculator elsewhere",
		Long: `Evaluate an expression on a calculator elsewhere: numbers, + - * /, a minus sign
and parentheses. Nothing is computed here. Everything that the calculator is
asked, for its operators, for the value, for the number in the value, is sent
before the first answer comes, so it takes one round trip however long the
expression is.`,
		Example: `  lanyard calc 127.0.0.1:7000 '123 + 45 * (6 - 1)'
  lanyard calc unix:/tmp/calculator '-(1 / 3)'`,
		Args: arguments("ADDRESS", "EXPRESSION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			network, address, err := parseAddress(args[0])
			if err != nil {
				return &usageError{cmd.CommandPath(), err}
			}
			e, err := infix.Parse(args[1])
			if err != nil {
				if at, ok := errors.AsType[*infix.Error](err); ok {
					fmt.Fprintln(cmd.ErrOrStderr(), at.Caret())
				}
				return err
			}
			ctx, cancel := context.WithTimeoutCause(cmd.Context(), timeout, fmt.Errorf("no answer within %s", timeout))
			defer cancel()
			if network == "tcp" && !insecure {
				if err := nearOnly(ctx, address); err != nil {
					return &usageError{cmd.CommandPath(), err}
				}
			}
			conn, stop, err := recording.dial(ctx, network, address)
			if err != nil {
				return err
			}
			v, err := calculate(ctx, rpc.Bootstrap[calculator.Calculator](ctx, conn), e)
			if err = errors.Join(err, conn.Close(), stop()); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), formatNumber(v))
			return err
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "`TIME` to wait for the answer")
	cmd.Flags().BoolVar(&insecure, "insecure", false, "the calculator may be on another machine, without TLS")
	recording.flags(cmd)
	// What follows the address is an expression, even if it starts with a minus.
	cmd.Flags().SetInterspersed(false)
	return cmd
}

// calculate evaluates e on c, in one round trip.
func calculate(ctx context.Context, c calculator.Calculator, e infix.Expr) (float64, error) {
	s := &sender{ctx: ctx, calculator: c, operators: map[infix.Op]calculator.CalculatorFunction{}}
	res, err := s.evaluate(e).Read(ctx, nil).Wait()
	if err != nil {
		return 0, err
	}
	return res.Value(), nil
}

// A sender turns trees into calls. It waits for nothing.
type sender struct {
	ctx        context.Context
	calculator calculator.Calculator
	operators  map[infix.Op]calculator.CalculatorFunction
}

// maxDepth is how deep an expression may be in one message: readers on the
// other side stop at 64 pointers, and a call is two of them.
const maxDepth = 16

// evaluate asks for the value of e. What is deeper than a message should be is
// asked for first, and the value that this will have is part of the question.
func (s *sender) evaluate(e infix.Expr) calculator.CalculatorValue {
	return s.calculator.Evaluate(s.ctx, func(p calculator.CalculatorEvaluateParamsBuilder) {
		s.fill(p.NewExpression(), e, 0)
	}).Value()
}

func (s *sender) fill(b calculator.CalculatorExpressionBuilder, e infix.Expr, depth int) {
	switch e := e.(type) {
	case *infix.Number:
		b.SetLiteral(e.Value)
	case *infix.Call:
		if depth == maxDepth {
			b.SetPreviousResult(s.evaluate(e))
			return
		}
		call := b.NewCall()
		call.SetFunction(s.operator(e.Op))
		params := call.NewParams(2)
		s.fill(params.At(0), e.Left, depth+1)
		s.fill(params.At(1), e.Right, depth+1)
	}
}

// operator asks for an operator, once.
func (s *sender) operator(op infix.Op) calculator.CalculatorFunction {
	f, ok := s.operators[op]
	if !ok {
		f = s.calculator.GetOperator(s.ctx, func(p calculator.CalculatorGetOperatorParamsBuilder) {
			p.SetOp(operators[op])
		}).Func()
		s.operators[op] = f
	}
	return f
}

var operators = map[infix.Op]calculator.CalculatorOperator{
	infix.Add:      calculator.CalculatorOperatorAdd,
	infix.Subtract: calculator.CalculatorOperatorSubtract,
	infix.Multiply: calculator.CalculatorOperatorMultiply,
	infix.Divide:   calculator.CalculatorOperatorDivide,
}

// formatNumber writes a number with as many digits as it has, and an exponent
// only where people would.
func formatNumber(v float64) string {
	format := byte('f')
	if a := max(v, -v); a != 0 && (a >= 1e15 || a < 1e-6) {
		format = 'g'
	}
	return strconv.FormatFloat(v, format, -1, 64)
}

// nearOnly refuses a HOST:PORT that is not on this machine.
func nearOnly(ctx context.Context, s string) error {
	host, _, err := net.SplitHostPort(s)
	if err != nil || host == "" {
		return err
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return err
	}
	for _, a := range addrs {
		if !a.Unmap().IsLoopback() {
			return notNear(s)
		}
	}
	return nil
}
