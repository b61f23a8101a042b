// Package config reads the file that says what `lanyard serve` serves: TOML, strict, with a default for everything. It
// holds no secrets, and it is not for programs: they wire their services in Go.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"lanyard.dev/internal/cli/path"
)

// A Config says what a server does. Paths are absolute or relative to the folder of the file.
type Config struct {
	Listen     []string          `toml:"listen"`     // HOST:PORT or unix:PATH, with TLS
	Hints      []string          `toml:"hints"`      // the same, where others find it, if not where it listens
	Ledger     string            `toml:"ledger"`     // a SQLite file, or postgres://… without a password
	LedgerKey  string            `toml:"ledger-key"` // the file with the key of the ledger's hashes, of mode 0600
	Reflection bool              `toml:"reflection"` // whether holders can ask for the schema of what they hold
	Freshness  Duration          `toml:"freshness"`  // how long calls pass while the ledger is out of reach; 0 is 5 s
	Drain      Duration          `toml:"drain"`      // what calls under way get to return when it ends
	Log        Log               `toml:"log"`        //
	Objects    map[string]Object `toml:"objects"`    // by name
}

// Log says how the server tells what it does.
type Log struct {
	Format string     `toml:"format"` // text or json
	Level  slog.Level `toml:"level"`
}

// An Object is one thing that is served.
type Object struct {
	Service  string `toml:"service"`  // calculator or contacts
	Database string `toml:"database"` // contacts: a SQLite file
	Socket   string `toml:"socket"`   // a unix socket at which whoever can open it holds the object, without TLS
	Mail     *Mail  `toml:"mail"`     // contacts: how mail goes out; none means that mail is not sent
}

// Mail is how the mail of a contact book goes out: to a maildir, or by SMTP with verified TLS.
type Mail struct {
	From     string `toml:"from"`     // the owner's address
	Maildir  string `toml:"maildir"`  // a folder
	SMTP     string `toml:"smtp"`     // HOST:PORT
	User     string `toml:"user"`     // for SMTP
	Password string `toml:"password"` // for SMTP: a file that holds the password, of mode 0600
	Replies  string `toml:"replies"`  // an address for answers, which gets those to it with anything behind a plus sign
	Inbox    string `toml:"inbox"`    // the maildir in which they arrive
}

// A Duration is a time.Duration that is written like one: 10s.
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err == nil && v < 0 {
		err = fmt.Errorf("%s is negative", text)
	}
	*d = Duration(v)
	return err
}

// The services that there are.
const (
	Calculator = "calculator"
	Contacts   = "contacts"
)

// Parse reads a file. What it does not know is an error, and so is what cannot be.
func Parse(data []byte) (*Config, error) {
	c := &Config{Drain: Duration(10 * time.Second), Ledger: "ledger.db", Log: Log{Format: "text"}}
	meta, err := toml.Decode(string(data), c)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, key := range meta.Undecoded() {
		errs = append(errs, fmt.Errorf("%s: there is no such setting", key))
	}
	if err := errors.Join(append(errs, c.check())...); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Config) check() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, list := range []struct {
		name      string
		addresses []string
	}{{"listen", c.Listen}, {"hints", c.Hints}} {
		for _, a := range list.addresses {
			if strings.HasPrefix(a, "unix:") {
				continue
			}
			if _, _, err := net.SplitHostPort(a); err != nil {
				wrong("%s: %q is neither HOST:PORT nor unix:PATH", list.name, a)
			}
		}
	}
	if c.Ledger == "" {
		wrong("ledger: is empty")
	}
	if c.Postgres() {
		if u, err := url.Parse(c.Ledger); err != nil {
			wrong("ledger: is not a URL")
		} else if _, secret := u.User.Password(); secret || u.Query().Has("password") || u.Query().Has("sslpassword") {
			wrong("ledger: holds a password, which belongs into a file of mode 0600 that PGPASSFILE names")
		}
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		wrong("log.format: %q is neither text nor json", c.Log.Format)
	}
	if len(c.Objects) == 0 {
		wrong("objects: there are none; an object is [objects.NAME] with service = %q", Calculator)
	}
	if len(c.Listen) == 0 && !slices.ContainsFunc(slices.Collect(maps.Values(c.Objects)), func(o Object) bool { return o.Socket != "" }) {
		wrong("listen: there is no address, and no object has a socket")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Objects)) {
		if !path.ValidPetname(name) {
			wrong("objects.%s: cannot be a petname", name)
			continue
		}
		if err := c.Objects[name].check(); err != nil {
			wrong("objects.%s.%w", name, err)
		}
	}
	return errors.Join(errs...)
}

