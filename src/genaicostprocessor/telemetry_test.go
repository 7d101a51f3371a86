package genaicostprocessor

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/metadatatest"
)

func point(value int64, labels ...string) metricdata.DataPoint[int64] {
	var set []attribute.KeyValue
	for i := 0; i < len(labels); i += 2 {
		set = append(set, attribute.String(labels[i], labels[i+1]))
	}
	return metricdata.DataPoint[int64]{Value: value, Attributes: attribute.NewSet(set...)}
}

func TestEveryCallIsCountedByWhatBecameOfIt(t *testing.T) {
	r := newRig(t, func(cfg *Config) { cfg.Existing = "compare" })
	none := map[string]any{"gen_ai.usage.input_tokens": nil, "gen_ai.usage.output_tokens": nil}
	r.span(chat(nil))
	r.span(chat(nil))
	r.span(chat(map[string]any{"genmeter.stream.cut": "closed"}))
	r.span(chat(map[string]any{"gen_ai.request.model": "acme-huge"}))
	r.span(chat(map[string]any{"gen_ai.usage.cost.amount": 0.0028}))
	r.span(chat(map[string]any{"gen_ai.usage.cost.amount": 0.5}))
	r.span(chat(map[string]any{"gen_ai.usage.cost.amount": 0.0028, "gen_ai.usage.cost.currency": "EUR"}))
	r.span(chat(map[string]any{"llm.cost.total": 0.5}))
	r.span(chat(map[string]any{"llm.cost.total": -1}))
	r.span(chat(none), failing)
	r.span(chat(map[string]any{"genmeter.usage.repaired": true, "gen_ai.usage.cache_read.input_tokens": 5}))
	r.span(chat(map[string]any{"gen_ai.operation.name": "invoke_agent"}))
	r.event(chat(nil))
	r.event(chat(none))
	ignore := metricdatatest.IgnoreTimestamp()
	metadatatest.AssertEqualProcessorGenaiCostSpans(t, r.telemetry, []metricdata.DataPoint[int64]{
		point(4, "outcome", "priced"), point(1, "outcome", "partial"), point(1, "outcome", "unpriced"),
		point(3, "outcome", "kept"), point(1, "outcome", "taken_over"), point(1, "outcome", "failed"),
	}, ignore)
	metadatatest.AssertEqualProcessorGenaiCostLogRecords(t, r.telemetry, []metricdata.DataPoint[int64]{
		point(1, "outcome", "priced"), point(1, "outcome", "unpriced"),
	}, ignore)
	metadatatest.AssertEqualProcessorGenaiCostUnpriced(t, r.telemetry, []metricdata.DataPoint[int64]{
		point(1, "signal", "traces", "reason", "unknown_model"), point(1, "signal", "logs", "reason", "no_usage"),
	}, ignore)
	metadatatest.AssertEqualProcessorGenaiCostCompared(t, r.telemetry, []metricdata.DataPoint[int64]{
		point(1, "signal", "traces", "result", "equal"), point(3, "signal", "traces", "result", "different"),
	}, ignore)
	metadatatest.AssertEqualProcessorGenaiCostRefusedAmounts(t, r.telemetry,
		[]metricdata.DataPoint[int64]{point(1, "signal", "traces")}, ignore)
	metadatatest.AssertEqualProcessorGenaiCostRepaired(t, r.telemetry,
		[]metricdata.DataPoint[int64]{point(1, "signal", "traces")}, ignore)
}

func TestABatchIsCountedOnce(t *testing.T) {
	r := newRig(t)
	p, _ := r.traces()
	for range 3 {
		require.NoError(t, p.ConsumeTraces(t.Context(), oneSpan(chat(nil))))
	}
	metadatatest.AssertEqualProcessorGenaiCostSpans(t, r.telemetry,
		[]metricdata.DataPoint[int64]{point(3, "outcome", "priced")}, metricdatatest.IgnoreTimestamp())
}

