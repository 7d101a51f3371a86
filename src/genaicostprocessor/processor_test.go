package genaicostprocessor

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func TestACallWithTokensAndNoCostIsPriced(t *testing.T) {
	r := newRig(t)
	before := chat(nil)
	found := added(t, before, r.span(before))
	require.Contains(t, found["genmeter.cost.catalogue"], "+own-")
	delete(found, "genmeter.cost.catalogue")
	require.Equal(t, map[string]any{
		"gen_ai.usage.cost.amount":   0.0028,
		"gen_ai.usage.cost.currency": "USD",
		"gen_ai.usage.cost.source":   "collector",
		"genmeter.cost.total":        0.0028,
		"genmeter.cost.input":        0.002,
		"genmeter.cost.output":       0.0008,
		"genmeter.cost.status":       "priced",
		"genmeter.cost.entry":        "override:acme/acme-large",
	}, found)
}

func TestWhoMadeACallStaysAsItIs(t *testing.T) {
	maker := map[string]any{
		"gen_ai.agent.name": "billing", "gen_ai.workflow.name": "refunds", "genmeter.agent.path": "triage/billing",
		"gen_ai.conversation.id": "c-1",
	}
	for name, before := range map[string]map[string]any{
		"a call": chat(maker),
		"an agent": {
			"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "triage", "genmeter.agent.path": "triage",
			"genmeter.rollup.cost": 0.25, "genmeter.rollup.calls": int64(3), "genmeter.rollup.input_tokens": int64(57),
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, priced := added(t, before, newRig(t).span(before))["genmeter.cost.status"]
			require.Equal(t, name == "a call", priced)
		})
	}
}

func TestTheSpellingOfACostIsChosen(t *testing.T) {
	for spelling, want := range map[string][]string{
		"proposal": {"gen_ai.usage.cost.amount", "gen_ai.usage.cost.currency"},
		"own":      {"genmeter.cost.total", "genmeter.cost.input", "genmeter.cost.output"},
	} {
		t.Run(spelling, func(t *testing.T) {
			r := newRig(t, func(cfg *Config) { cfg.Attributes = spelling })
			var found []string
			for key := range added(t, chat(nil), r.span(chat(nil))) {
				found = append(found, key)
			}
			always := []string{"gen_ai.usage.cost.source", "genmeter.cost.status", "genmeter.cost.catalogue", "genmeter.cost.entry"}
			require.ElementsMatch(t, append(want, always...), found)
		})
	}
}

func TestACostThatIsThereStays(t *testing.T) {
	for name, cost := range map[string]any{
		"of the proposal": 0.5, "of zero": 0.0, "below zero": -1.0, "that is text": "0.5", "that is no number": math.Inf(1),
		"that is empty text": "", "that is a list": []any{1.0},
	} {
		for _, key := range []string{"gen_ai.usage.cost.amount", "genmeter.cost.total"} {
			t.Run(key+" "+name, func(t *testing.T) {
				before := chat(map[string]any{key: cost})
				require.Empty(t, added(t, before, newRig(t).span(before)))
			})
		}
	}
}

func TestOnlyBilledOperationsArePriced(t *testing.T) {
	for _, operation := range []any{
		"invoke_agent", "create_agent", "invoke_workflow", "execute_tool", "fetch_response", "retrieval", "moderation",
		"handle_conversation_turn", "plan", "search_memory", "Plan", "", 7, nil,
	} {
		before := chat(map[string]any{"gen_ai.operation.name": operation})
		require.Empty(t, added(t, before, newRig(t).span(before)), operation)
	}
	for _, operation := range []string{"chat", "Chat", "text_completion", "generate_content", "embeddings"} {
		after := newRig(t).span(chat(map[string]any{"gen_ai.operation.name": operation}))
		require.Equal(t, 0.0028, after["gen_ai.usage.cost.amount"], operation)
	}
}

func TestSpansOfWhoServesOrQueuesACallAreNotPriced(t *testing.T) {
	for _, kind := range []ptrace.SpanKind{ptrace.SpanKindServer, ptrace.SpanKindProducer, ptrace.SpanKindConsumer} {
		after := newRig(t).span(chat(nil), func(span ptrace.Span, _ pcommon.InstrumentationScope) { span.SetKind(kind) })
		require.Empty(t, added(t, chat(nil), after))
	}
	for _, kind := range []ptrace.SpanKind{ptrace.SpanKindInternal, ptrace.SpanKindUnspecified} {
		after := newRig(t).span(chat(nil), func(span ptrace.Span, _ pcommon.InstrumentationScope) { span.SetKind(kind) })
		require.Equal(t, 0.0028, after["gen_ai.usage.cost.amount"])
	}
}

