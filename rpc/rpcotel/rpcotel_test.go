package rpcotel_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"lanyard.dev/capnp"
	"lanyard.dev/rpc"
	"lanyard.dev/rpc/rpcotel"
	"lanyard.dev/service/calculator"
)

// station is a process: its telemetry and an observer.
type station struct {
	spans  *tracetest.SpanRecorder
	tracer *trace.TracerProvider
	reader *metric.ManualReader
	obs    []*rpc.Observer
}

func newStation(t *testing.T) *station {
	t.Helper()
	s := &station{spans: tracetest.NewSpanRecorder(), reader: metric.NewManualReader()}
	s.tracer = trace.NewTracerProvider(trace.WithSpanProcessor(s.spans))
	o, err := rpcotel.New(&rpcotel.Options{TracerProvider: s.tracer, MeterProvider: metric.NewMeterProvider(metric.WithReader(s.reader))})
	if err != nil {
		t.Fatal(err)
	}
	s.obs = []*rpc.Observer{o}
	return s
}

// count returns the sum of a counter, or the number of values in a histogram, over the points that
// have all of the given attributes ("key=value").
func (s *station) count(t *testing.T, name string, attrs ...string) int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := s.reader.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name != name {
				continue
			}
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					n += matching(p.Attributes, attrs, p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					n += matching(p.Attributes, attrs, int64(p.Count))
				}
			case metricdata.Histogram[int64]:
				for _, p := range d.DataPoints {
					n += matching(p.Attributes, attrs, int64(p.Count))
				}
			}
		}
	}
	return n
}

func TestSpansAndMetrics(t *testing.T) {
	client, service := newStation(t), newStation(t)
	calc := calculator.New(nil)
	a, b := rpc.Pipe(&rpc.Options{Observers: client.obs}, &rpc.Options{Observers: service.obs, Bootstrap: capnp.ClientOf(calc)})
	ctx, parent := client.tracer.Tracer("test").Start(t.Context(), "parent")
	c := rpc.Bootstrap[calculator.Calculator](ctx, a)
	read := func(v float64) error {
		_, err := c.Evaluate(ctx, func(p calculator.CalculatorEvaluateParamsBuilder) { p.NewExpression().SetLiteral(v) }).Value().Read(ctx, nil).Wait()
		return err
	}
	if err := read(3); err != nil {
		t.Fatal(err)
	}
	// A method that nobody has, as a hostile peer would call it.
	none := capnp.NewMethod(capnp.MethodSpec{InterfaceID: 0x1234, MethodID: 9})
	if _, err := capnp.Send[capnp.Struct, capnp.StructBuilder](ctx, c.Client, none, nil).Wait(); err == nil {
		t.Fatal("a method that does not exist succeeded")
	}
	c.Release()
	a.Close()
	<-b.Done()
	parent.End()

	const evaluate = "calculator.capnp:Calculator.evaluate"
	names := func(s *station) (out []string) {
		for _, span := range s.spans.Ended() {
			out = append(out, span.SpanKind().String()+" "+span.Name())
		}
		slices.Sort(out)
		return out
	}
	want := func(kind string) []string {
		return []string{kind + " @0x1234.@9", kind + " bootstrap", kind + " calculator.capnp:Calculator.Value.read", kind + " " + evaluate}
	}
	if got, want := names(client), append(want("client"), "internal parent"); !slices.Equal(got, want) {
		t.Errorf("client's spans %q, want %q", got, want)
	}
	if got, want := names(service), want("server"); !slices.Equal(got, want) {
		t.Errorf("service's spans %q, want %q", got, want)
	}
	for _, span := range client.spans.Ended() {
		if span.Name() != "parent" && span.Parent().SpanID() != parent.SpanContext().SpanID() {
			t.Errorf("%s is no child of the caller's span", span.Name())
		}
		if failed := strings.HasPrefix(span.Name(), "@"); failed != (span.Status().Code == codes.Error) {
			t.Errorf("%s: status %v", span.Name(), span.Status())
		}
		if span.EndTime().Before(span.StartTime()) {
			t.Errorf("%s ends before it starts", span.Name())
		}
	}

	for _, c := range []struct {
		s     *station
		name  string
		attrs []string
		want  int64
	}{
		{client, "rpc.client.call.duration", nil, 4},
		{client, "rpc.client.call.duration", []string{"rpc.method=" + evaluate, "rpc.system.name=capnproto"}, 1},
		{client, "rpc.server.call.duration", nil, 0},
		{service, "rpc.server.call.duration", nil, 4},
		{service, "rpc.server.call.duration", []string{"rpc.method=" + evaluate}, 1},
		{service, "rpc.server.call.duration", []string{"rpc.method=_OTHER", "error.type=unimplemented"}, 1},
		{service, "rpc.server.request.size", nil, 4},
		{client, "rpc.client.response.size", nil, 4},
		{client, "lanyard.calls.active", nil, 0},
		{service, "lanyard.calls.active", nil, 0},
		{client, "lanyard.connections.open", nil, 0},
	} {
		if got := c.s.count(t, c.name, c.attrs...); got != c.want {
			t.Errorf("%s%q = %d, want %d", c.name, c.attrs, got, c.want)
		}
	}
}

