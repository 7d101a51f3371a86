package genaicostprocessor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/metadatatest"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/pricing"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/vectors"
)

// priceList lists acme-large at so many dollars for a million tokens in, and nothing for tokens out.
func priceList(dollars int) string {
	return fmt.Sprintf("[prices.acme.\"acme-large\"]\ninput = \"%d\"\noutput = \"0\"\n", dollars)
}

// watched is a rig whose file is looked at every 20 ms, which Validate would refuse.
func watched(t *testing.T, text string) (*rig, string) {
	path := filepath.Join(t.TempDir(), "genmeter.toml")
	write(t, path, text)
	r := newRig(t, func(cfg *Config) { cfg.Prices.Files = []string{path} })
	r.cfg.Prices.ReloadInterval = 20 * time.Millisecond
	return r, path
}

// million sends a call of a million tokens in, and returns its amount: the price of acme-large, in dollars.
func million(t *testing.T, consume func(context.Context, ptrace.Traces) error, sink *consumertest.TracesSink) any {
	sink.Reset()
	td := ptrace.NewTraces()
	span := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	require.NoError(t, span.Attributes().FromRaw(chat(map[string]any{"gen_ai.usage.input_tokens": 1_000_000})))
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	require.NoError(t, consume(context.Background(), td))
	return sink.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).
		Attributes().AsRaw()["gen_ai.usage.cost.amount"]
}

func (r *rig) reloads(result string, want int64) {
	metadatatest.AssertEqualProcessorGenaiCostReloads(r.t, r.telemetry, []metricdata.DataPoint[int64]{{
		Value: want, Attributes: attribute.NewSet(attribute.String("result", result)),
	}}, metricdatatest.IgnoreTimestamp())
}

func soon(t *testing.T, happens func() bool, what string) {
	t.Helper()
	require.Eventually(t, happens, 10*time.Second, 10*time.Millisecond, what)
}

func TestAChangedPriceFileIsUsed(t *testing.T) {
	r, path := watched(t, priceList(1))
	p, sink := r.traces()
	require.Equal(t, 1.0, million(t, p.ConsumeTraces, sink))
	write(t, path, priceList(2))
	soon(t, func() bool { return million(t, p.ConsumeTraces, sink) == 2.0 }, "the new price")
	r.reloads("ok", 1)
}

func TestAFileThatIsStillBeingWrittenIsNotUsed(t *testing.T) {
	r, path := watched(t, priceList(1))
	p, sink := r.traces()
	write(t, path, priceList(2)) // as good as the whole, for a moment
	time.Sleep(settling / 3)
	write(t, path, priceList(3))
	soon(t, func() bool { return million(t, p.ConsumeTraces, sink) == 3.0 }, "the price of the whole file")
	r.reloads("ok", 1)
}

func TestABrokenPriceFileKeepsTheLastGoodTable(t *testing.T) {
	for name, text := range map[string]string{
		"that is no TOML": "[prices", "with a bad row": "[prices.acme.x]\ninput = 2\n", "that is empty": "",
		"that is half-written": priceList(2)[:30],
	} {
		t.Run(name, func(t *testing.T) {
			r, path := watched(t, priceList(1))
			p, sink := r.traces()
			write(t, path, text)
			failed := func() int { return r.log.FilterMessageSnippet("cannot be used").Len() }
			soon(t, func() bool { return failed() > 0 }, "the error in the log")
			r.reloads("failed", 1)
			time.Sleep(100 * time.Millisecond) // five looks later
			require.Equal(t, 1, failed(), "logged once for one content")
			require.Contains(t, r.log.FilterMessageSnippet("cannot be used").All()[0].ContextMap()["error"], path)
			require.Equal(t, 1.0, million(t, p.ConsumeTraces, sink))
			t.Run("and a mended one is used", func(t *testing.T) {
				write(t, path, priceList(3))
				soon(t, func() bool { return million(t, p.ConsumeTraces, sink) == 3.0 }, "the new price")
			})
		})
	}
}

func TestAFileThatPythonRefusesKeepsTheLastGoodTable(t *testing.T) {
	for name, content := range map[string]string{
		"a table that no reader knows": strings.ReplaceAll(priceList(2), "prices.", "price."),
		"a mark of UTF-16":             "\xff\xfe" + priceList(2),
		"bytes that are no text":       "# \xe4\n" + priceList(2),
	} {
		t.Run(name, func(t *testing.T) {
			r, path := watched(t, priceList(1))
			p, sink := r.traces()
			write(t, path, content)
			soon(t, func() bool { return r.log.FilterMessageSnippet("cannot be used").Len() == 1 }, "the error in the log")
			require.Equal(t, 1.0, million(t, p.ConsumeTraces, sink))
			r.reloads("failed", 1)
		})
	}
}

