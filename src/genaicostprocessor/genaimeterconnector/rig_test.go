package genaimeterconnector

import (
	"context"
	"errors"
	"maps"
	"math/big"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/genmeter/genmeter/src/genaicostprocessor/genaimeterconnector/internal/metadatatest"
)

// store takes metrics as an exporter would, and can refuse them or keep the sender waiting.
type store struct {
	mu      sync.Mutex
	taken   []pmetric.Metrics
	refuse  bool
	blocked bool
}

func (*store) Capabilities() consumer.Capabilities { return consumer.Capabilities{MutatesData: true} }

func (s *store) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	s.mu.Lock()
	blocked := s.blocked
	s.mu.Unlock()
	if blocked {
		<-ctx.Done()
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse {
		return errors.New("refused, as the test wants it")
	}
	s.taken = append(s.taken, md)
	return nil
}

func (s *store) set(change func(*store)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// rig is a connector as the service runs it.
type rig struct {
	*meterConnector
	t         *testing.T
	store     *store
	log       *observer.ObservedLogs
	telemetry *componenttest.Telemetry
}

// newRig starts one that sends only when it is told to, or shut down.
func newRig(t *testing.T, changes ...func(*Config)) *rig {
	cfg := createDefaultConfig().(*Config)
	cfg.Interval = time.Hour
	for _, change := range changes {
		change(cfg)
	}
	require.NoError(t, cfg.Validate())
	r := &rig{t: t, store: &store{}, telemetry: componenttest.NewTelemetry()}
	t.Cleanup(func() { require.NoError(t, r.telemetry.Shutdown(context.Background())) })
	set := metadatatest.NewSettings(r.telemetry)
	core, log := observer.New(zapcore.InfoLevel)
	set.Logger, r.log = zap.New(core), log
	made, err := NewFactory().CreateTracesToMetrics(context.Background(), connector.Settings(set), cfg, r.store)
	require.NoError(t, err)
	r.meterConnector = made.(*meterConnector)
	require.NoError(t, r.Start(context.Background(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, r.Shutdown(context.Background())) })
	return r
}

// sent flushes and gives the points that came of it.
func (r *rig) sent() []point {
	before := len(r.store.taken)
	r.flush(context.Background())
	var found []point
	for _, md := range r.store.taken[before:] {
		found = append(found, points(r.t, md)...)
	}
	return found
}

// values are the last points of a metric, by the given label.
func (r *rig) values(metric, by string) map[any]float64 {
	found := map[any]float64{}
	for _, one := range r.sent() {
		if one.metric == metric && !one.zero {
			found[one.labels[by]] += one.value
		}
	}
	return found
}

// point is one number data point, or one of a histogram (value: its sum), in plain words.
type point struct {
	metric    string
	resource  map[string]any
	labels    map[string]any
	value     float64
	count     uint64
	buckets   []uint64
	start, at pcommon.Timestamp
	zero      bool // the one that is sent before the first
	exemplars []exemplar
}

type exemplar struct {
	span  pcommon.SpanID
	value float64
}

func points(t *testing.T, md pmetric.Metrics) []point {
	var found []point
	for _, resource := range md.ResourceMetrics().All() {
		for _, scope := range resource.ScopeMetrics().All() {
			for _, metric := range scope.Metrics().All() {
				base := point{metric: metric.Name(), resource: resource.Resource().Attributes().AsRaw()}
				if metric.Type() == pmetric.MetricTypeHistogram {
					require.Equal(t, pmetric.AggregationTemporalityCumulative, metric.Histogram().AggregationTemporality())
					for _, one := range metric.Histogram().DataPoints().All() {
						found = append(found, base.histogram(one))
					}
					continue
				}
				require.True(t, metric.Sum().IsMonotonic())
				require.Equal(t, pmetric.AggregationTemporalityCumulative, metric.Sum().AggregationTemporality())
				for _, one := range metric.Sum().DataPoints().All() {
					found = append(found, base.number(one))
				}
			}
		}
	}
	return found
}

func (p point) number(one pmetric.NumberDataPoint) point {
	p.labels, p.start, p.at, p.value = one.Attributes().AsRaw(), one.StartTimestamp(), one.Timestamp(), one.DoubleValue()
	if one.ValueType() == pmetric.NumberDataPointValueTypeInt {
		p.value = float64(one.IntValue())
	}
	return p.finished(one.Exemplars())
}

func (p point) histogram(one pmetric.HistogramDataPoint) point {
	p.labels, p.start, p.at, p.value = one.Attributes().AsRaw(), one.StartTimestamp(), one.Timestamp(), one.Sum()
	p.count, p.buckets = one.Count(), one.BucketCounts().AsRaw()
	return p.finished(one.Exemplars())
}

func (p point) finished(all pmetric.ExemplarSlice) point {
	p.zero = p.start == p.at
	for _, one := range all.All() {
		value := one.DoubleValue()
		if one.ValueType() == pmetric.ExemplarValueTypeInt {
			value = float64(one.IntValue())
		}
		p.exemplars = append(p.exemplars, exemplar{one.SpanID(), value})
	}
	return p
}

// chat is what a span says that genai_cost has priced: 1,000 tokens in, 100 out, $0.0035.
func chat(more map[string]any) map[string]any {
	made := map[string]any{
		"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o",
		"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100, "gen_ai.usage.cost.amount": 0.0035,
		"gen_ai.usage.cost.currency": "USD", "gen_ai.usage.cost.source": "collector", "genmeter.cost.status": "priced",
	}
	for key, value := range more {
		made[key] = value
		if value == nil {
			delete(made, key)
		}
	}
	return made
}

// traces are spans of one resource and scope, each of a second and a half, with span ids from 1.
func traces(t testing.TB, scope string, spans ...map[string]any) ptrace.Traces {
	td := ptrace.NewTraces()
	resource := td.ResourceSpans().AppendEmpty()
	require.NoError(t, resource.Resource().Attributes().FromRaw(map[string]any{"service.name": "shop"}))
	inner := resource.ScopeSpans().AppendEmpty()
	inner.Scope().SetName(scope)
	for i, attributes := range spans {
		span := inner.Spans().AppendEmpty()
		span.SetKind(ptrace.SpanKindClient)
		span.SetTraceID(pcommon.TraceID{15: 1})
		span.SetSpanID(pcommon.SpanID{7: byte(i + 1)})
		span.SetStartTimestamp(1795176001_000000000)
		span.SetEndTimestamp(1795176002_500000000)
		for _, key := range slices.Sorted(maps.Keys(attributes)) { // in one order, as a real sender writes them
			require.NoError(t, span.Attributes().PutEmpty(key).FromRaw(attributes[key]))
		}
	}
	return td
}

func (r *rig) take(scope string, spans ...map[string]any) {
	require.NoError(r.t, r.ConsumeTraces(context.Background(), traces(r.t, scope, spans...)))
}

// nearest is the double nearest to a decimal number.
func nearest(t *testing.T, text string) float64 {
	exact, ok := new(big.Rat).SetString(text)
	require.True(t, ok)
	value, _ := exact.Float64()
	return value
}
