package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"lanyard.dev/grant"
	"lanyard.dev/internal/cli/petname"
)

// A target is an edge that somebody at the terminal means.
type target struct {
	of   string // NAME of what it was shared from, if it is not in the home's own notes
	name string // the petname that reaches it
	gift *petname.Gift
	set  func(grant.SelectorBuilder)
}

func (t *target) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.of, "of", "", "LABEL is that of something shared from `NAME`, several with / between, or the number of an edge")
	cmd.ValidArgsFunction = completeLabel
}

// find looks a label up in the notes of what was given away; with --of it is what the ledger there calls so.
func (t *target) find(h *home, word string) error {
	if t.of != "" {
		t.name = t.of
		if id, err := strconv.ParseUint(word, 10, 64); err == nil {
			t.set = func(b grant.SelectorBuilder) { b.SetId(id) }
		} else {
			labels := strings.Split(word, "/")
			t.set = func(b grant.SelectorBuilder) { b.SetLabels(labels) }
		}
		_, err := h.reference(t.of)
		return err
	}
	g, err := h.names.Given(word)
	if err != nil {
		return hinted(err, "lanyard ls lists what you have given away; lanyard revoke LABEL --of NAME takes back what was shared elsewhere")
	}
	t.name, t.gift = g.Petname, &g
	t.set = func(b grant.SelectorBuilder) { b.SetId(uint64(g.Edge)) }
	return nil
}

func revokeCommand() *cobra.Command {
	var out printer
	var conn connecting
	var to target
	var preview, wait bool
	var reason string
	cmd := &cobra.Command{
		Use:   "revoke LABEL",
		Short: "Take back what you shared, and all that was shared from it",
		Long: `Take back what you shared, and all that was shared from it. When the command
returns no call through it starts any more at the server that it was shared from;
with --wait, at none of the servers that share its ledger. --preview says who and
what is affected, and does nothing. "lanyard undo LABEL" puts it back in force.`,
		Args: arguments("LABEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return conn.run(cmd, func(ctx context.Context, s *session) error {
				if err := to.find(s.home, args[0]); err != nil {
					return err
				}
				g, err := s.grant(ctx, to.name)
				if err != nil {
					return err
				}
				if preview {
					return to.preview(ctx, cmd, s, g, &out)
				}
				res, err := g.Revoke(ctx, func(b grant.GrantRevokeParamsBuilder) {
					to.set(b.NewEdge())
					b.SetReason(reason)
					b.SetWait(wait)
				}).Wait()
				if err != nil {
					return s.advise(to.name, err)
				}
				if to.gift != nil {
					to.gift.Revocation = petname.ID(res.Revocation())
					if err := s.names.Give(*to.gift, true); err != nil {
						return err
					}
				}
				v := struct {
					Revocation uint64   `json:"revocation"`
					Affected   uint64   `json:"affected"`
					Silent     []string `json:"silent,omitempty"`
				}{Revocation: res.Revocation(), Affected: res.Affected()}
				for _, name := range res.Silent().All() {
					v.Silent = append(v.Silent, name)
				}
				return out.print(cmd, v, func(w io.Writer) {
					fmt.Fprintf(w, "revoked: %s\n", plural(int(v.Affected), "edge"))
					for _, name := range v.Silent {
						fmt.Fprintf(w, "%s did not answer; its lease has run out\n", oneLine(name))
					}
					if to.gift != nil {
						fmt.Fprintf(w, "lanyard undo %s puts it back in force\n", quoted(args[0]))
					} else {
						fmt.Fprintf(w, "lanyard undo %d --of %s puts it back in force\n", v.Revocation, to.name)
					}
				})
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&preview, "preview", false, "say who and what is affected; revoke nothing")
	f.BoolVar(&wait, "wait", false, "return when it holds at every server that shares the ledger")
	f.StringVar(&reason, "reason", "", "`WORDS` that the holders are told")
	to.flags(cmd)
	out.flags(cmd)
	conn.flags(cmd)
	return cmd
}

func (t *target) preview(ctx context.Context, cmd *cobra.Command, s *session, g grant.Grant, out *printer) error {
	res, err := g.Preview(ctx, func(b grant.GrantPreviewParamsBuilder) {
		t.set(b.NewEdge())
		b.SetMax(100)
	}).Wait()
	if err != nil {
		return s.advise(t.name, err)
	}
	a := res.Affected()
	v := struct {
		Total uint64 `json:"total"`
		Live  uint64 `json:"live"`
		Edges []edge `json:"edges"`
	}{a.Total(), a.Live(), edgesOf(a.Edges())}
	return out.print(cmd, v, func(w io.Writer) {
		fmt.Fprintf(w, "revoking would affect %s, %d in use\n", plural(int(v.Total), "edge"), v.Live)
		writeEdges(w, v.Edges)
	})
}

func undoCommand() *cobra.Command {
	var out printer
	var conn connecting
	var of string
	cmd := &cobra.Command{
		Use:   "undo [LABEL]",
		Short: "Put back in force what you revoked",
		Long: `Put back in force what you revoked, and all that was shared from it. References
work again; whoever was using one has to get it anew. With --of it takes the
number of a revocation, as "lanyard log" and "lanyard revoke" print it.

Without LABEL it is the last that you revoked by its label, if all such were
shared from one thing that you hold; else it says what to type.`,
		Args: optional("LABEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return conn.run(cmd, func(ctx context.Context, s *session) error {
				var id uint64
				name := of
				var gift *petname.Gift
				if of == "" {
					g, err := s.revoked(args)
					if err != nil {
						return err
					}
					if g.Revocation == 0 {
						return fmt.Errorf("%q was not revoked from here", g.Label)
					}
					id, name, gift = uint64(g.Revocation), g.Petname, &g
				} else {
					if len(args) == 0 {
						return &usageError{cmd.CommandPath(), errors.New("with --of it needs the number of a revocation")}
					}
					var err error
					if id, err = strconv.ParseUint(args[0], 10, 64); err != nil {
						return &usageError{cmd.CommandPath(), fmt.Errorf("with --of it takes the number of a revocation, not %q", args[0])}
					}
				}
				g, err := s.grant(ctx, name)
				if err != nil {
					return err
				}
				res, err := g.Undo(ctx, func(b grant.GrantUndoParamsBuilder) { b.SetRevocation(id) }).Wait()
				if err != nil {
					return s.advise(name, err)
				}
				if gift != nil {
					gift.Revocation = 0
					if err := s.names.Give(*gift, true); err != nil {
						return err
					}
				}
				v := struct {
					Affected uint64 `json:"affected"`
					Label    string `json:"label,omitempty"`
				}{Affected: res.Affected()}
				if gift != nil {
					v.Label = gift.Label
				}
				return out.print(cmd, v, func(w io.Writer) {
					fmt.Fprintf(w, "back in force: %s\n", plural(int(v.Affected), "edge"))
					if len(args) == 0 {
						fmt.Fprintf(w, "it is %s, shared from %s\n", quoted(v.Label), name)
					}
				})
			})
		},
	}
	cmd.Flags().StringVar(&of, "of", "", "a revocation by its number, of something shared from `NAME`")
	cmd.ValidArgsFunction = completeLabel
	out.flags(cmd)
	conn.flags(cmd)
	return cmd
}