func TestAByteOrderMarkAndTheTablesOfAnApplicationAreTaken(t *testing.T) {
	r, path := watched(t, priceList(1))
	p, sink := r.traces()
	write(t, path, "\ufeff"+priceList(2)+"\n[budgets]\n[attribution]\n[content]\n[metrics]\n")
	soon(t, func() bool { return r.log.FilterMessageSnippet("read again").Len() == 1 }, "another table")
	require.Equal(t, 2.0, million(t, p.ConsumeTraces, sink))
}

func TestTablesAreThoseThatPythonKnows(t *testing.T) {
	var known struct{ Tables, Keys []string }
	vectors.Into(t, "tests/vectors/tables.json", &known)
	require.Equal(t, known.Tables, pricing.Tables)
	require.Equal(t, known.Keys, pricing.Keys)
}

func TestAMissingPriceFileKeepsTheLastGoodTable(t *testing.T) {
	r, path := watched(t, priceList(1))
	p, sink := r.traces()
	require.NoError(t, os.Remove(path))
	soon(t, func() bool { return r.log.FilterMessageSnippet("cannot be used").Len() == 1 }, "the error in the log")
	require.Equal(t, 1.0, million(t, p.ConsumeTraces, sink))
	write(t, path, priceList(1))
	soon(t, func() bool { return r.log.FilterMessageSnippet("read again").Len() == 1 }, "that it is back")
}

func TestALastGoodTimeGoesOnOnlyWhileTheFilesAreGood(t *testing.T) {
	r, path := watched(t, priceList(1))
	r.traces()
	shared := r.factoryBook()
	shared.lastGood.Store(7)
	soon(t, func() bool { return shared.lastGood.Load() > 7 }, "a look at a good file")
	write(t, path, "[prices")
	soon(t, func() bool { return r.log.FilterMessageSnippet("cannot be used").Len() == 1 }, "the error in the log")
	shared.lastGood.Store(7)
	time.Sleep(100 * time.Millisecond)
	require.Equal(t, int64(7), shared.lastGood.Load())
}

func TestAFileIsNotReadAgainWithAnIntervalOfZero(t *testing.T) {
	r, path := watched(t, priceList(1))
	r.cfg.Prices.ReloadInterval = 0
	p, sink := r.traces()
	write(t, path, priceList(2))
	time.Sleep(2*settling + 100*time.Millisecond)
	require.Equal(t, 1.0, million(t, p.ConsumeTraces, sink))
}

// One price is in force during each batch: under -race this is also the proof that nothing is shared unguarded.
func TestPricesAreReloadedDuringTraffic(t *testing.T) {
	r, path := watched(t, priceList(1))
	p, err := r.factory.CreateTraces(context.Background(), r.set, r.cfg, consumertest.NewNop())
	require.NoError(t, err)
	require.NoError(t, p.Start(context.Background(), componenttest.NewNopHost()))
	var senders sync.WaitGroup
	var stop atomic.Bool
	var batches atomic.Int64
	for range 4 {
		senders.Go(func() {
			for !stop.Load() {
				td := ptrace.NewTraces()
				scope := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
				for range 20 {
					call := chat(map[string]any{"gen_ai.usage.input_tokens": 1_000_000})
					if err := scope.Spans().AppendEmpty().Attributes().FromRaw(call); err != nil {
						t.Error(err)
					}
				}
				unknown := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
				name := fmt.Sprintf("made-up-%d", batches.Load()%2000)
				if err := unknown.Attributes().FromRaw(chat(map[string]any{"gen_ai.request.model": name})); err != nil {
					t.Error(err)
				}
				if err := p.ConsumeTraces(context.Background(), td); err != nil {
					t.Error(err)
				}
				amounts := map[float64]int{}
				for _, span := range scope.Spans().All() {
					amount, _ := span.Attributes().Get("gen_ai.usage.cost.amount")
					amounts[amount.Double()]++
				}
				if len(amounts) != 1 || amounts[0] != 0 {
					t.Errorf("prices in one batch: %v", amounts)
				}
				batches.Add(1)
			}
		})
	}
	shared := r.factoryBook()
	for number := range 4 {
		before := shared.recorded.Load()
		write(t, path, "[prices") // broken for a moment, as an editor may leave it
		write(t, path, priceList(number+2))
		soon(t, func() bool { return shared.recorded.Load() != before }, "another table")
	}
	stop.Store(true)
	senders.Wait()
	require.NoError(t, p.Shutdown(context.Background()))
	require.Positive(t, batches.Load())
	r.reloads("ok", 4)
}

