package contacts

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	netmail "net/mail"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"

	"lanyard.dev/capnp"
	"lanyard.dev/service/contacts/mail"
)

// Options are how a book sends mail and what it allows. The zero value sends nothing: mail waits.
type Options struct {
	// Transport takes the mail. Nil: it waits until the book is opened with one.
	Transport mail.Transport
	// From is the owner, in whose name mail goes out. Needed with a Transport.
	From netmail.Address
	// Replies is an address of the owner's whose mail comes in through Receive or Inbox, with
	// anything after a plus sign: reply@example.org gets reply+TOKEN@example.org. Empty: answers go
	// to From, and no mailer sees any.
	Replies string
	// Inbox is a maildir that is looked at for answers; it is made if it is not there. Mail in it
	// that is none stays in new.
	Inbox string
	// Every is how often the outbox is looked at. Default one second; negative: only in Flush.
	// It does not depend on what is sent, so that nobody can feel it at work.
	Every time.Duration
	// GiveUp is how long mail is tried. Default three days.
	GiveUp time.Duration

	// Sends and Per bound a mailer whose policy says nothing: 50 mails in a day.
	Sends uint32
	Per   time.Duration
	// ContactDay and BookDay bound what goes out in a day to one contact and to all, whoever sends
	// it. What is more waits; its sender is not told. Defaults 100 and 1000.
	ContactDay, BookDay int
	// Waiting bounds the mails that wait. Default 10 000.
	Waiting int
	// Contacts bounds the book. Default 100 000.
	Contacts int

	// Clock tells the time. Default time.Now.
	Clock func() time.Time
	// Logger gets what goes wrong inside; nil: nobody.
	Logger *slog.Logger

	_ struct{}
}

func (o *Options) withDefaults() Options {
	var out Options
	if o != nil {
		out = *o
	}
	set := func(field *int, value int) {
		if *field <= 0 {
			*field = value
		}
	}
	set(&out.ContactDay, 100)
	set(&out.BookDay, 1000)
	set(&out.Waiting, 10_000)
	set(&out.Contacts, 100_000)
	if out.Every == 0 {
		out.Every = time.Second
	}
	if out.GiveUp <= 0 {
		out.GiveUp = 72 * time.Hour
	}
	if out.Sends == 0 {
		out.Sends, out.Per = 50, 24*time.Hour
	}
	if out.Clock == nil {
		out.Clock = time.Now
	}
	if out.Logger == nil {
		out.Logger = slog.New(slog.DiscardHandler)
	}
	return out
}

// A Service is one contact book.
type Service struct {
	options Options
	write   *sql.DB // one connection, so that writes queue up instead of failing
	read    *sql.DB
	key     key // everything that is shown of ids comes from it
	waiting atomic.Int64
	stop    context.CancelFunc
	ended   sync.WaitGroup

	flushing sync.Mutex // one round of the outbox at a time

	leaving sync.Mutex    // held while a day's mail is counted
	onWay   map[int64]int // mails that are being handed over, by contact

	mu       sync.Mutex
	watchers map[*watching]struct{}
	closed   bool
}

//go:embed migrations/*.sql
var migrations embed.FS

// Open opens the book in a file, and makes it if it is not there. One process has it at a time.
func Open(ctx context.Context, path string, o *Options) (_ *Service, err error) {
	s := &Service{options: o.withDefaults(), watchers: map[*watching]struct{}{}, onWay: map[int64]int{}}
	if s.options.Transport != nil {
		if err := mail.CheckAddress(s.options.From.Address); err != nil {
			return nil, fmt.Errorf("contact book: sender: %w", err)
		}
	}
	if s.options.Replies != "" {
		if err := mail.CheckAddress(s.options.Replies); err != nil {
			return nil, fmt.Errorf("contact book: address for replies: %w", err)
		}
	}
	if s.options.Inbox != "" {
		if _, err := mail.NewMaildir(s.options.Inbox); err != nil {
			return nil, fmt.Errorf("contact book: inbox: %w", err)
		}
	}
	// Nobody else may read the book; SQLite gives its other files the same mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("contact book: %w", err)
	}
	f.Close()
	if s.write, err = connect(path, 1); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.write.Close()
		}
	}()
	if err := migrate(ctx, s.write); err != nil {
		return nil, fmt.Errorf("contact book: %w", err)
	}
	if err := s.loadKey(ctx); err != nil {
		return nil, fmt.Errorf("contact book: %w", err)
	}
	if s.read, err = connect(path, 4); err != nil {
		return nil, err
	}
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	if s.options.Every > 0 {
		s.ended.Go(func() { s.work(ctx) })
	}
	return s, nil
}

