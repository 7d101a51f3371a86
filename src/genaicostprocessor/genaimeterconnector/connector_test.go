package genaimeterconnector

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

const (
	costs     = "genmeter.collector.cost.usd"
	calls     = "genmeter.collector.calls"
	unpriced  = "genmeter.collector.calls.unpriced"
	tokens    = "genmeter.collector.tokens"
	durations = "genmeter.collector.call.duration"
)

// everything sums up what one flush says, over all labels but the token type.
func (r *rig) everything() map[string]float64 {
	found := map[string]float64{}
	for _, one := range r.sent() {
		name := one.metric
		if kind, ok := one.labels["gen_ai.token.type"]; ok {
			name += " " + kind.(string)
		}
		if !one.zero {
			found[name] += one.value
		}
	}
	return found
}

func TestACallOfAnotherInstrumentationIsCountedOnceWithItsTokensTimeAndMoney(t *testing.T) {
	r := newRig(t)
	r.take("a.library", chat(nil))
	require.Equal(t, map[string]float64{
		costs: 0.0035, calls: 1, tokens + " input": 1000, tokens + " output": 100, durations: 1.5,
	}, r.everything())
}

func TestMoneyIsCountedHereOrInTheApplication(t *testing.T) {
	local := map[string]any{"gen_ai.usage.cost.source": "local"}
	for name, one := range map[string]struct {
		scope    string
		more     map[string]any
		cost     float64
		hasCalls bool
	}{
		"genmeter's own, priced there":                 {"genmeter", local, 0, false},
		"genmeter's own, the provider's amount":        {"genmeter", map[string]any{"gen_ai.usage.cost.source": "provider"}, 0, false},
		"genmeter's own, priced here":                  {"genmeter", nil, 0.0035, false},
		"genmeter's own, priced nowhere":               {"genmeter", map[string]any{"gen_ai.usage.cost.amount": nil, "genmeter.cost.status": "unpriced"}, 0, false},
		"another's, priced by genmeter in the app":     {"official", local, 0, true},
		"another's, a stream cut, priced by genmeter":  {"official", map[string]any{"gen_ai.usage.cost.source": "provider", "genmeter.cost.status": "partial"}, 0, true},
		"another's, metered by genmeter in the app":    {"framework", map[string]any{"gen_ai.usage.cost.source": "local", "genmeter.billed_by": "genmeter"}, 0, false},
		"the same, without a price in the app":         {"framework", map[string]any{"gen_ai.usage.cost.source": nil, "genmeter.billed_by": "genmeter", "genmeter.cost.status": "unpriced", "gen_ai.usage.cost.amount": nil}, 0, false},
		"the same, priced here":                        {"framework", map[string]any{"genmeter.billed_by": "genmeter"}, 0.0035, false},
		"another's, priced here":                       {"official", nil, 0.0035, true},
		"another's, its amount taken over":             {"official", map[string]any{"gen_ai.usage.cost.source": "emitter"}, 0.0035, true},
		"another's, its amount in the name of today":   {"official", map[string]any{"gen_ai.usage.cost.source": "provider", "genmeter.cost.status": nil}, 0.0035, true},
		"another's, only the total in our own name":    {"official", map[string]any{"gen_ai.usage.cost.amount": nil, "genmeter.cost.total": 0.25}, 0.25, true},
		"another's, in a currency that is not dollars": {"official", map[string]any{"gen_ai.usage.cost.currency": "EUR", "gen_ai.usage.cost.source": "emitter"}, 0, true},
		"another's, in dollars written small":          {"official", map[string]any{"gen_ai.usage.cost.currency": "usd"}, 0.0035, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.take(one.scope, chat(one.more))
			found := r.everything()
			require.Equal(t, one.cost, found[costs])
			require.Equal(t, one.hasCalls, found[calls] == 1)
			require.Equal(t, one.hasCalls, found[tokens+" input"] == 1000)
			require.Equal(t, one.hasCalls, found[durations] == 1.5)
		})
	}
}

func TestOnlyBilledOperationsOfWhoPaysAreCounted(t *testing.T) {
	r := newRig(t)
	for word, counted := range map[string]string{
		"chat": "chat", "text_completion": "text_completion", "generate_content": "generate_content",
		"embeddings": "embeddings", "embedding": "embeddings", "invoke_agent": "", "execute_tool": "",
		"invoke_workflow": "", "create_agent": "", "moderation": "", "": "",
	} {
		before := r.values(calls, "gen_ai.operation.name")
		r.take("a.library", chat(map[string]any{"gen_ai.operation.name": word}))
		after := r.values(calls, "gen_ai.operation.name")
		if counted == "" {
			require.Equal(t, before, after, word)
		} else {
			require.Equal(t, before[counted]+1, after[counted], word)
		}
	}
	for _, kind := range []ptrace.SpanKind{ptrace.SpanKindServer, ptrace.SpanKindProducer, ptrace.SpanKindConsumer} {
		td := traces(t, "a.model.server", chat(nil))
		td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).SetKind(kind)
		before := r.everything()
		require.NoError(t, r.ConsumeTraces(context.Background(), td))
		require.Equal(t, before, r.everything(), kind.String())
	}
}

