package reflection_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/capjson"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/internal/zoo"
	"lanyard.dev/reflection"
	"lanyard.dev/rpc"
)

func load(t testing.TB, files ...capnp.SchemaFile) *schema.Registry {
	t.Helper()
	reg, err := schema.Load(files...)
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

// idOf returns the id of an interface of the zoo.
func idOf(t testing.TB, name string) uint64 {
	t.Helper()
	i, err := dynamic.FindInterface(load(t, zoo.ZooSchema()), name)
	if err != nil {
		t.Fatal(err)
	}
	return i.ID()
}

func offer(t testing.TB, names ...string) reflection.Reflection {
	t.Helper()
	var ids []uint64
	for _, name := range names {
		ids = append(ids, idOf(t, name))
	}
	r, err := reflection.Offer(load(t, zoo.ZooSchema()), ids...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What is fetched is what was offered.
func TestFetch(t *testing.T) {
	r := offer(t, "Parrot", "AnimalKeeper")
	ids, err := reflection.Interfaces(t.Context(), r, nil)
	if want := []uint64{idOf(t, "Parrot"), idOf(t, "AnimalKeeper")}; err != nil || !slices.Equal(ids, want) {
		t.Fatalf("interfaces are %x, %v, want %x", ids, err, want)
	}
	got, err := reflection.Fetch(t.Context(), r, nil, nil, ids...)
	if err != nil {
		t.Fatal(err)
	}
	want := load(t, zoo.ZooSchema())
	count := 0
	for n := range got.All() {
		count++
		w, ok := want.Node(n.Id())
		if !ok || capnp.Equal(n, w) != capnp.IsEqual {
			t.Errorf("%s differs", n.DisplayName())
		}
	}
	if count < 20 {
		t.Errorf("only %d nodes", count)
	}
	parrot, err := dynamic.LookupInterface(got, ids[0])
	if err != nil {
		t.Fatal(err)
	}
	m, err := parrot.Method("friend")
	if err != nil {
		t.Fatal(err)
	}
	if p, err := m.Results().Path("where.boxed.content.size.unit"); err != nil || p.Type().Kind() != dynamic.EnumKind {
		t.Errorf("the types do not reach as far as they should: %v, %v", p.Type(), err)
	}
	if m, err := parrot.Method("Animal.name"); err != nil || !m.ReadOnly() {
		t.Errorf("annotations are lost: %v, %v", m, err)
	}
}

// Only what an offered interface needs is offered.
func TestOfferHidesTheRest(t *testing.T) {
	r := offer(t, "Named")
	for _, name := range []string{"Parrot", "Animal", "Keeper"} {
		if _, err := reflection.Fetch(t.Context(), r, nil, nil, idOf(t, name)); err == nil {
			t.Errorf("%s is offered", name)
		}
	}
	if reg, err := reflection.Fetch(t.Context(), r, nil, nil, idOf(t, "Named")); err != nil {
		t.Error(err)
	} else if n := len(slices.Collect(reg.All())); n != 5 { // the interface, parameters and results of two methods
		t.Errorf("%d nodes", n)
	}
	reg := load(t, zoo.ZooSchema())
	if _, err := reflection.Offer(reg, 1); err == nil {
		t.Error("offered what is not there")
	}
	cage, _ := dynamic.FindStruct(reg, "Cage")
	if _, err := reflection.Offer(reg, cage.ID()); err == nil {
		t.Error("offered a struct as an interface")
	}
}

// What is known already is not asked for, and stays.
func TestFetchKeepsWhatIsKnown(t *testing.T) {
	base := load(t, zoo.ZooSchema())
	before, _ := base.Node(idOf(t, "Parrot"))
	got, err := reflection.Fetch(t.Context(), reflection.Reflection{}, base, nil, idOf(t, "Parrot")) // nobody to ask
	if err != nil {
		t.Fatal(err)
	}
	if after, _ := got.Node(idOf(t, "Parrot")); after != before {
		t.Error("a known node was replaced")
	}
	if _, err := reflection.Fetch(t.Context(), offer(t, "Parrot"), got, nil, 1<<63); err == nil {
		t.Error("fetched a node that does not exist")
	}
}

// A client that knows nothing of the zoo calls an animal over a connection.
func TestCallAfterFetch(t *testing.T) {
	host := rpc.Bootstrap[reflection.Reflection](t.Context(), connect(t, offer(t, "Animal").Client))
	animal := rpc.Bootstrap[zoo.Animal](t.Context(), connect(t, zoo.NewAnimal(named{}).Client))
	reg, err := reflection.Fetch(t.Context(), host, nil, nil, idOf(t, "Animal"))
	if err != nil {
		t.Fatal(err)
	}
	i, err := dynamic.LookupInterface(reg, idOf(t, "Animal"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := dynamic.CallName(t.Context(), animal.Client, i, "name", nil).Wait()
	if err != nil {
		t.Fatal(err)
	}
	if text, err := capjson.Marshal(s, nil); err != nil || string(text) != `{"name":"Polly"}` {
		t.Errorf("results are %s, %v", text, err)
	}
}

// connect returns a connection to a peer that offers c.
func connect(t *testing.T, c capnp.Client) *rpc.Conn {
	t.Helper()
	a, b := net.Pipe()
	server := rpc.NewConn(a, &rpc.Options{Bootstrap: c})
	conn := rpc.NewConn(b, nil)
	t.Cleanup(func() {
		conn.Close()
		server.Close()
	})
	return conn
}

type named struct{ zoo.UnimplementedAnimal }

func (named) Name(ctx context.Context, call zoo.AnimalNameCall) error {
	call.Results().SetName("Polly")
	return nil
}

func ExampleFetch() {
	mine, err := schema.Load(zoo.ZooSchema())
	if err != nil {
		fmt.Println(err)
		return
	}
	parrot, err := dynamic.FindInterface(mine, "Parrot")
	if err != nil {
		fmt.Println(err)
		return
	}
	host, err := reflection.Offer(mine, parrot.ID())
	if err != nil {
		fmt.Println(err)
		return
	}

	// Elsewhere, where nobody has heard of parrots:
	ctx := context.Background()
	ids, err := reflection.Interfaces(ctx, host, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	theirs, err := reflection.Fetch(ctx, host, nil, nil, ids...)
	if err != nil {
		fmt.Println(err)
		return
	}
	i, err := dynamic.LookupInterface(theirs, ids[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	for m := range i.Own() {
		fmt.Println(m)
	}
	// Output:
	// Parrot.say
	// Parrot.name
}
