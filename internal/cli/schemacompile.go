package cli

import (
	"errors"

	"github.com/spf13/cobra"
)

func schemaCompileCommand() *cobra.Command {
	var job compileJob
	var outputs []string
	cmd := &cobra.Command{
		Use:   "compile FILE...",
		Short: "Compile schemas and run code generators",
		Long: `Compile schemas and run code generators on them: Go's is built in, any other is a
program capnpc-LANG that is looked for in $PATH. An output of "-" writes the
compiled schemas, a CodeGeneratorRequest as all generators read it, to standard
output. Without an output the schemas are only checked.

For Go alone, "lanyard schema gen" asks less of you.`,
		Example: `  lanyard schema compile -ogo api.capnp
  lanyard schema compile -I vendor/schemas -oc++:build -ogo:api api.capnp
  lanyard schema compile api.capnp       # check`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &usageError{cmd.CommandPath(), errors.New(cmd.CommandPath() + " needs FILE")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			job.files = args
			for _, spec := range outputs {
				out, err := parseOutput(spec)
				if err != nil {
					return &usageError{cmd.CommandPath(), errors.New("-o " + spec + ": " + err.Error())}
				}
				job.outputs = append(job.outputs, out)
			}
			return job.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&outputs, "output", "o", nil, "`LANG[:FOLDER]` to generate, and where; may be repeated")
	flags.StringArrayVarP(&job.options.ImportPaths, "import-path", "I", nil, "`FOLDER` to search for imports that begin with a slash")
	flags.StringArrayVar(&job.options.SrcPrefixes, "src-prefix", nil, "names of generated files begin after `FOLDER`")
	flags.BoolVar(&job.options.NoStandardImport, "no-standard-import", false, "leave out the standard schemas")
	return cmd
}
