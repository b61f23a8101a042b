package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	"lanyard.dev/internal/cli/config"
	"lanyard.dev/internal/private"
	"lanyard.dev/store"
	"lanyard.dev/store/postgres"
	"lanyard.dev/store/sqlite"
	"lanyard.dev/vat"
)

// A ledger is either of the two.
type ledger interface {
	store.Ledger
	store.Feed
	Close() error
}

// openLedger opens the ledger of a configuration, and makes it if it is not there.
func openLedger(ctx context.Context, cfg *config.Config) (ledger, error) {
	if cfg.Postgres() {
		l, err := openPostgres(ctx, cfg)
		if err != nil {
			return nil, fmt.Errorf("ledger %s: %w", cfg.Ledger, err)
		}
		return l, nil
	}
	l, err := sqlite.Open(ctx, cfg.Ledger, &sqlite.Options{KeyFile: cfg.LedgerKey})
	if err != nil {
		return nil, fmt.Errorf("ledger %s: %w", cfg.Ledger, err)
	}
	return l, nil
}

func openPostgres(ctx context.Context, cfg *config.Config) (*postgres.Ledger, error) {
	if err := checkPassfile(cfg.Ledger); err != nil {
		return nil, err
	}
	_, err := os.Lstat(cfg.LedgerKey)
	missing := errors.Is(err, fs.ErrNotExist)
	key, err := store.LoadOrCreateKey(cfg.LedgerKey, true)
	if err != nil {
		return nil, fmt.Errorf("ledger-key %s: %w", cfg.LedgerKey, err)
	}
	l, err := postgres.Open(ctx, cfg.Ledger, key, nil)
	if errors.Is(err, store.ErrKey) {
		if missing {
			err = errors.Join(err, os.Remove(cfg.LedgerKey)) // it is nobody's
		}
		return nil, hinted(err, "all servers of a ledger have one key: copy the file that ledger-key names from the one that made the ledger to %s", cfg.LedgerKey)
	}
	return l, err
}

// checkPassfile refuses a file of passwords that others can read. Who reads it does not look.
func checkPassfile(ledger string) error {
	file := os.Getenv("PGPASSFILE")
	if u, err := url.Parse(ledger); err == nil && u.Query().Has("passfile") {
		file = u.Query().Get("passfile")
	}
	if file == "" {
		return nil
	}
	_, err := private.Read(file, private.MaxSize)
	return err
}

// vatName is what a server is called in its ledger: by its key, as there is one of that, or by one of its own where
// replicas with the same key share the ledger.
func vatName(cfg *config.Config, k vat.Key) string {
	if cfg.Postgres() {
		return k.String() + "/" + rand.Text()[:8]
	}
	return k.String()
}
