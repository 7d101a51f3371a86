package genaimeterconnector

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/genmeter/genmeter/src/genaicostprocessor/genaimeterconnector/internal/metadata"
)

const batchSize = 512

func benched(b *testing.B, attributes func(number int) map[string]any) (*meterConnector, ptrace.Traces) {
	cfg := createDefaultConfig().(*Config)
	cfg.Interval = time.Hour
	made, err := NewFactory().CreateTracesToMetrics(
		context.Background(), connectortest.NewNopSettings(metadata.Type), cfg, &store{})
	require.NoError(b, err)
	require.NoError(b, made.Start(context.Background(), componenttest.NewNopHost()))
	b.Cleanup(func() { require.NoError(b, made.Shutdown(context.Background())) })
	var spans []map[string]any
	for number := range batchSize {
		spans = append(spans, attributes(number))
	}
	return made.(*meterConnector), traces(b, "a.library", spans...)
}

// genAI is a chat span as an SDK of today writes it and genai_cost leaves it: 35 attributes.
func genAI(number int) map[string]any {
	return chat(map[string]any{
		"gen_ai.response.model": fmt.Sprint("gpt-4o-", number%20), "genmeter.department": "support",
		"genmeter.application": "desk", "gen_ai.response.id": "chatcmpl-1", "gen_ai.conversation.id": "c-1",
		"gen_ai.request.temperature": 0.2, "gen_ai.request.top_p": 1.0, "gen_ai.request.max_tokens": 1000,
		"gen_ai.request.stream": true, "gen_ai.output.type": "text", "gen_ai.response.finish_reasons": []any{"stop"},
		"gen_ai.usage.cache_read.input_tokens": 200, "gen_ai.usage.reasoning.output_tokens": 20,
		"server.address": "api.openai.com", "server.port": 443, "openai.api.type": "chat_completions",
		"openai.response.service_tier": "default", "openai.response.system_fingerprint": "fp_1", "user.id": "u-1",
		"http.response.status_code": 200, "genmeter.cost.total": 0.0035, "genmeter.cost.input": 0.0025,
		"genmeter.cost.output": 0.001, "genmeter.cost.cache_read": 0.0001, "genmeter.cost.catalogue": "2026.11.21",
		"genmeter.cost.entry": "openai/gpt-4o",
	})
}

func plainSpan(int) map[string]any {
	made := map[string]any{}
	for i := range 10 {
		made[fmt.Sprint("http.request.header.", i)] = "a value"
	}
	return made
}

func report(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batchSize), "ns/span")
}

func BenchmarkGenAISpans(b *testing.B) {
	c, td := benched(b, genAI)
	b.ReportAllocs()
	for b.Loop() {
		_ = c.ConsumeTraces(context.Background(), td)
	}
	report(b)
}

func BenchmarkGenAISpansFromManySenders(b *testing.B) {
	c, td := benched(b, genAI)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_ = c.ConsumeTraces(context.Background(), td)
		}
	})
	report(b)
}

func BenchmarkOtherSpans(b *testing.B) {
	c, td := benched(b, plainSpan)
	b.ReportAllocs()
	for b.Loop() {
		_ = c.ConsumeTraces(context.Background(), td)
	}
	report(b)
}

func BenchmarkFlushOfTwoThousandCombinations(b *testing.B) {
	c, td := benched(b, genAI)
	attributes := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes()
	for number := range c.cfg.MaxSeries {
		attributes.PutStr("gen_ai.request.model", fmt.Sprint("model-", number))
		_ = c.ConsumeTraces(context.Background(), td)
	}
	b.ReportAllocs()
	for b.Loop() {
		c.flush(context.Background())
	}
}

func TestAKnownSeriesIsCountedWithoutAllocation(t *testing.T) {
	r := newRig(t)
	td := traces(t, "a.library", repeated(chat(nil), 100)...)
	allocations := testing.AllocsPerRun(50, func() { _ = r.ConsumeTraces(context.Background(), td) })
	require.Less(t, allocations, 10.0, "for a request of 100 spans")
}
