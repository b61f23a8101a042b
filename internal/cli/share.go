package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/grant"
	"lanyard.dev/internal/cli/petname"
	"lanyard.dev/internal/private"
	"lanyard.dev/ocap"
	"lanyard.dev/ocap/narrow"
	"lanyard.dev/vat"
)

// sharing is what "lanyard share" is told.
type sharing struct {
	printer
	connecting
	methods     []string
	readOnly    bool
	where       []string
	life        string
	uses        uint64
	rate        string
	concurrency uint32
	label       string
	to          string
	keep        string
	sealFor     string
}

func shareCommand() *cobra.Command {
	var o sharing
	cmd := &cobra.Command{
		Use:   "share 'NAME.path…' --as LABEL",
		Short: "Make something smaller of what you hold, and a reference to it",
		Long: `Make something smaller of what you hold, and a reference to it that you can give
away. The path and the narrowing together become a thing of its own: whoever has
the reference cannot tell, or undo, what it was made from. The path is walked
anew whenever the reference is used, so its methods must be annotated readOnly or
idempotent, as "lanyard show NAME" says.

What you share stands under its label until you revoke it: see who, log, revoke.
The reference is a secret. It goes to a new file that only you can read, or to
standard output, and nowhere else.`,
		Example: `  lanyard share 'book.contact(id: "17").mailer()' --methods send --uses 10 --for 7d --as bob --to bob.cap
  lanyard share calc --methods evaluate,getOperator --where 'getOperator.op in [add, subtract]' --as kids
  lanyard share book --read-only --rate 10/m --as "the backup" > backup.cap`,
		Args: arguments("PATH"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd, func(ctx context.Context, s *session) error { return o.share(ctx, cmd, s, args[0]) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.label, "as", "", "`LABEL` under which you find it again: for whom, or what")
	f.StringSliceVar(&o.methods, "methods", nil, "only these `METHODS`, with commas between")
	f.BoolVar(&o.readOnly, "read-only", false, "only methods that change nothing")
	f.StringArrayVar(&o.where, "where", nil, "only calls whose arguments fulfil a `CONDITION`: send.draft.text.size < 1000; may be repeated")
	f.StringVar(&o.life, "for", "", "only for some `TIME`: 90m, 2h, 7d")
	f.Uint64Var(&o.uses, "uses", 0, "only `N` calls")
	f.StringVar(&o.rate, "rate", "", "only so many calls in so much time: 10/s, 5/m, 100/24h, as `N/TIME`")
	f.Uint32Var(&o.concurrency, "concurrency", 0, "only `N` calls at a time")
	f.StringVar(&o.to, "to", "", "write the reference to a new `FILE` of mode 0600")
	f.StringVar(&o.keep, "keep", "", "keep the reference yourself, under the petname `NAME`")
	f.StringVar(&o.sealFor, "seal-for", "", "only the vat with `KEY` can use the reference; \"lanyard init\" there prints it")
	cmd.MarkFlagFilename("to", "cap")
	cmd.ValidArgsFunction = completePath
	o.printer.flags(cmd)
	o.connecting.flags(cmd)
	return cmd
}

func (o *sharing) share(ctx context.Context, cmd *cobra.Command, s *session, source string) error {
	usage := func(err error) error { return &usageError{cmd.CommandPath(), err} }
	if o.label == "" {
		return usage(errors.New("lanyard share needs --as LABEL: for whom it is, so that you find it again"))
	}
	if err := petname.CheckLabel(o.label); err != nil {
		return usage(err)
	}
	if o.to != "" && o.keep != "" {
		return usage(errors.New("--to and --keep exclude each other"))
	}
	replace, err := o.free(s)
	if err != nil {
		return err
	}
	p, plan, err := s.plan(ctx, source, nil)
	if err != nil {
		return s.explain(cmd, source, err)
	}
	steps, err := plan.steps()
	if err != nil {
		return usage(err)
	}
	n, err := o.narrowing(plan.cap)
	if err != nil {
		return usage(err)
	}
	if n != nil {
		steps = append(steps, narrow.By(*n))
	}
	root, err := s.typeOf(ctx, p.Name)
	if err != nil {
		return err
	}
	if err := narrow.Check(steps, root.ID(), s.schemas(p.Name)); err != nil {
		return usage(err)
	}
	expires, err := o.expires(time.Now())
	if err != nil {
		return usage(err)
	}
	owner, err := o.owner()
	if err != nil {
		return usage(err)
	}
	g, err := s.grant(ctx, p.Name)
	if err != nil {
		return err
	}
	var writeErr error
	res, err := g.Share(ctx, func(b grant.GrantShareParamsBuilder) {
		b.SetLabel(o.label)
		writeErr = narrow.Write(b.NewSteps(len(steps)), steps)
		b.SetUses(o.uses)
		if !expires.IsZero() {
			b.SetExpires(expires.UnixNano())
		}
		if owner != nil {
			b.NewSealFor().SetKey(owner)
		}
	}).Wait()
	if err := errors.Join(writeErr, err); err != nil {
		return s.advise(p.Name, err)
	}
	e := edgeOf(res.Edge())
	gift := petname.Gift{Label: o.label, Petname: p.Name, What: source, Edge: petname.ID(e.ID), Given: time.Now().UTC().Truncate(time.Second)}
	if err := s.names.Give(gift, replace); err != nil {
		return errors.Join(err, o.takeBack(ctx, g, e.ID))
	}
	if err := o.hand(cmd, s, res.Reference().Text(), e, plan.cap); err != nil {
		return errors.Join(err, o.takeBack(ctx, g, e.ID), s.names.Forget(o.label))
	}
	if n != nil {
		return o.warn(cmd, n, plan.cap, s.schemas(p.Name))
	}
	return nil
}

// warn says so if conditions were given for some methods, and others pass whatever their arguments are.
func (o *sharing) warn(cmd *cobra.Command, n *narrow.Narrowing, i dynamic.Interface, reg *schema.Registry) error {
	if len(o.where) == 0 || len(o.methods) > 0 {
		return nil
	}
	judged, others, err := n.Judged(reg)
	if err != nil || len(judged) == 0 || len(others) == 0 {
		return err
	}
	var limited, free []string
	for m := range i.Methods() {
		id := narrow.Method{InterfaceID: m.InterfaceID(), MethodID: m.MethodID()}
		switch {
		case slices.Contains(judged, id):
			limited = append(limited, m.Name())
		case slices.Contains(others, id):
			free = append(free, m.Name())
		}
	}
	hint := fmt.Sprintf("--where limits %s; other methods are not limited by it: %s. With --methods %s they would not be there",
		strings.Join(limited, ", "), strings.Join(free, ", "), strings.Join(limited, ","))
	if !o.json {
		_, err := fmt.Fprintf(cmd.ErrOrStderr(), "hint: %s\n", printable(hint))
		return err
	}
	text, err := json.Marshal(map[string]string{"hint": hint})
	if err != nil {
		return err
	}
	_, err = cmd.ErrOrStderr().Write(append(harmless(text), '\n'))
	return err
}

// free reports what stands in the way of the label and the file, before anything is done.
func (o *sharing) free(s *session) (replace bool, err error) {
	if g, err := s.names.Given(o.label); err == nil {
		if g.Revocation == 0 {
			return false, hinted(fmt.Errorf("label %q is in use, for %s: %w", o.label, g.What, fs.ErrExist), "take another label, or revoke that")
		}
		replace = true
	} else if !errors.Is(err, petname.ErrUnknown) {
		return false, err
	}
	if o.to != "" {
		if _, err := os.Lstat(o.to); !errors.Is(err, fs.ErrNotExist) {
			return false, errors.Join(err, hinted(fmt.Errorf("%s is there already", o.to), "a reference goes to a new file"))
		}
	}
	if o.keep != "" {
		if err := petname.Check(o.keep); err != nil {
			return false, err
		}
		if _, err := s.names.Reference(o.keep); !errors.Is(err, petname.ErrUnknown) {
			return false, errors.Join(err, fmt.Errorf("%s is a petname already", o.keep))
		}
	}
	return replace, nil
}

// narrowing is what the flags take away; nil is nothing.
func (o *sharing) narrowing(i dynamic.Interface) (*narrow.Narrowing, error) {
	n := narrow.Narrowing{Interface: i.ID(), ReadOnly: o.readOnly, Where: o.where, Concurrency: o.concurrency}
	some := o.readOnly || len(o.where) > 0 || o.concurrency > 0
	for _, name := range o.methods {
		m, err := i.Method(strings.TrimSpace(name))
		if err != nil {
			return nil, fmt.Errorf("%w%s", err, offer(methodsOf(i)))
		}
		n.Methods = append(n.Methods, narrow.Method{InterfaceID: m.InterfaceID(), MethodID: m.MethodID()})
		some = true
	}
	if o.rate != "" {
		var err error
		if n.Rate, err = parseRate(o.rate); err != nil {
			return nil, err
		}
		some = true
	}
	if !some {
		return nil, nil
	}
	return &n, nil
}

func (o *sharing) expires(now time.Time) (time.Time, error) {
	if o.life == "" {
		return time.Time{}, nil
	}
	d, err := parseLife(o.life)
	if err != nil {
		return time.Time{}, err
	}
	return now.Add(d), nil
}

func (o *sharing) owner() ([]byte, error) {
	if o.sealFor == "" {
		return nil, nil
	}
	k, err := vat.ParseKey(o.sealFor)
	return k[:], err
}

// hand puts the reference where it was asked for.
func (o *sharing) hand(cmd *cobra.Command, s *session, text string, e edge, what dynamic.Interface) error {
	r, err := vat.Parse(text)
	if err != nil {
		return fmt.Errorf("what the other side sent is %w", err)
	}
	v := struct {
		edge
		File      string `json:"file,omitempty"`
		Petname   string `json:"petname,omitempty"`
		Reference string `json:"reference,omitempty"`
	}{edge: e, File: o.to, Petname: o.keep}
	switch {
	case o.to != "":
		if err := private.Create(o.to, capFile(r)); err != nil {
			return err
		}
	case o.keep != "":
		note := petname.Note{Interface: petname.ID(what.ID()), From: "me, as " + o.label, Added: time.Now().UTC().Truncate(time.Second)}
		if err := s.names.Add(o.keep, capFile(r), note, false); err != nil {
			return err
		}
	default:
		v.Reference = r.Reveal()
	}
	return o.print(cmd, v, func(w io.Writer) {
		switch {
		case o.to != "":
			fmt.Fprintf(w, "%s has a reference for %q: %s\n", o.to, e.Label, cmpText(e.What, "all of it"))
		case o.keep != "":
			fmt.Fprintf(w, "%s is for %q: %s\n", o.keep, e.Label, cmpText(e.What, "all of it"))
		default:
			fmt.Fprintln(w, v.Reference)
		}
	})
}

func cmpText(s, otherwise string) string {
	if s = strings.TrimSpace(s); s == "" {
		return otherwise
	}
	return s
}

// takeBack revokes what could not be handed over.
func (o *sharing) takeBack(ctx context.Context, g grant.Grant, id uint64) error {
	_, err := g.Revoke(ctx, func(b grant.GrantRevokeParamsBuilder) {
		b.NewEdge().SetId(id)
		b.SetReason("it could not be handed over")
	}).Wait()
	return err
}

// parseRate reads N/TIME, TIME being a unit or a duration.
func parseRate(s string) (r ocap.Rate, err error) {
	n, per, ok := strings.Cut(s, "/")
	calls, convErr := strconv.ParseUint(n, 10, 32)
	if !ok || convErr != nil || calls == 0 {
		return r, fmt.Errorf("%q is no rate: 10/s, 5/m, 100/24h", s)
	}
	if per != "" && (per[0] < '0' || per[0] > '9') {
		per = "1" + per
	}
	d, err := parseLife(per)
	if err != nil {
		return r, fmt.Errorf("%q is no rate: 10/s, 5/m, 100/24h", s)
	}
	return ocap.Rate{Calls: uint32(calls), Per: d}, nil
}

// parseLife reads a duration, in which d is a day.
func parseLife(s string) (time.Duration, error) {
	days, rest, ok := strings.Cut(s, "d")
	var d time.Duration
	if ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("%q is no time: 90s, 30m, 2h, 7d, 1d12h", s)
		}
		d = time.Duration(n) * 24 * time.Hour
	} else {
		rest = s
	}
	if rest != "" {
		more, err := time.ParseDuration(rest)
		if err != nil {
			return 0, fmt.Errorf("%q is no time: 90s, 30m, 2h, 7d, 1d12h", s)
		}
		d += more
	}
	if d <= 0 {
		return 0, fmt.Errorf("%q is no time to come", s)
	}
	return d, nil
}
