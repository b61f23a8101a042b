package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing/fstest"

	"github.com/pressly/goose/v3"
)

// Interrupted runs the migrations of a dialect so that they break off after each of
// their statements in turn, on a new database each time, and checks that nothing
// has happened then, and all when they run again. It is for the tests of the
// engines. Tables lists the names of the tables, without the one of versions; say
// which database is theirs.
func Interrupted(ctx context.Context, dialect goose.Dialect, fresh func() (*sql.DB, error), tables string) (points int, err error) {
	files := Migrations(dialect)
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return 0, err
	}
	for i, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return points, err
		}
		statements := strings.Split(string(text), "\n\n")
		for n := 1; n <= len(statements); n++ {
			broken := fstest.MapFS{}
			for _, before := range names[:i] {
				b, err := fs.ReadFile(files, before)
				if err != nil {
					return points, err
				}
				broken[before] = &fstest.MapFile{Data: b}
			}
			cut := slices.Insert(slices.Clone(statements), n, "insert into nowhere values (1);")
			broken[name] = &fstest.MapFile{Data: []byte(strings.Join(cut, "\n\n"))}
			if err := interrupted(ctx, dialect, fresh, tables, broken, i > 0); err != nil {
				return points, fmt.Errorf("%s, after statement %d: %w", name, n, err)
			}
			points++
		}
	}
	return points, nil
}

func interrupted(ctx context.Context, dialect goose.Dialect, fresh func() (*sql.DB, error), tables string, broken fs.FS, later bool) (err error) {
	db, err := fresh()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := MigrateBy(ctx, db, dialect, broken); err == nil {
		return errors.New("was not interrupted")
	}
	count := func() (n int, err error) {
		rows, err := db.QueryContext(ctx, tables)
		if err != nil {
			return 0, err
		}
		defer rows.Close()
		for rows.Next() {
			n++
		}
		return n, rows.Err()
	}
	if n, err := count(); err != nil || n != 0 && !later {
		return fmt.Errorf("%d tables are left, %w", n, err)
	}
	if err := Migrate(ctx, db, dialect); err != nil {
		return err
	}
	if n, err := count(); err != nil || n == 0 {
		return fmt.Errorf("%d tables, %w", n, err)
	}
	return nil
}