// A method's calls are children of its own span; gauges go up.
func TestMethodsContextHasTheSpan(t *testing.T) {
	s := newStation(t)
	inner := calculator.New(nil)
	a, b := rpc.Pipe(&rpc.Options{Observers: s.obs}, &rpc.Options{Bootstrap: capnp.ClientOf(inner)})
	defer b.Close()
	front := calculator.NewCalculator(&forwarder{c: rpc.Bootstrap[calculator.Calculator](t.Context(), a)})
	x, y := rpc.Pipe(nil, &rpc.Options{Observers: s.obs, Bootstrap: capnp.ClientOf(front)})
	c := rpc.Bootstrap[calculator.Calculator](t.Context(), x)
	if _, err := c.Evaluate(t.Context(), func(p calculator.CalculatorEvaluateParamsBuilder) { p.NewExpression().SetLiteral(3) }).Wait(); err != nil {
		t.Fatal(err)
	}
	if got := s.count(t, "lanyard.connections.open"); got != 2 {
		t.Errorf("%d connections open, want 2", got)
	}
	x.Close()
	<-y.Done()
	a.Close()
	var server, client trace.ReadOnlySpan
	for _, span := range s.spans.Ended() {
		switch span.SpanKind().String() + " " + span.Name() {
		case "server calculator.capnp:Calculator.evaluate":
			server = span
		case "client calculator.capnp:Calculator.evaluate":
			client = span
		}
	}
	if server == nil || client == nil || client.Parent().SpanID() != server.SpanContext().SpanID() {
		t.Errorf("the span of the call within the method (%v) is no child of the method's (%v)", client, server)
	}
}

func TestLimitReached(t *testing.T) {
	s := newStation(t)
	a, b := rpc.Pipe(nil, &rpc.Options{Observers: s.obs, Limits: rpc.Limits{MessageBytes: 64}, Bootstrap: capnp.ClientOf(calculator.New(nil))})
	c := rpc.Bootstrap[calculator.Calculator](t.Context(), a)
	c.Evaluate(t.Context(), func(p calculator.CalculatorEvaluateParamsBuilder) { p.NewExpression().NewCall().NewParams(100) }).Wait()
	<-b.Done()
	a.Close()
	if got := s.count(t, "lanyard.limits.reached", "limit=MessageBytes"); got != 1 {
		t.Errorf("limit reached %d times", got)
	}
}

// matching returns v if the set has all of attrs, else 0.
func matching(set attribute.Set, attrs []string, v int64) int64 {
	for _, a := range attrs {
		key, value, _ := strings.Cut(a, "=")
		if got, ok := set.Value(attribute.Key(key)); !ok || got.AsString() != value {
			return 0
		}
	}
	return v
}

// forwarder is a calculator that asks another one.
type forwarder struct {
	calculator.UnimplementedCalculator
	c calculator.Calculator
}

func (f *forwarder) Evaluate(ctx context.Context, call calculator.CalculatorEvaluateCall) error {
	_, err := f.c.Evaluate(ctx, func(p calculator.CalculatorEvaluateParamsBuilder) { p.NewExpression().SetLiteral(1) }).Wait()
	return err
}
