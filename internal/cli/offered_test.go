package cli

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/grant"
	"lanyard.dev/internal/cli/config"
	"lanyard.dev/internal/zoo"
)

// polly is an object whose schema the commands do not have.
type polly struct{ zoo.UnimplementedParrot }

func (polly) Say(_ context.Context, call zoo.ParrotSayCall) error {
	call.Results().SetText(call.Params().Text() + "!")
	return nil
}

func (p polly) Friend(_ context.Context, call zoo.AnimalFriendCall) error {
	call.Results().SetFriend(zoo.NewAnimal(p))
	return nil
}

func (polly) Told(_ context.Context, call zoo.AnimalToldCall) error {
	call.Results().NewWords(1).Set(0, "told")
	return nil
}

// serveZoo serves a parrot, which a new home owns under the petname polly.
func serveZoo(t *testing.T, reflection bool) {
	t.Helper()
	t.Setenv("LANYARD_HOME", filepath.Join(t.TempDir(), "home"))
	if status, _, msg := run("init"); status != exitOK {
		t.Fatal(msg)
	}
	h, err := openHome()
	if err != nil {
		t.Fatal(err)
	}
	reg, err := schema.Load(zoo.ZooSchema(), grant.GrantSchema())
	if err != nil {
		t.Fatal(err)
	}
	cfg := &config.Config{
		Listen: []string{"127.0.0.1:0"}, Ledger: filepath.Join(h.dir, "ledger.db"), Reflection: reflection,
		Objects: map[string]config.Object{"polly": {}},
	}
	s := &host{home: h, cfg: cfg, log: slog.New(slog.DiscardHandler), reg: reg, objects: map[string]*hosted{
		"polly": {zoo.ParrotSayMethod.InterfaceID(), func(context.Context) (capnp.Client, error) {
			return zoo.NewParrot(polly{}).Client, nil
		}},
	}}
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	served := make(chan error, 1)
	go func() {
		err := s.run(ctx, w)
		w.CloseWithError(io.EOF)
		served <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	said := make([]byte, len("listening"))
	if _, err := io.ReadFull(r, said); err != nil || string(said) != "listening" {
		t.Fatalf("the server says %q, %v", said, err)
	}
	go io.Copy(io.Discard, r)
}

// TestReflection: what the commands have no schema of they call by name, if the server offers to describe it.
func TestReflection(t *testing.T) {
	reg, err := knownSchemas()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := reg.Node(zoo.ParrotSayMethod.InterfaceID()); ok {
		t.Fatal("the commands know the schema, so this test shows nothing")
	}

	serveZoo(t, true)
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"call", `polly.say(text: "hello").text`}, exitOK, `"hello!"`},
		{[]string{"call", "polly.say", `{"text": "hello"}`}, exitOK, `"hello!"`},
		{[]string{"call", `polly.friend().friend.told().words`}, exitOK, "told"},
		{[]string{"call", `polly.fly()`}, exitUsage, "fly"},
		{[]string{"show", "polly"}, exitOK, "say(text :Text, secret :Text) -> (text :Text)"},
		{[]string{"share", "polly", "--as", "bob", "--methods", "say", "--where", `say.text != "secret"`, "--keep", "bobs"}, exitOK, ""},
		{[]string{"call", `bobs.say(text: "I").text`}, exitOK, `"I!"`},
		{[]string{"call", `bobs.say(text: "secret").text`}, exitDenied, "denied"},
		{[]string{"call", `bobs.told()`}, exitUnimplemented, "bobs is narrower"},
		{[]string{"share", "polly", "--as", "counted", "--uses", "1", "--keep", "counted"}, exitOK, ""},
		{[]string{"show", "counted"}, exitOK, "told()"}, // asking costs no use
		{[]string{"call", `counted.told().words`}, exitOK, "told"},
		{[]string{"call", `counted.told().words`}, exitExhausted, "used up"},
		{[]string{"revoke", "bob"}, exitOK, "revoked"},
		{[]string{"call", `bobs.say(text: "I")`}, exitRevoked, ""},
	} {
		status, out, msg := run(c.args...)
		if status != c.status || !strings.Contains(out+msg, c.want) {
			t.Errorf("%q: %d, %q, %q, want %d, %q", c.args, status, out, msg, c.status, c.want)
		}
	}
}

// TestNoReflection: it is for the server to offer.
func TestNoReflection(t *testing.T) {
	serveZoo(t, false)
	for _, args := range [][]string{{"call", `polly.say(text: "hello")`}, {"share", "polly", "--as", "bob"}} {
		status, out, msg := run(args...)
		if status == exitOK || out != "" || !strings.Contains(msg, "polly does not say what it is") || !strings.Contains(msg, "reflection = true") {
			t.Errorf("%q: %d, %q, %q", args, status, out, msg)
		}
	}
	if status, out, msg := run("show", "polly"); status != exitOK || !strings.Contains(out, "not known") {
		t.Errorf("show: %d, %q, %q", status, out, msg)
	}
}
