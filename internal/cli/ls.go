package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/internal/cli/petname"
)

func lsCommand() *cobra.Command {
	var out printer
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List what you hold, and what you have given away",
		Long: `List what you hold, by your names for it, and what you have given away, by label.
Nobody is asked: whether something still works "lanyard show NAME" finds out, and
"lanyard who" what became of what you gave.`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := openHome()
			if err != nil {
				return err
			}
			l, err := listHome(h)
			if err != nil {
				return err
			}
			return out.print(cmd, l, l.write)
		},
	}
	out.flags(cmd)
	return cmd
}

// A listing is what a home holds.
type listing struct {
	Held  []heldEntry `json:"held"`
	Given []giftEntry `json:"given"`
}

type heldEntry struct {
	Name  string    `json:"name"`
	What  string    `json:"what,omitempty"` // the interface, if it is known
	At    string    `json:"at"`             // the reference without its secret
	From  string    `json:"from,omitempty"`
	Added time.Time `json:"added,omitzero"`
}

type giftEntry struct {
	Label   string    `json:"label"`
	What    string    `json:"what"`
	Edge    uint64    `json:"edge"`
	Given   time.Time `json:"given"`
	Revoked bool      `json:"revoked,omitempty"`
}

func listHome(h *home) (*listing, error) {
	reg, err := knownSchemas()
	if err != nil {
		return nil, err
	}
	names, err := h.names.Names()
	if err != nil {
		return nil, err
	}
	l := &listing{Held: []heldEntry{}, Given: []giftEntry{}}
	for _, name := range names {
		e := heldEntry{Name: name}
		if note, err := h.names.Note(name); err == nil {
			e.What, e.From, e.Added = interfaceName(reg, note), note.From, note.Added
		}
		if r, err := h.reference(name); err != nil {
			e.At = err.Error()
		} else {
			e.At = r.String()
		}
		l.Held = append(l.Held, e)
	}
	gifts, err := h.names.Gifts()
	if err != nil {
		return nil, err
	}
	for _, g := range gifts {
		l.Given = append(l.Given, giftEntry{g.Label, g.What, uint64(g.Edge), g.Given, g.Revocation != 0})
	}
	return l, nil
}

func interfaceName(reg *schema.Registry, n petname.Note) string {
	if n.Interface == 0 {
		return ""
	}
	if i, err := dynamic.LookupInterface(reg, uint64(n.Interface)); err == nil {
		return i.Name()
	}
	return fmt.Sprintf("%#x", uint64(n.Interface))
}

func (l *listing) write(w io.Writer) {
	if len(l.Held)+len(l.Given) == 0 {
		fmt.Fprintln(w, "You hold nothing yet: lanyard add NAME keeps a reference that you were given.")
		return
	}
	var rows [][]string
	for _, e := range l.Held {
		rows = append(rows, []string{e.Name, e.What, e.From, e.At})
	}
	table(w, []string{"NAME", "WHAT", "FROM", "AT"}, rows)
	if len(l.Given) == 0 {
		return
	}
	fmt.Fprintln(w)
	rows = nil
	for _, g := range l.Given {
		state := ""
		if g.Revoked {
			state = "revoked"
		}
		rows = append(rows, []string{g.Label, g.What, when(g.Given), state})
	}
	table(w, []string{"GIVEN TO", "WHAT", "SINCE", ""}, rows)
}
