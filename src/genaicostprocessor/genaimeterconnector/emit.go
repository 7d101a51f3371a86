package genaimeterconnector

import (
	"cmp"
	"math"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/genmeter/genmeter/src/genaicostprocessor/genaimeterconnector/internal/metadata"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/names"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/pricing"
)

const overflowLabel = "otel.metric.overflow"

// zeroBefore is how long before its first call a series is zero.
const zeroBefore = time.Millisecond

var boundSeconds = func() []float64 {
	made := make([]float64, len(bounds))
	for i, bound := range bounds {
		made[i] = pricing.USD(bound)
	}
	return made
}()

// emission is one set of sums on its way.
type emission struct {
	out       pmetric.Metrics
	instance  string
	version   string
	at        pcommon.Timestamp
	resources map[origin]*resource
}

// resource holds the metrics of one service, each made when it gets its first point.
type resource struct {
	metrics pmetric.MetricSlice
	sums    map[string]pmetric.NumberDataPointSlice
	seconds pmetric.HistogramDataPointSlice
	timed   bool
}

// emit writes all sums as metrics.
func (c *meterConnector) emit(all []copied, now time.Time) pmetric.Metrics {
	e := &emission{
		out: pmetric.NewMetrics(), instance: c.cfg.Instance, version: c.set.BuildInfo.Version,
		at: pcommon.NewTimestampFromTime(now), resources: map[origin]*resource{},
	}
	for i := range all {
		e.entry(&all[i])
	}
	return e.out
}

func (e *emission) entry(of *copied) {
	into := e.resource(of.entry)
	s := &of.sums
	e.sum(into, names.Derived.Cost, of, &s.cost)
	e.sum(into, names.Derived.Calls, of, &s.calls)
	e.sum(into, names.Derived.Tokens, of, &s.input, names.TokenType, "input")
	e.sum(into, names.Derived.Tokens, of, &s.output, names.TokenType, "output")
	for i := range s.unpriced {
		if i == noReason {
			e.sum(into, names.Derived.Unpriced, of, &s.unpriced[i])
		} else {
			e.sum(into, names.Derived.Unpriced, of, &s.unpriced[i], names.CostReason, names.Reasons[i])
		}
	}
	e.histogram(into, of)
}

// resource: the environment is that of the calls, as in their labels. Otherwise two resources could make one series.
func (e *emission) resource(of *entry) *resource {
	key := origin{of.service, of.namespace, of.labels[environment]}
	if found := e.resources[key]; found != nil {
		return found
	}
	made := e.out.ResourceMetrics().AppendEmpty()
	attributes := made.Resource().Attributes()
	put(attributes, names.ServiceName, key.service)
	put(attributes, names.ServiceNamespace, key.namespace)
	put(attributes, names.Environment, key.environment)
	attributes.PutStr(names.ServiceInstance, e.instance)
	scope := made.ScopeMetrics().AppendEmpty()
	scope.Scope().SetName(metadata.ScopeName)
	scope.Scope().SetVersion(e.version)
	found := &resource{metrics: scope.Metrics(), sums: map[string]pmetric.NumberDataPointSlice{}}
	e.resources[key] = found
	return found
}

func (r *resource) describe(metric names.Metric) pmetric.Metric {
	made := r.metrics.AppendEmpty()
	made.SetName(metric.Name)
	made.SetUnit(metric.Unit)
	made.SetDescription(metric.Description)
	return made
}

func (r *resource) points(metric names.Metric) pmetric.NumberDataPointSlice {
	found, ok := r.sums[metric.Name]
	if !ok {
		sum := r.describe(metric).SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		found = sum.DataPoints()
		r.sums[metric.Name] = found
	}
	return found
}

func (r *resource) durations() pmetric.HistogramDataPointSlice {
	if !r.timed {
		histogram := r.describe(names.Derived.Duration).SetEmptyHistogram()
		histogram.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		r.seconds, r.timed = histogram.DataPoints(), true
	}
	return r.seconds
}

