package contacts

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sort"
	"strconv"
	"sync"
	"testing"
	"time"

	"lanyard.dev/rpc"
	"lanyard.dev/service/contacts/mail"
)

// fates are what can become of mail to a contact, and how to bring it about.
var fates = []struct {
	name string
	who  someone
	fix  func(d *desk, id string)
}{
	{"valid", someone{name: "Carol", email: "carol@example.com"}, nil},
	{"bounces", someone{name: "Bounce", email: "bounce@example.com"}, nil},
	{"fails for now", someone{name: "Later", email: "later@example.com"}, nil},
	{"without an address", someone{name: "Nobody"}, nil},
	{"with an odd address", someone{name: "Odd", email: `"a@evil> x"@example.com`}, nil},
	{"blocked", someone{name: "Blocked", email: "blocked@example.com"}, func(d *desk, id string) {
		_, err := d.book.Block(d.ctx, func(p ContactBookBlockParamsBuilder) { p.SetId(id); p.SetBlocked(true) }).Wait()
		ok(d, 0, err)
	}},
	{"removed", someone{name: "Removed", email: "removed@example.com"}, func(d *desk, id string) {
		_, err := d.book.Remove(d.ctx, func(p ContactBookRemoveParamsBuilder) { p.SetId(id) }).Wait()
		ok(d, 0, err)
	}},
	{"no longer in the group", someone{name: "Left", email: "left@example.com", groups: []string{"Friends"}}, func(d *desk, id string) {
		_, err := d.book.Update(d.ctx, func(p ContactBookUpdateParamsBuilder) {
			p.SetId(id)
			p.NewCard()
			p.SetOnly([]Field{FieldGroups})
		}).Wait()
		ok(d, 0, err)
	}},
}

// fateful is a mail system that has something to say about some addresses.
func fateful(m *mail.Message) error {
	switch m.To.Address {
	case "bounce@example.com":
		return fmt.Errorf("%w: no such user", mail.Refused)
	case "later@example.com":
		return errors.New("try again later")
	}
	return nil
}

// prepared makes a contact with the nth fate, and a mailer to it that was got before.
func (d *desk) prepared(n int) (id string, m ContactMailer) {
	d.Helper()
	f := fates[n]
	id = d.add(d.book, f.who)
	c := d.contact(d.book, id)
	if len(f.who.groups) > 0 {
		friends := d.book.Group(d.ctx, func(p ContactBookGroupParamsBuilder) { p.SetGroup("friends") }).Book()
		l, err := friends.Names(d.ctx, nil).Wait()
		all := ok(d, l, err).Names()
		c = d.contact(friends, all.At(all.Len()-1).Id())
	}
	m = d.mailer(c)
	if f.fix != nil {
		f.fix(d, id)
	}
	return id, m
}

// A tap keeps what a side writes.
type tap struct {
	io.ReadWriteCloser
	mu   sync.Mutex
	sent bytes.Buffer
}

func (t *tap) Write(b []byte) (int, error) {
	t.mu.Lock()
	t.sent.Write(b)
	t.mu.Unlock()
	return t.ReadWriteCloser.Write(b)
}

