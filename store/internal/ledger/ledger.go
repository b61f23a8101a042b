// Package ledger is the grant ledger in SQL, written once for both engines:
// store/sqlite and store/postgres bring connections, transactions and the few
// words in which the two languages differ.
//
// It is not for users: they open an engine.
//
// # Invariants
//
// A parent's id is less than its child's, so ascending ids are an order of
// locks in which nobody waits in a circle, and a list cut off at some id never
// lacks an ancestor of what it holds.
//
// Revoking writes one row: the number of standing revocations of one edge
// (cuts). Nothing below is touched; who reads an edge reads what is above it.
//
// Whoever appends to the feed updates the row of ledger_head, last of all, and
// so keeps others from appending until it has committed: the numbers have no
// gaps and grow in the order of the commits.
package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"lanyard.dev/store"
)

// A Dialect is in what the two databases differ.
type Dialect struct {
	Now       string // the ledger's clock, an expression
	NextID    string // a query for the id of the next edge
	ForUpdate string // appended to a select that locks its rows
	Notify    string // a statement that wakes other processes when the transaction commits, or ""

	// Taken reports that a statement would have broken a unique index.
	Taken func(error) bool
}

// An Engine runs transactions.
type Engine interface {
	// Update runs fn in a transaction that may write, and commits it durably unless fn
	// returns an error. It may run fn again if the database asks for it.
	Update(ctx context.Context, fn func(*Tx) error) error

	// View runs fn on one snapshot.
	View(ctx context.Context, fn func(*Tx) error) error

	// Read is View for one statement.
	Read(ctx context.Context, fn func(*Tx) error) error

	// Wait returns when there may be something after the cursor in the feed.
	Wait(ctx context.Context, after store.Cursor) error

	// Appended is called after something was appended to the feed.
	Appended()

	// Explain turns an error of the database into one of package store, where there is
	// one.
	Explain(error) error
}

// A Ledger implements store.Ledger and store.Feed.
type Ledger struct {
	engine  Engine
	key     store.Key
	dialect Dialect
}

// New returns the ledger in a database whose schema is up to date.
func New(ctx context.Context, e Engine, d Dialect, key store.Key) (*Ledger, error) {
	l := &Ledger{engine: e, key: key, dialect: d}
	if err := l.found(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

// With returns the same ledger on another engine, for tests.
func (l *Ledger) With(e Engine) *Ledger { return &Ledger{engine: e, key: l.key, dialect: l.dialect} }

// A Tx runs statements, within a transaction or by themselves. The text of a
// statement is constant: it is prepared once for each connection.
type Tx struct {
	conn  Conn
	d     *Dialect
	stmts map[string]*sql.Stmt // nil: the driver keeps them. Owned by whoever has the connection
}

// A Conn is a *sql.DB, *sql.Tx or *sql.Conn.
type Conn interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	PrepareContext(context.Context, string) (*sql.Stmt, error)
}

// NewTx makes a Tx. With keep it prepares every statement once and keeps it,
// and one goroutine at a time may use it; else that is the driver's business.
func NewTx(c Conn, d *Dialect, keep bool) *Tx {
	t := &Tx{conn: c, d: d}
	if keep {
		t.stmts = map[string]*sql.Stmt{}
	}
	return t
}

// Close closes the statements that were kept.
func (t *Tx) Close() error {
	var errs []error
	for _, s := range t.stmts {
		errs = append(errs, s.Close())
	}
	clear(t.stmts)
	return errors.Join(errs...)
}

// words puts the dialect into a statement: {now} is the clock.
func (t *Tx) words(query string) string {
	return strings.ReplaceAll(query, "{now}", t.d.Now)
}

func (t *Tx) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if t.stmts == nil {
		return t.conn.QueryContext(ctx, t.words(query), args...)
	}
	s, err := t.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

func (t *Tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	var res sql.Result
	var err error
	if t.stmts == nil {
		res, err = t.conn.ExecContext(ctx, t.words(query), args...)
	} else {
		var s *sql.Stmt
		if s, err = t.stmt(ctx, query); err == nil {
			res, err = s.ExecContext(ctx, args...)
		}
	}
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// one runs a query for one row; found is false if there is none.
func (t *Tx) one(ctx context.Context, query string, args, into []any) (found bool, err error) {
	rows, err := t.query(ctx, query, args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	if !rows.Next() {
		return false, rows.Err()
	}
	if err := rows.Scan(into...); err != nil {
		return false, err
	}
	return true, rows.Close()
}

// must is one for a row that has to be there.
func (t *Tx) must(ctx context.Context, query string, args, into []any) error {
	found, err := t.one(ctx, query, args, into)
	if err == nil && !found {
		err = fmt.Errorf("%w: a row is missing", store.ErrCorrupt)
	}
	return err
}

// stmt prepares a statement, or finds it prepared.
func (t *Tx) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s := t.stmts[query]; s != nil {
		return s, nil
	}
	s, err := t.conn.PrepareContext(ctx, t.words(query))
	if err == nil {
		t.stmts[query] = s
	}
	return s, err
}

// update, view and read run fn and explain the error.
func (l *Ledger) update(ctx context.Context, fn func(*Tx) error) error {
	return l.engine.Explain(l.engine.Update(ctx, fn))
}

func (l *Ledger) view(ctx context.Context, fn func(*Tx) error) error {
	return l.engine.Explain(l.engine.View(ctx, fn))
}

func (l *Ledger) read(ctx context.Context, fn func(*Tx) error) error {
	return l.engine.Explain(l.engine.Read(ctx, fn))
}
