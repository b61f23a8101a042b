package dynamic_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/internal/zoo"
)

func TestCallByName(t *testing.T) {
	p := &parrot{name: "Polly", friend: zoo.Animal(zoo.NewParrot(&parrot{name: "Molly"}))}
	c := zoo.NewParrot(p).Client
	i := interfaceType(t, load(t, zoo.ZooSchema()), "Parrot")
	tests := []struct {
		method string
		params map[string]any
		path   string
		want   string
	}{
		{"say", map[string]any{"text": "hello"}, "text", "hello!"},
		{"Animal.name", nil, "name", "Polly"},
		{"nickname", nil, "name", "nick of Polly"},
		{"feed", map[string]any{"food": "seeds"}, "full", "true"}, // by default enough
	}
	for _, tt := range tests {
		s, err := dynamic.CallName(t.Context(), c, i, tt.method, func(b dynamic.StructBuilder) error {
			for name, v := range tt.params {
				if err := b.Set(name, v); err != nil {
					return err
				}
			}
			return nil
		}).Wait()
		if err != nil {
			t.Errorf("%s: %v", tt.method, err)
			continue
		}
		v := get(t, s, tt.path)
		if got := v.Text(); got != tt.want && v.String() != tt.want {
			t.Errorf("%s: %s is %q, want %q", tt.method, tt.path, got, tt.want)
		}
	}
	// The object has no such method.
	if _, err := dynamic.CallName(t.Context(), c, i, "name", nil).Wait(); !errors.Is(err, capnp.Unimplemented) {
		t.Errorf("Parrot.name: %v", err)
	}
	if _, err := dynamic.CallName(t.Context(), c, i, "fly", nil).Wait(); err == nil || !strings.Contains(err.Error(), "no method") {
		t.Errorf("fly: %v", err)
	}
	if _, err := dynamic.Call(t.Context(), capnp.Client{}, methodOf(t, i, "say"), nil).Wait(); err == nil {
		t.Error("called null")
	}
	if _, err := (dynamic.Promise{}).Wait(); err == nil {
		t.Error("waited for nothing")
	}
}

func methodOf(t *testing.T, i dynamic.Interface, name string) dynamic.Method {
	t.Helper()
	m, err := i.Method(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// If the parameters are wrong the object hears nothing of the call.
func TestCallWithWrongParametersIsNotMade(t *testing.T) {
	p := &parrot{}
	c := zoo.NewParrot(p).Client
	i := interfaceType(t, load(t, zoo.ZooSchema()), "Parrot")
	for _, method := range []string{"feed", "tell"} {
		_, err := dynamic.CallName(t.Context(), c, i, method, func(b dynamic.StructBuilder) error { return b.Set("nothing", 1) }).Wait()
		if err == nil || !strings.Contains(err.Error(), `no field "nothing"`) {
			t.Errorf("%s: %v", method, err)
		}
	}
	if _, err := dynamic.CallName(t.Context(), c, i, "feed", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"feed "}; !slices.Equal(p.calls, want) || p.words != nil {
		t.Errorf("the object heard %q and %q", p.calls, p.words)
	}
}

// A chain of calls on what does not exist yet.
func TestPipelining(t *testing.T) {
	last := &parrot{name: "last"}
	middle := &parrot{name: "middle", friend: zoo.Animal(zoo.NewParrot(last))}
	first := zoo.NewParrot(&parrot{name: "first", friend: zoo.Animal(zoo.NewParrot(middle))})
	i := interfaceType(t, load(t, zoo.ZooSchema()), "Animal")

	one := dynamic.CallName(t.Context(), first.Client, i, "friend", nil)
	c, of, err := one.Client("where.inside")
	if err != nil || of.Name() != "Animal" {
		t.Fatal(of.Name(), err)
	}
	two := dynamic.CallName(t.Context(), c, of, "friend", nil)
	where, err := two.Field("where")
	if err != nil {
		t.Fatal(err)
	}
	c, of, err = where.Client("inside")
	if err != nil {
		t.Fatal(err)
	}
	s, err := dynamic.CallName(t.Context(), c, of, "name", nil).Wait()
	if err != nil || get(t, s, "name").Text() != "last" {
		t.Fatal(s, err)
	}
	w, err := where.Wait()
	if err != nil || get(t, w, "number").Uint() != 7 {
		t.Errorf("the struct on the way: %v, %v", w, err)
	}
	for path, want := range map[string]string{
		"nothing":           "no field",
		"where.number":      "no capability",
		"where":             "no capability",
		"where.only":        "union",
		"where.many[0]":     "list",
		"where.numbers[0]":  "list",
		"where.size.height": "no capability",
		"friend.x":          "no struct",
	} {
		if _, _, err := one.Client(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Client(%q): %v, want %q", path, err, want)
		}
	}
	if _, err := one.Field("friend"); err == nil {
		t.Error("a capability is a struct")
	}
	one.Release()
	two.Release()
	<-two.Done()
}

func TestStreaming(t *testing.T) {
	c := zoo.NewParrot(&parrot{})
	i := interfaceType(t, load(t, zoo.ZooSchema()), "Parrot")
	tell := func(word string) error {
		_, err := dynamic.CallName(t.Context(), c.Client, i, "tell", func(b dynamic.StructBuilder) error { return b.Set("word", word) }).Wait()
		return err
	}
	for _, word := range []string{"a", "b"} {
		if err := tell(word); err != nil {
			t.Fatal(err)
		}
	}
	s, err := dynamic.CallName(t.Context(), c.Client, i, "told", nil).Wait()
	if err != nil {
		t.Fatal(err)
	}
	if l := get(t, s, "words").List(); l.Len() != 2 || l.At(1).Text() != "b" {
		t.Errorf("told %v", l)
	}
	// A failure shows in what follows.
	if err := tell(""); err != nil && !strings.Contains(err.Error(), "empty") {
		t.Fatal(err)
	}
	if _, err := dynamic.CallName(t.Context(), c.Client, i, "told", nil).Wait(); err == nil {
		t.Error("told after a failure of the stream")
	}
	if err := tell("c"); err == nil {
		t.Error("streamed after a failure of the stream")
	}
}

func TestWaitContext(t *testing.T) {
	i := interfaceType(t, load(t, zoo.ZooSchema()), "Parrot")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := zoo.NewParrot(&parrot{})
	if _, err := dynamic.CallName(ctx, c.Client, i, "nickname", nil).Wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("a call with a context that has ended: %v", err)
	}
	p := dynamic.CallName(t.Context(), c.Client, i, "nickname", nil)
	if _, err := p.WaitContext(t.Context()); err != nil {
		t.Error(err)
	}
}
