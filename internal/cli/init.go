package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"lanyard.dev/internal/cli/config"
	"lanyard.dev/internal/cli/petname"
	"lanyard.dev/internal/private"
	"lanyard.dev/vat"
)

func initCommand() *cobra.Command {
	var out printer
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make your identity, and a place for what you hold",
		Long: `Make your identity, and a place for what you hold: a folder that only you can
enter, with a key, an empty store of petnames and a configuration for "lanyard
serve". It is $LANYARD_HOME, or lanyard in the folder where your configuration is.

What is there already stays as it is. The key printed is public: it is how others
know your vat, and what "share --seal-for" takes.`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := homeDir()
			if err != nil {
				return err
			}
			if err := private.Dir(dir); err != nil {
				return err
			}
			file := filepath.Join(dir, identityFile)
			id, err := vat.CreateIdentity(file)
			made := err == nil
			if errors.Is(err, fs.ErrExist) {
				id, err = vat.LoadIdentity(file)
			}
			if err != nil {
				return err
			}
			if _, err := petname.Open(filepath.Join(dir, petnameDir)); err != nil {
				return err
			}
			if err := private.Create(filepath.Join(dir, configFile), []byte(config.Example)); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
			v := struct {
				Home string `json:"home"`
				Key  string `json:"key"`
				New  bool   `json:"new"`
			}{dir, id.Key().String(), made}
			return out.print(cmd, v, func(w io.Writer) {
				what := "is here already"
				if made {
					what = "is new"
				}
				fmt.Fprintf(w, "home  %s\nkey   %s\nThe identity %s. \"lanyard serve\" serves what %s says.\n", dir, v.Key, what, configFile)
			})
		},
	}
	out.flags(cmd)
	return cmd
}
