package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/grant"
	"lanyard.dev/internal/cli/path"
	"lanyard.dev/internal/cli/petname"
	"lanyard.dev/ocap/narrow"
	"lanyard.dev/rpc"
	"lanyard.dev/service/calculator"
	"lanyard.dev/service/contacts"
	"lanyard.dev/vat"
)

// A session is one use of what is in a home: a vat, and the capabilities that it has got by their petnames.
type session struct {
	*home
	vat *vat.Vat
	reg *schema.Registry

	held map[string]capnp.Client
	regs map[string]*schema.Registry // the schemas of those that were asked for them
}

// connecting is the flags of commands that talk to others.
type connecting struct {
	timeout time.Duration
}

func (c *connecting) flags(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&c.timeout, "timeout", 30*time.Second, "`TIME` to wait for answers")
}

// run opens a session, runs do with a context that ends when the time is over, and closes the session.
func (c *connecting) run(cmd *cobra.Command, do func(ctx context.Context, s *session) error) (err error) {
	s, err := openSession()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(cmd.Context(), c.timeout, fmt.Errorf("%w within %s", errNoAnswer, c.timeout))
	defer cancel()
	err = do(ctx, s)
	if err != nil && errors.Is(err, ctx.Err()) {
		err = context.Cause(ctx)
	}
	return errors.Join(err, s.close())
}

func openSession() (*session, error) {
	h, err := openHome()
	if err != nil {
		return nil, err
	}
	id, err := h.identity()
	if err != nil {
		return nil, err
	}
	reg, err := knownSchemas()
	if err != nil {
		return nil, err
	}
	v, err := vat.New(&vat.Options{Identity: id, Registry: reg, Conn: &rpc.Options{}})
	if err != nil {
		return nil, err
	}
	return &session{home: h, vat: v, reg: reg, held: map[string]capnp.Client{}, regs: map[string]*schema.Registry{}}, nil
}

// knownSchemas is what the program knows without asking.
func knownSchemas() (*schema.Registry, error) {
	return schema.Load(calculator.CalculatorSchema(), contacts.ContactsSchema(), grant.GrantSchema(), narrow.NarrowSchema())
}

// close says goodbye, so that what was given up is known to be at the other end.
func (s *session) close() error {
	for _, c := range s.held {
		c.Release()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.vat.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// hold gets what is kept under a petname. It is usable at once; the same name gives the same capability.
func (s *session) hold(ctx context.Context, name string) (capnp.Client, error) {
	if c, ok := s.held[name]; ok {
		return c, nil
	}
	r, err := s.reference(name)
	if err != nil {
		return capnp.Client{}, err
	}
	c := s.vat.Restore(ctx, r)
	s.held[name] = c
	return c, nil
}

// grant gets the grant that a petname is.
func (s *session) grant(ctx context.Context, name string) (grant.Grant, error) {
	c, err := s.hold(ctx, name)
	return capnp.As[grant.Grant](c), err
}

// schemas is what is known for use with a petname.
func (s *session) schemas(name string) *schema.Registry {
	if reg := s.regs[name]; reg != nil {
		return reg
	}
	return s.reg
}

// typeOf finds out what is behind a petname: from its note, or by asking, and then it is noted.
func (s *session) typeOf(ctx context.Context, name string) (dynamic.Interface, error) {
	note, err := s.names.Note(name)
	if err != nil {
		return dynamic.Interface{}, err
	}
	if note.Interface != 0 {
		if i, err := dynamic.LookupInterface(s.schemas(name), uint64(note.Interface)); err == nil {
			return i, nil
		}
	}
	id, err := s.askType(ctx, name)
	if err != nil {
		return dynamic.Interface{}, err
	}
	i, err := dynamic.LookupInterface(s.schemas(name), id)
	if err != nil {
		return i, fmt.Errorf("%s: what it is has the id %#x, of which nothing is known here", name, id)
	}
	note.Interface = petname.ID(id)
	return i, s.names.Annotate(name, note)
}

// plan parses a path and finds its names in schemas.
func (s *session) plan(ctx context.Context, source string, last []byte) (*path.Path, *plan, error) {
	p, err := path.Parse(source)
	if err != nil {
		return nil, nil, err
	}
	out, err := s.planFor(ctx, source, p, last)
	return p, out, err
}

func (s *session) planFor(ctx context.Context, source string, p *path.Path, last []byte) (*plan, error) {
	if _, err := s.reference(p.Name); err != nil {
		return nil, err
	}
	root, err := s.typeOf(ctx, p.Name)
	if err != nil {
		return nil, err
	}
	return makePlan(source, p, root, last)
}

// reach gets what a path leads to, for an argument: the calls are sent, and nothing is waited for.
func (s *session) reach(ctx context.Context, source string, p *path.Path) (capnp.Client, error) {
	pl, err := s.planFor(ctx, source, p, nil)
	if err != nil {
		return capnp.Client{}, err
	}
	if err := pl.toCapability(); err != nil {
		return capnp.Client{}, &path.Error{Source: source, Offset: p.Offset, Text: err.Error()}
	}
	root, err := s.hold(ctx, p.Name)
	if err != nil || len(pl.calls) == 0 {
		return root, err
	}
	last, _, err := pl.send(ctx, root, s) // given up with the connection
	if err != nil {
		return capnp.Client{}, err
	}
	c, _, err := last.Client(pl.fields)
	return c, err
}