// sum writes the point of a series; before the first one a zero, so that a rate sees its first calls.
func (e *emission) sum(into *resource, metric names.Metric, of *copied, s *series, extra ...string) {
	if s.born == 0 {
		return
	}
	points := into.points(metric)
	if !s.told {
		e.number(points, metric, of, s, extra).SetTimestamp(start(s))
	}
	point := e.number(points, metric, of, s, extra)
	point.SetTimestamp(e.at)
	if metric.Double {
		point.SetDoubleValue(s.total.float())
	} else {
		point.SetIntValue(int64(min(s.total.whole, math.MaxInt64)))
	}
	for _, one := range exemplars(s.recent, s.largest) {
		made := point.Exemplars().AppendEmpty()
		one.write(made)
		if metric.Double {
			made.SetDoubleValue(pricing.USD(one.value))
		} else {
			made.SetIntValue(one.value)
		}
	}
}

// number appends a point of zero.
func (e *emission) number(
	points pmetric.NumberDataPointSlice, metric names.Metric, of *copied, s *series, extra []string,
) pmetric.NumberDataPoint {
	point := points.AppendEmpty()
	point.SetStartTimestamp(start(s))
	if metric.Double {
		point.SetDoubleValue(0)
	} else {
		point.SetIntValue(0)
	}
	of.describe(point.Attributes(), extra)
	return point
}

func (e *emission) histogram(into *resource, of *copied) {
	s := &of.sums.duration
	if s.born == 0 {
		return
	}
	points := into.durations()
	if !s.told {
		point := e.bucketed(points, of, s, make([]uint64, len(of.sums.buckets)))
		point.SetTimestamp(start(s))
	}
	point := e.bucketed(points, of, s, of.sums.buckets[:])
	point.SetTimestamp(e.at)
	point.SetSum(s.total.float())
	for _, one := range exemplars(of.sums.seen[:]...) {
		made := point.Exemplars().AppendEmpty()
		one.write(made)
		made.SetDoubleValue(pricing.USD(one.value))
	}
}

func (e *emission) bucketed(
	points pmetric.HistogramDataPointSlice, of *copied, s *series, counts []uint64,
) pmetric.HistogramDataPoint {
	point := points.AppendEmpty()
	point.SetStartTimestamp(start(s))
	point.ExplicitBounds().FromRaw(boundSeconds)
	point.BucketCounts().FromRaw(counts)
	point.SetSum(0)
	var all uint64
	for _, count := range counts {
		all += count
	}
	point.SetCount(all)
	of.describe(point.Attributes(), nil)
	return point
}

// describe writes the labels.
func (one *entry) describe(attributes pcommon.Map, extra []string) {
	attributes.EnsureCapacity(labelCount + 1)
	if one.overflow {
		attributes.PutBool(overflowLabel, true)
	}
	for i, value := range one.labels {
		put(attributes, labelNames[i], value)
	}
	if len(extra) == 2 {
		attributes.PutStr(extra[0], extra[1])
	}
}

func put(attributes pcommon.Map, key, value string) {
	if value != "" {
		attributes.PutStr(key, value)
	}
}

func start(s *series) pcommon.Timestamp { return s.born - pcommon.Timestamp(zeroBefore) }

// exemplars writes each exemplar once, in the order that Prometheus requires: by time, then by value.
func exemplars(seen ...sighting) []sighting {
	seen = slices.DeleteFunc(slices.Clone(seen), func(one sighting) bool { return one.at == 0 })
	slices.SortFunc(seen, func(a, b sighting) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.value, b.value))
	})
	return slices.Compact(seen)
}

func (one sighting) write(into pmetric.Exemplar) {
	into.SetTraceID(one.trace)
	into.SetSpanID(one.span)
	into.SetTimestamp(one.at)
}