func TestInputThatLeftTheCacheOutIsCountedWithIt(t *testing.T) {
	cache := map[string]any{"gen_ai.usage.cache_read.input_tokens": 4000, "gen_ai.usage.cache_write.input_tokens": 500}
	whole := newRig(t)
	whole.take("a.library", chat(cache))
	require.Equal(t, 1000.0, whole.everything()[tokens+" input"])
	repaired := newRig(t)
	cache["genmeter.usage.repaired"] = true
	repaired.take("a.library", chat(cache))
	require.Equal(t, 5500.0, repaired.everything()[tokens+" input"])
}

func TestACallWithoutAPriceIsCountedByItsReasonAndHasNoCost(t *testing.T) {
	r := newRig(t)
	none := map[string]any{"gen_ai.usage.cost.amount": nil, "genmeter.cost.status": "unpriced"}
	for _, reason := range []string{"unknown_model", "unknown_model", "no_usage", "made up, never mind how often"} {
		none["genmeter.cost.reason"] = reason
		r.take("a.library", chat(none))
	}
	require.Equal(t, map[any]float64{"unknown_model": 2, "no_usage": 1, nil: 1}, r.values(unpriced, "genmeter.cost.reason"))
	require.NotContains(t, r.everything(), costs)
}

func TestWhatACallDoesNotSayIsNotZero(t *testing.T) {
	r := newRig(t)
	r.take("a.library", map[string]any{"gen_ai.operation.name": "embeddings"})
	require.Equal(t, map[string]float64{calls: 1, durations: 1.5}, r.later())
}

func TestLabelsAreThoseOfTheCallAndTheEnvironmentElseThatOfTheResource(t *testing.T) {
	r := newRig(t, func(cfg *Config) { cfg.Instance = "west-1" })
	more := map[string]any{
		"gen_ai.response.model": "gpt-4o-2024-08-06", "genmeter.department": 4711, "genmeter.application": "desk",
		"user.id": "u-1", "gen_ai.response.id": "r-1",
	}
	td := traces(t, "a.library", chat(more), chat(more))
	resource := map[string]any{
		"service.name": "shop", "service.namespace": "eu", "deployment.environment.name": "prod", "process.pid": 1,
		"service.instance.id": "pod-1",
	}
	require.NoError(t, td.ResourceSpans().At(0).Resource().Attributes().FromRaw(resource))
	td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(1).Attributes().PutStr("deployment.environment.name", "test")
	require.NoError(t, r.ConsumeTraces(context.Background(), td))
	seen := map[any]int{}
	for _, one := range r.sent() {
		if one.metric != calls || one.zero {
			continue
		}
		environment := one.labels["deployment.environment.name"]
		seen[environment]++
		require.Equal(t, map[string]any{
			"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o",
			"gen_ai.response.model": "gpt-4o-2024-08-06", "genmeter.department": "4711", "genmeter.application": "desk",
			"deployment.environment.name": environment,
		}, one.labels)
		require.Equal(t, map[string]any{
			"service.name": "shop", "service.namespace": "eu", "deployment.environment.name": environment,
			"service.instance.id": "west-1",
		}, one.resource)
	}
	require.Equal(t, map[any]int{"prod": 1, "test": 1}, seen)
}

func TestAnApplicationThatRestartsGoesOnInItsSeries(t *testing.T) {
	r := newRig(t)
	for _, process := range []string{"first", "second"} {
		td := traces(t, "a.library", chat(nil))
		td.ResourceSpans().At(0).Resource().Attributes().PutStr("service.instance.id", process)
		require.NoError(t, r.ConsumeTraces(context.Background(), td))
	}
	require.Equal(t, map[any]float64{"chat": 2}, r.values(calls, "gen_ai.operation.name"))
	require.Equal(t, 1, r.meter.size())
}

func TestSpansStayAsTheyAre(t *testing.T) {
	r := newRig(t)
	td := traces(t, "a.library", chat(map[string]any{"genmeter.usage.repaired": true}))
	td.MarkReadOnly() // a write would panic
	require.NoError(t, r.ConsumeTraces(context.Background(), td))
	require.False(t, r.Capabilities().MutatesData)
}
