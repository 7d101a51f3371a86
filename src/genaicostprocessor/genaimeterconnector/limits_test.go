package genaimeterconnector

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/genmeter/genmeter/src/genaicostprocessor/genaimeterconnector/internal/metadatatest"
)

func TestCallsBeyondMaxSeriesAreInOneSeriesAndTheTotalIsWhole(t *testing.T) {
	r := newRig(t, func(cfg *Config) { cfg.MaxSeries = 3 })
	for number := range 10 {
		r.take("a.library", chat(map[string]any{"gen_ai.request.model": fmt.Sprint("model-", number)}))
	}
	r.take("a.library", chat(map[string]any{"gen_ai.request.model": "model-0"})) // known before: still on its own
	found := r.values(calls, "gen_ai.request.model")
	require.Equal(t, map[any]float64{"model-0": 2, "model-1": 1, "model-2": 1, nil: 7}, found)
	for _, one := range r.sent() {
		if one.metric == calls && one.labels["gen_ai.request.model"] == nil {
			require.Equal(t, map[string]any{"otel.metric.overflow": true}, one.labels)
			require.Equal(t, map[string]any{"service.instance.id": "collector"}, one.resource)
		}
	}
	require.Equal(t, 11*0.0035, r.everything()[costs])
	require.Equal(t, 1, r.log.FilterMessageSnippet("max_series").Len())
	metadatatest.AssertEqualConnectorGenaiMeterOverflow(t, r.telemetry,
		[]metricdata.DataPoint[int64]{{Value: 7}}, metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualConnectorGenaiMeterSeries(t, r.telemetry,
		[]metricdata.DataPoint[int64]{{Value: 3}}, metricdatatest.IgnoreTimestamp())
}

func TestAMillionModelNamesDoNotFillTheMemory(t *testing.T) {
	r := newRig(t)
	td := traces(t, "a.library", chat(nil))
	attributes := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes()
	before := heap()
	long := strings.Repeat("x", 300)
	for number := range 1_000_000 {
		attributes.PutStr("gen_ai.request.model", strconv.Itoa(number)+long)
		if err := r.ConsumeTraces(context.Background(), td); err != nil {
			t.Fatal(err)
		}
	}
	grown := heap() - before
	require.Less(t, grown, int64(16<<20), "2,000 combinations of about 4 KB")
	require.Equal(t, 1_000_000.0, r.everything()[calls])
}

func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func TestASeriesWithoutCallsMakesRoomAndBeginsAnewLater(t *testing.T) {
	r := newRig(t, func(cfg *Config) { cfg.MaxSeries = 1 })
	r.take("a.library", chat(nil))
	r.sent()
	r.meter.snapshot(nil, time.Now().Add(25*time.Hour))
	require.Zero(t, r.meter.size())
	require.Empty(t, r.sent())
	r.take("a.library", chat(nil))
	zeros, sums := split(byMetric(r.sent())[calls])
	require.Len(t, zeros, 1)
	require.Equal(t, 1.0, sums[0].value)
}

func TestMadeUpModelsMakeRoomForATrueOneAndTheLargestStays(t *testing.T) {
	r := newRig(t, func(cfg *Config) { cfg.MaxSeries = 40 })
	r.meter.idle = 0
	for range 3 {
		r.take("a.library", chat(map[string]any{"gen_ai.request.model": "large"}))
	}
	for number := range 200 {
		r.take("a.library", chat(map[string]any{"gen_ai.request.model": fmt.Sprint("made-up-", number)}))
	}
	r.sent()
	require.Equal(t, 30, r.meter.size(), "a quarter is free")
	for range 2 {
		r.take("a.library", chat(map[string]any{"gen_ai.request.model": "true"}))
	}
	found := r.values(calls, "gen_ai.request.model")
	require.Equal(t, 2.0, found["true"])
	require.Equal(t, 3.0, found["large"])
	require.Equal(t, 161.0, found[nil], "what had no room stays in the overflow")
}

func TestACombinationInUseMakesNoRoom(t *testing.T) {
	r := newRig(t, func(cfg *Config) { cfg.MaxSeries = 2 })
	for range 2 {
		for number := range 4 {
			r.take("a.library", chat(map[string]any{"gen_ai.request.model": fmt.Sprint("model-", number)}))
		}
		require.Len(t, r.values(calls, "gen_ai.request.model"), 3)
		require.Equal(t, 2, r.meter.size())
	}
}

func TestNoCombinationIsDroppedThatHasNotBeenSent(t *testing.T) {
	r := newRig(t, func(cfg *Config) { cfg.MaxSeries = 4 })
	r.meter.idle = 0
	for number := range 8 {
		r.take("a.library", chat(map[string]any{"gen_ai.request.model": fmt.Sprint("made-up-", number)}))
	}
	r.store.set(func(s *store) { s.refuse = true })
	r.sent()
	require.Equal(t, 4, r.meter.size())
	r.store.set(func(s *store) { s.refuse = false })
	require.Len(t, r.values(calls, "gen_ai.request.model"), 5)
	require.Equal(t, 3, r.meter.size())
}

func TestALabelThatPrometheusWouldRefuseIsMended(t *testing.T) {
	r := newRig(t)
	for _, model := range []string{"\xff\xfe", "\xff\xfe", strings.Repeat("é", 5_000_000), "a" + strings.Repeat("é", 5_000_000)} {
		r.take("a.library", chat(map[string]any{"gen_ai.request.model": model}))
	}
	found := r.values(calls, "gen_ai.request.model")
	require.Equal(t, 2.0, found["\uFFFD"])
	require.Len(t, found, 3)
	for model := range found {
		require.True(t, utf8.ValidString(model.(string)))
		require.LessOrEqual(t, len(model.(string)), 260)
	}
}

func TestTwoResourcesThatPrometheusTakesForOneJobAreOneSeries(t *testing.T) {
	r := newRig(t)
	for _, one := range []map[string]any{
		{"service.namespace": "a", "service.name": "b/c"}, {"service.namespace": "a/b", "service.name": "c"},
		{"service.name": "a/b/c"},
	} {
		td := traces(t, "a.library", chat(nil))
		require.NoError(t, td.ResourceSpans().At(0).Resource().Attributes().FromRaw(one))
		require.NoError(t, r.ConsumeTraces(context.Background(), td))
	}
	_, sums := split(byMetric(r.sent())[calls])
	require.Len(t, sums, 1)
	require.Equal(t, 3.0, sums[0].value)
}

func TestWhatMakesNoSenseIsLeftOutAndCounted(t *testing.T) {
	r := newRig(t)
	for _, more := range []map[string]any{
		{"gen_ai.usage.cost.amount": math.NaN()}, {"gen_ai.usage.cost.amount": math.Inf(1)},
		{"gen_ai.usage.cost.amount": -0.01}, {"gen_ai.usage.cost.amount": 1e8}, {"gen_ai.usage.cost.amount": "much"},
		{"gen_ai.usage.cost.amount": 9.3e6}, // above 2^63 pico
		{"gen_ai.usage.cost.currency": "EUR"},
		{"gen_ai.usage.input_tokens": -1}, {"gen_ai.usage.input_tokens": int64(1)<<40 + 1},
		{"gen_ai.usage.output_tokens": 0.5}, {"gen_ai.usage.output_tokens": math.NaN()},
	} {
		r.take("a.library", chat(more))
	}
	td := traces(t, "a.library", chat(nil), chat(nil), chat(nil), chat(nil))
	spans := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
	spans.At(0).SetEndTimestamp(spans.At(0).StartTimestamp() - 1)
	spans.At(1).SetStartTimestamp(0)
	spans.At(2).SetEndTimestamp(math.MaxUint64)
	spans.At(3).SetStartTimestamp(math.MaxUint64)
	spans.At(3).SetEndTimestamp(5)
	require.NoError(t, r.ConsumeTraces(context.Background(), td))
	found := r.everything()
	require.Equal(t, 15.0, found[calls])
	require.Equal(t, 0.028, found[costs])              // 8 × 0.0035
	require.Equal(t, 13_000.0, found[tokens+" input"]) // 13 of 15
	require.Equal(t, 1300.0, found[tokens+" output"])  // 13 of 15
	require.Equal(t, 11*1.5, found[durations])         // 11 of 15
	point := func(reason string, value int64) metricdata.DataPoint[int64] {
		return metricdata.DataPoint[int64]{Value: value, Attributes: attribute.NewSet(attribute.String("reason", reason))}
	}
	metadatatest.AssertEqualConnectorGenaiMeterSkipped(t, r.telemetry, []metricdata.DataPoint[int64]{
		point("amount", 6), point("currency", 1), point("tokens", 4), point("duration", 4),
	}, metricdatatest.IgnoreTimestamp())
}

func TestCountsThatCameAsTextOrAsFloatsAreCounted(t *testing.T) {
	r := newRig(t)
	r.take("a.library", chat(map[string]any{"gen_ai.usage.input_tokens": "1000", "gen_ai.usage.output_tokens": 100.0}))
	found := r.everything()
	require.Equal(t, 1000.0, found[tokens+" input"])
	require.Equal(t, 100.0, found[tokens+" output"])
}

// What genmeter.ledger.money.to_pico gives for the same amounts (run by hand).
func TestAnAmountIsReadAsTheLedgerReadsIt(t *testing.T) {
	for _, one := range []struct {
		amount any
		pico   int64
		ok     bool
	}{
		{0.1, 100_000_000_000, true},
		{0.0, 0, true},
		{math.Copysign(0, -1), 0, true},
		{5e-13, 0, true}, // half a pico: to the even one
		{1.5e-12, 2, true},
		{2.5e-12, 2, true},
		{7e-12, 7, true},
		{1e-300, 0, true},
		{9007.199254740994, 9_007_199_254_740_994, true}, // above 2^53 pico
		{1234567.891, 1_234_567_891_000_000_000, true},
		{9223372.036854, 9_223_372_036_854_000_000, true},
		{9223372.036855, 0, false}, // above 2^63 - 1
		{"0.0035", 3_500_000_000, true},
		{"1e-12", 1, true},
		{"1e-999999999", 0, true},
		{"1e999999999", 0, false},
		{"nan", 0, false},
		{"0x1p-2", 0, false},
		{"", 0, false},
		{int64(3), 3_000_000_000_000, true},
		{int64(-3), 0, false},
		{int64(9_223_373), 0, false},
		{true, 0, false},
	} {
		value := pcommon.NewValueEmpty()
		require.NoError(t, value.FromRaw(one.amount))
		pico, ok := toPico(value)
		require.Equal(t, one.ok, ok, one.amount)
		if ok {
			require.Equal(t, one.pico, pico, one.amount)
		}
	}
}

func TestEveryAmountOfPicoComesThroughItsDouble(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		pico := random.Int64N(1 << (10 + random.IntN(43))) // below 2^53, where each has a double of its own
		value := pcommon.NewValueDouble(float64(pico) / 1e12)
		found, ok := toPico(value)
		require.True(t, ok)
		require.Equal(t, pico, found)
	}
}

func TestASumIsExactBeyondAnInt64AndRoundedOnce(t *testing.T) {
	var sum exact
	total := new(big.Int)
	random := rand.New(rand.NewPCG(3, 4))
	for range 10_000 {
		pico := random.Int64()
		sum.add(pico)
		total.Add(total, big.NewInt(pico))
	}
	require.False(t, total.IsInt64())
	require.Equal(t, nearest(t, total.String()+"e-12"), sum.float())
	small := exact{}
	for range 10 {
		small.add(100_000_000_000)
	}
	require.Equal(t, 1.0, small.float(), "ten tenths")
}
