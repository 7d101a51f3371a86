package genaicostprocessor

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/metadatatest"
)

func TestARecordWithTokensUnderAnUnknownOperationIsToldAndStaysAsItIs(t *testing.T) {
	r := newRig(t)
	for _, word := range []string{"frobnicate", "frobnicate", "transcribe_speech"} {
		before := chat(map[string]any{"gen_ai.operation.name": word})
		require.Empty(t, added(t, before, r.span(before, inScope("acme.sdk", ""))))
	}
	for _, quiet := range []map[string]any{
		{"gen_ai.operation.name": "chain", "gen_ai.usage.input_tokens": 5},
		{"openinference.span.kind": "AGENT", "llm.token_count.prompt": 5},
		{"traceloop.span.kind": "workflow", "gen_ai.usage.prompt_tokens": 5},
		{"gen_ai.operation.name": "frobnicate"},
		{"total_cost": 3.5, "order.id": 7},
		{"http.request.method": "GET"},
	} {
		r.span(quiet)
	}
	r.span(map[string]any{"gen_ai.usage.cost": 0.25, "service.name": "x"}, inScope("acme.sdk", ""))
	r.span(chat(nil), func(span ptrace.Span, _ pcommon.InstrumentationScope) { span.SetKind(ptrace.SpanKindServer) })
	metadatatest.AssertEqualProcessorGenaiCostUnread(t, r.telemetry,
		[]metricdata.DataPoint[int64]{point(5, "signal", "traces")}, metricdatatest.IgnoreTimestamp())
}

func TestEachEmitterOfUnreadRecordsIsLoggedOnce(t *testing.T) {
	r := newRig(t)
	p, _ := r.traces()
	for range 3 {
		require.NoError(t, p.ConsumeTraces(t.Context(), oneSpan(chat(map[string]any{"gen_ai.operation.name": "frobnicate"}))))
	}
	lines := r.log.FilterMessageSnippet("it is in no sum").All()
	require.Len(t, lines, 1)
	require.Equal(t, "frobnicate", lines[0].ContextMap()["operation"])
}

func TestARecordThatAnotherOneBillsIsLeftAsItIs(t *testing.T) {
	r := newRig(t)
	before := chat(map[string]any{"genmeter.cost.status": "elsewhere", "genmeter.billed_by": "00000000000000aa"})
	require.Empty(t, added(t, before, r.span(before)))
	metadatatest.AssertEqualProcessorGenaiCostSpans(t, r.telemetry,
		[]metricdata.DataPoint[int64]{point(1, "outcome", "elsewhere")}, metricdatatest.IgnoreTimestamp())
}

func TestAScopeThatIsSkippedSaysSoForWhoeverCounts(t *testing.T) {
	r := newRig(t, func(cfg *Config) { cfg.SkipScopes = []string{"framework"} })
	p, sink := r.traces()
	td := oneSpan(chat(nil))
	td.ResourceSpans().At(0).ScopeSpans().At(0).Scope().SetName("framework")
	require.NoError(t, p.ConsumeTraces(context.Background(), td))
	scope := sink.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Scope()
	require.Equal(t, map[string]any{"genmeter.cost.status": "elsewhere", "genmeter.billed_by": "skip_scopes"}, scope.Attributes().AsRaw())
}

func TestAFrameworkIsNoSeller(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"strands-agents", "pydantic_ai", "LangChain"} {
		at := chat(map[string]any{"gen_ai.provider.name": name, "server.address": "llm.acme.example"})
		require.Equal(t, 0.0028, r.span(at)["gen_ai.usage.cost.amount"], name)
		bedrock := chat(map[string]any{"gen_ai.provider.name": name, "gen_ai.request.model": "us.anthropic.claude-haiku-4-5-20251001-v1:0"})
		require.Contains(t, r.span(bedrock)["genmeter.cost.entry"], "aws/", name)
		nowhere := r.span(chat(map[string]any{"gen_ai.provider.name": name}))
		require.Equal(t, "unknown_provider", nowhere["genmeter.cost.reason"], name)
		require.Contains(t, nowhere["genmeter.cost.detail"], "have its emitter write gen_ai.provider.name or server.address", name)
	}
}

func TestContribsBotocoreLeavesTheCacheOutOfTheInput(t *testing.T) {
	sent := chat(map[string]any{
		"gen_ai.provider.name": "aws.bedrock", "gen_ai.request.model": "anthropic.claude-sonnet-4-5-20250929-v1:0",
		"gen_ai.usage.cache_read.input_tokens": 500,
	})
	after := newRig(t).span(sent, inScope("opentelemetry.instrumentation.botocore.bedrock-runtime", "0.62b0"))
	require.Equal(t, true, after["genmeter.usage.repaired"])
}

func TestLiteLLMsOwnAmountIsTakenOver(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"gen_ai.cost.total_cost", "litellm.cost.total", "total_cost"} {
		after := r.span(chat(map[string]any{name: 0.25}))
		require.Equal(t, 0.25, after["gen_ai.usage.cost.amount"], name)
		require.Equal(t, "emitter", after["gen_ai.usage.cost.source"], name)
	}
}
