package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/internal/cli/path"
	"lanyard.dev/ocap/narrow"
)

// A plan is a path whose names have all been found in schemas: which methods to call, one on the result of the other.
// Nothing has been sent.
type plan struct {
	source string
	calls  []planned
	fields string            // the fields of the last result that the path goes on to, with dots
	cap    dynamic.Interface // what the path leads to, if that is a capability
	isCap  bool
}

// A planned call is a method of what stands in a field of the result before; of the root, for the first.
type planned struct {
	from   string // with dots
	method dynamic.Method
	step   *path.Step
	json   []byte // the parameters, if they came as JSON
}

// makePlan follows a path from a capability of a known interface. last, if it is not nil, is JSON for the parameters
// of the last call.
func makePlan(source string, p *path.Path, root dynamic.Interface, last []byte) (*plan, error) {
	w := &walker{plan: plan{source: source, cap: root, isCap: true}}
	for i := range p.Steps {
		if err := w.step(&p.Steps[i]); err != nil {
			return nil, err
		}
	}
	out := &w.plan
	if last != nil {
		if len(out.calls) == 0 || len(out.calls[len(out.calls)-1].step.Args) > 0 || out.calls[len(out.calls)-1].step != &p.Steps[len(p.Steps)-1] {
			return nil, errors.New("JSON parameters are for the method at the end of the path, which has none of its own")
		}
		out.calls[len(out.calls)-1].json = last
	}
	return out, nil
}

// walker is where a path has come to: a capability, or a place in the results of the last call.
type walker struct {
	plan
	at dynamic.Type // if it is no capability: the type of the place
}

func (w *walker) wrong(s *path.Step, format string, args ...any) error {
	return &path.Error{Source: w.source, Offset: s.Offset, Text: fmt.Sprintf(format, args...)}
}

func (w *walker) step(s *path.Step) error {
	if w.isCap {
		return w.call(s)
	}
	t := w.at.Struct()
	if w.at.Kind() != dynamic.StructKind {
		return w.wrong(s, "%s is a %s, which has no %s", w.fields, w.at, s.Name)
	}
	if f, ok := t.Field(s.Name); ok && !s.Call {
		w.fields = strings.TrimPrefix(w.fields+"."+f.Name(), ".")
		w.at = f.Type()
		w.cap, w.isCap = w.at.Interface(), w.at.Kind() == dynamic.InterfaceKind
		return nil
	}
	if err := w.only(s); err != nil {
		return err
	}
	return w.call(s)
}

// only goes on to the one capability that a result consists of, whose field need not be named.
func (w *walker) only(s *path.Step) error {
	var found []dynamic.Field
	for f := range w.at.Struct().Fields() {
		if f.Type().Kind() == dynamic.InterfaceKind && !f.InUnion() {
			found = append(found, f)
		}
	}
	method := w.calls[len(w.calls)-1].method
	switch len(found) {
	case 1:
		w.fields = strings.TrimPrefix(w.fields+"."+found[0].Name(), ".")
		w.cap, w.isCap = found[0].Type().Interface(), true
		return nil
	case 0:
		if s == nil {
			return fmt.Errorf("%s does not return a capability", method)
		}
		return w.wrong(s, "what %s returns has no %s%s", method, s.Name, offer(fieldNames(w.at.Struct())))
	}
	var names []string
	for _, f := range found {
		names = append(names, f.Name())
	}
	if s == nil {
		return fmt.Errorf("%s returns several capabilities: say .%s", method, strings.Join(names, " or ."))
	}
	return w.wrong(s, "%s returns several capabilities: say .%s before .%s", method, strings.Join(names, " or ."), s.Name)
}

// call plans the call of a method.
func (w *walker) call(s *path.Step) error {
	if !w.cap.Known() {
		return w.wrong(s, "nothing is known about what this is a method of")
	}
	m, err := w.cap.Method(s.Name)
	if err != nil {
		return w.wrong(s, "%v%s", err, offer(methodsOf(w.cap)))
	}
	w.calls = append(w.calls, planned{from: w.fields, method: m, step: s})
	w.fields, w.isCap, w.at = "", false, m.Results().Type()
	l := &literals{source: w.source, capability: func(*path.Path) (capnp.Client, error) { return capnp.Client{}, nil }}
	_, err = l.fields(m.Params(), s.Args)
	return err
}

