package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"lanyard.dev/store"
	"lanyard.dev/store/internal/ledger"
)

// group is how many transactions at most are committed together.
const group = 128

// poll is how often Wait looks whether another process has written.
const poll = 20 * time.Millisecond

var errClosed = errors.New("store: the ledger is closed")

// engine runs the transactions. One goroutine owns the one connection that
// writes; those who want to write hand it their functions. What waits is run
// in one transaction, each in a savepoint of its own, and made durable with
// one sync: nobody is answered before that.
type engine struct {
	path      string
	pool      *sql.DB
	migrating *sql.DB // one connection, closed by run

	jobs    chan *job
	idle    chan *reader // the readers that nobody uses
	readers []*reader
	writer  *sql.Conn

	closing  chan struct{}
	once     sync.Once
	stopped  sync.WaitGroup // the writer
	closeErr error

	mu       sync.Mutex    // guards appended
	appended chan struct{} // closed when the feed has grown
}

type reader struct {
	conn *sql.Conn
	tx   *ledger.Tx
}

type job struct {
	ctx  context.Context
	fn   func(*ledger.Tx) error
	err  error // fn's
	done chan error
}

func openEngine(ctx context.Context, path string, n int) (*engine, error) {
	// SQLite would make the file readable by all.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("%w: %w", store.ErrReadOnly, err)
	} else if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	e := &engine{
		path: path, jobs: make(chan *job), closing: make(chan struct{}), appended: make(chan struct{}),
		idle: make(chan *reader, readers(n)),
	}
	if e.migrating, err = open(path, 1); err != nil {
		return nil, err
	}
	if e.pool, err = open(path, cap(e.idle)+1); err != nil {
		return nil, errors.Join(err, e.migrating.Close())
	}
	if err := e.migrating.PingContext(ctx); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

// run opens the connections and starts the writer. The schema is up to date.
func (e *engine) run(ctx context.Context) error {
	if err := e.migrating.Close(); err != nil {
		return err
	}
	var err error
	if e.writer, err = e.pool.Conn(ctx); err != nil {
		return err
	}
	for range cap(e.idle) {
		c, err := e.pool.Conn(ctx)
		if err != nil {
			return err
		}
		r := &reader{c, ledger.NewTx(c, &dialect, true)}
		e.readers = append(e.readers, r)
		e.idle <- r
	}
	e.stopped.Go(e.write)
	return nil
}

// Update implements ledger.Engine.
func (e *engine) Update(ctx context.Context, fn func(*ledger.Tx) error) error {
	j := &job{ctx: ctx, fn: fn, done: make(chan error, 1)}
	select {
	case e.jobs <- j:
		return <-j.done // it has begun: its end is near, and is what counts
	case <-ctx.Done():
		return ctx.Err()
	case <-e.closing:
		return errClosed
	}
}

// write is the writer.
func (e *engine) write() {
	tx := ledger.NewTx(e.writer, &dialect, true)
	for {
		select {
		case j := <-e.jobs:
			e.commit(tx, j)
		case <-e.closing:
			e.closeErr = tx.Close()
			return
		}
	}
}

// commit runs a job, and those that wait by then, in one transaction.
func (e *engine) commit(tx *ledger.Tx, first *job) {
	// An interrupted statement would roll back everybody's transaction.
	ctx := context.Background()
	jobs := []*job{first}
	err := e.do(ctx, "begin immediate")
	for i := 0; err == nil && i < len(jobs); i++ {
		err = e.one(ctx, tx, jobs[i])
		if len(jobs) < group {
			select {
			case j := <-e.jobs:
				jobs = append(jobs, j)
			default:
			}
		}
	}
	if err == nil {
		err = e.do(ctx, "commit")
	}
	if err != nil {
		e.do(ctx, "rollback") // fails if SQLite has done so itself
	}
	for _, j := range jobs {
		if err != nil {
			j.done <- err
		} else {
			j.done <- j.err
		}
	}
}

