package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"lanyard.dev/capnp/compiler"
	"lanyard.dev/capnp/compiler/typeid"
	"lanyard.dev/capnp/schemas"
)

// capnpMain is the program by the name capnp or capnpc: it takes the command
// line of Cap'n Proto's own tool, as far as schemas go.
func capnpMain(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	t := &capnpTool{ctx: ctx, stdout: stdout, stderr: stderr, name: args[0]}
	err := t.run(args[1:])
	var usage capnpUsage
	var said *saidError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &said):
		return said.status
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "%s: %v\nTry '%s --help' for more information.\n", t.name, err, t.name)
	default:
		fmt.Fprintf(stderr, "%s: %v\n", t.name, err)
	}
	return exitError // of 0 and 1, the only ones it has
}

// capnpUsage is a command line that the tool does not understand.
type capnpUsage string

func (e capnpUsage) Error() string { return string(e) }

type capnpTool struct {
	ctx            context.Context // of the one run
	stdout, stderr io.Writer
	name           string // as messages begin, with the subcommand
}

func (t *capnpTool) run(args []string) error {
	if strings.HasSuffix(strings.TrimSuffix(t.name, ".exe"), "capnpc") {
		return t.compile(args)
	}
	if len(args) == 0 {
		return capnpUsage("missing command")
	}
	command, args := args[0], args[1:]
	switch command {
	case "--help", "help":
		return t.help(args)
	case "--version":
		return t.version()
	case "compile":
		t.name += " compile"
		return t.compile(args)
	case "id":
		t.name += " id"
		return t.id(args)
	case "convert", "decode", "encode", "eval":
		return fmt.Errorf("%s is not part of this implementation yet", command)
	}
	return capnpUsage(command + ": unknown command")
}

func (t *capnpTool) version() error {
	_, err := fmt.Fprintf(t.stdout, "Cap'n Proto version %s (lanyard)\n", compiler.Version)
	return err
}

func (t *capnpTool) id(args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "--help":
			return t.print(idHelp)
		case "--version":
			return t.version()
		}
		return capnpUsage(args[0] + ": too many arguments")
	}
	id, err := typeid.New(rand.Reader)
	if err != nil {
		return err
	}
	return t.print(typeid.Format(id) + "\n")
}

func (t *capnpTool) print(text string) error {
	_, err := io.WriteString(t.stdout, text)
	return err
}

func (t *capnpTool) help(args []string) error {
	switch {
	case len(args) == 0:
		return t.print(fmt.Sprintf(capnpHelp, t.name))
	case args[0] == "compile":
		return t.print(compileHelp)
	case args[0] == "id":
		return t.print(idHelp)
	}
	return capnpUsage(args[0] + ": unknown command")
}

const (
	capnpHelp = `Usage: %[1]s COMMAND [ARG...]

Compiles Cap'n Proto schemas.

Commands:
  compile  Generate source code from schema files.
  help     Display help about a command.
  id       Generate a new unique id.

See '%[1]s help COMMAND' for more about one.
`
	idHelp = `Usage: capnp id

Generates a new 64-bit id for a schema file.
`
	compileHelp = `Usage: capnp compile [OPTION...] SOURCE...

Compiles schema files and generates source code in one or more languages.

Options:
    -I DIR, --import-path=DIR
        Search DIR for imports that begin with a slash.
    --no-standard-import
        Leave out the standard schemas and the system's include directories.
    -o LANG[:DIR], --output=LANG[:DIR]
        Generate code for LANG in DIR (default: the current directory). LANG
        names a plugin: capnpc-LANG in $PATH, or with a slash in it the program
        itself. '-' writes the request for plugins to standard output. 'go' is
        built in.
    --src-prefix=PREFIX
        Names of generated files begin after PREFIX.
    --verbose
        Accepted and ignored.
    --help, --version
`
)

// capnpOptions is a command line of compile.
type capnpOptions struct {
	compileJob
	noStandard bool
	done       func() error // instead of compiling
}

func (t *capnpTool) compile(args []string) error {
	opt, err := t.parse(args)
	if err != nil {
		return err
	}
	if opt.done != nil {
		return opt.done()
	}
	switch {
	case len(opt.files) == 0:
		return capnpUsage("missing argument <source>")
	case len(opt.outputs) == 0:
		return capnpUsage("no outputs specified")
	}
	opt.options.NoStandardImport = true
	if !opt.noStandard {
		opt.options.ImportFS = []fs.FS{schemas.FS()}
		for _, dir := range []string{"/usr/local/include", "/usr/include"} {
			opt.options.ImportFS = append(opt.options.ImportFS, os.DirFS(dir))
		}
	}
	return opt.run(t.ctx, t.stdout, t.stderr)
}

// parse reads options and files in any order: --name=value, --name value,
// -nvalue, -n value.
func (t *capnpTool) parse(args []string) (*capnpOptions, error) {
	opt := &capnpOptions{}
	opt.short = true
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			opt.files = append(opt.files, args...)
			break
		}
		if len(arg) < 2 || arg[0] != '-' {
			opt.files = append(opt.files, arg)
			continue
		}
		name, value, has := arg[:2], arg[2:], len(arg) > 2
		if strings.HasPrefix(arg, "--") {
			name, value, has = strings.Cut(arg, "=")
		}
		set, takes := opt.option(t, name)
		switch {
		case set == nil:
			return nil, capnpUsage(name + ": unrecognized option")
		case !takes && has:
			return nil, capnpUsage(name + ": option does not accept an argument")
		case takes && !has && len(args) == 0:
			return nil, capnpUsage(name + ": missing argument")
		case takes && !has:
			value, args = args[0], args[1:]
		}
		if err := set(value); err != nil {
			return nil, capnpUsage(fmt.Sprintf("%s %s: %v", name, value, err))
		}
	}
	return opt, nil
}

// option finds what an option does and whether it takes a value.
func (o *capnpOptions) option(t *capnpTool, name string) (set func(string) error, takes bool) {
	instead := func(f func() error) func(string) error {
		return func(string) error { o.done = f; return nil }
	}
	switch name {
	case "-I", "--import-path":
		return func(dir string) error {
			o.options.ImportPaths = append(o.options.ImportPaths, dir)
			return isDir(dir)
		}, true
	case "--src-prefix":
		return func(dir string) error {
			o.options.SrcPrefixes = append(o.options.SrcPrefixes, dir)
			return isDir(dir)
		}, true
	case "-o", "--output":
		return func(spec string) error {
			out, err := parseOutput(spec)
			o.outputs = append(o.outputs, out)
			return err
		}, true
	case "--no-standard-import":
		return func(string) error { o.noStandard = true; return nil }, false
	case "--verbose", "-v":
		return func(string) error { return nil }, false
	case "--help":
		return instead(func() error { return t.print(compileHelp) }), false
	case "--version":
		return instead(t.version), false
	case "-i", "--generate-id":
		if strings.HasSuffix(strings.TrimSuffix(t.name, ".exe"), "capnpc") {
			return instead(func() error { return t.id(nil) }), false
		}
	}
	return nil, false
}

func isDir(name string) error {
	if info, err := os.Stat(name); err != nil || !info.IsDir() {
		return errors.New("no such directory")
	}
	return nil
}