// toCapability makes the plan lead to a capability: a result that is one capability stands for that.
func (p *plan) toCapability() error {
	if p.isCap {
		return nil
	}
	w := &walker{plan: *p, at: p.calls[len(p.calls)-1].method.Results().Type()}
	if p.fields != "" {
		to, err := w.at.Struct().Path(p.fields)
		if err != nil {
			return err
		}
		w.at = to.Type()
	}
	if w.at.Kind() != dynamic.StructKind {
		return fmt.Errorf("%s is a %s: only a capability can be shared", p.fields, w.at)
	}
	if err := w.only(nil); err != nil {
		return err
	}
	*p = w.plan
	return nil
}

// methodsOf lists the methods of an interface, inherited ones last.
func methodsOf(i dynamic.Interface) []string {
	var out []string
	for m := range i.Methods() {
		if !slices.Contains(out, m.Name()) {
			out = append(out, m.Name())
		}
	}
	return out
}

// send makes the calls of the plan on c, all at once, and returns the promise of the last one. release gives the
// others up.
func (p *plan) send(ctx context.Context, c capnp.Client, s *session) (last dynamic.Promise, release func(), err error) {
	var promises []dynamic.Promise
	release = func() {
		for _, p := range slices.Backward(promises) {
			p.Release()
		}
	}
	for i, call := range p.calls {
		if i > 0 {
			if c, _, err = last.Client(call.from); err != nil {
				release()
				return last, func() {}, err
			}
		}
		fill, err := p.fill(ctx, &call, s)
		if err != nil {
			release()
			return last, func() {}, err
		}
		last = dynamic.Call(ctx, c, call.method, fill)
		promises = append(promises, last)
	}
	return last, release, nil
}

// fill makes what sets the parameters of a call. Capabilities among them have been asked for when it returns.
func (p *plan) fill(ctx context.Context, call *planned, s *session) (func(dynamic.StructBuilder) error, error) {
	if call.json != nil {
		return func(b dynamic.StructBuilder) error { return s.readJSON(ctx, call.json, b) }, nil
	}
	l := &literals{source: p.source, capability: func(at *path.Path) (capnp.Client, error) { return s.reach(ctx, p.source, at) }}
	values, err := l.fields(call.method.Params(), call.step.Args)
	if err != nil {
		return nil, err
	}
	return func(b dynamic.StructBuilder) error { return setFields(b, values) }, nil
}

func setFields(b dynamic.StructBuilder, values map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := b.Set(name, values[name]); err != nil {
			return err
		}
	}
	return nil
}

// steps turns the plan into steps that a ledger can keep.
func (p *plan) steps() ([]narrow.Step, error) {
	if err := p.toCapability(); err != nil {
		return nil, err
	}
	var out []narrow.Step
	for i, call := range p.calls {
		next, result, of := p.cap, p.fields, call.method.Results()
		if i+1 < len(p.calls) {
			next, result = p.calls[i+1].method.Interface(), p.calls[i+1].from
		}
		way, err := of.Path(result)
		if err != nil {
			return nil, err
		}
		step := narrow.PathCall{Method: narrow.Method{InterfaceID: call.method.InterfaceID(), MethodID: call.method.MethodID()}}
		for _, f := range way.Fields() {
			if f.InUnion() {
				return nil, fmt.Errorf("%s is in a union: what is shared must be there every time", result)
			}
			if !f.IsGroup() {
				slot := f.Of().Node().Struct().Fields().At(f.Index()).Slot()
				step.Result = append(step.Result, uint16(slot.Offset()))
			}
		}
		if t := way.Type(); t.Kind() == dynamic.InterfaceKind {
			next = t.Interface()
		}
		step.ResultInterface = next.ID()
		l := &literals{source: p.source}
		values, err := l.fields(call.method.Params(), call.step.Args)
		if err != nil {
			return nil, err
		}
		if len(values) > 0 {
			params := call.method.Params()
			var setErr error
			step.Params, err = narrow.Params(params.Size(), func(b capnp.StructBuilder) { setErr = setFields(params.Build(b), values) })
			if err := errors.Join(setErr, err); err != nil {
				return nil, err
			}
		}
		out = append(out, narrow.Call(step))
	}
	return out, nil
}
