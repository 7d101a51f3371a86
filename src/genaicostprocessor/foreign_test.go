package genaicostprocessor

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// only leaves out the attributes about cost.
func only(found map[string]any) map[string]any {
	left := map[string]any{}
	for key, value := range found {
		switch key {
		case "gen_ai.usage.cost.amount", "gen_ai.usage.cost.currency", "gen_ai.usage.cost.source", "genmeter.cost.total",
			"genmeter.cost.input", "genmeter.cost.output", "genmeter.cost.cache_read", "genmeter.cost.cache_write",
			"genmeter.cost.status", "genmeter.cost.catalogue", "genmeter.cost.entry":
		default:
			left[key] = value
		}
	}
	return left
}

func TestForeignSpellingsArePricedAndCompleted(t *testing.T) {
	for name, one := range map[string]struct {
		before, added map[string]any
		amount        float64
	}{
		"OpenInference": {
			// 1,000 in, 600 of them read from the cache and 300 written; 100 out:
			// 100 × $2 + 600 × $0.20 + 300 × $2.50 + 100 × $8, all / 1M = $0.00187
			before: map[string]any{
				"openinference.span.kind": "LLM", "llm.provider": "acme", "llm.model_name": "acme-large",
				"llm.token_count.prompt": 1000, "llm.token_count.completion": 100, "llm.token_count.total": 1100,
				"llm.token_count.prompt_details.cache_read":  600,
				"llm.token_count.prompt_details.cache_write": 300,
			},
			added: map[string]any{
				"gen_ai.operation.name": "chat", "gen_ai.provider.name": "acme", "gen_ai.request.model": "acme-large",
				"gen_ai.usage.input_tokens": int64(1000), "gen_ai.usage.output_tokens": int64(100),
				"gen_ai.usage.cache_read.input_tokens": int64(600), "gen_ai.usage.cache_write.input_tokens": int64(300),
			},
			amount: 0.00187,
		},
		"OpenLLMetry": {
			// 1,000 in, 400 of them read: 600 × $2 + 400 × $0.20 + 50 × $8, all / 1M = $0.00168
			before: map[string]any{
				"llm.request.type": "chat", "gen_ai.system": "Acme", "gen_ai.request.model": "acme-large",
				"gen_ai.response.model": "acme-large", "gen_ai.usage.prompt_tokens": "1000",
				"gen_ai.usage.completion_tokens": 50, "gen_ai.usage.cache_read_input_tokens": 400,
				"server.address": "llm.acme.example",
			},
			added: map[string]any{
				"gen_ai.operation.name": "chat", "gen_ai.provider.name": "acme",
				"gen_ai.usage.input_tokens": int64(1000), "gen_ai.usage.output_tokens": int64(50),
				"gen_ai.usage.cache_read.input_tokens": int64(400),
			},
			amount: 0.00168,
		},
		"older conventions": {
			// 500 in, 300 of them written to the cache; 0 out: 200 × $2 + 300 × $2.50, all / 1M = $0.00115
			before: map[string]any{
				"gen_ai.operation.name": "text_completion", "gen_ai.system": "acme", "gen_ai.request.model": "acme-large",
				"gen_ai.usage.input_tokens": 500, "gen_ai.usage.output_tokens": 0,
				"gen_ai.usage.cache_creation.input_tokens": 300,
			},
			added: map[string]any{
				"gen_ai.provider.name": "acme", "gen_ai.usage.cache_write.input_tokens": int64(300),
			},
			amount: 0.00115,
		},
		"an address and no provider": {
			before: chat(map[string]any{"gen_ai.provider.name": nil, "server.address": "llm.acme.example"}),
			added:  map[string]any{"gen_ai.provider.name": "acme"},
			amount: 0.0028,
		},
	} {
		t.Run(name, func(t *testing.T) {
			after := newRig(t).span(one.before)
			require.Equal(t, one.amount, after["gen_ai.usage.cost.amount"])
			require.Equal(t, one.added, only(added(t, one.before, after)))
		})
		t.Run(name+", without completion", func(t *testing.T) {
			after := newRig(t, func(cfg *Config) { cfg.Complete = false }).span(one.before)
			require.Equal(t, one.amount, after["gen_ai.usage.cost.amount"])
			require.Empty(t, only(added(t, one.before, after)))
		})
	}
}

func TestACurrentNameIsNeverChanged(t *testing.T) {
	before := chat(map[string]any{
		"gen_ai.request.model": "", "llm.model_name": "acme-large", // an empty text is absent, and stays
		"llm.token_count.prompt": 7, "gen_ai.system": "nobody",
	})
	after := newRig(t).span(before)
	require.Equal(t, 0.0028, after["gen_ai.usage.cost.amount"])
	require.Empty(t, only(added(t, before, after)))
}

