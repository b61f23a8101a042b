// Command lanyard is the one program of this module: it demonstrates, serves
// and calls capabilities, and compiles Cap'n Proto schemas. Run it without
// arguments to see what it can do; everything it does is in internal/cli.
package main

import (
	"os"

	"lanyard.dev/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr))
}
