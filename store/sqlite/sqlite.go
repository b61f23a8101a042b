// Package sqlite keeps a grant ledger in one SQLite file: nothing to install,
// written in Go.
//
// Several processes on one machine may open the same file. Do not use it over
// a network file system, nor for vats on several machines: that is what
// store/postgres is for.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/pressly/goose/v3"
	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"lanyard.dev/store"
	"lanyard.dev/store/internal/ledger"
)

// Options of Open; nil means the defaults.
type Options struct {
	_ struct{}

	// KeyFile is where the key of the secrets' hashes stands, in a file of mode
	// 0600. Empty: the path of the database and ".key". It is made with the
	// database; a database whose key is gone is not opened. Do not back the two up
	// in one place: together they show what every reference is worth.
	KeyFile string

	// Readers is how many readings run at the same time; 0: twice the processors.
	Readers int

	// CheckBelow is how large a database, in bytes, is checked when it is opened; 0:
	// 64 MiB. A negative number checks none. It is what Check does, at a second or two
	// for 64 MiB.
	CheckBelow int64
}

// A Ledger is the ledger in one file. It implements [store.Ledger] and
// [store.Feed].
type Ledger struct {
	*ledger.Ledger
	engine *engine
}

var (
	_ store.Ledger = (*Ledger)(nil)
	_ store.Feed   = (*Ledger)(nil)
)

// busyTimeout is how long one waits for another process's transaction.
const busyTimeout = 10_000 // milliseconds

// dialect is SQLite's. One statement has one time.
var dialect = ledger.Dialect{
	Now:    `(select max(high, cast(unixepoch('subsec') * 1000000 as integer)) from ledger_clock)`,
	NextID: `select max(id) + 1 from ledger_edges`,
	Taken: func(err error) bool {
		e, ok := errors.AsType[*driver.Error](err)
		return ok && e.Code() == codes.SQLITE_CONSTRAINT_UNIQUE
	},
}

// Open opens the ledger in a file, and makes it, with mode 0600, if it does not
// exist. The ctx is for opening only.
//
// Errors: ErrKey, ErrNewer, ErrCorrupt, ErrReadOnly, ErrFull.
func Open(ctx context.Context, path string, o *Options) (*Ledger, error) {
	if o == nil {
		o = &Options{}
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	key, err := openKey(abs, o.KeyFile)
	if err != nil {
		return nil, err
	}
	// While a new file is made SQLite does not wait for other processes that open it: the first one
	// to switch it to WAL wins, and the others are told that it is busy.
	for began := time.Now(); ; {
		l, err := openOnce(ctx, abs, key, o)
		if err == nil || !busy(err) || time.Since(began) > busyTimeout*time.Millisecond {
			return l, explain(err)
		}
		select {
		case <-time.After(10*time.Millisecond + rand.N(20*time.Millisecond)):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func openOnce(ctx context.Context, path string, key store.Key, o *Options) (*Ledger, error) {
	e, err := openEngine(ctx, path, o.Readers)
	if err != nil {
		return nil, err
	}
	l, err := start(ctx, e, path, key, o.CheckBelow)
	if err != nil {
		e.close()
		return nil, err
	}
	return l, nil
}

func busy(err error) bool {
	e, ok := errors.AsType[*driver.Error](err)
	return ok && e.Code()&0xff == codes.SQLITE_BUSY
}

func start(ctx context.Context, e *engine, path string, key store.Key, limit int64) (*Ledger, error) {
	if limit == 0 {
		limit = 64 << 20
	}
	if info, err := os.Stat(path); err == nil && info.Size() <= limit {
		if err := e.check(ctx); err != nil {
			return nil, err
		}
	}
	if err := ledger.Migrate(ctx, e.migrating, goose.DialectSQLite3); err != nil {
		return nil, err
	}
	if err := e.run(ctx); err != nil {
		return nil, err
	}
	l, err := ledger.New(ctx, e, dialect, key)
	if err != nil {
		return nil, err
	}
	return &Ledger{Ledger: l, engine: e}, nil
}

// openKey finds the key of a database, or makes one for a database that is not there
// yet: the key first, so that there never is a database without.
func openKey(path, file string) (store.Key, error) {
	if file == "" {
		file = path + ".key"
	}
	info, err := os.Stat(path)
	fresh := errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0
	if err != nil && !fresh {
		return store.Key{}, err
	}
	return store.LoadOrCreateKey(file, fresh)
}

// Close ends the ledger; what runs is waited for.
func (l *Ledger) Close() error { return explain(l.engine.close()) }

// Check reads the whole database and reports any damage as ErrCorrupt. It does
// not keep others from reading or writing, and takes seconds for a gigabyte.
func (l *Ledger) Check(ctx context.Context) error {
	return explain(l.engine.check(ctx))
}

// Backup writes a consistent copy of the database to a new file of mode 0600,
// while others read and write. It is worth nothing without the key, which is not in it.
func (l *Ledger) Backup(ctx context.Context, path string) error {
	return explain(l.engine.backup(ctx, path))
}

// dsn is the connection string: mode is rwc or ro.
func dsn(path string) string {
	q := url.Values{}
	q.Set("_busy_timeout", strconv.Itoa(busyTimeout))
	q.Set("_foreign_keys", "on")
	q.Set("_journal_mode", "WAL")
	q.Set("_synchronous", "FULL")
	q.Set("_txlock", "immediate")
	q.Set("_dqs", "false")
	q.Set("_defensive", "true")
	q.Set("_error_rc", "true")
	q.Add("_pragma", "cell_size_check(1)")
	q.Add("_pragma", "cache_size(-32768)") // KiB: the index of a million edges
	q.Add("_pragma", "temp_store(memory)")
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

// open makes a pool of at most n connections.
func open(path string, n int) (*sql.DB, error) {
	c, err := driver.NewConnector(dsn(path))
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db, nil
}

func readers(n int) int {
	if n > 0 {
		return n
	}
	return 2 * runtime.GOMAXPROCS(0)
}

// explain turns SQLite's codes into the errors of package store.
func explain(err error) error {
	e, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return err
	}
	var kind error
	switch e.Code() & 0xff {
	case codes.SQLITE_FULL:
		kind = store.ErrFull
	case codes.SQLITE_READONLY, codes.SQLITE_PERM:
		kind = store.ErrReadOnly
	case codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB:
		kind = store.ErrCorrupt
	case codes.SQLITE_BUSY: // see busy
		return fmt.Errorf("store: another process holds the database: %w", err)
	default:
		return fmt.Errorf("store: sqlite: %w", err)
	}
	return fmt.Errorf("%w: %w", kind, err)
}