func connect(path string, most int) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	name := url.URL{Scheme: "file", Path: abs, RawQuery: url.Values{
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"},
		"_txlock": {"immediate"},
	}.Encode()}
	c, err := sqlite.NewConnector(name.String())
	if err != nil {
		return nil, fmt.Errorf("contact book: %w", err)
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	return db, nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	// A book of a newer program is not touched.
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	if known := p.ListSources(); have > known[len(known)-1].Version {
		return fmt.Errorf("the book has version %d, this program knows up to %d", have, known[len(known)-1].Version)
	}
	_, err = p.Up(ctx)
	return err
}

func (s *Service) loadKey(ctx context.Context) error {
	fresh := make([]byte, len(s.key))
	rand.Read(fresh)
	if _, err := s.write.ExecContext(ctx, `INSERT OR IGNORE INTO settings VALUES ('key', ?)`, fresh); err != nil {
		return err
	}
	var stored []byte
	if err := s.write.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = 'key'`).Scan(&stored); err != nil {
		return err
	}
	if copy(s.key[:], stored) != len(s.key) || len(stored) != len(s.key) {
		return errors.New("the book's key is damaged")
	}
	var n int64
	err := s.write.QueryRowContext(ctx, `SELECT count(*) FROM mails WHERE state IN (?, ?, ?)`,
		ContactBookMailStateWaiting, ContactBookMailStateQueued, ContactBookMailStateDelayed).Scan(&n)
	s.waiting.Store(n)
	return err
}

// Close stops the outbox and closes the file. Calls under way fail.
func (s *Service) Close() error {
	s.mu.Lock()
	s.closed = true
	watchers := s.watchers
	s.watchers = nil
	s.mu.Unlock()
	for w := range watchers {
		w.end()
	}
	s.stop()
	s.ended.Wait()
	return errors.Join(s.read.Close(), s.write.Close())
}

// Objects gives the objects of the service by name: "book", a [ContactBook].
func (s *Service) Objects(_ context.Context, object string) (capnp.Client, error) {
	if object == "book" {
		return s.Book().Client, nil
	}
	return capnp.Client{}, fmt.Errorf("a contact book has no object %q; it has \"book\"", object)
}

// Book gives the whole book.
func (s *Service) Book() ContactBook {
	return newContactBook(&view{s: s, key: s.key.derive("book"), mask: allFields})
}

// trouble logs an error from inside and returns what the caller may know of it.
func (s *Service) trouble(err error) error {
	if err == nil {
		return nil
	}
	if x, ok := errors.AsType[*capnp.Exception](err); ok {
		return x
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	id := make([]byte, 4)
	rand.Read(id)
	s.options.Logger.Error("contact book", "incident", hex.EncodeToString(id), "err", err)
	return capnp.Errorf(capnp.Failed, "the contact book has trouble; its log knows more under %x", id)
}

func (s *Service) now() time.Time { return s.options.Clock() }

// change runs a transaction that writes. What it was asked for is finished even if the caller goes.
func (s *Service) change(ctx context.Context, do func(ctx context.Context, tx *sql.Tx) error) error {
	ctx = context.WithoutCancel(ctx)
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(ctx, tx); err != nil {
		if e := tx.Rollback(); e != nil {
			return errors.Join(err, e)
		}
		return err
	}
	return tx.Commit()
}
