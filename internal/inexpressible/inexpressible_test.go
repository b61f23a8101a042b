package inexpressible

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/capnp/schemas/persistent"
	"lanyard.dev/grant"
	"lanyard.dev/ocap"
	"lanyard.dev/ocap/narrow"
	"lanyard.dev/rpc"
	"lanyard.dev/service/calculator"
	"lanyard.dev/service/contacts"
	"lanyard.dev/store"
	"lanyard.dev/store/sqlite"
)

// A way is how one may get at a facet. It returns what one gets, and what that has besides.
type way struct {
	name string
	get  func(w *world, f facet) (c capnp.Client, also map[key]bool)
}

var ways = []way{
	{"as it is", func(_ *world, f facet) (capnp.Client, map[key]bool) { return another(f.c), nil }},
	{"over a connection", func(w *world, f facet) (capnp.Client, map[key]bool) {
		return capnp.ClientOf(rpc.Bootstrap[calculator.Calculator](w.t.Context(), w.connect(f.c))), nil
	}},
	{"pipelined on a result that is not there yet", func(w *world, f facet) (capnp.Client, map[key]bool) {
		c := rpc.Bootstrap[calculator.Calculator](w.t.Context(), w.connect(giver(f.c).Client))
		return c.GetOperator(w.t.Context(), nil).Func().Client, nil
	}},
	{"from a result of something revocable", func(w *world, f facet) (capnp.Client, map[key]bool) {
		c, revoke := ocap.Revocable(giver(f.c))
		w.t.Cleanup(func() { revoke() })
		return w.result(c), nil
	}},
	{"from a result of a facet", func(w *world, f facet) (capnp.Client, map[key]bool) {
		return w.result(ocap.Facet(giver(f.c), calculator.CalculatorGetOperatorMethod)), nil
	}},
	{"as an argument that came back", func(w *world, f facet) (capnp.Client, map[key]bool) {
		c, revoke := ocap.Revocable(echo())
		w.t.Cleanup(func() { revoke() })
		res, err := c.DefFunction(w.t.Context(), func(p calculator.CalculatorDefFunctionParamsBuilder) {
			p.NewBody().SetPreviousResult(capnp.As[calculator.CalculatorValue](f.c))
		}).Wait()
		if err != nil {
			w.t.Fatal(err)
		}
		return res.Func().Client, nil
	}},
	{"restored from a ledger", func(w *world, f facet) (capnp.Client, map[key]bool) { return w.kept(f.c, nil), w.grants }},
	{"saved and restored", func(w *world, f facet) (capnp.Client, map[key]bool) {
		c := w.kept(f.c, nil)
		defer c.Release()
		return w.saved(c), w.grants
	}},
	{"saved and restored, over a connection", func(w *world, f facet) (capnp.Client, map[key]bool) {
		c := w.kept(f.c, nil)
		defer c.Release()
		c = rpc.Bootstrap[grant.Grant](w.t.Context(), w.connect(c)).Client
		return w.saved(c), w.grants
	}},
	{"from a result of what was restored", func(w *world, f facet) (capnp.Client, map[key]bool) {
		return w.result(capnp.As[calculator.Calculator](w.kept(giver(f.c).Client, nil))), nil
	}},
}

// TestInexpressible: of what somebody was given only its own methods can be called. Every other method of every schema
// in the repository is tried by every way to get at it, and is not refused: it is not there.
func TestInexpressible(t *testing.T) {
	a := chart(t)
	methods := a.all()
	if len(methods) < 200 {
		t.Fatalf("only %d methods are known", len(methods))
	}
	for _, v := range ways {
		t.Run(v.name, func(t *testing.T) {
			w := newWorld(t, a)
			for _, f := range rooms(t, a) {
				c, also := v.get(w, f)
				w.try(f, c, methods, also)
				c.Release()
			}
		})
	}
}

