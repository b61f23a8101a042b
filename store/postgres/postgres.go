// Package postgres keeps a grant ledger in PostgreSQL, for vats that share one:
// replicas of a service, or several services of one owner.
//
// Do not use it for one vat on one machine: store/sqlite needs no server.
//
// Every vat gives the same key. Times are the server's. The ledger's tables
// begin with ledger_ and stand in the first schema of the search path. What is
// needed is PostgreSQL 13 or later, and a connection to the primary.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"lanyard.dev/store"
	"lanyard.dev/store/internal/ledger"
)

// Options of Open; nil means the defaults.
type Options struct {
	_ struct{}

	// Connections is how many there are at most, beside the one that listens; 0: four
	// times the processors.
	Connections int

	// NoListen does without LISTEN, which only makes revocations faster. A pooler
	// such as pgbouncer may not let it through.
	NoListen bool
}

// A Ledger is the ledger in one database. It implements [store.Ledger] and
// [store.Feed].
type Ledger struct {
	*ledger.Ledger
	engine *engine
}

var (
	_ store.Ledger = (*Ledger)(nil)
	_ store.Feed   = (*Ledger)(nil)
)

// channel is where those who append to the feed wake the others.
const channel = "lanyard_ledger"

var dialect = ledger.Dialect{
	Now:       `ledger_now()`,
	NextID:    `select nextval('ledger_edge_ids')`,
	ForUpdate: ` for update`,
	Notify:    `notify ` + channel,
	Taken:     func(err error) bool { return code(err) == "23505" },
}

// settings are what a connection is opened with, unless the connection string
// says otherwise. A vat that hangs, or is cut off, in the midst of a transaction
// must not keep the others from revoking.
var settings = map[string]string{
	"application_name":                    "lanyard",
	"synchronous_commit":                  "on",
	"default_transaction_isolation":       "read committed",
	"idle_in_transaction_session_timeout": "5s",
	"lock_timeout":                        "20s",
	"statement_timeout":                   "60s",

	// Every query goes from edge to edge by index. A plan made, and kept, while the
	// tables were small or their statistics old must not do anything else.
	"enable_seqscan":   "off",
	"enable_hashjoin":  "off",
	"enable_mergejoin": "off",
	"jit":              "off",
}

// Open opens the ledger in a database, and makes its tables if they are missing.
// The connection string is a URL or a list of settings as libpq has it; PG…
// environment variables count. The ctx is for opening only.
//
// Errors: ErrKey, ErrNewer, ErrReadOnly.
func Open(ctx context.Context, conn string, key store.Key, o *Options) (*Ledger, error) {
	if o == nil {
		o = &Options{}
	}
	config, err := pgx.ParseConfig(conn) // its error hides the password
	if err != nil {
		return nil, err
	}
	for name, value := range settings {
		if _, set := config.RuntimeParams[name]; !set {
			config.RuntimeParams[name] = value
		}
	}
	n := o.Connections
	if n == 0 {
		n = 4 * runtime.GOMAXPROCS(0)
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	db.SetConnMaxLifetime(time.Hour)
	l, err := start(ctx, db, config, key)
	if err != nil {
		return nil, errors.Join(explain(err), db.Close())
	}
	if !o.NoListen {
		l.engine.stopped.Go(l.engine.listen)
	}
	return l, nil
}

func start(ctx context.Context, db *sql.DB, config *pgx.ConnConfig, key store.Key) (*Ledger, error) {
	if err := migrate(ctx, db); err != nil {
		return nil, err
	}
	e := newEngine(db, config)
	l, err := ledger.New(ctx, e, dialect, key)
	if err != nil {
		return nil, err
	}
	return &Ledger{Ledger: l, engine: e}, nil
}

// migrating is the number of the lock under which one vat at a time migrates.
const migrating = 0x6c616e79617264

func migrate(ctx context.Context, db *sql.DB) (err error) {
	// The lock belongs to a connection of its own, and ends with it.
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.ExecContext(ctx, `select pg_advisory_lock($1)`, int64(migrating)); err != nil {
		return err
	}
	defer func() {
		_, end := c.ExecContext(context.WithoutCancel(ctx), `select pg_advisory_unlock($1)`, int64(migrating))
		if err == nil {
			err = end
		}
	}()
	return ledger.Migrate(ctx, db, goose.DialectPostgres)
}

// Close ends the ledger; what runs is waited for.
func (l *Ledger) Close() error { return l.engine.close() }

// code is PostgreSQL's code of an error, "" if it has none.
func code(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// explain turns PostgreSQL's codes into the errors of package store.
func explain(err error) error {
	var kind error
	switch code(err) {
	case "":
		return err
	case "53100", "53200":
		kind = store.ErrFull
	case "25006":
		kind = store.ErrReadOnly
	case "XX001", "XX002", "58030":
		kind = store.ErrCorrupt
	default:
		return fmt.Errorf("store: postgres: %w", err)
	}
	return fmt.Errorf("%w: %w", kind, err)
}
