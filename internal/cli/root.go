package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

// rootCommand is the program's command line: what people do at the top, the
// toolchain under schema.
func rootCommand() *cobra.Command {
	root := group(&cobra.Command{
		Use:   "lanyard",
		Short: "Hold a capability, use it, narrow it, hand it on, take it back",
		Long: `Lanyard is object capabilities for Go, over Cap'n Proto.

A capability is a handle to something that implements an interface. Whoever
holds it can use it, hand out less than they hold, and take back what they gave.
What nobody handed you, you cannot even ask for.`,
	})
	root.AddCommand(
		initCommand(), serveCommand(), addCommand(), lsCommand(), showCommand(), callCommand(), shareCommand(), revokeCommand(), undoCommand(),
		dropCommand(), whoCommand(), whyCommand(), logCommand(), bridgeCommand(),
		demoCommand(), calcCommand(), conformCommand(), traceCommand(), schemaCommand(), versionCommand(),
	)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{cmd.CommandPath(), err}
	})
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetUsageTemplate(usageTemplate)
	root.SilenceErrors, root.SilenceUsage = true, true
	return root
}

// usageTemplate says how a command is called, by example first.
const usageTemplate = `Usage:
  {{if .HasAvailableSubCommands}}{{.CommandPath}} COMMAND{{else}}{{.UseLine}}{{end}}
{{- if .HasExample}}

Examples:
{{.Example}}
{{- end}}
{{- if .HasAvailableSubCommands}}

Commands:
{{- range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}

{{.CommandPath}} COMMAND --help says more about one.
{{- end}}
{{- if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}
{{- end}}
`

// group makes a command that only holds others: alone it prints its help, and
// it suggests what was meant by an unknown word.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.SuggestionsMinimumDistance = 2
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		err := fmt.Errorf("%s has no command %q", cmd.CommandPath(), args[0])
		if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
			err = fmt.Errorf("%w; did you mean %q?", err, s[0])
		}
		return &usageError{cmd.CommandPath(), err}
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return cmd
}
