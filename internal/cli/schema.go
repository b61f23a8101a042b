package cli

import (
	"github.com/spf13/cobra"
)

func schemaCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "schema",
		Short: "Compile Cap'n Proto schemas and generate Go",
		Long: `Compile Cap'n Proto schemas and generate Go. Nothing else needs to be installed:
the compiler is part of this program, and so are the standard schemas
("/capnp/stream.capnp" and its like).

Linked to the name "capnp" the program takes the command line of Cap'n Proto's
own compiler; by the name "capnpc-lanyard" it is a plugin of that.`,
	})
	cmd.AddCommand(schemaCompileCommand(), schemaGenCommand(), schemaIDCommand())
	return cmd
}
