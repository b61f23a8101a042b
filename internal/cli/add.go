package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"lanyard.dev/internal/cli/petname"
	"lanyard.dev/internal/private"
	"lanyard.dev/vat"
)

func addCommand() *cobra.Command {
	var out printer
	var file, from string
	var replace bool
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Keep a reference that you were given under a name of your own",
		Long: `Keep a reference that you were given under a name of your own. The reference is
read from standard input, or from a file that only you can read. It is a secret:
whoever has it has the capability. So it never stands in an argument list, where
other users of the machine could see it.

Nothing is asked of anybody; "lanyard show NAME" does that.`,
		Example: `  lanyard add book < book.cap
  lanyard add book --file book.cap --from "alice, in the meeting"`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 { // what it is may be a secret
				return &usageError{cmd.CommandPath(), errors.New("lanyard add takes one argument, the name. A reference comes from standard input " +
					"or --file: in an argument list everybody on this machine can see it. If one stood there, consider it leaked")}
			}
			return arguments("NAME")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			name := args[0]
			if err := petname.Check(name); err != nil {
				return &usageError{cmd.CommandPath(), err}
			}
			h, err := openHome()
			if err != nil {
				return err
			}
			var text []byte
			if file != "" {
				text, err = private.Read(file, private.MaxSize)
			} else {
				text, err = readStdin(cmd, "Paste the reference, then press Enter:")
			}
			if err != nil {
				return err
			}
			r, err := parseReference(text)
			if err != nil {
				return err
			}
			note := petname.Note{From: from, Added: time.Now().UTC().Truncate(time.Second)}
			if err := h.names.Add(name, capFile(r), note, replace); err != nil {
				if errors.Is(err, fs.ErrExist) {
					err = hinted(err, "take another name, or --replace it")
				}
				return err
			}
			v := map[string]string{"name": name, "reference": r.String()}
			return out.print(cmd, v, func(w io.Writer) { fmt.Fprintf(w, "%s is %s\n", name, r) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "file", "", "read the reference from `FILE`, of mode 0600")
	f.StringVar(&from, "from", "", "whom or where it is from, in `WORDS` of yours")
	f.BoolVar(&replace, "replace", false, "in place of what NAME was so far")
	out.flags(cmd)
	return cmd
}

// parseReference reads a reference as files have it: one line.
func parseReference(text []byte) (vat.Reference, error) {
	return vat.Parse(string(bytes.TrimSpace(text)))
}

// capFile is a reference as files have it.
func capFile(r vat.Reference) []byte { return []byte(r.Reveal() + "\n") }

// readStdin reads one line, or all that there is up to 64 KiB. Somebody who sits at a terminal is told what to do.
func readStdin(cmd *cobra.Command, prompt string) ([]byte, error) {
	in := cmd.InOrStdin()
	if f, ok := in.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			fmt.Fprintln(cmd.ErrOrStderr(), prompt)
			in = &lineReader{in}
		}
	}
	const most = 64 << 10
	text, err := io.ReadAll(io.LimitReader(in, most+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > most:
		return nil, fmt.Errorf("standard input has more than %d bytes", most)
	case len(bytes.TrimSpace(text)) == 0:
		return nil, errors.New("there is nothing on standard input")
	}
	return text, nil
}

// lineReader ends after a line.
type lineReader struct{ r io.Reader }

func (l *lineReader) Read(p []byte) (int, error) {
	if l.r == nil {
		return 0, io.EOF
	}
	n, err := l.r.Read(p)
	if bytes.IndexByte(p[:n], '\n') >= 0 {
		l.r = nil
	}
	return n, err
}
