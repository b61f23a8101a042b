package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"lanyard.dev/capnp"
	"lanyard.dev/capnp/dynamic"
	"lanyard.dev/capnp/schema"
	"lanyard.dev/internal/cli/deputy"
	"lanyard.dev/rpc"
)

func deputyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "deputy",
		Short: "Watch a daemon be tricked into using its rights for somebody else",
		Long: `Watch a daemon be tricked into using its rights for somebody else. The daemon keeps
a log and a key, and prints for others: it numbers the lines of one file into
another. Told by paths, it overwrites its log and reads out its key, although it
asks an access list. Given capabilities, it cannot be asked to.

The files are real and in a folder of their own, which is removed; the daemons are
served at a port of this machine. What is printed about files was read from them.`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return deputyDemo(cmd.Context(), cmd.OutOrStdout())
		},
	}
}

// scene is the files of the daemon and of Alice, who prints.
type scene struct {
	out  io.Writer
	dir  string
	key  string
	step int
}

func deputyDemo(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "lanyard-deputy-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := &scene{out: out, dir: dir}
	fmt.Fprint(out, `A daemon numbers lines for whoever asks. It has a log and a key:

     daemon/log    daemon/key

Alice has her own files, and an open mind:

     alice/letter  alice/sheet
`)
	for _, act := range []func(context.Context, *scene) error{deputyPaths, deputyCareful, deputyCapabilities, deputyCount} {
		if err := act(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (s *scene) path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

// reset makes all files anew.
func (s *scene) reset() error {
	s.key = "KEY-" + rand.Text()
	for name, text := range map[string]string{
		"daemon/log": "started\n", "daemon/key": s.key + "\n",
		"alice/letter": "Dear Bob,\nsee you tomorrow.\n", "alice/sheet": "",
	} {
		if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	if err := os.Remove(s.path("alice/link")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// list says who may do what: the daemon has to get at its own files, and at those it prints for others.
func (s *scene) list() *deputy.AccessList {
	may := map[deputy.Access]bool{}
	for _, do := range []string{"read", "write"} {
		may[deputy.Access{Who: "daemon", Do: do, Folder: s.path("daemon")}] = true
		may[deputy.Access{Who: "daemon", Do: do, Folder: s.path("alice")}] = true
		may[deputy.Access{Who: "alice", Do: do, Folder: s.path("alice")}] = true
	}
	return &deputy.AccessList{May: may}
}

func (s *scene) say(title, about string) {
	s.step++
	fmt.Fprintf(s.out, "\n%d. %s\n\n", s.step, title)
	for line := range strings.Lines(about) {
		fmt.Fprintf(s.out, "   %s", line)
	}
	fmt.Fprint(s.out, "\n\n")
}

func (s *scene) row(what, result string) { fmt.Fprintf(s.out, "     %-44s  %s\n", what, result) }

// harm says what has become of the daemon's log and key.
func (s *scene) harm() (string, error) {
	log, err := os.ReadFile(s.path("daemon/log"))
	if err != nil {
		return "", err
	}
	sheet, err := os.ReadFile(s.path("alice/sheet"))
	if err != nil {
		return "", err
	}
	var harm []string
	if !strings.HasPrefix(string(log), "started\n") {
		harm = append(harm, fmt.Sprintf("the log now begins with %q", firstLine(log)))
	}
	if strings.Contains(string(sheet), s.key) {
		harm = append(harm, fmt.Sprintf("her sheet now says %q", firstLine(sheet)))
	}
	if len(harm) == 0 {
		return "log and key are safe", nil
	}
	return strings.Join(harm, ", "), nil
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(string(b), "\n")
	if len(line) > 24 {
		line = line[:24] + "..."
	}
	return line
}

// outcome says how a call ended, for people.
func outcome(lines uint32, err error) string {
	if err == nil {
		return "printed " + plural(int(lines), "line")
	}
	if x, ok := errors.AsType[*capnp.Exception](err); ok {
		if x.Kind == capnp.Unimplemented {
			return "unimplemented"
		}
		return x.Reason
	}
	return err.Error()
}

// serveDeputy serves a daemon to Alice while do runs.
func serveDeputy[C capnp.ClientKind](ctx context.Context, boot C, do func(context.Context, C) error) (err error) {
	defer capnp.ClientOf(boot).Release()
	addr, stop, err := serveHere(ctx, func(ctx context.Context, l net.Listener) error { return rpc.Serve(ctx, l, boot, nil) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	conn, err := rpc.Dial(ctx, "tcp", addr, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	c := rpc.Bootstrap[C](ctx, conn)
	defer capnp.ClientOf(c).Release()
	return do(ctx, c)
}

// printPaths asks for a job by paths, and shows what comes of it and how often the list was asked.
func (s *scene) printPaths(ctx context.Context, p deputy.PathPrinter, list *deputy.AccessList, from, to string) error {
	before, _ := list.Decided()
	res, err := p.Print(ctx, func(b deputy.PathPrinterPrintParamsBuilder) {
		b.SetFrom(s.path(from))
		b.SetTo(s.path(to))
	}).Wait()
	after, _ := list.Decided()
	s.row(fmt.Sprintf("print %s to %s", from, to), outcome(res.Lines(), err)+", "+plural(after-before, "decision"))
	harm, err := s.harm()
	s.row("", harm)
	return err
}

func deputyPaths(ctx context.Context, s *scene) error {
	s.say("With paths and an access list", `Alice says what to print and where to, by paths. Before the daemon opens a file it
asks the list whether it may. It may: these are its own files.`)
	list := s.list()
	daemon := deputy.NewPathPrinter(&deputy.PathDaemon{List: list, Log: s.path("daemon/log")})
	err := serveDeputy(ctx, daemon, func(ctx context.Context, p deputy.PathPrinter) error {
		for _, job := range [][2]string{
			{"alice/letter", "alice/sheet"},
			{"daemon/key", "alice/sheet"},
			{"alice/letter", "daemon/log"},
		} {
			if err := s.reset(); err != nil {
				return err
			}
			if err := s.printPaths(ctx, p, list, job[0], job[1]); err != nil {
				return err
			}
		}
		return nil
	})
	all, allowed := list.Decided()
	s.row("the list decided", fmt.Sprintf("%s: %d allowed, %d denied", plural(all, "time"), allowed, all-allowed))
	return err
}

func deputyCareful(ctx context.Context, s *scene) error {
	s.say("The same with more decisions", `Now the daemon asks about Alice, too, whose name it knows. That stops her, until
she makes a link in her own folder.`)
	list := s.list()
	daemon := deputy.NewPathPrinter(&deputy.CarefulDaemon{List: list, Log: s.path("daemon/log"), Client: "alice"})
	err := serveDeputy(ctx, daemon, func(ctx context.Context, p deputy.PathPrinter) error {
		for _, job := range []struct{ link, from, to string }{
			{"", "alice/letter", "alice/sheet"},
			{"", "daemon/key", "alice/sheet"},
			{"daemon/key", "alice/link", "alice/sheet"},
			{"daemon/log", "alice/letter", "alice/link"},
		} {
			err := s.reset()
			if err == nil && job.link != "" {
				err = os.Symlink(s.path(job.link), s.path("alice/link"))
				s.row("make alice/link a link to "+job.link, "made")
			}
			if err == nil {
				err = s.printPaths(ctx, p, list, job.from, job.to)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	all, allowed := list.Decided()
	s.row("the list decided", fmt.Sprintf("%s: %d allowed, %d denied", plural(all, "time"), allowed, all-allowed))
	return err
}

func deputyCapabilities(ctx context.Context, s *scene) (err error) {
	s.say("With capabilities", `Alice opens her own files, with her own rights, and hands what she has opened to the
daemon. Its log and its key are nothing that she could hand it.`)
	if err := s.reset(); err != nil {
		return err
	}
	log, err := os.OpenFile(s.path("daemon/log"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer log.Close()
	// What Alice can open is what lies in her folder.
	root, err := os.OpenRoot(s.path("alice"))
	if err != nil {
		return err
	}
	defer root.Close()
	a := &alice{scene: s, root: root}
	daemon := deputy.NewPrinter(&deputy.Daemon{Log: log})
	return serveDeputy(ctx, daemon, func(ctx context.Context, p deputy.Printer) error {
		a.printer = p
		for _, try := range []func(context.Context) error{a.honest, a.paths, a.everyMethod, a.link, a.itself} {
			if err := try(ctx); err != nil {
				return err
			}
		}
		harm, err := s.harm()
		s.row("afterwards", harm)
		return err
	})
}

// alice tries what she can with a capability.
type alice struct {
	*scene
	root    *os.Root
	printer deputy.Printer
}

// print prints one of her files onto her sheet.
func (a *alice) print(ctx context.Context, from string) (uint32, error) {
	in, err := a.root.Open(from)
	if err != nil {
		return 0, errors.New("she cannot open it")
	}
	out, err := a.root.OpenFile("sheet", os.O_RDWR, 0)
	if err != nil {
		in.Close()
		return 0, err
	}
	document, sheet := deputy.OpenDocument(in), deputy.OpenSheet(out)
	defer document.Release()
	defer sheet.Release()
	return a.printOf(ctx, document, sheet)
}

func (a *alice) printOf(ctx context.Context, d deputy.Document, s deputy.Sheet) (uint32, error) {
	res, err := a.printer.Print(ctx, func(b deputy.PrinterPrintParamsBuilder) {
		b.SetFrom(d)
		b.SetTo(s)
	}).Wait()
	return res.Lines(), err
}

func (a *alice) honest(ctx context.Context) error {
	lines, err := a.print(ctx, "letter")
	a.row("print her letter to her sheet", outcome(lines, err)+", no list to ask")
	return err
}

// paths says the old words to the new daemon.
func (a *alice) paths(ctx context.Context) error {
	res, err := deputy.PathPrinter(a.printer).Print(ctx, func(b deputy.PathPrinterPrintParamsBuilder) {
		b.SetFrom(a.path("daemon/key"))
		b.SetTo(a.path("alice/sheet"))
	}).Wait()
	a.row("print daemon/key to alice/sheet", outcome(res.Lines(), err))
	return nil
}

// everyMethod tries every method of every interface here, and some that do not exist.
func (a *alice) everyMethod(ctx context.Context) error {
	reg, err := schema.Load(deputy.DeputySchema())
	if err != nil {
		return err
	}
	tried, there := 0, 0
	for n := range reg.All() {
		iface, err := dynamic.LookupInterface(reg, n.Id())
		if err != nil {
			continue // no interface
		}
		for id := range uint16(8) {
			m := capnp.NewMethod(capnp.MethodSpec{InterfaceID: iface.ID(), MethodID: id})
			_, err := capnp.Send[capnp.Struct, capnp.StructBuilder](ctx, a.printer.Client, m, nil).Wait()
			tried++
			if !errors.Is(err, capnp.Unimplemented) {
				there++
			}
		}
	}
	a.row("every method of every interface here", fmt.Sprintf("of %d the daemon has %d", tried, there))
	return nil
}

// link makes the link that worked before.
func (a *alice) link(ctx context.Context) error {
	if err := os.Symlink(a.path("daemon/key"), a.path("alice/link")); err != nil {
		return err
	}
	lines, err := a.print(ctx, "link")
	a.row("print alice/link, a link to daemon/key", outcome(lines, err))
	return nil
}

// itself hands the daemon to the daemon.
func (a *alice) itself(ctx context.Context) error {
	lines, err := a.printOf(ctx, deputy.Document(a.printer), deputy.Sheet(a.printer))
	a.row("print the daemon itself, onto itself", outcome(lines, err))
	return nil
}

func deputyCount(_ context.Context, s *scene) error {
	s.say("What that took", `Places in the programs' own text where something is allowed or denied. We count
every branch but those that ask whether there was an error.`)
	for _, p := range []struct {
		name    string
		program deputy.Program
	}{
		{"with paths and an access list", deputy.WithPaths},
		{"the same with more decisions", deputy.WithMoreChecks},
		{"with capabilities", deputy.WithCapabilities},
	} {
		n, err := p.program.Places()
		if err != nil {
			return err
		}
		s.row(p.name, plural(n, "place"))
	}
	return nil
}
