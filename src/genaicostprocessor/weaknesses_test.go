package genaicostprocessor

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/metadatatest"
)

// The tests of this file are promises that pricing processors have been seen to break: each is a weakness of one that
// prices by a list of shell globs, and that this one must not have.

// a. Its time grows with the number of patterns, and is worst for a model that no pattern matches.
func TestTheTimeForACallDoesNotGrowWithTheNumberOfPrices(t *testing.T) {
	fastest := func(rows int, model string) time.Duration {
		p := withPrices(t, rows)
		best := time.Hour
		for range 15 {
			td := spans(100)
			for _, span := range td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
				span.Attributes().PutStr("gen_ai.provider.name", "acme")
				span.Attributes().PutStr("gen_ai.response.model", model)
				span.Attributes().Remove("server.address")
			}
			started := time.Now()
			_, err := p.processTraces(context.Background(), td)
			best = min(best, time.Since(started))
			require.NoError(t, err)
		}
		return best
	}
	for _, model := range []string{"model-99", "a-model-that-no-seller-lists"} {
		few, many := fastest(100, model), fastest(10_000, model)
		// 100 times the rows; a list gone through would take 100 times as long
		require.Less(t, many, 5*few+200*time.Microsecond, model)
	}
}

// b. A glob's * does not cross a slash, and knows no prefixes: gpt-4o* misses openai/gpt-4o, claude-* misses
// us.anthropic.claude-…-v1:0 and claude-…@date.
func TestANameWithAVendorARegionOrADateIsFound(t *testing.T) {
	// 1,000 in and 100 out
	for _, one := range []struct {
		provider, model, entry string
		amount                 float64
	}{
		{"openai", "openai/gpt-4o", "openai/gpt-4o", 0.0035},                            // 1,000 × $2.50/1M + 100 × $10/1M
		{"openai", "gpt-4o-2024-08-06", "openai/gpt-4o", 0.0035},                        // a dated name of the same model
		{"openai", "models/gpt-4o-mini", "", 0.00021},                                   // 1,000 × $0.15/1M + 100 × $0.60/1M
		{"gcp.vertex_ai", "claude-sonnet-4-5@20250929", "", 0.0045},                     // 1,000 × $3/1M + 100 × $15/1M
		{"aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "", 0.00495},    // × $3.30, × $16.50
		{"aws.bedrock", "global.anthropic.claude-sonnet-4-5-20250929-v1:0", "", 0.0045}, // × $3, × $15
	} {
		after := newRig(t).span(chat(map[string]any{"gen_ai.provider.name": one.provider, "gen_ai.request.model": one.model}))
		require.Equal(t, one.amount, after["gen_ai.usage.cost.amount"], "%s: %v", one.model, after)
		if one.entry != "" {
			require.Equal(t, one.entry, after["genmeter.cost.entry"])
		}
	}
}

// c. It reads the request's model only, exactly as spelled, and knows no seller.
func TestTheModelThatAnsweredAndWhoSellsItDecide(t *testing.T) {
	path := t.TempDir() + "/two.toml"
	write(t, path, `
[prices.one.shared]
input = "1.00"
output = "0"
[prices.two.shared]
input = "2.00"
output = "0"
[prices.two.other]
input = "9.00"
output = "0"
`)
	r := newRig(t, func(cfg *Config) { cfg.Prices.Files = []string{path} })
	amount := func(more map[string]any) any {
		return r.span(chat(joined(map[string]any{"gen_ai.usage.input_tokens": 1_000_000}, more)))["gen_ai.usage.cost.amount"]
	}
	require.Equal(t, 1.0, amount(map[string]any{"gen_ai.provider.name": "one", "gen_ai.request.model": "shared"}))
	require.Equal(t, 2.0, amount(map[string]any{"gen_ai.provider.name": "two", "gen_ai.request.model": "SHARED"}))
	require.Equal(t, 9.0, amount(map[string]any{
		"gen_ai.provider.name": "two", "gen_ai.request.model": "shared", "gen_ai.response.model": "other"}))
	require.Equal(t, 2.0, amount(map[string]any{
		"gen_ai.provider.name": "two", "gen_ai.request.model": "shared", "gen_ai.response.model": nil}))
}

// d. Its mode for Anthropic adds the cache to an input that, by the conventions, contains it already.
func TestACachedTokenIsBilledOnce(t *testing.T) {
	// 1,000 in, 600 of them read and 300 written: 100 × $3 + 600 × $0.30 + 300 × $3.75 + 10 × $15, / 1M = $0.001755
	after := newRig(t).span(claude(map[string]any{
		"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.cache_read.input_tokens": 600,
		"gen_ai.usage.cache_write.input_tokens": 300,
	}))
	require.Equal(t, 0.001755, after["gen_ai.usage.cost.amount"])
	require.Equal(t, 0.0003, after["genmeter.cost.input"])
	require.Equal(t, 0.00018, after["genmeter.cost.cache_read"])
	require.Equal(t, 0.001125, after["genmeter.cost.cache_write"])
	require.Equal(t, 0.00015, after["genmeter.cost.output"])
}

// e. It has no prices for reasoning, audio, images, searches, requests, long contexts, cache lifetimes and batches, and
// drops the cost of the cache in silence.
func TestEveryKindOfPriceIsBilledOrRefused(t *testing.T) {
	path := t.TempDir() + "/all.toml"
	write(t, path, `
[prices.acme.all]
input = "1"
output = "2"
cache_read = "3"
cache_write = "4"
cache_write_1h = "5"
audio_input = "6"
audio_output = "7"
image_input = "8"
image_output = "9"
search = "10"
request = "11"
[prices.acme.text]
input = "1"
output = "2"
`)
	r := newRig(t, func(cfg *Config) { cfg.Prices.Files = []string{path} })
	of := func(model string, more map[string]any) map[string]any {
		return r.span(chat(joined(map[string]any{"gen_ai.request.model": model}, more)))
	}
	t.Run("audio, images, searches, requests and both cache lifetimes", func(t *testing.T) {
		// of 1,000 in: 100 read, 200 written, 50 of these for an hour, 30 audio, 40 images, so 630 of text; of 100 out:
		// 10 audio, 20 images, so 70 of text. A search is $10 / 1,000, a request $11 / 1,000.
		after := of("all", map[string]any{
			"gen_ai.usage.cache_read.input_tokens": 100, "gen_ai.usage.cache_write.input_tokens": 200,
			"genmeter.usage.cache_write_1h.input_tokens": 50, "gen_ai.usage.audio.input_tokens": 30,
			"gen_ai.usage.image.input_tokens": 40, "gen_ai.usage.audio.output_tokens": 10,
			"gen_ai.usage.image.output_tokens": 20, "genmeter.usage.searches": 2,
			"gen_ai.usage.reasoning.output_tokens": 60,
		})
		for name, want := range map[string]float64{
			"input": 0.00063, "cache_read": 0.0003, "cache_write": 0.00085, // 150 × $4 + 50 × $5
			"audio_input": 0.00018, "image_input": 0.00032, "output": 0.00014, "audio_output": 0.00007,
			"image_output": 0.00018, "search": 0.02, "request": 0.011,
			"total": 0.03367,
		} {
			require.Equal(t, want, after["genmeter.cost."+name], name)
		}
	})
	t.Run("reasoning, as the part of the output that it is", func(t *testing.T) {
		// 1,000 × $1/1M + 100 × $2/1M
		require.Equal(t, 0.0012, of("text", map[string]any{"gen_ai.usage.reasoning.output_tokens": 60})["genmeter.cost.total"])
	})
	t.Run("a price that was not published", func(t *testing.T) {
		after := of("text", map[string]any{"gen_ai.usage.cache_read.input_tokens": 100})
		require.Equal(t, "unpriced_dimension", after["genmeter.cost.reason"])
		require.NotContains(t, after, "genmeter.cost.total")
	})
	t.Run("a long context, and a batch", func(t *testing.T) {
		// Gemini 2.5 Pro, above 200,000 tokens in: × $2.50, × $15; a batch half of that
		long := chat(map[string]any{"gen_ai.provider.name": "gcp.gemini", "gen_ai.request.model": "gemini-2.5-pro",
			"gen_ai.usage.input_tokens": 300_000, "gen_ai.usage.output_tokens": 1000})
		require.Equal(t, 0.765, newRig(t).span(long)["gen_ai.usage.cost.amount"])
		long["genmeter.response.batch"] = true
		require.Equal(t, 0.3825, newRig(t).span(long)["gen_ai.usage.cost.amount"])
	})
}

// f. It overwrites a cost, says neither currency nor source nor version, is silent about what it cannot price, and counts
// an agent's span on top of its calls.
func TestNothingIsOverwrittenNothingIsSilentNothingCountsTwice(t *testing.T) {
	t.Run("a cost stays", func(t *testing.T) {
		require.Equal(t, 9.0, newRig(t).span(chat(map[string]any{"gen_ai.usage.cost.amount": 9.0}))["gen_ai.usage.cost.amount"])
	})
	t.Run("an amount has a currency, a source, a version and a row", func(t *testing.T) {
		after := newRig(t).span(chat(nil))
		require.Equal(t, "USD", after["gen_ai.usage.cost.currency"])
		require.Equal(t, "collector", after["gen_ai.usage.cost.source"])
		require.Regexp(t, `^\d{4}\.\d{2}\.\d{2}\+.*\+own-[0-9a-f]{8}$`, after["genmeter.cost.catalogue"])
		require.Equal(t, "override:acme/acme-large", after["genmeter.cost.entry"])
	})
	t.Run("an unpriced call is marked, counted and logged", func(t *testing.T) {
		r := newRig(t)
		after := r.span(chat(map[string]any{"gen_ai.request.model": "acme-huge"}))
		require.Equal(t, "unpriced", after["genmeter.cost.status"])
		require.Len(t, r.log.FilterMessageSnippet("no price").All(), 1)
		metadatatest.AssertEqualProcessorGenaiCostUnpriced(t, r.telemetry, []metricdata.DataPoint[int64]{{Value: 1,
			Attributes: attribute.NewSet(attribute.String("signal", "traces"), attribute.String("reason", "unknown_model")),
		}}, metricdatatest.IgnoreTimestamp())
	})
	t.Run("a call below an agent costs once", func(t *testing.T) {
		p, sink := newRig(t).traces()
		td := ptrace.NewTraces()
		scope := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
		for _, operation := range []string{"invoke_agent", "chat", "execute_tool"} {
			call := chat(map[string]any{"gen_ai.operation.name": operation})
			require.NoError(t, scope.Spans().AppendEmpty().Attributes().FromRaw(call))
		}
		require.NoError(t, p.ConsumeTraces(context.Background(), td))
		total := 0.0
		for _, span := range sink.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
			if amount, ok := span.Attributes().Get("gen_ai.usage.cost.amount"); ok {
				total += amount.Double()
			}
		}
		require.Equal(t, 0.0028, total)
	})
}

// g. It has no telemetry of its own, no benchmark, and its lifecycle tests are switched off.
func TestTheProcessorIsWatchedMeasuredAndRunThroughItsLife(t *testing.T) {
	require.Contains(t, tests(t), "TestComponentLifecycle")
	require.Contains(t, tests(t), "BenchmarkTraces")
	r := newRig(t)
	r.span(chat(nil))
	for _, name := range []string{"spans", "table_age", "table_models", "table_last_good"} {
		_, err := r.telemetry.GetMetric("otelcol_processor_genai_cost_" + name)
		require.NoError(t, err)
	}
}

// h. It writes a total under a name that its own dashboards do not read.
func TestACostIsWrittenUnderTheNamesThatEverythingElseReads(t *testing.T) {
	var written []string
	for key := range added(t, chat(nil), newRig(t).span(chat(nil))) {
		written = append(written, key)
	}
	known := sharedNames(t)
	for _, key := range written {
		require.True(t, slices.Contains(known, key), fmt.Sprintf("%s is in no list of names", key))
	}
	require.Contains(t, written, "gen_ai.usage.cost.amount")
}