func TestAScopeCanBeSkipped(t *testing.T) {
	r := newRig(t, func(cfg *Config) { cfg.SkipScopes = []string{"framework"} })
	require.Empty(t, added(t, chat(nil), r.span(chat(nil), inScope("framework", ""))))
	require.Contains(t, r.span(chat(nil), inScope("framework.sdk", "")), "gen_ai.usage.cost.amount")
}

func TestACallWithoutAPriceGetsAReasonAndNoNumber(t *testing.T) {
	for reason, call := range map[string]struct {
		more   map[string]any
		detail string
	}{
		"unknown_model":    {map[string]any{"gen_ai.request.model": "acme-huge"}, "acme lists no price for 'acme-huge'"},
		"unknown_provider": {map[string]any{"gen_ai.provider.name": "nobody"}, "the seller at this address is unknown; name it under [sellers]"},
		"no_usage": {map[string]any{"gen_ai.usage.input_tokens": nil, "gen_ai.usage.output_tokens": nil},
			"the response carried no token counts"},
		"invalid_usage": {map[string]any{"gen_ai.usage.input_tokens": 1.5},
			`gen_ai.usage.input_tokens is "1.5"; it must be a whole number`},
	} {
		t.Run(reason, func(t *testing.T) {
			before := chat(call.more)
			require.Equal(t, map[string]any{
				"genmeter.cost.status": "unpriced", "genmeter.cost.reason": reason, "genmeter.cost.detail": call.detail,
			}, added(t, before, newRig(t).span(before)))
		})
	}
}

func TestADetailIsShortAndWholeText(t *testing.T) {
	after := newRig(t).span(chat(map[string]any{"gen_ai.usage.input_tokens": strings.Repeat("ä", 300)}))
	detail := after["genmeter.cost.detail"].(string)
	require.LessOrEqual(t, len(detail), 200)
	require.True(t, utf8.ValidString(detail))
	require.Contains(t, detail, "gen_ai.usage.input_tokens")
}

func TestACountMayBeAFloatOrText(t *testing.T) {
	for _, count := range []any{1000, 1000.0, "1000"} {
		after := newRig(t).span(chat(map[string]any{"gen_ai.usage.input_tokens": count}))
		require.Equal(t, 0.0028, after["gen_ai.usage.cost.amount"], "%T", count)
	}
	for _, count := range []any{1000.5, "1,000", "+1000", "", " 1000", true, "1e3", -5, 1e300, []any{1}, "99999999999999999999"} {
		after := newRig(t).span(chat(map[string]any{"gen_ai.usage.input_tokens": count}))
		require.Equal(t, "invalid_usage", after["genmeter.cost.reason"], "%v", count)
	}
}

func TestAWrongAttributeIsNamedInTheLog(t *testing.T) {
	r := newRig(t)
	r.span(chat(map[string]any{"gen_ai.request.model": 7}))
	require.Equal(t, `gen_ai.request.model is "7"; it must be text`, r.log.All()[0].ContextMap()["detail"])
}

func TestAFailedCallWithoutUsageGetsNothing(t *testing.T) {
	none := chat(map[string]any{"gen_ai.usage.input_tokens": nil, "gen_ai.usage.output_tokens": nil})
	require.Empty(t, added(t, none, newRig(t).span(none, failing)))
	typed := joined(none, map[string]any{"error.type": "timeout"})
	require.Empty(t, added(t, typed, newRig(t).span(typed)))
	require.Empty(t, added(t, typed, newRig(t).event(typed)))
	t.Run("and one with usage is priced", func(t *testing.T) {
		require.Equal(t, 0.0028, newRig(t).span(chat(nil), failing)["gen_ai.usage.cost.amount"])
	})
}

func TestACutStreamIsPricedInPart(t *testing.T) {
	after := newRig(t).span(chat(map[string]any{"genmeter.stream.cut": "closed", "gen_ai.usage.output_tokens": nil}))
	require.Equal(t, "partial", after["genmeter.cost.status"])
	require.Equal(t, 0.002, after["gen_ai.usage.cost.amount"])
}

func TestAFreeModelIsPricedAtZero(t *testing.T) {
	after := newRig(t).span(chat(map[string]any{"gen_ai.request.model": "acme-free"}))
	require.Equal(t, 0.0, after["gen_ai.usage.cost.amount"])
	require.Equal(t, "priced", after["genmeter.cost.status"])
}