// overheard is all that the holder of a mailer to a contact with the nth fate gets over the wire while
// it tries everything that a mailer has. Only what is random is made alike: the ids of receipts.
func overheard(t *testing.T, n int) []byte {
	d := newDesk(t)
	d.sink.Answer = fateful
	_, m := d.prepared(n)
	a, b := net.Pipe()
	wire := &tap{ReadWriteCloser: b}
	near := rpc.NewConn(a, nil)
	far := rpc.NewConn(wire, &rpc.Options{Bootstrap: m.Client})
	h := rpc.Bootstrap[ContactMailer](d.ctx, near)
	if err := h.Resolve(d.ctx); err != nil {
		t.Fatal(err)
	}
	var ids []string
	send := func(m ContactMailer, key, text string, pass bool) {
		t.Helper()
		p := m.Send(d.ctx, func(p ContactMailerSendParamsBuilder) {
			p.SetKey(key)
			p.NewDraft().SetText(text)
		})
		defer p.Release()
		res, err := p.Wait()
		if (err == nil) != pass {
			t.Errorf("fate %d: send: %v", n, err)
		}
		if err == nil {
			ids = append(ids, res.Receipt().Id())
		}
	}
	look := func(m ContactMailer) {
		t.Helper()
		p := m.Remaining(d.ctx, nil)
		res, err := p.Wait()
		if sends := ok(t, res, err).Sends(); sends == 0 {
			t.Errorf("fate %d: none remain", n)
		}
		p.Release()
		q := m.Replies(d.ctx, nil)
		all, err := q.Wait()
		if ok(t, all, err).Replies().Len() != 0 {
			t.Errorf("fate %d: there are replies", n)
		}
		q.Release()
	}
	// One after the other, so that what comes back has the same numbers.
	few := h.Budget(d.ctx, func(p ContactMailerBudgetParamsBuilder) { p.SetSends(2) }).Mailer()
	ok(t, 0, few.Resolve(d.ctx))
	held := few.RequireApproval(d.ctx, nil).Mailer()
	ok(t, 0, held.Resolve(d.ctx))
	send(h, "1", "one", true)
	send(h, "1", "one", true)
	send(h, "1", "two", false)
	send(h, "2", "", false)
	look(h)
	d.flush()
	send(few, "1", "one", true)
	look(few)
	send(held, "1", "one", true)
	send(held, "2", "one", false)
	d.flush()
	d.wait(time.Hour)
	d.flush()
	send(h, "2", "two", true)
	send(h, "1", "one", true)
	look(h)
	near.Close()
	<-near.Done()
	far.Close()
	<-far.Done()
	wire.mu.Lock()
	defer wire.mu.Unlock()
	got := returns(t, wire.sent.Bytes(), 3)
	for i, id := range ids {
		if len(id) != len(ids[0]) || !bytes.Contains(got, []byte(id)) && slices.Index(ids, id) == i {
			t.Errorf("fate %d: receipt %q", n, id)
		}
		got = bytes.ReplaceAll(got, []byte(id), bytes.Repeat([]byte("i"), len(id)))
	}
	return got
}

// returns are the frames that answer calls, each with its size, in their order. The number of the
// question, which is the holder's choice, is taken out, and of the first few, which say under what
// number the connection exports a capability, everything but the size.
func returns(t *testing.T, stream []byte, setup int) []byte {
	t.Helper()
	var out []byte
	word := binary.LittleEndian.Uint64
	target := func(b []byte, at int) int { return at + 8 + int(int32(word(b[at:]))>>2)*8 }
	for len(stream) > 0 {
		segments := int(binary.LittleEndian.Uint32(stream)) + 1
		head := (4*segments + 11) &^ 7
		n := head
		for i := range segments {
			n += 8 * int(binary.LittleEndian.Uint32(stream[4+4*i:]))
		}
		frame := slices.Clone(stream[head:n])
		stream = stream[n:]
		message := target(frame, 0)
		if binary.LittleEndian.Uint16(frame[message:]) != 3 { // Message.return
			continue
		}
		data := int(word(frame)>>32&0xffff) * 8
		ret := target(frame, message+data)
		clear(frame[ret : ret+4])
		out = fmt.Appendf(out, "%d bytes: ", n)
		if setup--; setup < 0 {
			out = append(out, frame...)
		}
	}
	return out
}

// TestAnswersTellNothing: what a mailer's holder gets is the same for every contact, byte for byte,
// and so in the same frames.
func TestAnswersTellNothing(t *testing.T) {
	want := overheard(t, 0)
	if len(want) < 1000 {
		t.Errorf("only %d bytes went over the wire", len(want))
	}
	for n, f := range fates[1:] {
		if got := overheard(t, n+1); !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes\n%q\nvalid: %d bytes\n%q", f.name, len(got), got, len(want), want)
		}
	}
}