// TestCovered: every interface of every service is a facet here, so that a new one is not forgotten.
func TestCovered(t *testing.T) {
	a := chart(t)
	have := map[uint64]bool{a.id(t, "CardBook.Watcher"): true} // clients implement it
	for _, f := range rooms(t, a) {
		have[f.as] = true
	}
	for _, id := range a.service {
		if !have[id] {
			t.Errorf("%s is nowhere tried", a.names[id])
		}
	}
}

// TestNarrowedInTheLedger: a share that leaves out methods leaves them out of the type, whoever restores it.
func TestNarrowedInTheLedger(t *testing.T) {
	a := chart(t)
	methods := a.all()
	w := newWorld(t, a)
	for _, f := range rooms(t, a) {
		one := narrow.Method{}
		for k := range f.has {
			one = narrow.Method{InterfaceID: k.iface, MethodID: k.method}
			break
		}
		for _, c := range []struct {
			name string
			n    narrow.Narrowing
			has  func(k key) bool
		}{
			{"nothing", narrow.Narrowing{Interface: f.as, Methods: []narrow.Method{}}, func(key) bool { return false }},
			{"one method", narrow.Narrowing{Interface: f.as, Methods: []narrow.Method{one}}, func(k key) bool { return k == key{one.InterfaceID, one.MethodID} }},
			{"read-only", narrow.Narrowing{Interface: f.as, ReadOnly: true}, w.readOnly},
		} {
			g := facet{name: f.name + ", " + c.name, has: map[key]bool{}}
			for k := range f.has {
				if c.has(k) {
					g.has[k] = true
				}
			}
			// What is saved is restored through what it was saved from.
			kept := w.kept(f.c, []narrow.Step{narrow.By(c.n)})
			saved := w.saved(kept)
			w.try(g, saved, methods, w.grants)
			saved.Release()
			kept.Release()
		}
	}
}

// TestTheTestBites: the whole object passes for none of its facets.
func TestTheTestBites(t *testing.T) {
	a := chart(t)
	w := newWorld(t, a)
	book := rooms(t, a)
	for _, f := range book {
		if f.name != "book" {
			continue
		}
		g := facet{name: "a book that is said to be names", has: a.of(a.id(t, "NameBook"))}
		if wrong := w.expressible(g, f.c, a.all(), nil); len(wrong) == 0 {
			t.Error("the whole book passes for a book of names")
		}
	}
}

// world is what is needed to hand things around.
type world struct {
	t       *testing.T
	a       *atlas
	reg     *schema.Registry
	keeper  *grant.Keeper
	objects map[string]capnp.Client
	grants  map[key]bool // the methods of Grant
}

func newWorld(t *testing.T, a *atlas) *world {
	t.Helper()
	w := &world{t: t, a: a, objects: map[string]capnp.Client{}}
	for id, name := range a.names {
		if strings.HasSuffix(name, "grant.capnp:Grant") {
			w.grants = a.of(id)
		}
	}
	var err error
	if w.reg, err = schema.Load(calculator.CalculatorSchema(), contacts.ContactsSchema(), grant.GrantSchema()); err != nil {
		t.Fatal(err)
	}
	l, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	objects := func(_ context.Context, name string) (capnp.Client, error) { return another(w.objects[name]), nil }
	reference := func(s store.Secret) (string, error) { return string(s[:]), nil }
	if w.keeper, err = grant.New(t.Context(), l, l, w.reg, objects, &grant.Options{Reference: reference}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.keeper.Close() })
	return w
}

// try calls every method and reports those that are there and should not be, and the other way round.
func (w *world) try(f facet, c capnp.Client, methods []key, also map[key]bool) {
	w.t.Helper()
	wrong := w.expressible(f, c, methods, also)
	for _, text := range wrong[:min(len(wrong), 5)] {
		w.t.Errorf("%s: %s (%d in all)", f.name, text, len(wrong))
	}
	for k := range f.has {
		if err := call(w.t.Context(), c, k).wait(); errors.Is(err, capnp.Unimplemented) {
			w.t.Errorf("%s: %s is not there any more: %v", f.name, w.a.method(k), err)
		}
	}
}

