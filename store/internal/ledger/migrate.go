package ledger

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"lanyard.dev/store"
)

//go:embed sqlite/*.sql postgres/*.sql
var migrations embed.FS

// versions is the table in which goose writes down what has been applied.
const versions = "ledger_versions"

// Migrate brings the schema up to date: each migration in one transaction with the
// note that it is done, so one that was interrupted has not happened. A
// database from a later version of the program is ErrNewer: there is no way
// back down.
func Migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect) error {
	return MigrateBy(ctx, db, dialect, Migrations(dialect))
}

// Migrations are the files of a dialect.
func Migrations(dialect goose.Dialect) fs.FS {
	folder := "postgres"
	if dialect == goose.DialectSQLite3 {
		folder = "sqlite"
	}
	files, err := fs.Sub(migrations, folder)
	if err != nil {
		panic("ledger: " + err.Error()) // the name is a constant
	}
	return files
}

// MigrateBy is Migrate by other files, for tests.
func MigrateBy(ctx context.Context, db *sql.DB, dialect goose.Dialect, files fs.FS) error {
	p, err := goose.NewProvider(dialect, db, files, goose.WithTableName(versions), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	// On SQLite, without a lock, two processes may both set out; the second one's
	// transaction fails then, and the next look shows that there is nothing to do.
	tries := 1
	if dialect == goose.DialectSQLite3 {
		tries = 6
	}
	for try := 1; ; try++ {
		err := up(ctx, p)
		if err == nil || errors.Is(err, store.ErrNewer) || try == tries || ctx.Err() != nil {
			return err
		}
	}
}

func up(ctx context.Context, p *goose.Provider) error {
	current, target, err := p.GetVersions(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("store: read the schema's version: %w", err)
	case current > target:
		return fmt.Errorf("%w: its schema has version %d, the newest known here is %d", store.ErrNewer, current, target)
	case current == target:
		return nil
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("store: migrate: %w", err)
	}
	return nil
}
