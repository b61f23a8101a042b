package cli

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"lanyard.dev/vat"
)

func bridgeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bridge NAME unix:PATH",
		Short: "Offer something you hold on a socket of this machine",
		Long: `Offer something you hold on a socket of this machine that only you can open, for
programs that cannot hold references or have no TLS. Whoever connects gets it as
the bootstrap capability, and nothing else. It prints "listening on ADDRESS" once
it accepts connections, and ends on an interrupt (Ctrl-C) or SIGTERM.`,
		Example: `  lanyard bridge book unix:$XDG_RUNTIME_DIR/lanyard/book`,
		Args:    arguments("NAME", "unix:PATH"),
		RunE: func(cmd *cobra.Command, args []string) error {
			network, address, err := parseAddress(args[1])
			if err != nil || network != "unix" {
				return &usageError{cmd.CommandPath(), fmt.Errorf("%q is not unix:PATH: what is offered there, everybody who connects holds", args[1])}
			}
			if address, err = filepath.Abs(address); err != nil {
				return err
			}
			s, err := openSession()
			if err != nil {
				return err
			}
			defer s.close()
			r, err := s.reference(args[0])
			if err != nil {
				return err
			}
			l, err := vat.ListenPrivate(address)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "listening on %s\n", addressOf(l))
			return vat.Bridge(cmd.Context(), s.vat, r, l)
		},
	}
	cmd.ValidArgsFunction = completeName
	return cmd
}