func (o Object) check() error {
	switch {
	case o.Service != Calculator && o.Service != Contacts:
		return fmt.Errorf("service: %q is neither %q nor %q", o.Service, Calculator, Contacts)
	case o.Service == Calculator && (o.Database != "" || o.Mail != nil):
		return fmt.Errorf("service: a calculator has neither database nor mail")
	case o.Mail == nil:
		return nil
	case (o.Mail.Maildir == "") == (o.Mail.SMTP == ""):
		return errors.New("mail: needs either maildir or smtp")
	case !strings.Contains(o.Mail.From, "@"):
		return fmt.Errorf("mail.from: %q is not an address", o.Mail.From)
	case (o.Mail.Replies == "") != (o.Mail.Inbox == ""):
		return errors.New("mail.replies and mail.inbox go together")
	case o.Mail.SMTP == "" && cmp.Or(o.Mail.User, o.Mail.Password) != "":
		return errors.New("mail: user and password go with smtp")
	}
	return nil
}

// Postgres reports whether the ledger is a PostgreSQL database.
func (c *Config) Postgres() bool {
	return strings.HasPrefix(c.Ledger, "postgres://") || strings.HasPrefix(c.Ledger, "postgresql://")
}

// In makes every path in the configuration absolute, from a folder.
func (c *Config) In(dir string) {
	in := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	if !c.Postgres() {
		in(&c.Ledger)
	} else if c.LedgerKey == "" {
		c.LedgerKey = "ledger.key"
	}
	in(&c.LedgerKey)
	for _, addresses := range [][]string{c.Listen, c.Hints} {
		for i, a := range addresses {
			if p, ok := strings.CutPrefix(a, "unix:"); ok {
				in(&p)
				addresses[i] = "unix:" + p
			}
		}
	}
	for name, o := range c.Objects {
		if o.Service == Contacts && o.Database == "" {
			o.Database = name + ".db"
		}
		in(&o.Database)
		in(&o.Socket)
		if o.Mail != nil {
			m := *o.Mail
			in(&m.Maildir)
			in(&m.Inbox)
			in(&m.Password)
			o.Mail = &m
		}
		c.Objects[name] = o
	}
}

// Example is the file that `lanyard init` writes: it serves on this machine only.
const Example = `# What "lanyard serve" serves. Paths are relative to this folder.

listen = ["127.0.0.1:7000"]    # with TLS; peers know it by its key
#hints = ["example.org:7000"]  # where others find it, if not where it listens
#ledger = "ledger.db"          # or "postgres://…", where several servers share it; no password in it
#ledger-key = "ledger.db.key"  # all servers of one ledger have the same
#reflection = true             # tells who holds an object its schema, for programs that do not have it
#freshness = "5s"              # how long it serves what was shared when it cannot reach the ledger
#drain = "10s"                 # what calls under way get when it ends

[log]
format = "text"                # or "json"
level = "info"

[objects.calc]
service = "calculator"
#socket = "calc.sock"          # whoever can open it holds the object: for programs without TLS

[objects.book]
service = "contacts"
#database = "book.db"
#mail = { from = "you@example.org", maildir = "outbox" }
#mail = { from = "you@example.org", smtp = "mail.example.org:465", user = "you", password = "smtp.password" }
`