// one runs a job in a savepoint. Its own error undoes that; the error that one
// returns ends the transaction of all.
func (e *engine) one(ctx context.Context, tx *ledger.Tx, j *job) error {
	if j.err = j.ctx.Err(); j.err != nil {
		return nil
	}
	if err := e.do(ctx, "savepoint one"); err != nil {
		return err
	}
	j.err = j.fn(tx)
	if j.err != nil {
		// After a full disk, say, there may be no transaction any more.
		if err := e.do(ctx, "rollback to one"); err != nil {
			return errors.Join(j.err, err)
		}
	}
	return e.do(ctx, "release one")
}

func (e *engine) do(ctx context.Context, statement string) error {
	_, err := e.writer.ExecContext(ctx, statement)
	return err
}

// View implements ledger.Engine.
func (e *engine) View(ctx context.Context, fn func(*ledger.Tx) error) error {
	return e.with(ctx, func(r *reader) (err error) {
		if _, err := r.conn.ExecContext(ctx, "begin"); err != nil {
			return err
		}
		defer func() {
			_, end := r.conn.ExecContext(context.WithoutCancel(ctx), "rollback")
			if err == nil {
				err = end
			}
		}()
		return fn(r.tx)
	})
}

// Read implements ledger.Engine.
func (e *engine) Read(ctx context.Context, fn func(*ledger.Tx) error) error {
	return e.with(ctx, func(r *reader) error { return fn(r.tx) })
}

func (e *engine) with(ctx context.Context, fn func(*reader) error) error {
	select {
	case <-e.closing:
		return errClosed
	default:
	}
	select {
	case r := <-e.idle:
		defer func() { e.idle <- r }()
		return fn(r)
	case <-ctx.Done():
		return ctx.Err()
	case <-e.closing:
		return errClosed
	}
}

// Appended implements ledger.Engine.
func (e *engine) Appended() {
	e.mu.Lock()
	defer e.mu.Unlock()
	close(e.appended)
	e.appended = make(chan struct{})
}

// Wait implements ledger.Engine. Another process's events show as a new head.
func (e *engine) Wait(ctx context.Context, after store.Cursor) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		e.mu.Lock()
		appended := e.appended
		e.mu.Unlock()
		var head store.Cursor
		err := e.Read(ctx, func(t *ledger.Tx) (err error) {
			head, err = t.Head(ctx)
			return err
		})
		if err != nil {
			return err
		}
		if head > after {
			return nil
		}
		select {
		case <-appended:
			return nil
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-e.closing:
			return errClosed
		}
	}
}

// Explain implements ledger.Engine.
func (e *engine) Explain(err error) error { return explain(err) }

// check compares every page, row and index, on a connection of its own.
func (e *engine) check(ctx context.Context) (err error) {
	db, err := open(e.path, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, p := range []string{"integrity_check(1)", "foreign_key_check"} {
		var finding sql.NullString
		rows, err := db.QueryContext(ctx, "pragma "+p)
		if err != nil {
			return err
		}
		if rows.Next() {
			if p == "foreign_key_check" {
				finding = sql.NullString{String: "an edge lacks its parent", Valid: true}
			} else if err := rows.Scan(&finding); err != nil {
				rows.Close()
				return err
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		if finding.Valid && finding.String != "ok" {
			return fmt.Errorf("%w: %s", store.ErrCorrupt, finding.String)
		}
	}
	return nil
}

// backup copies the database, on a connection of its own.
func (e *engine) backup(ctx context.Context, path string) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) // empty is as good as missing to SQLite
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	db, err := open(e.path, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, "vacuum into $1", path); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	if f, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// close ends the engine once: first the writer, then the readers as they become idle.
// When no statement is left, SQLite moves its log into the database and removes it.
func (e *engine) close() error {
	e.once.Do(func() {
		close(e.closing)
		e.stopped.Wait()
		for range e.readers {
			r := <-e.idle
			e.closeErr = errors.Join(e.closeErr, r.tx.Close(), r.conn.Close())
		}
		if e.writer != nil {
			e.closeErr = errors.Join(e.closeErr, e.writer.Close())
		}
		e.closeErr = errors.Join(e.closeErr, e.migrating.Close(), e.pool.Close())
	})
	return e.closeErr
}
