package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/ocap/narrow"
	"lanyard.dev/reflection"
)

func showCommand() *cobra.Command {
	var out printer
	var conn connecting
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Say what something you hold is, what it can do, and whether it works",
		Long: `Say what something you hold is, what it can do, and whether it works: its
interface and methods, how it was narrowed, until when and how often it can be
used. The object itself is not called.`,
		Args: arguments("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return conn.run(cmd, func(ctx context.Context, s *session) error {
				v, err := s.show(ctx, args[0])
				if err != nil {
					return err
				}
				if err := out.print(cmd, v, v.write); err != nil {
					return err
				}
				if v.Error != nil {
					return &saidError{v.Error.Status}
				}
				return nil
			})
		},
	}
	cmd.ValidArgsFunction = completeName
	out.flags(cmd)
	conn.flags(cmd)
	return cmd
}

// A view is what can be said about something that is held.
type view struct {
	Name    string       `json:"name"`
	State   string       `json:"state"` // live, or the code of the failure
	What    string       `json:"what,omitempty"`
	At      string       `json:"at"`
	From    string       `json:"from,omitempty"`
	Grant   *edge        `json:"grant,omitempty"`
	Methods []viewMethod `json:"methods,omitempty"`
	Error   *failure     `json:"error,omitempty"`

	narrowed bool
}

type viewMethod struct {
	Name      string `json:"name"`
	Signature string `json:"signature"`
	Of        string `json:"of"`      // the interface that declares it
	Allowed   bool   `json:"allowed"` // as far as the last share tells
}

func (s *session) show(ctx context.Context, name string) (*view, error) {
	r, err := s.reference(name)
	if err != nil {
		return nil, err
	}
	note, err := s.names.Note(name)
	if err != nil {
		return nil, err
	}
	v := &view{Name: name, State: "live", At: r.String(), From: note.From}
	g, err := s.grant(ctx, name)
	if err != nil {
		return nil, err
	}
	var steps []narrow.Step
	switch res, err := g.Info(ctx, nil).Wait(); {
	case errors.Is(err, capnp.Unimplemented): // alive, and kept by something that is no ledger of ours
	case err != nil:
		f := failureOf(s.advise(name, err))
		v.Error, v.State = &f, f.Code
	default:
		e := edgeOf(res.Edge())
		v.Grant = &e
		if e.state() != "active" {
			v.State = e.state()
		}
		if steps, err = narrow.Read(res.Edge().Steps()); err != nil {
			return nil, err
		}
	}
	i, err := s.typeOf(ctx, name)
	if err != nil {
		return v, nil // what it is, is not known
	}
	v.What = i.Name()
	for m := range i.Methods() {
		ok := allowed(steps, m)
		v.narrowed = v.narrowed || !ok
		v.Methods = append(v.Methods, viewMethod{m.Name(), signature(m), m.Interface().Name(), ok})
	}
	return v, nil
}

// allowed reports whether the narrowings after the last call of a chain leave a method.
func allowed(steps []narrow.Step, m dynamic.Method) bool {
	for _, s := range slices.Backward(steps) {
		if s.Narrow == nil {
			return true
		}
		only := narrow.Method{InterfaceID: m.InterfaceID(), MethodID: m.MethodID()}
		if s.Narrow.Methods != nil && !slices.Contains(s.Narrow.Methods, only) || s.Narrow.ReadOnly && !m.ReadOnly() {
			return false
		}
	}
	return true
}

// askType asks what is behind a petname; the answer is a hint, and a wrong one makes calls fail as unimplemented.
func (s *session) askType(ctx context.Context, name string) (uint64, error) {
	g, err := s.grant(ctx, name)
	if err != nil {
		return 0, err
	}
	res, err := g.Info(ctx, nil).Wait()
	if err != nil && !errors.Is(err, capnp.Unimplemented) {
		return 0, s.advise(name, err)
	}
	var said uint64
	if err == nil {
		said = res.Edge().Interface()
	}
	if _, ok := s.reg.Node(said); ok {
		return said, nil
	}
	return s.reflect(ctx, name, g.Client, said)
}

// reflect asks an object that offers them for its schemas. They are used for what is kept under this name and for
// nothing else. If it offers several interfaces, it is the one that it was said to be, or the first.
func (s *session) reflect(ctx context.Context, name string, c capnp.Client, said uint64) (uint64, error) {
	r := reflection.Reflection{Client: c}
	ids, err := reflection.Interfaces(ctx, r, nil)
	if errors.Is(err, capnp.Unimplemented) || err == nil && len(ids) == 0 {
		return 0, hinted(fmt.Errorf("%s does not say what it is", name), "what this program does not know, it calls only if it offers its schemas: reflection = true in the configuration of who serves it")
	}
	if err != nil {
		return 0, s.advise(name, err)
	}
	reg, err := reflection.Fetch(ctx, r, s.reg, nil, ids...)
	if err != nil {
		return 0, fmt.Errorf("the schemas that %s offers: %w", name, err)
	}
	s.regs[name] = reg
	if slices.Contains(ids, said) {
		return said, nil
	}
	return ids[0], nil
}

func (v *view) write(w io.Writer) {
	state := v.State
	if v.Error != nil {
		state += ": " + oneLine(v.Error.Message)
	}
	rows := [][]string{{"name", v.Name}, {"what", cmpText(v.What, "not known")}, {"state", state}, {"at", v.At}}
	if v.From != "" {
		rows = append(rows, []string{"from", v.From})
	}
	if g := v.Grant; g != nil {
		rows = append(rows, []string{"given as", g.Label}, []string{"since", when(g.Created)}, []string{"narrowed", cmpText(g.What, "no")})
		if !g.Expires.IsZero() {
			rows = append(rows, []string{"until", when(g.Expires)})
		}
		rows = append(rows, []string{"used", g.used()})
	}
	table(w, nil, rows)
	if len(v.Methods) > 0 {
		fmt.Fprintf(w, "\nmethods of %s\n", oneLine(v.What))
		for _, m := range v.Methods {
			if m.Allowed {
				fmt.Fprintf(w, "  %s\n", oneLine(m.Signature))
			}
		}
		if v.narrowed {
			fmt.Fprintln(w, "not for this one")
			for _, m := range v.Methods {
				if !m.Allowed {
					fmt.Fprintf(w, "  %s\n", oneLine(m.Name))
				}
			}
		}
	}
	if v.Error != nil && v.Error.Hint != "" {
		fmt.Fprintf(w, "\nhint: %s\n", indented(v.Error.Hint))
	}
}
