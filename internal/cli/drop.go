package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func dropCommand() *cobra.Command {
	var out printer
	var conn connecting
	var forget bool
	cmd := &cobra.Command{
		Use:   "drop NAME",
		Short: "Give up what you hold, and all that you shared from it",
		Long: `Give up what you hold: nobody can use that reference any more, nor what you shared
from it. There is no undo; ask for it again if you need it. With --forget the
name is removed here and nothing is told to anybody.`,
		Args: arguments("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := args[0]
			done := func(h *home) error {
				if err := h.names.Remove(name); err != nil {
					return err
				}
				return out.print(cmd, map[string]any{"name": name, "forgotten": forget}, func(w io.Writer) {
					if forget {
						fmt.Fprintf(w, "%s is forgotten; the reference still works for whoever has it\n", name)
					} else {
						fmt.Fprintf(w, "%s is given up\n", name)
					}
				})
			}
			if forget {
				h, err := openHome()
				if err != nil {
					return err
				}
				return done(h)
			}
			return conn.run(cmd, func(ctx context.Context, s *session) error {
				g, err := s.grant(ctx, name)
				if err != nil {
					return err
				}
				if _, err := g.Drop(ctx, nil).Wait(); err != nil {
					return hinted(s.advise(name, err), "lanyard drop %s --forget removes the name here", name)
				}
				return done(s.home)
			})
		},
	}
	cmd.Flags().BoolVar(&forget, "forget", false, "only remove the name here")
	cmd.ValidArgsFunction = completeName
	out.flags(cmd)
	conn.flags(cmd)
	return cmd
}
