package cli

import (
	"errors"
	"regexp"
	"slices"
)

// errSecretArgument explains why a reference may not stand in an argument list. It does not repeat it.
var errSecretArgument = errors.New("a reference stands in the argument list, so nothing was done: who can list the processes " +
	"of this machine, or read your shell's history, may have it now. Consider it leaked: whoever gave it should revoke it and " +
	"share anew. Hand references over in files or on standard input: lanyard add NAME < FILE")

// secretPattern finds the secret of a reference: what follows the address.
var secretPattern = regexp.MustCompile(`(?i)capnp://[^\s"']*@[^\s"']*/[^\s"'?]`)

// checkArguments refuses arguments that hold a reference with its secret.
func checkArguments(args []string) error {
	if slices.ContainsFunc(args, secretPattern.MatchString) {
		return &usageError{"lanyard add", errSecretArgument}
	}
	return nil
}
