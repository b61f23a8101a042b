package rpc

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"lanyard.dev/capnp"
)

// logObserver is the observer behind Options.Logger; Serve shares one among its connections. Calls
// are told at level Debug, and nobody measures them for a logger that does not take that. What a peer
// can cause at level Info is told once a second for each limit.
func logObserver(l *slog.Logger) *Observer {
	lim := &limiter{seen: map[string]*told{}}
	o := &Observer{
		ConnOpened: func(c *Conn) { l.Debug("connection opened", "conn", c.String()) },
		ConnClosed: func(c *Conn, err error) {
			l.Debug("connection closed", "conn", c.String(), "err", err)
		},
		LimitReached: func(c *Conn, limit string) {
			if more, ok := lim.tell(limit, time.Now()); ok {
				l.Info("limit reached", "conn", c.String(), "limit", limit, "more", more)
			}
		},
	}
	if l.Enabled(context.Background(), slog.LevelDebug) {
		o.CallEnded = func(ctx context.Context, c *CallInfo) { logCall(ctx, l, c) }
	}
	return o
}

func logCall(ctx context.Context, l *slog.Logger, c *CallInfo) {
	iface, method := c.Names()
	args := []slog.Attr{
		slog.String("conn", c.Conn.String()), slog.String("side", c.Side.String()),
		slog.Uint64("question", uint64(c.Question)), slog.String("interface", iface), slog.String("method", method),
		slog.Duration("duration", c.Duration),
		slog.Int64("paramBytes", c.ParamBytes), slog.Int64("resultBytes", c.ResultBytes),
	}
	if c.Err != nil {
		args = append(args, slog.String("kind", capnp.AsException(c.Err).Kind.Error()), slog.Any("err", c.Err))
	}
	l.LogAttrs(ctx, slog.LevelDebug, "call", args...)
}

// limiter lets one line a second through for each key. Keys are the program's own.
type limiter struct {
	mu   sync.Mutex
	seen map[string]*told
}

type told struct {
	at   time.Time
	more int // since then
}

// tell reports whether to write a line now, and how many were not written since the last.
func (l *limiter) tell(key string, now time.Time) (more int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.seen[key]
	switch {
	case t == nil:
		l.seen[key] = &told{at: now}
		return 0, true
	case now.Sub(t.at) < time.Second:
		t.more++
		return 0, false
	}
	more = t.more
	*t = told{at: now}
	return more, true
}