func TestWhatAnApplicationCouldNotPriceIsTriedAgain(t *testing.T) {
	left := map[string]any{
		"genmeter.cost.status": "unpriced", "genmeter.cost.reason": "unknown_model", "genmeter.cost.detail": "openai lists no such model",
	}
	t.Run("and priced where this book knows more", func(t *testing.T) {
		after := newRig(t).span(chat(left))
		require.Equal(t, 0.0028, after["gen_ai.usage.cost.amount"])
		require.Equal(t, "priced", after["genmeter.cost.status"])
		require.NotContains(t, after, "genmeter.cost.reason")
		require.NotContains(t, after, "genmeter.cost.detail")
	})
	t.Run("and left as it is where it does not", func(t *testing.T) {
		before := joined(chat(left), map[string]any{"gen_ai.provider.name": "nobody"})
		require.Empty(t, added(t, before, newRig(t).span(before)))
	})
	t.Run("and an emitter's amount comes first", func(t *testing.T) {
		after := newRig(t).span(joined(chat(left), map[string]any{"llm.cost.total": 0.5}))
		require.Equal(t, 0.5, after["gen_ai.usage.cost.amount"])
		require.NotContains(t, after, "genmeter.cost.reason")
		require.NotContains(t, after, "genmeter.cost.detail")
	})
}

func TestTheAddressSaysWhoSells(t *testing.T) {
	r := newRig(t)
	at := func(more map[string]any) any {
		return r.span(chat(more))["genmeter.cost.entry"]
	}
	require.Equal(t, "override:acme/acme-large", at(map[string]any{
		"gen_ai.provider.name": "openai", "server.address": "llm.acme.example"}), "before a default name")
	require.Equal(t, "override:acme/acme-large", at(map[string]any{
		"gen_ai.provider.name": nil, "gen_ai.openai.api_base": "https://llm.acme.example:8443/v1"}), "by a base URL")
	require.Equal(t, "override:acme/acme-large", at(map[string]any{"server.address": "10.1.2.3"}),
		"a name that no SDK writes by default holds at an unknown address")
	require.Nil(t, at(map[string]any{"gen_ai.provider.name": "openai", "server.address": "10.1.2.3",
		"gen_ai.request.model": "gpt-4o"}), "a default name does not")
}

func TestTheAddressSaysTheRegion(t *testing.T) {
	// Claude Sonnet 4.5 costs 10 % more in a region of Vertex AI: 1,000 × $3.30/1M + 100 × $16.50/1M
	after := newRig(t).span(chat(map[string]any{"gen_ai.provider.name": "gcp.vertex_ai",
		"gen_ai.request.model": "claude-sonnet-4-5", "server.address": "europe-west1-aiplatform.googleapis.com"}))
	require.Equal(t, 0.00495, after["gen_ai.usage.cost.amount"])
}

func TestTheCallsOfOneBatchMayHaveManySellers(t *testing.T) {
	p, sink := newRig(t).traces()
	td := ptrace.NewTraces()
	all := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	var want []any
	for range 2 {
		// names of the same length, which one look-up may not take for each other
		for _, one := range []struct {
			provider, address string
			amount            any
		}{
			{"acme", "", 0.0028}, {"emca", "", nil},
			{"openai", "llm.acme.example", 0.0028}, {"openai", "llm.emca.example", nil},
		} {
			require.NoError(t, all.AppendEmpty().Attributes().FromRaw(chat(map[string]any{
				"gen_ai.provider.name": one.provider, "server.address": one.address})))
			want = append(want, one.amount)
		}
	}
	require.NoError(t, p.ConsumeTraces(context.Background(), td))
	var got []any
	for _, span := range sink.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
		got = append(got, span.Attributes().AsRaw()["gen_ai.usage.cost.amount"])
	}
	require.Equal(t, want, got)
}

func TestSellersMayStandInTheConfiguration(t *testing.T) {
	r := newRig(t, func(cfg *Config) {
		cfg.Sellers = map[string]string{"gateway.example/llm": "acme", "llm.acme.example": "openai"}
	})
	after := r.span(chat(map[string]any{
		"gen_ai.provider.name": "openai", "gen_ai.openai.api_base": "https://gateway.example/llm/v1"}))
	require.Equal(t, 0.0028, after["gen_ai.usage.cost.amount"])
	t.Run("and win over those of the files", func(t *testing.T) {
		after := r.span(chat(map[string]any{"server.address": "llm.acme.example"}))
		require.Equal(t, "unknown_model", after["genmeter.cost.reason"], "openai lists no acme-large")
	})
}

func TestEventsArePriced(t *testing.T) {
	require.Equal(t, 0.0028, newRig(t).event(chat(nil))["gen_ai.usage.cost.amount"])
	t.Run("also by the attribute event.name", func(t *testing.T) {
		after := newRig(t).event(chat(map[string]any{"event.name": "gen_ai.client.inference.operation.details"}),
			func(record plog.LogRecord) { record.SetEventName("") })
		require.Equal(t, 0.0028, after["gen_ai.usage.cost.amount"])
	})
	t.Run("and no other records", func(t *testing.T) {
		for _, name := range []string{"", "gen_ai.client.operation.exception"} {
			before := chat(map[string]any{"event.name": name})
			after := newRig(t).event(before, func(record plog.LogRecord) { record.SetEventName(name) })
			require.Empty(t, added(t, before, after))
		}
	})
}

