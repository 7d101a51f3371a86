package genaicostprocessor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

const batchSize = 512

// genAISpan is a chat span as an SDK of today writes it, with content off: 24 attributes.
func genAISpan(span ptrace.Span, number int) {
	models := [...]string{"gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18", "gpt-5-2025-08-07"}
	model := models[number%len(models)]
	span.SetName("chat " + model)
	span.SetKind(ptrace.SpanKindClient)
	span.SetStartTimestamp(1795176001_000000000)
	span.SetEndTimestamp(1795176002_000000000)
	a := span.Attributes()
	a.PutStr("gen_ai.operation.name", "chat")
	a.PutStr("gen_ai.provider.name", "openai")
	a.PutStr("gen_ai.request.model", model)
	a.PutStr("server.address", "api.openai.com")
	a.PutInt("server.port", 443)
	a.PutDouble("gen_ai.request.temperature", 0.2)
	a.PutDouble("gen_ai.request.top_p", 1)
	a.PutInt("gen_ai.request.max_tokens", 1000)
	a.PutInt("gen_ai.request.seed", 7)
	a.PutStr("gen_ai.output.type", "text")
	a.PutStr("gen_ai.conversation.id", "conv_5j66UpCpwteGg4YSxUnt7lPY")
	a.PutStr("openai.request.service_tier", "auto")
	a.PutStr("openai.response.service_tier", "default")
	a.PutStr("openai.response.system_fingerprint", "fp_44709d6fcb")
	a.PutStr("gen_ai.response.id", "chatcmpl-123")
	a.PutStr("gen_ai.response.model", model)
	a.PutEmptySlice("gen_ai.response.finish_reasons").AppendEmpty().SetStr("stop")
	a.PutDouble("gen_ai.response.time_to_first_chunk", 0.31)
	a.PutInt("gen_ai.usage.input_tokens", int64(1000+number))
	a.PutInt("gen_ai.usage.output_tokens", 100)
	a.PutStr("genmeter.department", "research")
	a.PutStr("genmeter.application", "assistant")
	a.PutStr("thread.name", "MainThread")
	a.PutInt("thread.id", 1)
}

// otherSpan is an HTTP client span (11 attributes) or an internal one (10), by turns: the two kinds that cannot be told
// from a GenAI span by their kind.
func otherSpan(span ptrace.Span, number int) {
	a := span.Attributes()
	if number%2 == 0 {
		span.SetName("GET")
		span.SetKind(ptrace.SpanKindClient)
		a.PutStr("http.request.method", "GET")
		a.PutStr("url.full", "https://shop.example/cart")
		a.PutStr("server.address", "shop.example")
		a.PutInt("server.port", 443)
		a.PutInt("http.response.status_code", 200)
		a.PutStr("network.protocol.version", "1.1")
		a.PutStr("network.peer.address", "10.0.0.7")
		a.PutInt("network.peer.port", 443)
		a.PutStr("user_agent.original", "curl/8")
		a.PutStr("url.scheme", "https")
		a.PutInt("http.response.body.size", 1234)
		return
	}
	span.SetName("render")
	span.SetKind(ptrace.SpanKindInternal)
	a.PutStr("code.function.name", "cart.render")
	a.PutStr("code.file.path", "cart.py")
	a.PutInt("code.line.number", 41)
	a.PutStr("thread.name", "worker-1")
	a.PutInt("thread.id", 7)
	a.PutStr("app.tenant", "t1")
	a.PutStr("app.cart.id", "c-1")
	a.PutInt("app.cart.items", 3)
	a.PutBool("app.cache.hit", true)
	a.PutStr("app.release", "2026.11")
}

// spans makes a batch in which share per cent are GenAI spans, evenly spread.
func spans(share int) ptrace.Traces {
	td := ptrace.NewTraces()
	scope := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
	scope.Scope().SetName("bench")
	for i := range batchSize {
		span := scope.Spans().AppendEmpty()
		if (i+1)*share/100 > i*share/100 {
			genAISpan(span, i)
		} else {
			otherSpan(span, i)
		}
	}
	return td
}

// withPrices is a processor whose user lists so many models of their own.
func withPrices(tb testing.TB, rows int) *costProcessor {
	var text strings.Builder
	for i := range rows {
		fmt.Fprintf(&text, "[prices.acme.\"model-%d\"]\ninput = \"1.00\"\noutput = \"2.00\"\n", i)
	}
	path := filepath.Join(tb.TempDir(), "genmeter.toml")
	require.NoError(tb, os.WriteFile(path, []byte(text.String()), 0o600))
	cfg := createDefaultConfig().(*Config)
	cfg.Prices.Files = []string{path}
	p, err := newProcessor(componenttest.NewNopTelemetrySettings(), cfg,
		&book{cfg: cfg, set: componenttest.NewNopTelemetrySettings()}, func() {}, "traces")
	require.NoError(tb, err)
	require.NoError(tb, p.start(context.Background(), componenttest.NewNopHost()))
	tb.Cleanup(func() { require.NoError(tb, p.shutdown(context.Background())) })
	return p
}

// BenchmarkTraces prices batches of 512 spans. A priced span is not priced again, so each round gets a batch of its own,
// made outside the clock, and its garbage with it. ns/span is over all spans of a batch.
func BenchmarkTraces(b *testing.B) {
	for _, rows := range []int{100, 10_000} {
		for _, share := range []int{0, 10, 100} {
			b.Run(fmt.Sprintf("rows=%d/genai=%d%%", rows, share), func(b *testing.B) {
				p := withPrices(b, rows)
				eachBatch(b, share, func(td ptrace.Traces) {
					if _, err := p.processTraces(context.Background(), td); err != nil {
						b.Fatal(err)
					}
				})
			})
		}
	}
}

// BenchmarkKept is for GenAI spans that come with a cost: they are read, and left alone.
func BenchmarkKept(b *testing.B) {
	p := withPrices(b, 100)
	td := spans(100)
	for _, span := range td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
		span.Attributes().PutDouble("gen_ai.usage.cost.amount", 0.0035)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.processTraces(context.Background(), td); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batchSize, "ns/span")
}

// BenchmarkWritingAlone is the part of BenchmarkTraces with 100 % GenAI spans that pdata takes for the nine attributes of a
// bill, known beforehand: what no processor that writes them can be faster than.
func BenchmarkWritingAlone(b *testing.B) {
	eachBatch(b, 100, func(td ptrace.Traces) {
		for _, span := range td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
			a := span.Attributes()
			a.EnsureCapacity(a.Len() + 9)
			a.PutDouble("gen_ai.usage.cost.amount", 0.0035)
			a.PutStr("gen_ai.usage.cost.currency", "USD")
			a.PutStr("gen_ai.usage.cost.source", "collector")
			a.PutDouble("genmeter.cost.total", 0.0035)
			a.PutDouble("genmeter.cost.input", 0.0025)
			a.PutDouble("genmeter.cost.output", 0.001)
			a.PutStr("genmeter.cost.status", "priced")
			a.PutStr("genmeter.cost.catalogue", "2026.11.21")
			a.PutStr("genmeter.cost.entry", "openai/gpt-4o")
		}
	})
}

func eachBatch(b *testing.B, share int, process func(ptrace.Traces)) {
	original := spans(share)
	b.ReportAllocs()
	for b.Loop() {
		td := original
		if share > 0 {
			b.StopTimer()
			td = ptrace.NewTraces()
			original.CopyTo(td)
			runtime.GC()
			b.StartTimer()
		}
		process(td)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batchSize, "ns/span")
}
