package genaimeterconnector

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

const (
	langchain = "openinference.instrumentation.langchain"
	llama     = "openinference.instrumentation.llama_index"
	sdk       = "opentelemetry.instrumentation.openai_v2"
	app       = "genmeter"
)

// local says that genmeter in the application has priced and counted the call.
var local = map[string]any{"gen_ai.usage.cost.source": "local"}

// sent is one span to be sent: who wrote it, its id and its parent's, milliseconds of begin and end, attributes.
type sent struct {
	scope        string
	span, parent byte
	began, ended int
	more         map[string]any
}

func (r *rig) send(all ...sent) {
	for _, one := range all {
		td := traces(r.t, one.scope, chat(one.more))
		span := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
		span.SetSpanID(pcommon.SpanID{7: one.span})
		if one.parent != 0 {
			span.SetParentSpanID(pcommon.SpanID{7: one.parent})
		}
		start := span.StartTimestamp()
		span.SetStartTimestamp(start + pcommon.Timestamp(one.began*1e6))
		span.SetEndTimestamp(start + pcommon.Timestamp(one.ended*1e6))
		require.NoError(r.t, r.ConsumeTraces(context.Background(), td))
	}
}

// later is what is counted after the window.
func (r *rig) later() map[string]float64 {
	r.released(context.Background(), time.Now().Add(doubleWindow+time.Second), false)
	return r.everything()
}

func (r *rig) doubled() map[string]int64 {
	found := map[string]int64{}
	got, err := r.telemetry.GetMetric("otelcol_connector_genai_meter_doubles")
	if err != nil {
		return found
	}
	for _, one := range got.Data.(metricdata.Sum[int64]).DataPoints {
		result, _ := one.Attributes.Value("result")
		found[result.AsString()] += one.Value
	}
	return found
}

func TestACallThatTheApplicationCountsIsNotCountedHereBesideWhoeverElseHasRecordedIt(t *testing.T) {
	ours := sent{app, 2, 1, 100, 1400, local}
	for name, theirs := range map[string]sent{
		"above, the same tokens": {langchain, 1, 0, 0, 1500, nil},
		"above, no tokens":       {langchain, 1, 0, 0, 1500, map[string]any{"gen_ai.usage.input_tokens": nil, "gen_ai.usage.output_tokens": nil}},
		"at the same time":       {langchain, 3, 0, 0, 1500, nil},
		"without the cache":      {langchain, 3, 0, 0, 1500, map[string]any{"gen_ai.usage.input_tokens": 400}},
		"below":                  {sdk, 5, 2, 150, 1300, nil},
	} {
		for order := range 2 {
			t.Run(name, func(t *testing.T) {
				r := newRig(t)
				more := map[string]any{"gen_ai.usage.cost.source": "local"}
				if name == "without the cache" {
					more["gen_ai.usage.cache_read.input_tokens"] = 600
				}
				ours := ours
				ours.more = more
				if order == 0 {
					r.send(ours, theirs)
				} else if theirs.scope == langchain {
					r.send(theirs, ours)
				} else {
					t.Skip("a span below ours comes before it or is counted: its instrumentation is no framework's")
				}
				require.Empty(t, r.later())
				require.Equal(t, map[string]int64{"set_aside": 1}, r.doubled())
			})
		}
	}
}

func TestAFrameworkAndAnSDKsInstrumentationAreOneCallInEitherOrder(t *testing.T) {
	for order := range 2 {
		r := newRig(t)
		all := []sent{{langchain, 1, 0, 0, 1500, nil}, {sdk, 2, 0, 100, 1400, nil}}
		r.send(all[order], all[1-order])
		require.Equal(t, map[string]float64{
			costs: 0.0035, calls: 1, tokens + " input": 1000, tokens + " output": 100, durations: 1.3,
		}, r.later())
		require.Equal(t, map[string]int64{"set_aside": 1}, r.doubled())
	}
}

func TestCallsThatOnlyLookAlikeStayTwo(t *testing.T) {
	for name, all := range map[string][]sent{
		"one instrumentation":    {{langchain, 1, 0, 0, 1500, nil}, {langchain, 2, 0, 0, 1500, nil}},
		"two frameworks":         {{langchain, 1, 0, 0, 1500, nil}, {llama, 2, 0, 0, 1500, nil}},
		"two libraries":          {{sdk, 1, 0, 0, 1500, nil}, {"a.library", 2, 0, 0, 1500, nil}},
		"other tokens":           {{langchain, 1, 0, 0, 1500, nil}, {sdk, 2, 0, 0, 1500, map[string]any{"gen_ai.usage.output_tokens": 99}}},
		"another model":          {{langchain, 1, 0, 0, 1500, nil}, {sdk, 2, 0, 0, 1500, map[string]any{"gen_ai.request.model": "gpt-4o-mini"}}},
		"another time":           {{langchain, 1, 0, 0, 1500, nil}, {sdk, 2, 0, 1400, 2900, nil}},
		"another trace's parent": {{langchain, 1, 9, 0, 1500, nil}, {sdk, 2, 9, 1600, 1700, nil}},
	} {
		r := newRig(t)
		r.send(all...)
		require.Equal(t, 2.0, r.later()[calls], name)
		require.Empty(t, r.doubled(), name)
	}
}