// dated has two prices: $1 for a million tokens until the end of 2026-11-20, $3 from the 21st on.
const dated = `
[[prices.acme.dated]]
input = "1.00"
output = "0"
[[prices.acme.dated]]
from = 2026-11-21
input = "3.00"
output = "0"
`

func TestTheTimeOfACallDecidesItsPrice(t *testing.T) {
	path := t.TempDir() + "/dated.toml"
	write(t, path, dated)
	r := newRig(t, func(cfg *Config) { cfg.Prices.Files = []string{path} })
	call := chat(map[string]any{"gen_ai.request.model": "dated", "gen_ai.usage.input_tokens": 1_000_000})
	midnight := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	started := func(at, ended time.Time) any {
		return r.span(call, func(span ptrace.Span, _ pcommon.InstrumentationScope) {
			span.SetStartTimestamp(0)
			if !at.IsZero() {
				span.SetStartTimestamp(pcommon.NewTimestampFromTime(at))
			}
			span.SetEndTimestamp(pcommon.NewTimestampFromTime(ended))
		})["gen_ai.usage.cost.amount"]
	}
	t.Run("of a span its start", func(t *testing.T) {
		require.Equal(t, 1.0, started(midnight.Add(-time.Nanosecond), midnight.Add(time.Hour)))
		require.Equal(t, 3.0, started(midnight, midnight.Add(time.Hour)))
		require.Equal(t, 3.0, started(time.Time{}, midnight), "the end where the start is not said")
	})
	written := func(stamp, observed time.Time, lasted any) any {
		return r.event(joined(call, map[string]any{"genmeter.call.duration": lasted}), func(record plog.LogRecord) {
			record.SetTimestamp(0)
			if !stamp.IsZero() {
				record.SetTimestamp(pcommon.NewTimestampFromTime(stamp))
			}
			record.SetObservedTimestamp(pcommon.NewTimestampFromTime(observed))
		})["gen_ai.usage.cost.amount"]
	}
	t.Run("of an event its time less the duration of the call", func(t *testing.T) {
		require.Equal(t, 3.0, written(midnight, midnight, nil))
		require.Equal(t, 1.0, written(midnight, midnight, 0.5))
		require.Equal(t, 3.0, written(midnight, midnight, -0.5))
		require.Equal(t, 3.0, written(midnight, midnight, "0.5"))
		require.Equal(t, 3.0, written(midnight, midnight, math.NaN()))
		require.Equal(t, 1.0, written(time.Time{}, midnight.Add(-time.Second), nil), "when it was observed, else")
	})
}

func TestDataIsCopiedForWhoElseReadsIt(t *testing.T) {
	p, _ := newRig(t).traces()
	require.True(t, p.Capabilities().MutatesData)
	logs, _ := newRig(t).logs()
	require.True(t, logs.Capabilities().MutatesData)
}

func TestAnEmptyRequestPasses(t *testing.T) {
	r := newRig(t)
	p, sink := r.traces()
	require.NoError(t, p.ConsumeTraces(context.Background(), ptrace.NewTraces()))
	require.Len(t, sink.AllTraces(), 1)
}

func TestAPipelineThatHasNotStartedAsksForItAgain(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	traces, logs := new(consumertest.TracesSink), new(consumertest.LogsSink)
	early, err := r.factory.CreateTraces(ctx, r.set, r.cfg, traces)
	require.NoError(t, err)
	earlyLogs, err := r.factory.CreateLogs(ctx, r.set, r.cfg, logs)
	require.NoError(t, err)
	// one of them started is not enough: what stands behind the other has not
	require.NoError(t, early.Start(ctx, componenttest.NewNopHost()))
	require.NoError(t, early.ConsumeTraces(ctx, ptrace.NewTraces()))
	require.ErrorIs(t, earlyLogs.ConsumeLogs(ctx, plog.NewLogs()), errNotStarted)
	require.Empty(t, logs.AllLogs())
	require.NoError(t, early.Shutdown(ctx))
	require.ErrorIs(t, early.ConsumeTraces(ctx, ptrace.NewTraces()), errNotStarted)
	require.Len(t, traces.AllTraces(), 1)
	require.NoError(t, earlyLogs.Shutdown(ctx))
}

func TestAnAmountThatAnApplicationKeepsToItselfIsNotWrittenForIt(t *testing.T) {
	r := newRig(t)
	for _, status := range []string{"priced", "partial"} {
		call := chat(map[string]any{"genmeter.cost.status": status})
		require.Empty(t, added(t, call, r.span(call)))
	}
}
