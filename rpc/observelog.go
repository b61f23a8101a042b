package rpc

import (
	"context"
	"log/slog"

	"lanyard.dev/capnp"
)

// logObserver is the observer behind Options.Logger. Calls are told at level Debug, and nobody
// measures them for a logger that does not take that.
func logObserver(l *slog.Logger) *Observer {
	o := &Observer{
		ConnOpened: func(c *Conn) { l.Debug("connection opened", "conn", c.String()) },
		ConnClosed: func(c *Conn, err error) {
			l.Debug("connection closed", "conn", c.String(), "err", err)
		},
		LimitReached: func(c *Conn, limit string) {
			l.Info("limit reached", "conn", c.String(), "limit", limit)
		},
	}
	if l.Enabled(context.Background(), slog.LevelDebug) {
		o.CallEnded = func(ctx context.Context, c *CallInfo) {
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
	}
	return o
}
