// Package petname keeps what a person holds under names of the person's own: a folder with one file for each
// reference, and one for each thing given away, by its label. It does not know what a reference looks like, and it is
// not for programs: they get their capabilities from whoever starts them.
package petname

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/BurntSushi/toml"

	"lanyard.dev/internal/cli/path"
	"lanyard.dev/internal/private"
)

// A Store is the folder. Several processes may use it.
type Store struct {
	dir string
}

// A Note is what the holder has learnt or been told about a reference. It is a convenience: losing one loses no
// authority.
type Note struct {
	Interface ID        `toml:"interface,omitempty"` // the id of what it implements; 0 is not known
	From      string    `toml:"from,omitempty"`      // the holder's words for where it is from
	Added     time.Time `toml:"added"`
}

// A Gift is what the holder has given away.
type Gift struct {
	Label      string    `toml:"label"`
	Petname    string    `toml:"petname"`              // through which it was shared
	What       string    `toml:"what"`                 // the path that was shared, as it was written
	Edge       ID        `toml:"edge"`                 // its number in the ledger of whoever serves Petname
	Revocation ID        `toml:"revocation,omitempty"` // the last one, for undo
	Given      time.Time `toml:"given"`
}

// An ID is a number of 64 bits, which TOML does not have: it is kept as text.
type ID uint64

// MarshalText implements encoding.TextMarshaler.
func (id ID) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%#x", uint64(id)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *ID) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 0, 64)
	*id = ID(n)
	return err
}

// ErrUnknown is the error for a name or label that nothing is kept under.
var ErrUnknown = errors.New("not known here")

// MaxLabel is how many bytes a label has at most.
const MaxLabel = 100

const (
	capExt  = ".cap"
	noteExt = ".toml"
	giftDir = "given"
)

// Open opens the store in a folder, and makes it if it is not there. A folder that others can enter is refused.
func Open(dir string) (*Store, error) {
	if err := private.Dir(dir); err != nil {
		return nil, err
	}
	if err := private.Dir(filepath.Join(dir, giftDir)); err != nil {
		return nil, err
	}
	return &Store{dir}, nil
}

// Check reports why a word cannot be a petname.
func Check(name string) error {
	if path.ValidPetname(name) {
		return nil
	}
	return fmt.Errorf("%q cannot be a petname: letters, digits, - and _, a letter first, at most %d", name, path.MaxPetname)
}

// CheckLabel reports why a text cannot be a label: labels are for reading, in one line.
func CheckLabel(label string) error {
	switch {
	case strings.TrimSpace(label) != label || label == "":
		return fmt.Errorf("label %q is empty, or has space around it", label)
	case len(label) > MaxLabel:
		return fmt.Errorf("a label is at most %d bytes long", MaxLabel)
	case !utf8.ValidString(label) || strings.ContainsFunc(label, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("label %q has characters that cannot be printed", label)
	}
	return nil
}

// Add keeps a reference under a name. A name that is taken is an error of fs.ErrExist, unless replace is set.
func (s *Store) Add(name string, reference []byte, n Note, replace bool) error {
	if err := Check(name); err != nil {
		return err
	}
	write := private.Create
	if replace {
		write = private.Replace
	}
	if err := write(s.file(name, capExt), reference); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s is a petname already: %w", name, fs.ErrExist)
		}
		return err
	}
	return s.Annotate(name, n)
}

// Annotate replaces the note of a name.
func (s *Store) Annotate(name string, n Note) error {
	return encode(s.file(name, noteExt), &n)
}

// Reference returns the reference kept under a name. The error for none is ErrUnknown.
func (s *Store) Reference(name string) ([]byte, error) {
	if err := Check(name); err != nil {
		return nil, err
	}
	data, err := private.Read(s.file(name, capExt), private.MaxSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("petname %s is %w%s", name, ErrUnknown, s.meant(name))
	}
	return data, err
}

// meant suggests a name that differs little from one that is not known.
func (s *Store) meant(name string) string {
	names, err := s.Names()
	if err != nil {
		return ""
	}
	for _, n := range names {
		if strings.EqualFold(n, name) || len(name) > 2 && (strings.HasPrefix(n, name) || strings.HasPrefix(name, n)) {
			return "; did you mean " + n + "?"
		}
	}
	return ""
}

// Note returns the note of a name; without one it is the zero Note.
func (s *Store) Note(name string) (n Note, err error) {
	if err := Check(name); err != nil {
		return n, err
	}
	err = decode(s.file(name, noteExt), &n)
	if errors.Is(err, fs.ErrNotExist) {
		return Note{}, nil
	}
	return n, err
}

// Remove forgets a name.
func (s *Store) Remove(name string) error {
	if err := Check(name); err != nil {
		return err
	}
	err := os.Remove(s.file(name, capExt))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("petname %s is %w", name, ErrUnknown)
	}
	if note := os.Remove(s.file(name, noteExt)); !errors.Is(note, fs.ErrNotExist) {
		err = errors.Join(err, note)
	}
	return err
}

// Names lists the names in order.
func (s *Store) Names() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), capExt); ok && path.ValidPetname(name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Give notes what was given away under a label. A label that is taken is an error of fs.ErrExist, unless replace is
// set.
func (s *Store) Give(g Gift, replace bool) error {
	if err := CheckLabel(g.Label); err != nil {
		return err
	}
	if _, err := s.Given(g.Label); err == nil && !replace {
		return fmt.Errorf("label %q is in use: %w", g.Label, fs.ErrExist)
	} else if err != nil && !errors.Is(err, ErrUnknown) {
		return err
	}
	return encode(s.giftFile(g.Label), &g)
}

// Given returns what was given under a label. The error for nothing is ErrUnknown.
func (s *Store) Given(label string) (g Gift, err error) {
	if err := CheckLabel(label); err != nil {
		return g, err
	}
	err = decode(s.giftFile(label), &g)
	if errors.Is(err, fs.ErrNotExist) {
		return g, fmt.Errorf("label %q is %w", label, ErrUnknown)
	}
	return g, err
}

// Gifts lists what was given away, the oldest first.
func (s *Store) Gifts() ([]Gift, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, giftDir))
	if err != nil {
		return nil, err
	}
	var out []Gift
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), noteExt) {
			continue
		}
		var g Gift
		if err := decode(filepath.Join(s.dir, giftDir, e.Name()), &g); err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b Gift) int {
		if c := a.Given.Compare(b.Given); c != 0 {
			return c
		}
		return strings.Compare(a.Label, b.Label)
	})
	return out, nil
}

// Forget removes the note of a gift. It takes nothing back.
func (s *Store) Forget(label string) error {
	if err := CheckLabel(label); err != nil {
		return err
	}
	err := os.Remove(s.giftFile(label))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("label %q is %w", label, ErrUnknown)
	}
	return err
}

func (s *Store) file(name, ext string) string { return filepath.Join(s.dir, name+ext) }

// giftFile is a label's file: labels may have any printable character, file names may not.
func (s *Store) giftFile(label string) string {
	return filepath.Join(s.dir, giftDir, fmt.Sprintf("%x", label)+noteExt)
}

func encode(file string, v any) error {
	var b bytes.Buffer
	if err := toml.NewEncoder(&b).Encode(v); err != nil {
		return err
	}
	return private.Replace(file, b.Bytes())
}

func decode(file string, v any) error {
	data, err := private.Read(file, private.MaxSize)
	if err != nil {
		return err
	}
	if _, err := toml.Decode(string(data), v); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
