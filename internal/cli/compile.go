package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"lanyard.dev/capnp/compiler"
	"lanyard.dev/capnp/compiler/diag"
	"lanyard.dev/capnp/frame"
	"lanyard.dev/capnp/gogen"
)

// compileJob is a run of the schema compiler: files in, plugins out.
type compileJob struct {
	options compiler.Options
	files   []string
	outputs []output
	short   bool // diagnostics in one line each
}

// output is a language to generate and the folder for it.
type output struct {
	lang string // "-" writes the request to standard output; "go" is built in
	dir  string // "" is the current one
}

// parseOutput reads LANG[:DIR].
func parseOutput(spec string) (output, error) {
	lang, dir, ok := strings.Cut(spec, ":")
	// C:/plugin.exe:dir has the drive's colon first.
	if ok && len(lang) == 1 && strings.HasPrefix(dir, "/") {
		if rest, after, again := strings.Cut(dir, ":"); again {
			lang, dir = lang+":"+rest, after
		}
	}
	if lang == "" {
		return output{}, errors.New("no language")
	}
	if ok {
		if err := isDir(dir); err != nil {
			return output{}, errors.New("output location is inaccessible or is not a directory")
		}
	}
	return output{lang, dir}, nil
}

// run compiles and feeds every plugin. What is wrong with the schemas goes to
// stderr.
func (j *compileJob) run(ctx context.Context, stdout, stderr io.Writer) error {
	res, err := compiler.Compile(j.files, &j.options)
	if err != nil {
		return err
	}
	if err := diag.Write(stderr, res.Diags, &diag.WriteOptions{Short: j.short}); err != nil {
		return err
	}
	if res.Dropped > 0 {
		fmt.Fprintf(stderr, "%d more findings are not shown\n", res.Dropped)
	}
	if !res.OK() {
		return &saidError{exitError}
	}
	failed := false
	for _, out := range j.outputs {
		if err := out.write(ctx, res, stdout, stderr); err != nil {
			failed = true
			fmt.Fprintf(stderr, "%s: %v\n", out.lang, err)
		}
	}
	if failed {
		return &saidError{exitError}
	}
	return nil
}

func (o output) write(ctx context.Context, res *compiler.Result, stdout, stderr io.Writer) error {
	switch o.lang {
	case "-":
		_, err := stdout.Write(frame.Marshal(res.Message))
		return err
	case "go", "lanyard":
		dir := o.dir
		if dir == "" {
			dir = "."
		}
		files, err := gogen.Generate(res.Request, &gogen.Options{Folder: gogen.Folders(dir)})
		if err != nil {
			return err
		}
		return gogen.Write(files, dir)
	}
	return o.plugin(ctx, frame.Marshal(res.Message), stdout, stderr)
}

// plugin runs an external code generator in the output folder.
func (o output) plugin(ctx context.Context, request []byte, stdout, stderr io.Writer) error {
	program := o.lang
	if strings.ContainsAny(program, `/\`) {
		// The path is the caller's, not that of the output folder.
		abs, err := filepath.Abs(program)
		if err != nil {
			return err
		}
		program = abs
	} else {
		program = "capnpc-" + program
	}
	cmd := exec.CommandContext(ctx, program)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(request), stdout, stderr
	if o.dir != "" {
		dir, err := filepath.Abs(o.dir)
		if err != nil {
			return err
		}
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PWD="+dir)
	}
	err := cmd.Run()
	exit, isExit := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("no such plugin (executable should be '%s')", program)
	case isExit && exit.Exited():
		return fmt.Errorf("plugin failed: exit code %d", exit.ExitCode())
	case isExit:
		return fmt.Errorf("plugin failed: %s", strings.TrimPrefix(exit.String(), "signal: "))
	}
	return fmt.Errorf("plugin failed: %w", err)
}