func TestOpenInferencesOtherKindsAreNotPriced(t *testing.T) {
	for _, kind := range []string{"CHAIN", "AGENT", "TOOL", "RETRIEVER", "RERANKER", "EVALUATOR", "GUARDRAIL", "PROMPT"} {
		before := map[string]any{
			"openinference.span.kind": kind, "llm.provider": "acme", "llm.model_name": "acme-large",
			"llm.token_count.prompt": 1000, "llm.token_count.completion": 100,
		}
		require.Empty(t, added(t, before, newRig(t).span(before)), kind)
	}
}

// The output of contrib's gen_ai_normalizer for OpenInference, by the mapping tables of its README: it renames prompt and
// completion counts, model, provider and kind, leaves cache counts in OpenInference's spelling, and keeps or removes the
// originals (remove_originals).
func TestItWorksAfterGenAINormalizerToo(t *testing.T) {
	normalised := map[string]any{
		"gen_ai.operation.name": "chat", "gen_ai.provider.name": "acme", "gen_ai.request.model": "acme-large",
		"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100,
		"llm.token_count.prompt_details.cache_read": 600, "llm.system": "acme", "gen_ai.conversation.id": "s-1",
	}
	originals := map[string]any{
		"openinference.span.kind": "LLM", "llm.provider": "acme", "llm.model_name": "acme-large",
		"llm.token_count.prompt": 1000, "llm.token_count.completion": 100, "session.id": "s-1",
	}
	// 400 × $2 + 600 × $0.20 + 100 × $8, all / 1M = $0.00172
	for name, before := range map[string]map[string]any{
		"originals removed": normalised, "originals kept": joined(normalised, originals),
	} {
		t.Run(name, func(t *testing.T) {
			after := newRig(t).span(before)
			require.Equal(t, 0.00172, after["gen_ai.usage.cost.amount"])
			require.Equal(t, map[string]any{"gen_ai.usage.cache_read.input_tokens": int64(600)},
				only(added(t, before, after)))
		})
	}
	t.Run("an agent stays an agent", func(t *testing.T) {
		before := joined(joined(normalised, originals),
			map[string]any{"gen_ai.operation.name": "invoke_agent", "openinference.span.kind": "AGENT"})
		require.Empty(t, added(t, before, newRig(t).span(before)))
	})
	t.Run("and OpenLLMetry's prompt counts", func(t *testing.T) {
		// llm.request.type completion becomes text_completion; traceloop.span.kind names no call
		before := map[string]any{
			"gen_ai.operation.name": "text_completion", "llm.request.type": "completion", "gen_ai.system": "acme",
			"llm.request.model": "acme-large", "gen_ai.request.model": "acme-large",
			"llm.usage.prompt_tokens": 1000, "gen_ai.usage.input_tokens": 1000,
			"llm.usage.completion_tokens": 100, "gen_ai.usage.output_tokens": 100,
		}
		require.Equal(t, 0.0028, newRig(t).span(before)["gen_ai.usage.cost.amount"])
	})
}

func TestAnEmittersOwnCostIsTakenOver(t *testing.T) {
	for _, key := range []string{"gen_ai.usage.cost", "llm.cost.total", "operation.cost"} {
		before := chat(map[string]any{key: 0.0031})
		require.Equal(t, map[string]any{
			"gen_ai.usage.cost.amount": 0.0031, "gen_ai.usage.cost.currency": "USD", "gen_ai.usage.cost.source": "emitter",
			"genmeter.cost.total": 0.0031, "genmeter.cost.status": "priced",
		}, added(t, before, newRig(t).span(before)), key)
	}
	t.Run("in part when the stream was cut", func(t *testing.T) {
		after := newRig(t).span(chat(map[string]any{"llm.cost.total": 1, "genmeter.stream.cut": "closed"}))
		require.Equal(t, "partial", after["genmeter.cost.status"])
		require.Equal(t, 1.0, after["gen_ai.usage.cost.amount"])
	})
	t.Run("and not when it is no amount of money", func(t *testing.T) {
		for _, cost := range []any{-0.1, 0.0, 0, math.NaN(), math.Inf(1), 1e9, "half", "0x1", "", true, []any{1.0}} {
			after := newRig(t).span(chat(map[string]any{"llm.cost.total": cost}))
			require.Equal(t, 0.0028, after["gen_ai.usage.cost.amount"], "%v", cost)
			require.Equal(t, "collector", after["gen_ai.usage.cost.source"])
		}
	})
	t.Run("and read when it came as a text", func(t *testing.T) {
		require.Equal(t, 0.5, newRig(t).span(chat(map[string]any{"llm.cost.total": "0.5"}))["gen_ai.usage.cost.amount"])
	})
	t.Run("and not when it is in another currency, where it stays as it is", func(t *testing.T) {
		before := chat(map[string]any{"llm.cost.total": 0.5, "gen_ai.usage.cost.currency": "EUR"})
		require.Empty(t, added(t, before, newRig(t).span(before)))
	})
	t.Run("then the next spelling of it counts", func(t *testing.T) {
		after := newRig(t).span(chat(map[string]any{"gen_ai.usage.cost": 0.0, "operation.cost": 0.7}))
		require.Equal(t, 0.7, after["gen_ai.usage.cost.amount"])
	})
}

