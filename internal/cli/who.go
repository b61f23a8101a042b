package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"lanyard.dev/grant"
)

func whoCommand() *cobra.Command {
	var out printer
	var conn connecting
	cmd := &cobra.Command{
		Use:   "who [NAME]",
		Short: "Say who has what of yours, and who got it from them",
		Long: `Say who has what of yours, and who got it from them: everything that was shared
from NAME, or from all that you hold, with what is left of it and when it was
last used.`,
		Args: optional("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return conn.run(cmd, func(ctx context.Context, s *session) error {
				names := args
				if len(names) == 0 {
					var err error
					if names, err = s.names.Names(); err != nil {
						return err
					}
				}
				type below struct {
					Name  string   `json:"name"`
					Edges []edge   `json:"edges"`
					Error *failure `json:"error,omitempty"`
				}
				var all []below
				for _, name := range names {
					edges, err := s.below(ctx, name)
					b := below{Name: name, Edges: edges}
					if err != nil {
						if len(args) > 0 {
							return s.advise(name, err)
						}
						b.Error = new(failureOf(err))
					}
					all = append(all, b)
				}
				return out.print(cmd, all, func(w io.Writer) {
					for i, b := range all {
						if i > 0 {
							fmt.Fprintln(w)
						}
						switch {
						case b.Error != nil:
							fmt.Fprintf(w, "%s: %s\n", b.Name, oneLine(b.Error.Message))
						case len(b.Edges) == 0:
							fmt.Fprintf(w, "%s: nobody\n", b.Name)
						default:
							fmt.Fprintf(w, "%s:\n", b.Name)
							writeEdges(w, b.Edges)
						}
					}
				})
			})
		},
	}
	cmd.ValidArgsFunction = completeName
	out.flags(cmd)
	conn.flags(cmd)
	return cmd
}

// maxListed bounds what is printed of a ledger.
const maxListed = 10_000

// below lists everything that was shared from what is kept under a petname.
func (s *session) below(ctx context.Context, name string) ([]edge, error) {
	g, err := s.grant(ctx, name)
	if err != nil {
		return nil, err
	}
	out := []edge{}
	for after := uint64(0); ; {
		res, err := g.List(ctx, func(b grant.GrantListParamsBuilder) {
			b.NewUnder().SetSelf()
			b.SetDeep(true)
			b.SetAfter(after)
			b.SetMax(500)
		}).Wait()
		if err != nil {
			return nil, err
		}
		out = append(out, edgesOf(res.Edges())...)
		if after = res.Next(); after == 0 || len(out) >= maxListed {
			return out, nil
		}
	}
}

// meant finds what a word means: something given away by its label, or something held by its name.
func (t *target) meant(s *session, word string) error {
	if t.of == "" {
		if _, err := s.names.Given(word); err != nil {
			if _, err := s.reference(word); err == nil {
				t.name, t.set = word, itself
				return nil
			}
		}
	}
	return t.find(s.home, word)
}

// held is what a petname stands for, and all that was shared from it.
func held(name string) *target { return &target{name: name, set: itself} }

func itself(b grant.SelectorBuilder) { b.SetSelf() }

func whyCommand() *cobra.Command {
	var out printer
	var conn connecting
	var to target
	cmd := &cobra.Command{
		Use:   "why LABEL",
		Short: "Say by which way somebody has, or has no longer, what you shared",
		Long: `Say by which way somebody has what you shared: every share from what you hold to
it, and how each narrowed it. LABEL is that of something you gave away, or with
--of of something that was shared further; the name of something you hold works,
too.`,
		Args: arguments("LABEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return conn.run(cmd, func(ctx context.Context, s *session) error {
				if err := to.meant(s, args[0]); err != nil {
					return err
				}
				g, err := s.grant(ctx, to.name)
				if err != nil {
					return err
				}
				res, err := g.Why(ctx, func(b grant.GrantWhyParamsBuilder) { to.set(b.NewEdge()) }).Wait()
				if err != nil {
					return s.advise(to.name, err)
				}
				v := struct {
					Chain  []edge `json:"chain"`
					Cause  uint64 `json:"cause,omitempty"`
					Reason string `json:"reason,omitempty"`
				}{edgesOf(res.Chain()), res.Cause(), res.Reason()}
				return out.print(cmd, v, func(w io.Writer) {
					writeEdges(w, v.Chain)
					for _, e := range v.Chain {
						if e.ID == v.Cause && v.Cause != 0 {
							fmt.Fprintf(w, "%s is %s%s\n", oneLine(e.Label), e.state(), because(v.Reason))
						}
					}
				})
			})
		},
	}
	to.flags(cmd)
	out.flags(cmd)
	conn.flags(cmd)
	return cmd
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + oneLine(reason)
}

