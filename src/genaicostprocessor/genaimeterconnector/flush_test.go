package genaimeterconnector

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

func TestANewSeriesIsSentWithAZeroBeforeItsFirstCallAndThenOnlyWithItsSum(t *testing.T) {
	r := newRig(t)
	before := pcommon.NewTimestampFromTime(time.Now())
	r.take("a.library", chat(nil))
	first := byMetric(r.sent())
	for _, name := range []string{costs, calls, tokens, durations} {
		zeros, sums := split(first[name])
		require.Len(t, zeros, len(sums), name)
		for i, zero := range zeros {
			require.Zero(t, zero.value)
			require.Zero(t, zero.count)
			require.Empty(t, zero.exemplars)
			require.Equal(t, zero.labels, sums[i].labels)
			require.Equal(t, zero.start, sums[i].start)
			require.GreaterOrEqual(t, zero.at+1e6, before)
			require.Greater(t, sums[i].at/1e6, zero.at/1e6, "later by a millisecond at least: Prometheus keeps no less")
		}
	}
	for name, found := range byMetric(r.sent()) {
		zeros, sums := split(found)
		require.Empty(t, zeros, name)
		require.NotEmpty(t, sums, name)
		require.Equal(t, first[name][0].start, sums[0].start, name)
	}
}

func TestASeriesThatComesLaterBeginsLater(t *testing.T) {
	r := newRig(t)
	r.take("a.library", chat(nil))
	r.sent()
	time.Sleep(5 * time.Millisecond)
	r.take("a.library", chat(map[string]any{"gen_ai.usage.cost.amount": nil, "genmeter.cost.status": "unpriced"}))
	found := byMetric(r.sent())
	zeros, _ := split(found[unpriced])
	require.Len(t, zeros, 1)
	require.Greater(t, zeros[0].at, found[calls][0].start+4e6)
	require.Len(t, found[calls], 1)
}

func TestAllSeriesAreSentAtEveryIntervalAlsoWithoutCalls(t *testing.T) {
	r := newRig(t, func(cfg *Config) { cfg.Interval = 100 * time.Millisecond })
	r.take("a.library", chat(nil))
	taken := func() (n int) {
		r.store.set(func(s *store) { n = len(s.taken) })
		return
	}
	require.Eventually(t, func() bool { return taken() >= 3 }, 5*time.Second, 10*time.Millisecond)
	var at []pcommon.Timestamp
	r.store.set(func(s *store) {
		for _, md := range s.taken[:3] {
			_, sums := split(byMetric(points(t, md))[costs])
			require.Len(t, sums, 1)
			require.Equal(t, 0.0035, sums[0].value)
			at = append(at, sums[0].at)
		}
	})
	require.Greater(t, at[1]/1e6, at[0]/1e6)
	require.Greater(t, at[2]/1e6, at[1]/1e6)
}

func TestTwoFlushesAreNeverInOneMillisecond(t *testing.T) {
	r := newRig(t)
	r.take("a.library", chat(nil))
	last := pcommon.Timestamp(0)
	for range 50 {
		found := byMetric(r.sent())[calls]
		at := found[len(found)-1].at / 1e6
		require.Greater(t, at, last)
		last = at
	}
}

func TestWhatCouldNotBeSentIsInTheNextAndSoIsTheZero(t *testing.T) {
	r := newRig(t)
	r.store.set(func(s *store) { s.refuse = true })
	r.take("a.library", chat(nil))
	require.Empty(t, r.sent())
	require.Equal(t, 1, r.log.FilterMessageSnippet("could not be sent").Len())
	r.store.set(func(s *store) { s.refuse = false })
	r.take("a.library", chat(nil))
	zeros, sums := split(byMetric(r.sent())[costs])
	require.Len(t, zeros, 1)
	require.Equal(t, 0.007, sums[0].value)
}

func TestShutdownSendsTheLastSums(t *testing.T) {
	r := newRig(t)
	r.take("a.library", chat(nil))
	require.NoError(t, r.Shutdown(context.Background()))
	require.Len(t, r.store.taken, 1)
	_, sums := split(byMetric(points(t, r.store.taken[0]))[calls])
	require.Equal(t, 1.0, sums[0].value)
}

func TestShutdownDoesNotWaitForAQueueThatStaysFull(t *testing.T) {
	r := newRig(t, func(cfg *Config) { cfg.Interval = 100 * time.Millisecond })
	r.store.set(func(s *store) { s.blocked = true })
	r.take("a.library", chat(nil))
	time.Sleep(200 * time.Millisecond) // the flush waits now
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	require.NoError(t, r.Shutdown(ctx))
	require.Less(t, time.Since(began), lastWait)
	r.take("a.library", chat(nil)) // a sender that comes late is not held up either
}

func TestACallBeforeTheStartIsCounted(t *testing.T) {
	r := newRig(t)
	require.NoError(t, r.Shutdown(context.Background()))
	r.take("a.library", chat(nil))
	require.NoError(t, r.Start(context.Background(), componenttest.NewNopHost()))
	require.Equal(t, 1.0, r.everything()[calls])
}