func TestCompareWritesOurTotalBesideTheCostThatStays(t *testing.T) {
	compare := func(cfg *Config) { cfg.Existing = "compare" }
	for name, more := range map[string]map[string]any{
		"the same":          {"gen_ai.usage.cost.amount": 0.0028},
		"another":           {"gen_ai.usage.cost.amount": 0.0029},
		"no number":         {"gen_ai.usage.cost.amount": "0.0028"},
		"another currency":  {"gen_ai.usage.cost.amount": 0.0028, "gen_ai.usage.cost.currency": "EUR"},
		"of our own":        {"genmeter.cost.total": 0.0028},
		"in dollars, named": {"gen_ai.usage.cost.amount": 0.0028, "gen_ai.usage.cost.currency": "USD"},
	} {
		t.Run(name, func(t *testing.T) {
			before := chat(more)
			require.Equal(t, map[string]any{"genmeter.cost.compared": 0.0028},
				added(t, before, newRig(t, compare).span(before)))
		})
	}
	t.Run("and beside one that is taken over", func(t *testing.T) {
		after := newRig(t, compare).span(chat(map[string]any{"llm.cost.total": 0.5}))
		require.Equal(t, 0.5, after["gen_ai.usage.cost.amount"])
		require.Equal(t, 0.0028, after["genmeter.cost.compared"])
	})
	t.Run("but nothing where our book has no price", func(t *testing.T) {
		before := chat(map[string]any{"gen_ai.usage.cost.amount": 0.5, "gen_ai.request.model": "acme-huge"})
		require.Empty(t, added(t, before, newRig(t, compare).span(before)))
	})
}

// Claude Sonnet 4.5 at Anthropic's list prices: $3 for a million tokens in, $0.30 where the cache is read, $3.75 where it
// is written, $15 out.
func claude(more map[string]any) map[string]any {
	return joined(map[string]any{
		"gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic", "server.address": "api.anthropic.com",
		"gen_ai.request.model": "claude-sonnet-4-5", "gen_ai.response.model": "claude-sonnet-4-5-20250929",
		"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 10,
	}, more)
}

func TestACacheLeftOutOfTheInputIsAddedOnlyWhereThatIsKnown(t *testing.T) {
	// 100 in beside 2,000 read and 1,000 written: 100 × $3 + 2,000 × $0.30 + 1,000 × $3.75 + 10 × $15, / 1M = $0.0048
	apart := map[string]any{
		"gen_ai.usage.cache_read.input_tokens": 2000, "gen_ai.usage.cache_write.input_tokens": 1000}
	t.Run("where more cache than input proves it", func(t *testing.T) {
		after := newRig(t).span(claude(apart))
		require.Equal(t, 0.0048, after["gen_ai.usage.cost.amount"])
		require.Equal(t, true, after["genmeter.usage.repaired"])
		require.Equal(t, int64(100), after["gen_ai.usage.input_tokens"], "the count stays as it came")
	})
	// 100 in beside 60 read proves nothing. Apart: 100 × $3 + 60 × $0.30 + 10 × $15 = $0.000468; together: 40 × $3 +
	// 60 × $0.30 + 10 × $15 = $0.000288
	some := claude(map[string]any{"gen_ai.usage.cache_read.input_tokens": 60})
	t.Run("where the emitter is known for it", func(t *testing.T) {
		after := newRig(t).span(some, inScope("openlit.instrumentation.anthropic", ""))
		require.Equal(t, 0.000468, after["gen_ai.usage.cost.amount"])
		require.Equal(t, true, after["genmeter.usage.repaired"])
	})
	t.Run("where an earlier hop has said so", func(t *testing.T) {
		after := newRig(t).span(joined(some, map[string]any{"genmeter.usage.repaired": true}))
		require.Equal(t, 0.000468, after["gen_ai.usage.cost.amount"])
	})
	t.Run("unless the call says that its count is whole", func(t *testing.T) {
		vercel := joined(some, map[string]any{"gen_ai.operation.name": nil, "ai.operationId": "ai.generateText.doGenerate"})
		after := newRig(t).span(vercel, inScope("ai", ""))
		require.Equal(t, 0.000468, after["gen_ai.usage.cost.amount"])
		after = newRig(t).span(joined(vercel, map[string]any{"ai.usage.inputTokenDetails.cacheReadTokens": 60}), inScope("ai", ""))
		require.Equal(t, 0.000288, after["gen_ai.usage.cost.amount"])
	})
	t.Run("and from no other emitter", func(t *testing.T) {
		after := newRig(t).span(some, inScope("opentelemetry.instrumentation.anthropic", "0.62.4"))
		require.Equal(t, 0.000288, after["gen_ai.usage.cost.amount"])
		require.NotContains(t, after, "genmeter.usage.repaired")
		after = newRig(t).span(chat(apart))
		require.Equal(t, "invalid_usage", after["genmeter.cost.reason"], "acme is not known to count apart")
	})
}
