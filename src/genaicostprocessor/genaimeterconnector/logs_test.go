package genaimeterconnector

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/genmeter/genmeter/src/genaicostprocessor/genaimeterconnector/internal/metadatatest"
)

const details = "gen_ai.client.inference.operation.details"

// events are log records of one resource and scope; those named details have the ids of the spans of traces.
func events(t testing.TB, scope, name string, records ...map[string]any) plog.Logs {
	ld := plog.NewLogs()
	resource := ld.ResourceLogs().AppendEmpty()
	require.NoError(t, resource.Resource().Attributes().FromRaw(map[string]any{"service.name": "shop"}))
	inner := resource.ScopeLogs().AppendEmpty()
	inner.Scope().SetName(scope)
	for i, attributes := range records {
		record := inner.LogRecords().AppendEmpty()
		record.SetEventName(name)
		record.SetTimestamp(1795176002_500000000)
		require.NoError(t, record.Attributes().FromRaw(attributes))
		if name == details {
			record.SetTraceID(pcommon.TraceID{15: 1})
			record.SetSpanID(pcommon.SpanID{7: byte(i + 1)})
		}
	}
	return ld
}

func (r *rig) takeEvents(scope, name string, records ...map[string]any) {
	require.NoError(r.t, r.ConsumeLogs(context.Background(), events(r.t, scope, name, records...)))
}

func TestACallThatComesAsAnEventAloneIsCountedWithItsTokensMoneyAndDuration(t *testing.T) {
	r := newRig(t)
	r.takeEvents(sdk, details, chat(map[string]any{"genmeter.call.duration": 1.5}))
	found := r.later()
	require.Equal(t, 1.0, found[calls])
	require.Equal(t, 1000.0, found[tokens+" input"])
	require.Equal(t, 0.0035, found[costs])
	require.Equal(t, 1.5, found[durations])
}

func TestACallThatComesAsASpanAndAsAnEventIsCountedOnceInEitherOrder(t *testing.T) {
	for _, scope := range []string{sdk, langchain, app} {
		span := func(r *rig) { r.take(scope, chat(nil), chat(nil)) }
		event := func(r *rig) { r.takeEvents(scope, details, chat(nil), chat(nil)) }
		wait := func(r *rig) { r.released(context.Background(), time.Now().Add(doubleWindow+time.Second), false) }
		for name, steps := range map[string][]func(*rig){
			"span first":                     {span, event},
			"event first":                    {event, span},
			"event long before":              {event, wait, span},
			"span long before":               {span, wait, event},
			"event before and after":         {event, span, event},
			"the event's span never arrives": {event},
		} {
			t.Run(scope+", "+name, func(t *testing.T) {
				r := newRig(t)
				for _, step := range steps {
					step(r)
				}
				found := r.later()
				require.InDelta(t, 0.007, found[costs], 1e-12)
				if scope == app {
					require.Zero(t, found[calls], "the application counts its own")
				} else {
					require.Equal(t, 2.0, found[calls])
					require.Equal(t, 2000.0, found[tokens+" input"])
				}
				require.Empty(t, r.doubled(), "two signals of one call are no doubles")
			})
		}
	}
}

func TestTheDurationIsThatOfTheSpanWhereItComes(t *testing.T) {
	r := newRig(t)
	r.takeEvents(sdk, details, chat(nil))
	r.take(sdk, chat(nil))
	require.Equal(t, 1.5, r.later()[durations])
}

func TestAnEventIsADoubleAsItsSpanWouldBe(t *testing.T) {
	// a framework's span above, an SDK's span and event below: one call in any order
	above := func(r *rig) { r.send(sent{langchain, 9, 0, 0, 1500, nil}) }
	span := func(r *rig) { r.send(sent{sdk, 1, 9, 100, 1400, nil}) }
	event := func(r *rig) { r.takeEvents(sdk, details, chat(map[string]any{"genmeter.call.duration": 1.4})) }
	steps := []func(*rig){above, span, event}
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}, {0, 2}, {2, 0}} {
		r := newRig(t)
		for _, at := range order {
			steps[at](r)
		}
		found := r.later()
		require.Equal(t, 1.0, found[calls], order)
		require.InDelta(t, 0.0035, found[costs], 1e-12, order)
	}
}

