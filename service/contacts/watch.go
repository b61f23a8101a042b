package contacts

import (
	"bytes"
	"context"
	"sync"
	"time"

	"lanyard.dev/capnp"
	"lanyard.dev/service/contacts/vcard"
)

// watching implements CardBook.Watching: it tells one watcher of changes, in their order, until it
// is dropped.
type watching struct {
	UnimplementedCardBookWatching
	v       *view
	watcher CardBookWatcher
	stop    context.CancelFunc
	wake    chan struct{}

	mu     sync.Mutex
	queue  []news
	missed bool
}

// news is one thing to tell.
type news struct {
	id     string
	change CardBookChange
}

const (
	maxNews     = 256              // that wait for a slow watcher
	maxWatchers = 1000             // of one book
	watcherTime = 30 * time.Second // for one answer
)

// Watch implements CardBook.
func (b *cardBook) Watch(_ context.Context, call CardBookWatchCall) error {
	watcher := call.Params().Watcher()
	if watcher.IsNull() {
		return failed("there is no watcher")
	}
	s := b.v.s
	ctx, stop := context.WithCancel(context.Background())
	w := &watching{v: b.v, watcher: capnp.AddRef(watcher), stop: stop, wake: make(chan struct{}, 1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.watchers) >= maxWatchers {
		stop()
		w.watcher.Release()
		return failed("too many watch this book")
	}
	s.watchers[w] = struct{}{}
	s.ended.Go(func() { w.run(ctx) })
	c := NewCardBookWatching(w)
	defer c.Release() // the results have their own
	call.Results().SetWatching(c)
	return nil
}

// Released ends it when nobody holds it any more.
func (w *watching) Released() { w.end() }

func (w *watching) end() { w.stop() }

// changed tells everybody who may know of a change: before and after are nil for contacts that were
// not or are not there.
func (s *Service) changed(before, after *entry) {
	s.mu.Lock()
	watchers := make([]*watching, 0, len(s.watchers))
	for w := range s.watchers {
		watchers = append(watchers, w)
	}
	s.mu.Unlock()
	for _, w := range watchers {
		if n, ok := w.v.news(before, after); ok {
			w.add(n)
		}
	}
}

// news says what a change is in the view; most are nothing.
func (v *view) news(before, after *entry) (news, bool) {
	was, is := before != nil && v.holds(before.card), after != nil && v.holds(after.card)
	switch {
	case was && is:
		if bytes.Equal(only(before.card, v.mask).Append(nil, vcard.V4), only(after.card, v.mask).Append(nil, vcard.V4)) {
			return news{}, false
		}
		return news{v.show(after.id), CardBookChangeUpdated}, true
	case was:
		return news{v.show(before.id), CardBookChangeRemoved}, true
	case is:
		return news{v.show(after.id), CardBookChangeAdded}, true
	}
	return news{}, false
}

func (w *watching) add(n news) {
	w.mu.Lock()
	if len(w.queue) < maxNews {
		w.queue = append(w.queue, n)
	} else {
		w.missed = true
	}
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// take gives the next thing to tell.
func (w *watching) take() (news, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.missed:
		w.missed, w.queue = false, nil
		return news{change: CardBookChangeMissed}, true
	case len(w.queue) > 0:
		n := w.queue[0]
		w.queue = w.queue[1:]
		return n, true
	}
	return news{}, false
}

// run tells until the end, or until the watcher fails.
func (w *watching) run(ctx context.Context) {
	defer func() {
		w.v.s.mu.Lock()
		delete(w.v.s.watchers, w)
		w.v.s.mu.Unlock()
		w.watcher.Release()
	}()
	for {
		n, ok := w.take()
		if !ok {
			select {
			case <-w.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		if err := w.tell(ctx, n); err != nil {
			return
		}
	}
}

func (w *watching) tell(ctx context.Context, n news) error {
	ctx, cancel := context.WithTimeout(ctx, watcherTime)
	defer cancel()
	p := w.watcher.Changed(ctx, func(p CardBookWatcherChangedParamsBuilder) {
		p.SetId(n.id)
		p.SetChange(n.change)
	})
	defer p.Release()
	_, err := p.Wait()
	return err
}
