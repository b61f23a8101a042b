package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/internal/cli/path"
)

// Completions come from what is kept here, never from the network, and are words that no shell can take for anything
// else: names that the holder gave, checked, and names in schemas, checked. No descriptions: they could be somebody
// else's words.

// completeName completes a petname.
func completeName(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	h, err := openHome()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names, _ := h.names.Names()
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeLabel completes a label that no shell would take apart.
func completeLabel(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	h, err := openHome()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	gifts, _ := h.names.Gifts()
	var out []string
	for _, g := range gifts {
		if path.ValidPetname(g.Label) {
			out = append(out, g.Label)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completePath completes a petname, and behind it the names of the methods that it is known to have.
func completePath(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	name, rest, ok := strings.Cut(word, ".")
	if !ok {
		names, d := completeName(cmd, args, word)
		return names, d | cobra.ShellCompDirectiveNoSpace
	}
	h, err := openHome()
	if err != nil || len(args) > 0 || strings.ContainsAny(rest, ".(") {
		return nil, directive
	}
	reg, err := knownSchemas()
	if err != nil {
		return nil, directive
	}
	note, err := h.names.Note(name)
	if err != nil || note.Interface == 0 {
		return nil, directive
	}
	i, err := dynamic.LookupInterface(reg, uint64(note.Interface))
	if err != nil {
		return nil, directive
	}
	var out []string
	for _, m := range methodsOf(i) {
		if path.ValidName(m) && strings.HasPrefix(m, rest) {
			out = append(out, name+"."+m)
		}
	}
	return out, directive
}
