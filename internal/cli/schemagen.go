package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/gogen"
)

func schemaGenCommand() *cobra.Command {
	var opt gogen.GenOptions
	var packages []string
	cmd := &cobra.Command{
		Use:   "gen [FILE|FOLDER|FOLDER/...]...",
		Short: "Write foo.capnp.go beside every foo.capnp",
		Long: `Write foo.capnp.go beside every foo.capnp that the arguments name: files, folders,
or folders with all that is below them. Without arguments it is the folder it
runs in, so a line

  //go:generate lanyard schema gen

in some Go file is enough. Files that are up to date are left alone, and the
others are printed.

Schemas need no annotations for Go. A package is found, in this order, by
$Go.package and $Go.import, by --go-package, by the Go files already in the
folder, and by the folder's place in its module.`,
		Example: `  lanyard schema gen ./...
  lanyard schema gen --check ./...       # in CI: fail if something is stale
  lanyard schema gen -I vendor/schemas api.capnp`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"."}
			}
			var err error
			if opt.Packages, err = parsePackages(packages); err != nil {
				return &usageError{cmd.CommandPath(), err}
			}
			res, err := gogen.Gen(args, &opt)
			if res != nil {
				if err := diag.Write(cmd.ErrOrStderr(), res.Diags, nil); err != nil {
					return err
				}
				for _, name := range res.Stale {
					fmt.Fprintln(cmd.OutOrStdout(), name)
				}
			}
			switch {
			case errors.Is(err, gogen.ErrSchemas):
				return &saidError{exitError}
			case err != nil:
				return err
			case opt.Check && len(res.Stale) > 0:
				return fmt.Errorf("not up to date: %d of the generated files; run %s", len(res.Stale), cmd.CommandPath())
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&opt.ImportPaths, "import-path", "I", nil, "`FOLDER` to search for imports that begin with a slash")
	flags.StringArrayVar(&packages, "go-package", nil, "package of a schema file: `FILE=PATH` or ID=PATH, with ;NAME if it is not called like its path")
	flags.BoolVar(&opt.Check, "check", false, "write nothing; fail if something is not up to date")
	return cmd
}

// parsePackages reads what --go-package was given.
func parsePackages(args []string) (map[string]string, error) {
	out := map[string]string{}
	for _, arg := range args {
		file, path, ok := strings.Cut(arg, "=")
		if !ok || file == "" || path == "" {
			return nil, fmt.Errorf("--go-package %q is not FILE=PATH", arg)
		}
		out[file] = path
	}
	return out, nil
}
