package postgres

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"lanyard.dev/store"
	"lanyard.dev/store/internal/ledger"
)

const (
	poll     = 250 * time.Millisecond // how often Wait looks by itself
	relisten = 250 * time.Millisecond // how long after a failure to listen again
	retries  = 10                     // of a transaction that the server gave up
)

// engine runs the transactions, and listens.
type engine struct {
	db     *sql.DB
	config *pgx.ConnConfig
	read   *ledger.Tx

	closing  context.Context
	cancel   context.CancelFunc
	stopped  sync.WaitGroup // the listener
	once     sync.Once
	closeErr error

	mu        sync.Mutex    // guards the fields below
	appended  chan struct{} // closed when the feed may have grown
	listening uint32        // the server's process id of the connection that listens, 0 if none
}

func newEngine(db *sql.DB, config *pgx.ConnConfig) *engine {
	e := &engine{db: db, config: config, read: ledger.NewTx(db, &dialect, false), appended: make(chan struct{})}
	e.closing, e.cancel = context.WithCancel(context.Background())
	return e
}

// Update implements ledger.Engine.
func (e *engine) Update(ctx context.Context, fn func(*ledger.Tx) error) error {
	for try := 1; ; try++ {
		err := e.within(ctx, nil, fn)
		// Deadlocks should not be, by the order of locks; if one is, nothing has happened.
		if c := code(err); c != "40P01" && c != "40001" || try == retries {
			return err
		}
	}
}

// View implements ledger.Engine.
func (e *engine) View(ctx context.Context, fn func(*ledger.Tx) error) error {
	return e.within(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, fn)
}

// within runs fn in a transaction.
func (e *engine) within(ctx context.Context, o *sql.TxOptions, fn func(*ledger.Tx) error) error {
	tx, err := e.db.BeginTx(ctx, o)
	if err != nil {
		return err
	}
	if err := fn(ledger.NewTx(tx, &dialect, false)); err != nil {
		tx.Rollback() // the first error is what counts; a lost connection rolls back, too
		return err
	}
	return tx.Commit()
}

// Read implements ledger.Engine.
func (e *engine) Read(_ context.Context, fn func(*ledger.Tx) error) error { return fn(e.read) }

// Explain implements ledger.Engine.
func (e *engine) Explain(err error) error { return explain(err) }

// Appended implements ledger.Engine.
func (e *engine) Appended() {
	e.mu.Lock()
	defer e.mu.Unlock()
	close(e.appended)
	e.appended = make(chan struct{})
}

// Wait implements ledger.Engine.
func (e *engine) Wait(ctx context.Context, after store.Cursor) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		e.mu.Lock()
		appended := e.appended
		e.mu.Unlock()
		head, err := e.read.Head(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return explain(err)
		case head > after:
			return nil
		}
		select {
		case <-appended:
			return nil
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-e.closing.Done():
			return errors.New("store: the ledger is closed")
		}
	}
}

// listen wakes those who wait when another vat has appended. It is a convenience:
// nothing is lost while it is down.
func (e *engine) listen() {
	for e.closing.Err() == nil {
		e.listenOnce()
		e.setListening(0)
		e.Appended() // what was missed, if anything
		select {
		case <-time.After(relisten):
		case <-e.closing.Done():
		}
	}
}

func (e *engine) listenOnce() {
	c, err := pgx.ConnectConfig(e.closing, e.config.Copy())
	if err != nil {
		return
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		c.Close(ctx)
	}()
	if _, err := c.Exec(e.closing, "listen "+channel); err != nil {
		return
	}
	e.setListening(c.PgConn().PID())
	e.Appended()
	for {
		if _, err := c.WaitForNotification(e.closing); err != nil {
			return
		}
		e.Appended()
	}
}

func (e *engine) setListening(pid uint32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.listening = pid
}

// close ends the engine once.
func (e *engine) close() error {
	e.once.Do(func() {
		e.cancel()
		e.stopped.Wait()
		e.closeErr = e.db.Close()
	})
	return e.closeErr
}