func logCommand() *cobra.Command {
	var out printer
	var conn connecting
	var to target
	var last uint32
	cmd := &cobra.Command{
		Use:   "log [LABEL]",
		Short: "Say what happened to what you shared",
		Long: `Say what happened to what you shared, and to what was shared from it: who shared,
revoked, undid, dropped what, and when. LABEL may also be the name of something
you hold. Without LABEL it is everything that was shared from all that you hold,
or from the NAME of --of.`,
		Args: optional("LABEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return conn.run(cmd, func(ctx context.Context, s *session) error {
				if len(args) == 0 && to.of == "" {
					return s.logAll(ctx, cmd, &out, last)
				}
				if len(args) == 0 {
					to = *held(to.of)
				} else if err := to.meant(s, args[0]); err != nil {
					return err
				}
				entries, err := s.entries(ctx, &to, last)
				if err != nil {
					return s.advise(to.name, err)
				}
				return out.print(cmd, entries, func(w io.Writer) { writeEntries(w, entries) })
			})
		},
	}
	cmd.Flags().Uint32Var(&last, "last", 0, "only the last `N` entries of each name")
	to.flags(cmd)
	out.flags(cmd)
	conn.flags(cmd)
	return cmd
}

// logAll prints the log of everything that is held.
func (s *session) logAll(ctx context.Context, cmd *cobra.Command, out *printer, last uint32) error {
	type log struct {
		Name    string     `json:"name"`
		Entries []logEntry `json:"entries"`
		Error   *failure   `json:"error,omitempty"`
	}
	names, err := s.names.Names()
	if err != nil {
		return err
	}
	all := []log{}
	for _, name := range names {
		l := log{Name: name}
		l.Entries, err = s.entries(ctx, held(name), last)
		if err != nil {
			l.Error = new(failureOf(err))
		}
		all = append(all, l)
	}
	return out.print(cmd, all, func(w io.Writer) {
		for i, l := range all {
			if i > 0 {
				fmt.Fprintln(w)
			}
			if l.Error != nil {
				fmt.Fprintf(w, "%s: %s\n", l.Name, oneLine(l.Error.Message))
				continue
			}
			fmt.Fprintf(w, "%s:\n", l.Name)
			writeEntries(w, l.Entries)
		}
	})
}

func writeEntries(w io.Writer, entries []logEntry) {
	var rows [][]string
	for _, e := range entries {
		number := ""
		if e.Revocation != 0 {
			number = strconv.FormatUint(e.Revocation, 10)
		}
		rows = append(rows, []string{when(e.Time), e.What, e.Label, strconv.FormatUint(e.Edge, 10), number, e.Reason})
	}
	table(w, []string{"WHEN", "WHAT", "LABEL", "EDGE", "REVOCATION", "REASON"}, rows)
}

// A logEntry is a line of a ledger's log.
type logEntry struct {
	Seq        uint64    `json:"seq"`
	Time       time.Time `json:"time"`
	What       string    `json:"what"`
	Label      string    `json:"label"`
	Edge       uint64    `json:"edge"`
	Reason     string    `json:"reason,omitempty"`
	Revocation uint64    `json:"revocation,omitempty"`
}

// entries reads the log of a target: all of it, or the last entries.
func (s *session) entries(ctx context.Context, t *target, last uint32) ([]logEntry, error) {
	g, err := s.grant(ctx, t.name)
	if err != nil {
		return nil, err
	}
	out := []logEntry{}
	for after := uint64(0); ; {
		res, err := g.Log(ctx, func(b grant.GrantLogParamsBuilder) {
			t.set(b.NewEdge())
			b.SetAfter(after)
			b.SetMax(500)
		}).Wait()
		if err != nil {
			return nil, err
		}
		for _, e := range res.Entries().All() {
			out = append(out, logEntry{e.Seq(), instant(e.Time()), e.What(), e.Label(), e.Edge(), e.Reason(), e.Revocation()})
		}
		if after = res.Next(); after == 0 || len(out) >= maxListed {
			break
		}
	}
	if n := len(out) - int(last); last > 0 && n > 0 {
		out = out[n:]
	}
	return out, nil
}
