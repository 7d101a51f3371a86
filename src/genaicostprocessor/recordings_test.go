package genaicostprocessor

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/vectors"
)

// bill is what a recording expects of one span: the sum in pico-USD, worked out by hand from what the provider said.
type bill struct {
	Call, Arithmetic string
	Total            *int64
}

// eachRecording runs a test on the spans and events of every instrumentation in tests/vectors/spans.
func eachRecording(t *testing.T, test func(t *testing.T, td ptrace.Traces, ld plog.Logs, bills map[string]bill)) {
	for _, path := range vectors.Files(t, "tests/vectors/spans/*.json") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			var recorded struct{ Expect map[string]bill }
			require.NoError(t, json.Unmarshal(data, &recorded))
			td, err := new(ptrace.JSONUnmarshaler).UnmarshalTraces(data)
			require.NoError(t, err)
			ld, err := new(plog.JSONUnmarshaler).UnmarshalLogs(data)
			require.NoError(t, err)
			require.Equal(t, len(recorded.Expect), td.SpanCount())
			test(t, td, ld, recorded.Expect)
		})
	}
}

// spansOf are the attributes of every span by its id.
func spansOf(td ptrace.Traces) map[string]map[string]any {
	found := map[string]map[string]any{}
	for _, resource := range td.ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				found[span.SpanID().String()] = span.Attributes().AsRaw()
			}
		}
	}
	return found
}

func TestARecordedCallLeavesTheCollectorWithItsBill(t *testing.T) {
	eachRecording(t, func(t *testing.T, td ptrace.Traces, _ plog.Logs, bills map[string]bill) {
		before := spansOf(td)
		p, sink := newRig(t).traces()
		require.NoError(t, p.ConsumeTraces(context.Background(), td))
		for id, after := range spansOf(sink.AllTraces()[0]) {
			switch want := bills[id]; {
			case want.Call == "step":
				require.Equal(t, before[id], after, "a step of the app is left alone")
			case want.Total == nil:
				require.NotContains(t, after, "gen_ai.usage.cost.amount", want.Call)
			default:
				require.Equal(t, float64(*want.Total)/1e12, after["gen_ai.usage.cost.amount"], "%s: %s", want.Call, want.Arithmetic)
				require.Equal(t, "USD", after["gen_ai.usage.cost.currency"], want.Call)
				require.Equal(t, "priced", after["genmeter.cost.status"], want.Call)
			}
			for key, value := range before[id] {
				require.Equal(t, value, after[key], "nothing that was there is changed")
			}
		}
	})
}

func TestTheEventOfARecordedCallCostsWhatItsSpanCosts(t *testing.T) {
	bySpan, events := map[string]int64{}, 0
	eachRecording(t, func(t *testing.T, _ ptrace.Traces, ld plog.Logs, bills map[string]bill) {
		clear(bySpan)
		for id, want := range bills {
			if want.Total != nil {
				bySpan[id] = *want.Total
			}
		}
		if ld.LogRecordCount() == 0 {
			return
		}
		p, sink := newRig(t).logs()
		require.NoError(t, p.ConsumeLogs(context.Background(), ld))
		for _, scope := range sink.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				total, billed := bySpan[record.SpanID().String()]
				if !billed || record.EventName() != "gen_ai.client.inference.operation.details" {
					continue
				}
				events++
				amount, _ := record.Attributes().Get("gen_ai.usage.cost.amount")
				require.Equal(t, float64(total)/1e12, amount.Double(), record.SpanID())
			}
		}
	})
	// 9 of genmeter, twice; 8 of the official one, which has none for embeddings; 6 of OpenLIT that hang on their span
	require.Equal(t, 9+9+8+6, events)
}

func TestASecondCollectorChangesNothing(t *testing.T) {
	eachRecording(t, func(t *testing.T, td ptrace.Traces, _ plog.Logs, _ map[string]bill) {
		first, once := newRig(t).traces()
		require.NoError(t, first.ConsumeTraces(context.Background(), td))
		priced := ptrace.NewTraces()
		once.AllTraces()[0].CopyTo(priced)
		second, twice := newRig(t).traces()
		require.NoError(t, second.ConsumeTraces(context.Background(), priced))
		require.Equal(t, spansOf(once.AllTraces()[0]), spansOf(twice.AllTraces()[0]))
	})
}
