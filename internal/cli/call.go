package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/internal/cli/path"
)

func callCommand() *cobra.Command {
	var conn connecting
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "call 'NAME.method(arg: value).method()' [JSON|-]",
		Short: "Call a method of what you hold, and of what that returns",
		Long: `Call a method of what you hold, and of what that returns. The path starts with a
petname; every method after the first is called on the result of the one before,
and all of them are sent at once: a path takes one round trip however long it is.
Where a result has several capabilities, say which: .getOperator(op: add).func

Arguments have names, and are written as in Cap'n Proto's text form: 1.5, "text",
true, enumerants, [lists], (name = "structs"), 0x"bytes". A capability is @ and a
path: @calc.getOperator(op: add). The parameters of the last method can be given
as JSON instead, in one more argument or, for "-", on standard input.

The result is printed as JSON. A capability in it lives as long as this command;
"lanyard share" makes something of it that stays.`,
		Example: `  lanyard call 'calc.getOperator(op: add).call(params: [1, 2])'
  lanyard call 'book.find(text: "carol").cards'
  lanyard call mailer.send '{"draft": {"subject": "Hello"}, "key": "1"}'`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 {
				args = args[:1]
			}
			return arguments("PATH")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var params []byte
			if len(args) == 2 {
				params = []byte(args[1])
				if args[1] == "-" {
					var err error
					if params, err = readStdin(cmd, "Parameters, as JSON:"); err != nil {
						return err
					}
				}
			}
			return conn.run(cmd, func(ctx context.Context, s *session) error {
				out, err := s.call(ctx, args[0], params)
				if err != nil {
					return s.explain(cmd, args[0], err)
				}
				_, err = cmd.OutOrStdout().Write(append(harmless(out), '\n'))
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print errors as JSON, too")
	cmd.ValidArgsFunction = completePath
	conn.flags(cmd)
	return cmd
}

// call makes the calls of a path, waits for the last one, and returns what the path says of its results.
func (s *session) call(ctx context.Context, source string, params []byte) ([]byte, error) {
	p, plan, err := s.plan(ctx, source, params)
	if err != nil {
		return nil, err
	}
	if len(plan.calls) == 0 {
		return nil, fmt.Errorf("there is nothing to call: say %s.METHOD()%s", p.Name, offer(methodsOf(plan.cap)))
	}
	root, err := s.hold(ctx, p.Name)
	if err != nil {
		return nil, err
	}
	last, release, err := plan.send(ctx, root, s)
	if err != nil {
		return nil, err
	}
	defer release()
	res, err := last.Wait()
	if err != nil {
		return nil, err
	}
	return writeJSON(res, plan)
}

// explain adds to an error what the person at the terminal can do about it.
func (s *session) explain(cmd *cobra.Command, source string, err error) error {
	if at, ok := errors.AsType[*path.Error](err); ok {
		if flag := cmd.Flags().Lookup("json"); flag == nil || flag.Value.String() != "true" {
			fmt.Fprintln(cmd.ErrOrStderr(), printable(at.Caret()))
		}
		return &usageError{cmd.CommandPath(), err}
	}
	p, perr := path.Parse(source)
	if perr != nil {
		return err
	}
	return s.advise(p.Name, err)
}

// advise says whom to ask, of a refusal by what is kept under a petname.
func (s *session) advise(name string, err error) error {
	whom := "whoever gave you " + name
	if note, noteErr := s.names.Note(name); noteErr == nil && note.From != "" {
		whom = note.From + ", where " + name + " is from,"
	}
	switch failureOf(err).Status {
	case exitDenied:
		return hinted(err, "lanyard show %s says what %s allows; ask %s for more", name, name, whom)
	case exitRevoked, exitExpired, exitExhausted:
		return hinted(err, "ask %s for a new reference, then: lanyard add %s --replace", whom, name)
	case exitUnimplemented:
		return hinted(err, "%s is narrower than that, and lanyard show %s says how; ask %s for more", name, name, whom)
	case exitUnreachable:
		return hinted(err, "lanyard show %s says where it is looked for", name)
	}
	return err
}

// signature writes a method as a schema does.
func signature(m dynamic.Method) string {
	list := func(t dynamic.StructType) string {
		if !t.Known() {
			return "(…)"
		}
		var out []string
		for f := range t.Fields() {
			out = append(out, f.Name()+" :"+f.Type().String())
		}
		return "(" + strings.Join(out, ", ") + ")"
	}
	s := m.Name() + list(m.Params())
	if m.Streaming() {
		s += " -> stream"
	} else if m.Results().NumFields() > 0 {
		s += " -> " + list(m.Results())
	}
	switch {
	case m.ReadOnly():
		s += " $readOnly"
	case m.Idempotent():
		s += " $idempotent"
	}
	return s
}
