package contacts

import (
	"bufio"
	"context"
	"fmt"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	outgoing "lanyard.dev/service/contacts/mail"
)

const envKill = "LANYARD_CONTACTS_KILL" // the folder of a process that is to be killed

func TestMain(m *testing.M) {
	if dir := os.Getenv(envKill); dir != "" {
		if err := sendForever(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// sendForever sends the mails 1, 2, 3 … with keys of the same names, and says which were taken. It
// begins with what the file "from" says.
func sendForever(dir string) error {
	box, err := outgoing.NewMaildir(filepath.Join(dir, "mail"))
	if err != nil {
		return err
	}
	ctx := context.Background()
	s, err := Open(ctx, filepath.Join(dir, "book.db"), killOptions(box))
	if err != nil {
		return err
	}
	b := s.Book()
	found, err := b.Names(ctx, nil).Wait()
	if err != nil {
		return err
	}
	id := ""
	if found.Names().Len() == 0 {
		added, err := b.Add(ctx, func(p ContactBookAddParamsBuilder) {
			someone{name: "Carol", email: "carol@example.com"}.fill(p.NewCard())
		}).Wait()
		if err != nil {
			return err
		}
		id = added.Id()
	} else {
		id = found.Names().At(0).Id()
	}
	m := b.Contact(ctx, func(p ContactBookContactParamsBuilder) { p.SetId(id) }).Contact().Mailer(ctx, nil).Mailer()
	from, err := strconv.Atoi(os.Getenv("LANYARD_CONTACTS_FROM"))
	if err != nil {
		return err
	}
	for i := from; ; i++ {
		_, err := m.Send(ctx, func(p ContactMailerSendParamsBuilder) {
			p.SetKey(strconv.Itoa(i))
			d := p.NewDraft()
			d.SetSubject(strconv.Itoa(i))
			d.SetText("x")
		}).Wait()
		if err != nil {
			return err
		}
		fmt.Println(i)
	}
}

// TestKills: a process that sends is killed at any moment, again and again. Whatever it had said was
// taken arrives, everything arrives once, and who was killed before he could tell sends again.
func TestKills(t *testing.T) {
	kills := 10
	if s := os.Getenv("LANYARD_KILLS"); s != "" {
		n, err := strconv.Atoi(s)
		kills = ok(t, min(n, 1000), err)
	}
	dir := t.TempDir()
	last := 0
	for i := range kills {
		self, err := os.Executable()
		cmd := exec.CommandContext(t.Context(), ok(t, self, err))
		// The mail that was not answered is sent again, with its key.
		cmd.Env = append(os.Environ(), envKill+"="+dir, "LANYARD_CONTACTS_FROM="+strconv.Itoa(last+1), "GORACE=atexit_sleep_ms=0")
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		ok(t, 0, err)
		ok(t, 0, cmd.Start())
		lines := bufio.NewScanner(out)
		if !lines.Scan() {
			t.Fatal("the process said nothing")
		}
		last = number(t, lines.Text())
		killed := time.AfterFunc(time.Duration(i*7%40)*time.Millisecond, func() { cmd.Process.Kill() })
		for lines.Scan() {
			last = number(t, lines.Text())
		}
		killed.Stop()
		cmd.Wait()
	}
	box, err := outgoing.NewMaildir(filepath.Join(dir, "mail"))
	ok(t, 0, err)
	o := killOptions(box)
	later := time.Now().Add(time.Hour) // what was being handed over is tried again
	o.Clock, o.Every = func() time.Time { return later }, -1
	s, err := Open(t.Context(), filepath.Join(dir, "book.db"), o)
	ok(t, 0, err)
	defer s.Close()
	for s.waiting.Load() > 0 {
		ok(t, 0, s.Flush(t.Context()))
	}
	files, err := os.ReadDir(filepath.Join(dir, "mail", "new"))
	ok(t, 0, err)
	var got []int
	for _, f := range files {
		b, err := os.Open(filepath.Join(dir, "mail", "new", f.Name()))
		ok(t, 0, err)
		m, err := mail.ReadMessage(b)
		b.Close()
		if err != nil {
			t.Fatalf("half a mail: %v", err)
		}
		got = append(got, number(t, m.Header.Get("Subject")))
	}
	slices.Sort(got)
	for i, n := range got {
		if n != i+1 {
			t.Fatalf("the mails that arrived are %d", got)
		}
	}
	// The last may have been taken without an answer.
	if len(got) != last && len(got) != last+1 {
		t.Errorf("%d were taken, %d arrived", last, len(got))
	}
	t.Logf("%d kills, %d mails", kills, len(got))
}

// killOptions are the process's: an outbox that is always at work.
func killOptions(t outgoing.Transport) *Options {
	return &Options{
		Transport: t, From: mail.Address{Address: "alice@example.org"}, Every: time.Millisecond,
		Sends: 100_000, Per: 24 * time.Hour, ContactDay: 1 << 30, BookDay: 1 << 30, Waiting: 1 << 30,
	}
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	return ok(t, n, err)
}
