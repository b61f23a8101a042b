package calculator

// An expr is one node of an expression, taken out of the message it came in.
// Functions keep these, so a function holds the capabilities in its body and
// nothing else of the message.
type expr struct {
	kind  kind
	value float64 // of a literal
	param uint32  // index of a parameter
	ref   any     // the capability of a previous result or of a called function
	args  []expr  // of a call
}

// kind says which member of the expression's union is set.
type kind uint8

const (
	literal kind = iota
	previous
	parameter
	call
)

// A function is what defFunction makes: its body sees arity parameters. It
// implements Calculator.Function.
type function struct {
	UnimplementedCalculatorFunction
	session *session
	arity   int
	body    *expr
}

// An operator is one of the four that every calculator has. Division is IEEE's:
// by zero it gives an infinity or NaN.
type operator func(a, b float64) float64

// size counts the nodes.
func (e *expr) size() int {
	n := 1
	for i := range e.args {
		n += e.args[i].size()
	}
	return n
}
