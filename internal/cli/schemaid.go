package cli

import (
	"crypto/rand"
	"fmt"

	"github.com/spf13/cobra"

	"lanyard.dev/capnp/compiler/typeid"
)

func schemaIDCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "id",
		Short: "Make a new id for a schema file",
		Long: `Make a new id for a schema file: 64 random bits, the first of them set. Every
schema file starts with one, and all ids in it derive from that, so it must be
the file's own: do not copy it along with a file.`,
		Example: `  lanyard schema id >> fresh.capnp   # then put a semicolon behind it`,
		Args:    arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			id, err := typeid.New(rand.Reader)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), typeid.Format(id))
			return err
		},
	}
}
