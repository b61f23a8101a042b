package contacts

import (
	"context"
	"testing"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/ocap"
	"lanyard.dev/rpc"
)

func (d *desk) look(b CardBook, id string) ContactCard {
	return b.Look(d.ctx, func(p CardBookLookParamsBuilder) { p.SetId(id) }).Contact()
}

// TestSamePerson: the same contact is the same through any views, wrappers and connections, and
// nothing else is.
func TestSamePerson(t *testing.T) {
	d := newDesk(t)
	carol, dave := d.carol(), d.add(d.book, someone{name: "Dave"})
	same := func(a, b ContactCard) (bool, error) {
		res, err := a.SamePerson(d.ctx, func(p ContactCardSamePersonParamsBuilder) { p.SetOther(b) }).Wait()
		return res.Same(), err
	}
	c := d.look(CardBook(d.book), carol)
	wrapped, _ := ocap.Revocable(c)
	near, far := rpc.Pipe(nil, &rpc.Options{Bootstrap: c.Client})
	defer func() { near.Close(); far.Close(); <-near.Done(); <-far.Done() }()
	remote := rpc.Bootstrap[ContactCard](d.ctx, near)
	nameless := c.Fields(d.ctx, func(p ContactCardFieldsParamsBuilder) { p.SetMask([]Field{FieldNote}) }).Contact()
	for what, other := range map[string]ContactCard{
		"itself": c, "another view": ContactCard(d.contact(d.book, carol)), "wrapped": wrapped, "remote": remote, "masked": nameless,
	} {
		for _, pair := range [][2]ContactCard{{c, other}, {other, c}} {
			if got, err := same(pair[0], pair[1]); !got || err != nil {
				t.Errorf("%s: %v, %v", what, got, err)
			}
		}
	}
	if got, err := same(c, d.look(CardBook(d.book), dave)); got || err != nil {
		t.Errorf("somebody else: %v, %v", got, err)
	}
	e := newDesk(t)
	if got, err := same(c, e.look(CardBook(e.book), e.carol())); got || err != nil {
		t.Errorf("the first contact of another book: %v, %v", got, err)
	}
	_, err := same(c, ContactCard{})
	d.wantErr("null", err, capnp.Failed)
	if got, err := same(c, NewContactCard(liar{})); got || err != nil {
		t.Errorf("a made up one: %v, %v", got, err)
	}
}

// liar is somebody's own ContactCard.
type liar struct{ UnimplementedContactCard }

func (liar) Mark(_ context.Context, call ContactCardMarkCall) error {
	call.Results().SetMark(call.Params().Challenge())
	return nil
}

// A watcher keeps what it is told.
type watcher struct {
	UnimplementedCardBookWatcher
	news chan CardBookChange
}

func (w watcher) Changed(_ context.Context, call CardBookWatcherChangedCall) error {
	w.news <- call.Params().Change()
	return nil
}

// TestWatch: a view's watcher is told of what the view shows, in order, and of nothing else.
func TestWatch(t *testing.T) {
	d := newDesk(t)
	watch := func(b CardBook) (chan CardBookChange, CardBookWatching) {
		w := watcher{news: make(chan CardBookChange, 100)}
		p := b.Watch(d.ctx, func(p CardBookWatchParamsBuilder) { p.SetWatcher(NewCardBookWatcher(w)) })
		res, err := p.Wait()
		watching := ok(t, res, err).Watching()
		p.Release()
		return w.news, watching
	}
	want := func(what string, news chan CardBookChange, want ...CardBookChange) {
		t.Helper()
		for _, w := range want {
			select {
			case got := <-news:
				if got != w {
					t.Errorf("%s: got %v, want %v", what, got, w)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("%s: no news, want %v", what, w)
			}
		}
	}
	all, allWatching := watch(CardBook(d.book))
	names, _ := watch(d.book.Fields(d.ctx, nil).Book())
	crew, _ := watch(d.book.Members(d.ctx, func(p CardBookMembersParamsBuilder) { p.SetGroup("crew") }).Book())
	update := func(id string, fill func(CardBuilder), only ...Field) {
		t.Helper()
		_, err := d.book.Update(d.ctx, func(p ContactBookUpdateParamsBuilder) {
			p.SetId(id)
			fill(p.NewCard())
			p.SetOnly(only)
		}).Wait()
		ok(t, 0, err)
	}
	id := d.carol()
	update(id, func(b CardBuilder) { b.SetNote("x") }, FieldNote)
	update(id, func(b CardBuilder) { b.SetGroups([]string{"Crew"}) }, FieldGroups)
	update(id, func(b CardBuilder) { b.SetNote("x") }, FieldNote) // no change
	update(id, func(b CardBuilder) { b.SetNote("y") }, FieldNote)
	update(id, func(b CardBuilder) {}, FieldGroups)
	update(id, func(b CardBuilder) { b.SetName("Caroline") }, FieldName)
	_, err := d.book.Remove(d.ctx, func(p ContactBookRemoveParamsBuilder) { p.SetId(id) }).Wait()
	ok(t, 0, err)
	const added, updated, removed = CardBookChangeAdded, CardBookChangeUpdated, CardBookChangeRemoved
	want("all", all, added, updated, updated, updated, updated, updated, removed)
	want("names", names, added, updated, removed)
	want("crew", crew, added, updated, removed)

	// Dropping ends it.
	allWatching.Release()
	for deadline := time.Now().Add(10 * time.Second); ; {
		d.s.mu.Lock()
		n := len(d.s.watchers)
		d.s.mu.Unlock()
		if n < 3 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a dropped watcher is still told")
		}
		<-time.After(time.Millisecond)
	}
}

// TestSlowWatcher: who does not listen misses something, and is told so.
func TestSlowWatcher(t *testing.T) {
	d := newDesk(t)
	w := &watching{v: &view{s: d.s, key: d.s.key, mask: allFields}, wake: make(chan struct{}, 1)}
	for range maxNews {
		w.add(news{change: CardBookChangeAdded})
	}
	if n, _ := w.take(); n.change != CardBookChangeAdded {
		t.Errorf("after n changes: %v", n)
	}
	w.add(news{change: CardBookChangeAdded})
	w.add(news{change: CardBookChangeAdded})
	if n, _ := w.take(); n.change != CardBookChangeMissed {
		t.Errorf("after n+1 changes: %v", n)
	}
	if n, ok := w.take(); ok {
		t.Errorf("then %v", n)
	}
}
