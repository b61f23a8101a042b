// Package rpcotel tells OpenTelemetry of calls and connections: spans and metrics by the semantic
// conventions for RPC. It is an [rpc.Observer], and a module of its own, so that who does without it
// does without OpenTelemetry's modules. For logs no adapter is needed: [rpc.Options] takes a
// slog.Logger.
//
// Cap'n Proto's messages have no place for a trace context. A call made within a span is its child,
// and so is what a method calls with its context; but the span of a method starts a trace of its own,
// unless the service passes the caller's context in a parameter and links to it.
package rpcotel

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
)

// Options says where spans and metrics go. The zero value, or nil, means the global providers.
type Options struct {
	_ struct{}

	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
}

const scope = "lanyard.dev/rpc/rpcotel"

// Method names of a peer's that no object here knows are not attributes of metrics: a peer could make
// as many as it likes.
const otherMethod = "_OTHER"

var system = attribute.String("rpc.system.name", "capnproto")

// New makes an observer for Options.Observers, for any number of connections:
//
//	rpc.{client,server}.call.duration  s   by rpc.method, error.type
//	rpc.{client,server}.request.size   By  of the Call message
//	rpc.{client,server}.response.size  By  of the Return message
//	lanyard.calls.active                   by side
//	lanyard.connections.open
//	lanyard.limits.reached                 by limit, as rpc.Limits names them
//
// It fails if the meter refuses one of them.
func New(o *Options) (*rpc.Observer, error) {
	if o == nil {
		o = &Options{}
	}
	tp, mp := o.TracerProvider, o.MeterProvider
	if tp == nil {
		tp = otel.GetTracerProvider()
	}
	if mp == nil {
		mp = otel.GetMeterProvider()
	}
	t := &telemetry{tracer: tp.Tracer(scope)}
	if err := t.instruments(mp.Meter(scope)); err != nil {
		return nil, err
	}
	return &rpc.Observer{
		CallStarted:  t.callStarted,
		CallEnded:    t.callEnded,
		ConnOpened:   func(*rpc.Conn) { t.conns.Add(context.Background(), 1) },
		ConnClosed:   func(*rpc.Conn, error) { t.conns.Add(context.Background(), -1) },
		LimitReached: t.limitReached,
	}, nil
}

// telemetry is one observer's instruments.
type telemetry struct {
	tracer trace.Tracer
	sides  [2]side // by rpc.Side
	active metric.Int64UpDownCounter
	conns  metric.Int64UpDownCounter
	limits metric.Int64Counter
}

// side is what differs between callers and callees.
type side struct {
	kind      trace.SpanKind
	active    metric.MeasurementOption
	duration  metric.Float64Histogram
	req, resp metric.Int64Histogram
}

func (t *telemetry) instruments(m metric.Meter) error {
	var errs [9]error
	for i, name := range []string{"client", "server"} {
		s := &t.sides[i]
		s.kind = []trace.SpanKind{trace.SpanKindClient, trace.SpanKindServer}[i]
		s.active = metric.WithAttributeSet(attribute.NewSet(attribute.String("side", rpc.Side(i).String())))
		s.duration, errs[3*i] = m.Float64Histogram("rpc."+name+".call.duration", metric.WithUnit("s"),
			metric.WithDescription("Time from the call's message to its end."),
			metric.WithExplicitBucketBoundaries(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10))
		s.req, errs[3*i+1] = m.Int64Histogram("rpc."+name+".request.size", metric.WithUnit("By"), metric.WithDescription("Size of the Call message."))
		s.resp, errs[3*i+2] = m.Int64Histogram("rpc."+name+".response.size", metric.WithUnit("By"), metric.WithDescription("Size of the Return message."))
	}
	t.active, errs[6] = m.Int64UpDownCounter("lanyard.calls.active", metric.WithDescription("Calls under way."))
	t.conns, errs[7] = m.Int64UpDownCounter("lanyard.connections.open", metric.WithDescription("Connections."))
	t.limits, errs[8] = m.Int64Counter("lanyard.limits.reached", metric.WithDescription("How often a limit kept somebody from something."))
	return errors.Join(errs[:]...)
}

type spanKey struct{}

func (t *telemetry) callStarted(ctx context.Context, c *rpc.CallInfo) context.Context {
	s := &t.sides[c.Side]
	t.active.Add(ctx, 1, s.active)
	ctx, span := t.tracer.Start(ctx, c.Name(), trace.WithSpanKind(s.kind), trace.WithTimestamp(c.Start), trace.WithAttributes(
		system,
		attribute.String("rpc.method", c.Name()),
		attribute.String("lanyard.conn", c.Conn.String()),
		attribute.Int64("lanyard.question", int64(c.Question))))
	return context.WithValue(ctx, spanKey{}, span) // another observer may put in a span of its own
}

func (t *telemetry) callEnded(ctx context.Context, c *rpc.CallInfo) {
	s := &t.sides[c.Side]
	t.active.Add(ctx, -1, s.active)
	name := c.Name()
	span, ok := ctx.Value(spanKey{}).(trace.Span)
	if ok && c.Side == rpc.Callee {
		span.SetName(name) // the object knows the method
		span.SetAttributes(attribute.String("rpc.method", name))
	}
	if c.Method == nil && !c.Bootstrap {
		name = otherMethod
	}
	attrs := [3]attribute.KeyValue{system, attribute.String("rpc.method", name)}
	n := 2
	if c.Err != nil {
		kind := attribute.String("error.type", errorType(c.Err))
		attrs[n] = kind
		n++
		if ok {
			span.SetAttributes(kind)
			span.SetStatus(codes.Error, c.Err.Error())
		}
	}
	set := metric.WithAttributeSet(attribute.NewSet(attrs[:n]...))
	s.duration.Record(ctx, c.Duration.Seconds(), set)
	s.req.Record(ctx, c.ParamBytes, set)
	s.resp.Record(ctx, c.ResultBytes, set)
	if ok {
		span.End(trace.WithTimestamp(c.Start.Add(c.Duration)))
	}
}

// errorType is one of few words: the exception's kind, or why the caller gave up.
func errorType(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline"
	}
	if k := capnp.AsException(err).Kind; k <= capnp.Unimplemented {
		return k.Error()
	}
	return capnp.Failed.Error()
}

func (t *telemetry) limitReached(_ *rpc.Conn, limit string) {
	t.limits.Add(context.Background(), 1, metric.WithAttributes(attribute.String("limit", limit)))
}