func TestAnEventThatWasWrittenInTheSpanAboveIsThatOfItsCall(t *testing.T) {
	// OpenLIT writes the event of a stream when the span of the call has ended already: it has the ids of the span above
	above := func(r *rig) {
		one := chat(map[string]any{"gen_ai.usage.output_tokens": 100})
		two := chat(map[string]any{"gen_ai.usage.output_tokens": 50})
		ld := events(t, sdk, details, one, two)
		for _, record := range ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
			record.SetSpanID(pcommon.SpanID{7: 9})
		}
		require.NoError(t, r.ConsumeLogs(context.Background(), ld))
	}
	spans := func(r *rig) {
		r.send(sent{sdk, 1, 9, 0, 500, nil}, sent{sdk, 2, 9, 500, 900, map[string]any{"gen_ai.usage.output_tokens": 50}})
		// a third call, as large as the first, has no event
		r.send(sent{sdk, 3, 9, 900, 1400, nil})
	}
	for _, steps := range [][]func(*rig){{above, spans}, {spans, above}} {
		r := newRig(t)
		for _, step := range steps {
			step(r)
		}
		require.Equal(t, 3.0, r.later()[calls])
	}
}

func TestRecordsOfAProgramThatSendsLogsAloneAreEachACall(t *testing.T) {
	// as genai_cost has passed them: Claude Code's own names, and those of today
	one := chat(map[string]any{"gen_ai.provider.name": "anthropic", "gen_ai.usage.cost.source": "emitter", "request_id": "a"})
	two := chat(map[string]any{"gen_ai.provider.name": "anthropic", "gen_ai.usage.cost.source": "emitter", "request_id": "b"})
	r := newRig(t)
	r.takeEvents("com.anthropic.claude_code.events", "claude_code.api_request", one, two)
	found := r.later()
	require.Equal(t, 2.0, found[calls])
	require.InDelta(t, 0.007, found[costs], 1e-12)

	// the span of the same call, around its log record
	r = newRig(t)
	r.send(sent{"com.anthropic.claude_code", 1, 0, 0, 1500, nil})
	ld := events(t, "com.anthropic.claude_code.events", "claude_code.api_request", one)
	record := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	record.SetTraceID(pcommon.TraceID{15: 1})
	record.SetSpanID(pcommon.SpanID{7: 1})
	require.NoError(t, r.ConsumeLogs(context.Background(), ld))
	require.Equal(t, 1.0, r.later()[calls])
}

func TestOtherLogRecordsAreNoCalls(t *testing.T) {
	r := newRig(t)
	r.takeEvents(sdk, "gen_ai.choice", chat(nil))
	r.takeEvents(sdk, "", chat(nil))
	r.takeEvents(sdk, details, chat(map[string]any{"gen_ai.operation.name": "invoke_agent"}))
	r.takeEvents("gemini-cli", details, chat(map[string]any{"genmeter.cost.status": "elsewhere", "gen_ai.operation.name": "generate_content"}))
	require.Empty(t, r.later())
}

func TestTheConnectorsOfSpansAndOfLogsAreOne(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Interval = time.Hour
	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, telemetry.Shutdown(context.Background())) })
	set, taken := connector.Settings(metadatatest.NewSettings(telemetry)), &store{}
	spans, err := NewFactory().CreateTracesToMetrics(t.Context(), set, cfg, taken)
	require.NoError(t, err)
	logs, err := NewFactory().CreateLogsToMetrics(t.Context(), set, cfg, taken)
	require.NoError(t, err)
	require.NoError(t, spans.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, logs.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, logs.ConsumeLogs(t.Context(), events(t, sdk, details, chat(nil))))
	require.NoError(t, spans.ConsumeTraces(t.Context(), traces(t, sdk, chat(nil))))
	require.NoError(t, spans.Shutdown(t.Context()))
	require.Empty(t, taken.taken, "the other one is still open")
	require.NoError(t, logs.Shutdown(t.Context()))
	require.Len(t, taken.taken, 1)
	made := points(t, taken.taken[0])
	at := slices.IndexFunc(made, func(one point) bool { return one.metric == calls && !one.zero })
	require.Equal(t, 1.0, made[at].value)

	again, err := NewFactory().CreateTracesToMetrics(t.Context(), set, cfg, taken)
	require.NoError(t, err)
	require.NotSame(t, spans, again, "one that has stopped is not used again")
	require.NoError(t, again.Shutdown(t.Context()))
}