func TestEachKindOfUnpricedCallIsLoggedOnce(t *testing.T) {
	r := newRig(t)
	p, _ := r.traces()
	send := func(model string) {
		td := oneSpan(chat(map[string]any{"gen_ai.request.model": model}))
		require.NoError(t, p.ConsumeTraces(t.Context(), td))
	}
	send("acme-huge")
	send("acme-huge")
	send("acme-tiny")
	lines := r.log.FilterMessageSnippet("A call has no price").All()
	require.Len(t, lines, 2)
	require.Equal(t, "acme-huge", lines[0].ContextMap()["model"])
	require.Equal(t, "acme", lines[0].ContextMap()["seller"])
	require.Equal(t, "unknown_model", lines[0].ContextMap()["reason"])
	require.Equal(t, "acme lists no price for 'acme-huge'", lines[0].ContextMap()["detail"])
	require.Contains(t, lines[0].Message, "give the model a price under [prices] in genmeter.toml")
	t.Run("until there are 1,024 of them, and then one line says so", func(t *testing.T) {
		for i := range 3000 {
			send(fmt.Sprintf("made-up-%d", i))
		}
		require.Len(t, r.log.FilterMessageSnippet("A call has no price").All(), 1024)
		require.Len(t, r.log.FilterMessageSnippet("no further kinds of calls").All(), 1)
	})
}

func TestTokensInNoCountAreToldByEmitterAndField(t *testing.T) {
	r := newRig(t)
	more := map[string]any{"gen_ai.usage.zebra_tokens": 7, "gen_ai.usage.stripes": 3}
	for range 2 {
		got := r.span(chat(more), inScope("acme", "1"))
		require.Equal(t, "partial", got["genmeter.cost.status"])
		require.Contains(t, got["genmeter.cost.detail"], "gen_ai.usage.zebra_tokens")
		require.Contains(t, got["genmeter.cost.detail"], "gen_ai.usage.stripes")
	}
	metadatatest.AssertEqualProcessorGenaiCostUnaccountedTokens(t, r.telemetry,
		[]metricdata.DataPoint[int64]{point(14, "emitter", "acme", "field", "gen_ai.usage.zebra_tokens")},
		metricdatatest.IgnoreTimestamp())
}

func TestWhatStandsInATotalAloneIsToldByEmitterAndField(t *testing.T) {
	r := newRig(t)
	got := r.span(chat(map[string]any{"gen_ai.usage.total_tokens": 1_190}), inScope("acme", "1"))
	require.Equal(t, "partial", got["genmeter.cost.status"])
	none := map[string]any{"gen_ai.usage.total_tokens": 500, "gen_ai.usage.input_tokens": nil}
	require.Equal(t, "no_usage", r.span(chat(none), inScope("acme", "1"))["genmeter.cost.reason"])
	metadatatest.AssertEqualProcessorGenaiCostUnaccountedTokens(t, r.telemetry,
		[]metricdata.DataPoint[int64]{point(490, "emitter", "acme", "field", "gen_ai.usage.total_tokens")},
		metricdatatest.IgnoreTimestamp())
}

func TestTheSeriesOfASendersNamesAreBounded(t *testing.T) {
	r := newRig(t)
	p, _ := r.traces()
	sent := ptrace.NewTraces()
	spans := sent.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for i := range mostSeries + 50 {
		one := spans.AppendEmpty()
		one.SetKind(ptrace.SpanKindClient)
		name := fmt.Sprintf("gen_ai.usage.zebra%c%c_tokens", 'a'+i/26, 'a'+i%26)
		require.NoError(t, one.Attributes().FromRaw(chat(map[string]any{name: 1})))
	}
	require.NoError(t, p.ConsumeTraces(t.Context(), sent))
	found, err := r.telemetry.GetMetric("otelcol_processor_genai_cost_unaccounted_tokens")
	require.NoError(t, err)
	require.LessOrEqual(t, len(found.Data.(metricdata.Sum[int64]).DataPoints), mostSeries+1)
}