// TestFates: the mails did have different fates, and the owner knows.
func TestFates(t *testing.T) {
	d := newDesk(t)
	d.sink.Answer = fateful
	for n := range fates {
		_, m := d.prepared(n)
		_, err := d.send(m, "1", "x")
		ok(t, 0, err)
	}
	d.flush()
	for n, want := range []ContactBookMailState{ContactBookMailStateSent, ContactBookMailStateBounced, ContactBookMailStateQueued,
		ContactBookMailStateDropped, ContactBookMailStateDropped, ContactBookMailStateDropped, ContactBookMailStateDropped, ContactBookMailStateDropped} {
		if got := d.state(n); got.State() != want || got.Detail() == "" && want != ContactBookMailStateSent {
			t.Errorf("%s: %v", fates[n].name, got)
		}
	}
}

// TestTimingTellsNothing: valid and invalid recipients, those of every kind as often, cannot be told
// apart by how long answers take: the area under the ROC curve is between 0.45 and 0.55, or as far
// off as it is by chance once in 10 000 times. The outbox works all the time. LANYARD_TIMINGS is the
// number of samples a side.
func TestTimingTellsNothing(t *testing.T) {
	samples := 600
	if raceOn {
		samples = 50
	}
	if s := os.Getenv("LANYARD_TIMINGS"); s != "" {
		n, err := strconv.Atoi(s)
		samples = ok(t, n, err)
	}
	d := newDesk(t, func(o *Options) {
		o.Every, o.Clock = 50*time.Millisecond, nil
		o.Waiting, o.ContactDay, o.BookDay = 1<<30, 1<<30, 1<<30
	})
	d.sink.Answer = fateful
	kinds := len(fates) - 1
	var valid, invalid []float64
	byKind := make([][]float64, kinds)
	var mailers []ContactMailer // as many valid ones as there are invalid ones, then those
	for round := 0; len(valid) < samples; round++ {
		if round%40 == 0 { // budgets stay as they mostly are
			mailers = mailers[:0]
			for n := range 2 * kinds {
				_, m := d.prepared(max(0, n-kinds+1))
				mailers = append(mailers, m)
			}
		}
		for _, n := range rand.Perm(2 * kinds) {
			key := strconv.Itoa(round)
			start := time.Now()
			_, err := d.send(mailers[n], key, "x")
			took := float64(time.Since(start))
			ok(t, 0, err)
			if n < kinds {
				valid = append(valid, took)
			} else {
				invalid = append(invalid, took)
				byKind[n-kinds] = append(byKind[n-kinds], took)
			}
		}
	}
	for n, times := range byKind {
		t.Logf("%-25s area %.3f, %d samples", fates[n+1].name, area(valid, times), len(times))
	}
	auc := area(valid, invalid)
	t.Logf("%-25s area %.3f, %d samples a side", "all", auc, len(valid))
	n := float64(len(valid))
	if off := max(0.05, 4*math.Sqrt((2*n+1)/(12*n*n))); math.Abs(auc-0.5) > off {
		t.Errorf("valid and invalid recipients can be told apart: area %.3f", auc)
	}
}

// area is the probability that one of a is less than one of b: 0.5 if nothing can be told.
func area(a, b []float64) float64 {
	b = slices.Sorted(slices.Values(b))
	sum := 0.0
	for _, x := range a {
		less := sort.SearchFloat64s(b, x)
		more := less + sort.Search(len(b)-less, func(i int) bool { return b[less+i] > x })
		sum += float64(len(b)-more) + float64(more-less)/2
	}
	return sum / float64(len(a)) / float64(len(b))
}

// TestArea: the measure sees a difference of a tenth.
func TestArea(t *testing.T) {
	var a, b, c []float64
	for range 10_000 {
		a, b = append(a, rand.NormFloat64()), append(b, rand.NormFloat64())
		c = append(c, rand.NormFloat64()+0.3)
	}
	if same, other := area(a, b), area(a, c); same < 0.48 || same > 0.52 || other < 0.56 {
		t.Errorf("alike: %.3f, different: %.3f", same, other)
	}
}