func (r *rig) factoryBook() *book {
	shared := r.books()[r.cfg]
	require.NotNil(r.t, shared)
	return shared
}

func TestTracesAndLogsShareOneTableAndOneLoop(t *testing.T) {
	r := newRig(t)
	ctx, host := context.Background(), componenttest.NewNopHost()
	traces, err := r.factory.CreateTraces(ctx, r.set, r.cfg, consumertest.NewNop())
	require.NoError(t, err)
	logs, err := r.factory.CreateLogs(ctx, r.set, r.cfg, consumertest.NewNop())
	require.NoError(t, err)
	require.Len(t, r.books(), 1)
	require.NoError(t, traces.Start(ctx, host))
	first, loop := r.factoryBook().recorded.Load(), r.factoryBook().done
	require.NotNil(t, loop)
	require.NoError(t, logs.Start(ctx, host))
	require.Same(t, first, r.factoryBook().recorded.Load())
	require.Equal(t, loop, r.factoryBook().done)

	require.NoError(t, traces.Shutdown(ctx))
	select {
	case <-loop:
		t.Fatal("the loop has ended with one of its two users")
	default:
	}
	require.Len(t, r.books(), 1)
	require.NoError(t, logs.Shutdown(ctx))
	<-loop
	require.Empty(t, r.books(), "a configuration without users is forgotten")
	t.Run("and can be started once more", func(t *testing.T) {
		require.NoError(t, traces.Start(ctx, host))
		require.NoError(t, traces.Shutdown(ctx))
		require.NoError(t, traces.Shutdown(ctx), "twice does no harm")
	})
}

func TestAnotherConfigurationHasABookOfItsOwn(t *testing.T) {
	r := newRig(t)
	r.traces()
	other := createDefaultConfig().(*Config)
	_, err := r.factory.CreateTraces(context.Background(), r.set, other, consumertest.NewNop())
	require.NoError(t, err)
	require.Len(t, r.books(), 2)
}

func TestTheTableIsMeasured(t *testing.T) {
	r := newRig(t)
	r.traces()
	catalogue := r.factoryBook().recorded.Load().Catalogue
	asOf, err := time.Parse(time.DateOnly, catalogue.AsOf())
	require.NoError(t, err)
	age, err := r.telemetry.GetMetric("otelcol_processor_genai_cost_table_age")
	require.NoError(t, err)
	require.InDelta(t, time.Since(asOf).Hours()/24, age.Data.(metricdata.Gauge[float64]).DataPoints[0].Value, 0.01)
	r.span(chat(nil)) // by a price of the user's own, whose date is the user's
	r.span(chat(map[string]any{"gen_ai.provider.name": "openai", "server.address": "api.openai.com", "gen_ai.request.model": "gpt-4o"}))
	oldest, err := r.telemetry.GetMetric("otelcol_processor_genai_cost_seller_age")
	require.NoError(t, err)
	sellers := oldest.Data.(metricdata.Gauge[float64]).DataPoints
	require.Len(t, sellers, 1)
	require.Equal(t, "openai", sellers[0].Attributes.ToSlice()[0].Value.AsString())
	read, err := time.Parse(time.DateOnly, catalogue.AsOfSeller("openai"))
	require.NoError(t, err)
	require.InDelta(t, time.Since(read).Hours()/24, sellers[0].Value, 0.01)
	models, err := r.telemetry.GetMetric("otelcol_processor_genai_cost_table_models")
	require.NoError(t, err)
	require.Equal(t, int64(catalogue.Models()), models.Data.(metricdata.Gauge[int64]).DataPoints[0].Value)
	good, err := r.telemetry.GetMetric("otelcol_processor_genai_cost_table_last_good")
	require.NoError(t, err)
	require.InDelta(t, time.Now().Unix(), good.Data.(metricdata.Gauge[int64]).DataPoints[0].Value, 5)
}