func TestExemplarsLeadToTheLatestAndTheDearestCallAndAreSentOnce(t *testing.T) {
	r := newRig(t)
	cost := func(dollars float64) map[string]any { return chat(map[string]any{"gen_ai.usage.cost.amount": dollars}) }
	r.take("a.library", cost(0.1), cost(0.9), cost(0.2), cost(0.5))
	_, sums := split(byMetric(r.sent())[costs])
	require.Equal(t, []exemplar{{span(4), 0.5}, {span(2), 0.9}}, sums[0].exemplars)
	_, sums = split(byMetric(r.sent())[costs])
	require.Empty(t, sums[0].exemplars)
	r.take("a.library", cost(0.3))
	found := byMetric(r.sent())
	require.Equal(t, []exemplar{{span(1), 0.3}}, found[costs][0].exemplars)
	require.Equal(t, []exemplar{{span(1), 1}}, found[calls][0].exemplars)
}

func TestExemplarsAreInTheOrderThatPrometheusTakes(t *testing.T) {
	r := newRig(t)
	r.take("a.library", chat(nil), chat(map[string]any{"gen_ai.usage.cost.amount": 0.9}))
	time.Sleep(2 * time.Millisecond)
	r.take("a.library", chat(map[string]any{"gen_ai.usage.cost.amount": 0.5}))
	_, sums := split(byMetric(r.sent())[costs])
	require.Equal(t, []exemplar{{span(2), 0.9}, {span(1), 0.5}}, sums[0].exemplars, "by time")
}

func TestABucketOfDurationsLeadsToACallOfIt(t *testing.T) {
	r := newRig(t)
	td := traces(t, "a.library", chat(nil), chat(nil), chat(nil), chat(nil))
	spans := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
	// the bounds are 0.01, 0.02, … 81.92 seconds; a bound is within its bucket
	for i, nanoseconds := range []pcommon.Timestamp{10_000_000, 10_000_001, 15_000_000, 100_000_000_000} {
		spans.At(i).SetEndTimestamp(spans.At(i).StartTimestamp() + nanoseconds)
	}
	require.NoError(t, r.ConsumeTraces(context.Background(), td))
	_, sums := split(byMetric(r.sent())[durations])
	require.Equal(t, []uint64{1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, sums[0].buckets)
	require.Equal(t, uint64(4), sums[0].count)
	require.Equal(t, 100.035000001, sums[0].value)
	require.Equal(t, []exemplar{{span(1), 0.01}, {span(3), 0.015}, {span(4), 100}}, sums[0].exemplars)
}

func TestACallWithoutATraceMakesNoExemplar(t *testing.T) {
	r := newRig(t)
	td := traces(t, "a.library", chat(nil))
	td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).SetTraceID(pcommon.TraceID{})
	require.NoError(t, r.ConsumeTraces(context.Background(), td))
	for _, one := range r.sent() {
		require.Empty(t, one.exemplars, one.metric)
	}
}

func TestEightSendersAtOnceLoseNoCallAndNoPico(t *testing.T) {
	r := newRig(t, func(cfg *Config) { cfg.Interval = 100 * time.Millisecond })
	const senders, requests, perRequest = 8, 100, 10
	var all sync.WaitGroup
	for sender := range senders {
		all.Go(func() {
			model := map[string]any{"gen_ai.request.model": fmt.Sprint("model-", sender%3), "gen_ai.usage.cost.amount": 0.000000000007}
			td := traces(t, "a.library", repeated(chat(model), perRequest)...)
			td.MarkReadOnly()
			for range requests {
				if err := r.ConsumeTraces(context.Background(), td); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	require.NoError(t, r.Shutdown(context.Background()))
	last := points(t, r.store.taken[len(r.store.taken)-1])
	sum := map[string]float64{}
	for _, one := range last {
		if !one.zero {
			sum[one.metric] += one.value
		}
	}
	require.Equal(t, 8000.0, sum[calls])
	require.Equal(t, 8_800_000.0, sum[tokens]) // 8,000 × (1,000 + 100)
	// 7 pico each: of models 0 and 1 there are 3,000 calls, of model 2 there are 2,000
	var dollars []float64
	for _, one := range last {
		if one.metric == costs && !one.zero {
			dollars = append(dollars, one.value)
		}
	}
	require.ElementsMatch(t, []float64{21e-9, 21e-9, 14e-9}, dollars)
}

func repeated(one map[string]any, times int) []map[string]any {
	made := make([]map[string]any, times)
	for i := range made {
		made[i] = one
	}
	return made
}

func span(number byte) pcommon.SpanID { return pcommon.SpanID{7: number} }

func byMetric(all []point) map[string][]point {
	found := map[string][]point{}
	for _, one := range all {
		found[one.metric] = append(found[one.metric], one)
	}
	return found
}

func split(all []point) (zeros, sums []point) {
	for _, one := range all {
		if one.zero {
			zeros = append(zeros, one)
		} else {
			sums = append(sums, one)
		}
	}
	return
}