// expressible calls every method that f does not have, all at once, and says which ones are there.
func (w *world) expressible(f facet, c capnp.Client, methods []key, also map[key]bool) (out []string) {
	w.t.Helper()
	calls := map[key]pending{}
	for _, k := range methods {
		if !f.has[k] && !also[k] {
			calls[k] = call(w.t.Context(), c, k)
		}
	}
	for k, p := range calls {
		if err := p.wait(); !errors.Is(err, capnp.Unimplemented) {
			out = append(out, w.a.method(k)+" can be expressed: "+errorText(err))
		} else if _, ok := ocap.CodeOf(err); ok {
			out = append(out, w.a.method(k)+" was refused by a policy, not missing: "+errorText(err))
		}
	}
	return out
}

func errorText(err error) string {
	if err == nil {
		return "it worked"
	}
	return err.Error()
}

type pending struct{ p capnp.Promise[capnp.Struct] }

func call(ctx context.Context, c capnp.Client, k key) pending {
	m := capnp.NewMethod(capnp.MethodSpec{InterfaceID: k.iface, MethodID: k.method, ResultsHaveCaps: true})
	return pending{capnp.Send[capnp.Struct, capnp.StructBuilder](ctx, c, m, nil)}
}

func (p pending) wait() error {
	defer p.p.Release()
	_, err := p.p.Wait()
	return err
}

// connect offers c to somebody at the other end of a connection.
func (w *world) connect(c capnp.Client) *rpc.Conn {
	near, far := rpc.Pipe(nil, &rpc.Options{Bootstrap: c})
	w.t.Cleanup(func() { near.Close(); far.Close() })
	return near
}

// giver is a calculator whose operators are something else.
func giver(c capnp.Client) calculator.Calculator {
	return calculator.NewCalculator(&given{c: another(c)})
}

type given struct {
	calculator.UnimplementedCalculator
	c capnp.Client
}

func (g *given) GetOperator(_ context.Context, call calculator.CalculatorGetOperatorCall) error {
	call.Results().SetFunc(capnp.As[calculator.CalculatorFunction](g.c))
	return nil
}

// echo is a calculator that returns as a function what it gets as a result.
func echo() calculator.Calculator { return calculator.NewCalculator(echoing{}) }

type echoing struct {
	calculator.UnimplementedCalculator
}

func (echoing) DefFunction(_ context.Context, call calculator.CalculatorDefFunctionCall) error {
	call.Results().SetFunc(capnp.As[calculator.CalculatorFunction](call.Params().Body().PreviousResult().Client))
	return nil
}

// result takes what a giver gives.
func (w *world) result(c calculator.Calculator) capnp.Client {
	w.t.Helper()
	res, err := c.GetOperator(w.t.Context(), nil).Wait()
	if err != nil {
		w.t.Fatal(err)
	}
	return res.Func().Client
}

// kept puts an object into the ledger and restores it.
func (w *world) kept(c capnp.Client, steps []narrow.Step) capnp.Client {
	w.t.Helper()
	name := "object " + string(rune('a'+len(w.objects)%26)) + strings.Repeat("'", len(w.objects)/26)
	w.objects[name] = c
	_, secret, err := w.keeper.Issue(w.t.Context(), name, &grant.Terms{Label: name, Steps: steps})
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := w.keeper.Restore(w.t.Context(), secret, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// saved saves a capability, as anybody who holds one can, and restores what that gave.
func (w *world) saved(c capnp.Client) capnp.Client {
	w.t.Helper()
	g := capnp.As[persistent.Persistent](c)
	res, err := g.Save(w.t.Context(), nil).Wait()
	if err != nil {
		w.t.Fatal(err)
	}
	secret, err := store.ParseSecret([]byte(grant.SturdyRef(res.SturdyRef().Struct()).Text()))
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := w.keeper.Restore(w.t.Context(), secret, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// readOnly reports what the schemas say of a method.
func (w *world) readOnly(k key) bool {
	m, ok := dynamic.MethodAt(w.reg, k.iface, k.method)
	return ok && m.ReadOnly()
}
