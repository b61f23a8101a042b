package config

import (
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	got, err := Parse([]byte(`
listen = ["127.0.0.1:0", "[::1]:7000", "unix:s"]
hints = ["example.org:7000"]
drain = "1m"
freshness = "2s"
[log]
format = "json"
level = "debug"
[objects.calc]
service = "calculator"
socket = "/run/calc"
[objects.book]
service = "contacts"
mail = { from = "me@example.org", maildir = "out" }
`))
	if err != nil {
		t.Fatal(err)
	}
	got.In("/etc/lanyard")
	want := &Config{
		Listen: []string{"127.0.0.1:0", "[::1]:7000", "unix:/etc/lanyard/s"},
		Hints:  []string{"example.org:7000"},
		Ledger: "/etc/lanyard/ledger.db",
		Drain:  Duration(time.Minute),

		Freshness: Duration(2 * time.Second),
		Log:       Log{"json", slog.LevelDebug},
		Objects: map[string]Object{
			"calc": {Service: Calculator, Socket: "/run/calc"},
			"book": {Service: Contacts, Database: "/etc/lanyard/book.db", Mail: &Mail{From: "me@example.org", Maildir: "/etc/lanyard/out"}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestPostgres(t *testing.T) {
	for _, c := range []struct{ text, key, hint string }{
		{"", "/etc/lanyard/ledger.key", "unix:/etc/lanyard/one"},
		{"ledger-key = \"k\"\n", "/etc/lanyard/k", "unix:/etc/lanyard/one"},
	} {
		got, err := Parse([]byte("listen = [\":0\"]\nhints = [\"unix:one\"]\nledger = \"postgres://me@db/x\"\n" + c.text + "[objects.calc]\nservice = \"calculator\"\n"))
		if err != nil {
			t.Fatal(err)
		}
		got.In("/etc/lanyard")
		if !got.Postgres() || got.Ledger != "postgres://me@db/x" || got.LedgerKey != c.key || got.Hints[0] != c.hint {
			t.Errorf("%+v", got)
		}
	}
}

func TestExample(t *testing.T) {
	for name, text := range map[string]string{
		"as it is":           Example,
		"with every setting": strings.NewReplacer("\n#mail = { from = \"you@example.org\", smtp", "\n#", "\n#", "\n").Replace(Example),
	} {
		c, err := Parse([]byte(text))
		if err != nil || len(c.Objects) != 2 {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const calc = "\n[objects.calc]\nservice = \"calculator\"\n"
	for _, c := range []struct{ text, want string }{
		{"listen = 5" + calc, "listen"},
		{"lissten = []" + calc, "lissten: there is no such setting"},
		{"listen = [\"x\"]" + calc, `listen: "x" is neither HOST:PORT nor unix:PATH`},
		{"listen = [\":0\"]\nhints = [\"y\"]" + calc, `hints: "y" is neither HOST:PORT`},
		{"", "objects: there are none"},
		{calc, "listen: there is no address"},
		{"listen = [\":0\"]\ndrain = \"-1s\"" + calc, "negative"},
		{"listen = [\":0\"]\nledger = \"\"" + calc, "ledger: is empty"},
		{"listen = [\":0\"]\nledger = \"postgres://me:hunter2@db/x\"" + calc, "ledger: holds a password"},
		{"listen = [\":0\"]\nledger = \"postgres://db/x?password=hunter2\"" + calc, "ledger: holds a password"},
		{"listen = [\":0\"]\nledger = \"postgres://db/x?sslpassword=hunter2\"" + calc, "ledger: holds a password"},
		{"listen = [\":0\"]\n[log]\nformat = \"xml\"" + calc, `log.format: "xml"`},
		{"listen = [\":0\"]\n[log]\nlevel = \"loud\"" + calc, "loud"},
		{"listen = [\":0\"]\n[objects.\"a b\"]\nservice = \"calculator\"", "objects.a b: cannot be a petname"},
		{"listen = [\":0\"]\n[objects.x]\nservice = \"teapot\"", `objects.x.service: "teapot" is neither`},
		{"listen = [\":0\"]" + calc + "database = \"x\"", "has neither database nor mail"},
		{"listen = [\":0\"]" + calc + "speed = 3", "objects.calc.speed: there is no such setting"},
		{"listen = [\":0\"]\n[objects.b]\nservice = \"contacts\"\nmail = {from = \"a@b\"}", "objects.b.mail: needs either maildir or smtp"},
		{"listen = [\":0\"]\n[objects.b]\nservice = \"contacts\"\nmail = {from = \"ab\", maildir = \"x\"}", "objects.b.mail.from"},
		{"listen = [\":0\"]\n[objects.b]\nservice = \"contacts\"\nmail = {from = \"a@b\", maildir = \"x\", user = \"u\"}", "go with smtp"},
		{"listen = [\":0\"]\n[objects.b]\nservice = \"contacts\"\nmail = {from = \"a@b\", maildir = \"x\", inbox = \"in\"}", "mail.replies and mail.inbox go together"},
	} {
		_, err := Parse([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\ngot %v, want %q", c.text, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}