// revoked finds what a label means that was revoked from here; without one, what was revoked last, where that is clear.
func (s *session) revoked(args []string) (petname.Gift, error) {
	if len(args) > 0 {
		return s.names.Given(args[0])
	}
	gifts, err := s.names.Gifts()
	if err != nil {
		return petname.Gift{}, err
	}
	last := map[string]petname.Gift{} // by petname: numbers of different ledgers say nothing about what was later
	for _, g := range gifts {
		if g.Revocation > last[g.Petname].Revocation {
			last[g.Petname] = g
		}
	}
	var say []string
	for _, name := range slices.Sorted(maps.Keys(last)) {
		if len(last) == 1 {
			return last[name], nil
		}
		say = append(say, "lanyard undo "+quoted(last[name].Label))
	}
	if len(last) == 0 {
		return petname.Gift{}, hinted(errors.New("nothing is revoked that was revoked from here by its label"), "lanyard log says what was revoked, by numbers; lanyard undo NUMBER --of NAME")
	}
	return petname.Gift{}, hinted(fmt.Errorf("what was revoked was shared from %s, so say which", strings.Join(slices.Sorted(maps.Keys(last)), " and ")), "%s", strings.Join(say, ", or "))
}

// quoted is a label as a shell takes it.
func quoted(label string) string {
	if petname.Check(label) == nil {
		return label
	}
	return "'" + strings.ReplaceAll(label, "'", `'\''`) + "'"
}
