package dynamic_test

import (
	"context"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/internal/zoo"
)

// load returns the registry of files.
func load(t testing.TB, files ...capnp.SchemaFile) *schema.Registry {
	t.Helper()
	reg, err := schema.Load(files...)
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

// structType finds a struct type by name.
func structType(t testing.TB, reg *schema.Registry, name string) dynamic.StructType {
	t.Helper()
	st, err := dynamic.FindStruct(reg, name)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func interfaceType(t testing.TB, reg *schema.Registry, name string) dynamic.Interface {
	t.Helper()
	i, err := dynamic.FindInterface(reg, name)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// get returns the value at a path.
func get(t testing.TB, s dynamic.Struct, path string) dynamic.Value {
	t.Helper()
	v, err := s.Get(path)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// parrot counts its calls.
type parrot struct {
	zoo.UnimplementedParrot
	name   string
	friend zoo.Animal
	words  []string
	calls  []string
}

func (p *parrot) Name(ctx context.Context, call zoo.AnimalNameCall) error {
	p.calls = append(p.calls, "name")
	call.Results().SetName(p.name)
	return nil
}

func (p *parrot) Nickname(ctx context.Context, call zoo.NamedNicknameCall) error {
	call.Results().SetName("nick of " + p.name)
	return nil
}

func (p *parrot) Feed(ctx context.Context, call zoo.AnimalFeedCall) error {
	p.calls = append(p.calls, "feed "+call.Params().Food())
	call.Results().SetFull(call.Params().Grams() >= 100)
	return nil
}

func (p *parrot) Friend(ctx context.Context, call zoo.AnimalFriendCall) error {
	p.calls = append(p.calls, "friend")
	r := call.Results()
	r.SetFriend(p.friend)
	cage := r.NewWhere()
	cage.SetNumber(7)
	cage.SetInside(p.friend)
	return nil
}

func (p *parrot) Tell(ctx context.Context, call zoo.AnimalTellCall) error {
	if call.Params().Word() == "" {
		return capnp.NewError(capnp.Failed, "an empty word")
	}
	p.words = append(p.words, call.Params().Word())
	return nil
}

func (p *parrot) Told(ctx context.Context, call zoo.AnimalToldCall) error {
	call.Results().SetWords(p.words)
	return nil
}

func (p *parrot) Say(ctx context.Context, call zoo.ParrotSayCall) error {
	call.Results().SetText(call.Params().Text() + "!")
	return nil
}
