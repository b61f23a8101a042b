package mail

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// A Maildir puts mails into a folder, one file each, whole or not at all. A mail that is delivered
// twice is there once, also when a mail program has moved it to cur meanwhile.
type Maildir struct {
	dir string
}

// NewMaildir makes the folder if it is not there, for its owner only.
func NewMaildir(dir string) (*Maildir, error) {
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	return &Maildir{dir}, nil
}

// Deliver implements Transport.
func (d *Maildir) Deliver(_ context.Context, m *Message) error {
	if _, err := m.build(); err != nil {
		return refused(err)
	}
	local, _, _ := strings.Cut(m.ID, "@")
	name := fmt.Sprintf("%d.%s.lanyard", m.Date.Unix(), strings.ReplaceAll(local, "/", "_"))
	if seen, err := filepath.Glob(filepath.Join(d.dir, "cur", glob(name)+":*")); err != nil || len(seen) > 0 {
		return err
	}
	f, err := os.CreateTemp(filepath.Join(d.dir, "tmp"), name+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // it is gone when all went well
	if _, err = m.WriteTo(f); err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	// Whoever sees a file in new sees all of it.
	if err := os.Rename(f.Name(), filepath.Join(d.dir, "new", name)); err != nil {
		return err
	}
	return syncDir(filepath.Join(d.dir, "new"))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// glob makes a name a pattern for itself.
func glob(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(s)
}

// A Sink keeps mails in memory, for tests and demonstrations.
type Sink struct {
	// Answer, if set, decides what becomes of a mail; those it has no error for are kept.
	Answer func(m *Message) error

	mu   sync.Mutex
	kept []*Message
}

// Deliver implements Transport.
func (s *Sink) Deliver(_ context.Context, m *Message) error {
	if _, err := m.build(); err != nil {
		return refused(err)
	}
	if s.Answer != nil {
		if err := s.Answer(m); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, m)
	return nil
}

// Messages returns what has been kept so far.
func (s *Sink) Messages() []*Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Message(nil), s.kept...)
}