func TestEqualCallsAtOneTimeAreCountedAsManyAsTheyAreInAnyOrder(t *testing.T) {
	for seed := range uint64(20) {
		r := newRig(t)
		var all []sent
		for n := range byte(8) {
			all = append(all, sent{langchain, 10 + n, 0, int(n), 1500, nil}, sent{app, 30 + n, 0, 50 + int(n), 1450, local})
		}
		// two that the framework alone has recorded
		all = append(all, sent{langchain, 50, 0, 3, 1500, nil}, sent{langchain, 51, 0, 4, 1500, nil})
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		r.send(all...)
		require.Equal(t, 2.0, r.later()[calls], seed)
		require.Equal(t, map[string]int64{"set_aside": 8}, r.doubled(), seed)
	}
}

func TestACallOfAnInstrumentationThatIsNoFrameworksIsCountedAtOnce(t *testing.T) {
	r := newRig(t)
	r.send(sent{sdk, 1, 0, 0, 1500, nil})
	require.Equal(t, 1.0, r.everything()[calls])
	r.send(sent{langchain, 2, 0, 5000, 6000, nil})
	require.Equal(t, 1.0, r.everything()[calls], "the framework's waits")
	require.Equal(t, 2.0, r.later()[calls])
}

func TestADoubleThatWasCountedBeforeIsToldAndItsInstrumentationWaitsFromThenOn(t *testing.T) {
	r := newRig(t)
	r.send(sent{sdk, 1, 0, 0, 1500, nil}, sent{app, 2, 1, 100, 1400, local})
	require.Equal(t, 1.0, r.later()[calls])
	require.Equal(t, map[string]int64{"counted": 1}, r.doubled())
	r.send(sent{sdk, 11, 0, 9000, 9500, nil}, sent{app, 12, 11, 9100, 9400, local})
	require.Equal(t, 1.0, r.later()[calls])
	require.Equal(t, map[string]int64{"counted": 1, "set_aside": 1}, r.doubled())
}

func TestAMarkedSpanIsNoBill(t *testing.T) {
	r := newRig(t)
	mark := map[string]any{"genmeter.cost.status": "elsewhere", "genmeter.billed_by": "0000000000000002"}
	r.send(sent{langchain, 1, 0, 0, 1500, mark})
	td := traces(t, "left.out", chat(nil))
	td.ResourceSpans().At(0).ScopeSpans().At(0).Scope().Attributes().PutStr("genmeter.cost.status", "elsewhere")
	require.NoError(t, r.ConsumeTraces(context.Background(), td))
	require.Empty(t, r.later())
	require.Equal(t, map[string]int64{"marked": 2}, r.doubled())
}

func TestWhatWaitsIsCountedAtShutdown(t *testing.T) {
	r := newRig(t)
	r.send(sent{langchain, 1, 0, 0, 1500, nil})
	require.NoError(t, r.Shutdown(context.Background()))
	require.Len(t, r.store.taken, 1)
}

func TestMemoryOfDoublesIsBounded(t *testing.T) {
	r := newRig(t)
	for n := range 3 * remembered {
		td := traces(t, langchain, chat(nil))
		span := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
		span.SetTraceID(pcommon.TraceID{0: 1, 12: byte(n >> 24), 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)})
		span.SetSpanID(pcommon.SpanID{4: 1, 5: byte(n >> 16), 6: byte(n >> 8), 7: byte(n)})
		span.SetParentSpanID(pcommon.SpanID{4: 2, 5: byte(n >> 16), 6: byte(n >> 8), 7: byte(n)})
		require.NoError(t, r.ConsumeTraces(context.Background(), td))
	}
	require.Len(t, r.doubles.ring, remembered)
	require.Len(t, r.doubles.traces, remembered)
	require.Len(t, r.doubles.spans, remembered)
	require.Len(t, r.doubles.children, remembered)
	require.LessOrEqual(t, len(r.doubles.queue), mostHeld+1)
	require.Equal(t, float64(3*remembered), r.later()[calls])
}

func TestManySendersAtOnceLoseNoCall(t *testing.T) {
	r := newRig(t)
	var senders sync.WaitGroup
	for worker := range byte(8) {
		senders.Go(func() {
			for n := range byte(100) {
				for _, scope := range []string{langchain, app} {
					td := traces(t, scope, chat(local))
					span := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
					span.SetTraceID(pcommon.TraceID{0: 1, 14: worker, 15: n})
					span.SetSpanID(pcommon.SpanID{0: scope[0], 6: worker, 7: n})
					_ = r.ConsumeTraces(context.Background(), td)
				}
			}
		})
	}
	senders.Wait()
	require.Empty(t, r.later())
	require.Equal(t, map[string]int64{"set_aside": 800}, r.doubled())
}

func TestARootWithoutTokensIsLeftOutBeforeItsChildAndAfterIt(t *testing.T) {
	none := map[string]any{
		"gen_ai.usage.input_tokens": nil, "gen_ai.usage.output_tokens": nil, "gen_ai.usage.cost.amount": nil,
	}
	root, child := sent{"gen_ai", 1, 0, 0, 1500, none}, sent{"gen_ai", 2, 1, 100, 1400, nil}
	for _, order := range [][]sent{{child, root}, {root, child}} {
		r := newRig(t)
		r.send(order...)
		found := r.later()
		require.Equal(t, []float64{1, 0.0035, 1000}, []float64{found[calls], found[costs], found[tokens+" input"]})
		require.Equal(t, map[string]int64{"set_aside": 1}, r.doubled())
	}
}
