package cli

import (
	"fmt"
	"io"

	"lanyard.dev/capnp/gogen"
)

// pluginMain is the program by the name capnpc-lanyard (or capnpc-go): a
// schema compiler starts it in the output folder and writes a request to its
// standard input.
func pluginMain(args []string, stdin io.Reader, stderr io.Writer) int {
	if len(args) > 1 {
		fmt.Fprintf(stderr, "%s is a plugin of the schema compiler: capnp compile -olanyard FILE...\n", args[0])
		return exitUsage
	}
	if err := gogen.Plugin(stdin, ".", nil); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", args[0], err)
		return exitError
	}
	return exitOK
}
