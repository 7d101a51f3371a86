package genaicostprocessor

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/metadata"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/metadatatest"
)

// acme is a seller of the user's own, so that sums here do not move with list prices: $2 for a million tokens in, $0.20
// where the cache is read, $2.50 where it is written, $8 for a million tokens out.
const acme = `
[sellers]
"llm.acme.example" = "acme"

[prices.acme."acme-large"]
input = "2.00"
output = "8.00"
cache_read = "0.20"
cache_write = "2.50"

[prices.acme."acme-free"]
free = true
`

// rig is a processor as the service runs it, with its telemetry and its log at hand.
type rig struct {
	t         *testing.T
	cfg       *Config
	own       *factory
	factory   processor.Factory
	telemetry *componenttest.Telemetry
	set       processor.Settings
	log       *observer.ObservedLogs
}

func newRig(t *testing.T, changes ...func(*Config)) *rig {
	path := filepath.Join(t.TempDir(), "genmeter.toml")
	write(t, path, acme)
	cfg := createDefaultConfig().(*Config)
	cfg.Prices.Files = []string{path}
	for _, change := range changes {
		change(cfg)
	}
	require.NoError(t, cfg.Validate())
	r := &rig{t: t, cfg: cfg, own: newFactory(), telemetry: componenttest.NewTelemetry()}
	t.Cleanup(func() { require.NoError(t, r.telemetry.Shutdown(context.Background())) })
	r.factory = r.own.processors()
	r.set = metadatatest.NewSettings(r.telemetry)
	core, log := observer.New(zapcore.InfoLevel)
	r.set.Logger, r.log = zap.New(core), log
	return r
}

// books is a copy of the books that the factory lends now.
func (r *rig) books() map[*Config]*book {
	r.own.mu.Lock()
	defer r.own.mu.Unlock()
	return maps.Clone(r.own.books)
}

func write(t testing.TB, path, text string) {
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// traces starts a traces pipeline, and stops it when the test ends.
func (r *rig) traces() (processor.Traces, *consumertest.TracesSink) {
	sink := new(consumertest.TracesSink)
	p, err := r.factory.CreateTraces(context.Background(), r.set, r.cfg, sink)
	require.NoError(r.t, err)
	require.NoError(r.t, p.Start(context.Background(), componenttest.NewNopHost()))
	r.t.Cleanup(func() { require.NoError(r.t, p.Shutdown(context.Background())) })
	return p, sink
}

func (r *rig) logs() (processor.Logs, *consumertest.LogsSink) {
	sink := new(consumertest.LogsSink)
	p, err := r.factory.CreateLogs(context.Background(), r.set, r.cfg, sink)
	require.NoError(r.t, err)
	require.NoError(r.t, p.Start(context.Background(), componenttest.NewNopHost()))
	r.t.Cleanup(func() { require.NoError(r.t, p.Shutdown(context.Background())) })
	return p, sink
}

// span sends one span with these attributes through a pipeline of its own, and returns what they have become.
func (r *rig) span(attributes map[string]any, changes ...func(ptrace.Span, pcommon.InstrumentationScope)) map[string]any {
	p, sink := r.traces()
	td := ptrace.NewTraces()
	scope := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
	span := scope.Spans().AppendEmpty()
	span.SetKind(ptrace.SpanKindClient)
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)))
	require.NoError(r.t, span.Attributes().FromRaw(attributes))
	for _, change := range changes {
		change(span, scope.Scope())
	}
	require.NoError(r.t, p.ConsumeTraces(context.Background(), td))
	return sink.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().AsRaw()
}

func (r *rig) event(attributes map[string]any, changes ...func(plog.LogRecord)) map[string]any {
	p, sink := r.logs()
	ld := plog.NewLogs()
	record := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetEventName("gen_ai.client.inference.operation.details")
	record.SetTimestamp(pcommon.NewTimestampFromTime(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)))
	require.NoError(r.t, record.Attributes().FromRaw(attributes))
	for _, change := range changes {
		change(record)
	}
	require.NoError(r.t, p.ConsumeLogs(context.Background(), ld))
	return sink.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().AsRaw()
}

func inScope(name, version string) func(ptrace.Span, pcommon.InstrumentationScope) {
	return func(_ ptrace.Span, scope pcommon.InstrumentationScope) {
		scope.SetName(name)
		scope.SetVersion(version)
	}
}

func failing(span ptrace.Span, _ pcommon.InstrumentationScope) {
	span.Status().SetCode(ptrace.StatusCodeError)
}

// chat is a call to acme-large: 1,000 tokens in, 100 out. 1,000 × $2/1M + 100 × $8/1M = $0.002 + $0.0008 = $0.0028.
func chat(more map[string]any) map[string]any {
	return joined(map[string]any{
		"gen_ai.operation.name":      "chat",
		"gen_ai.provider.name":       "acme",
		"gen_ai.request.model":       "acme-large",
		"gen_ai.usage.input_tokens":  1000,
		"gen_ai.usage.output_tokens": 100,
	}, more)
}

// joined is both; a value that is nil in the second is left out.
func joined(one, other map[string]any) map[string]any {
	made := map[string]any{}
	for _, from := range []map[string]any{one, other} {
		for key, value := range from {
			made[key] = value
			if value == nil {
				delete(made, key)
			}
		}
	}
	return made
}

// added is what stands in after and not in before; it fails when anything of before is changed or gone.
func added(t *testing.T, before, after map[string]any) map[string]any {
	raw := pcommon.NewMap()
	require.NoError(t, raw.FromRaw(before))
	found := map[string]any{}
	for key, value := range after {
		if was, there := raw.AsRaw()[key]; there {
			require.Equal(t, was, value, key)
		} else {
			found[key] = value
		}
	}
	for key := range before {
		require.Contains(t, after, key)
	}
	return found
}

func nopSet() processor.Settings { return processortest.NewNopSettings(metadata.Type) }
