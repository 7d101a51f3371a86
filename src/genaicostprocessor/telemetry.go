package genaicostprocessor

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/metadata"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/pricing"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading"
)

// outcome says how the processor treated a call.
type outcome uint8

const (
	priced outcome = iota
	partial
	unpriced
	kept
	takenOver
	failed
	elsewhere
	outcomes
)

var outcomeNames = [outcomes]string{"priced", "partial", "unpriced", "kept", "taken_over", "failed", "elsewhere"}

// reasons is the closed list of reasons, in the order of the counters.
var reasons = [...]pricing.Reason{
	pricing.UnknownProvider, pricing.UnknownModel, pricing.NoUsage, pricing.InvalidUsage, pricing.UnpricedDimension,
	pricing.UnknownServiceTier, pricing.NoPriceForDate,
}

var (
	reloadOK     = metric.WithAttributeSet(attribute.NewSet(attribute.String("result", "ok")))
	reloadFailed = metric.WithAttributeSet(attribute.NewSet(attribute.String("result", "failed")))
)

// counts collects the numbers of one batch, because recording them once a batch costs less than once a call.
type counts struct {
	outcomes [outcomes]int64
	reasons  [len(reasons)]int64

	repaired, equal, different, refusedAmounts, unread int64

	unaccounted map[[2]string]int64 // emitter and field → tokens; made when a call has some
}

// leave adds tokens that are in no count of their call.
func (c *counts) leave(emitter string, one reading.Uncounted) {
	if one.Count == 0 || !strings.Contains(strings.ToLower(one.Name), "token") {
		return
	}
	if c.unaccounted == nil {
		c.unaccounted = map[[2]string]int64{}
	}
	c.unaccounted[[2]string{emitter, one.Name}] += one.Count
}

func (c *counts) refused(reason pricing.Reason) {
	for i, one := range reasons {
		if reason == one {
			c.reasons[i]++
		}
	}
}

// meters records the counts of one signal.
type meters struct {
	calls    metric.Int64Counter
	builder  *metadata.TelemetryBuilder
	outcomes [outcomes]metric.MeasurementOption
	reasons  [len(reasons)]metric.MeasurementOption

	signal, equal, different metric.MeasurementOption

	unaccounted sync.Map     // emitter and field → labels
	series      atomic.Int64 // how many of these there are
}

// mostSeries is how many pairs of emitter and field are told apart: both names are the sender's.
const mostSeries = 200

func newMeters(builder *metadata.TelemetryBuilder, signal string) *meters {
	m := &meters{calls: builder.ProcessorGenaiCostSpans, builder: builder}
	if signal == "logs" {
		m.calls = builder.ProcessorGenaiCostLogRecords
	}
	from := attribute.String("signal", signal)
	for i, name := range outcomeNames {
		m.outcomes[i] = labelled(attribute.String("outcome", name))
	}
	for i, reason := range reasons {
		m.reasons[i] = labelled(from, attribute.String("reason", string(reason)))
	}
	m.signal = labelled(from)
	m.equal = labelled(from, attribute.String("result", "equal"))
	m.different = labelled(from, attribute.String("result", "different"))
	return m
}

func labelled(labels ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(labels...))
}

func (m *meters) tell(ctx context.Context, c *counts) {
	for i, n := range c.outcomes {
		add(ctx, m.calls, n, m.outcomes[i])
	}
	for i, n := range c.reasons {
		add(ctx, m.builder.ProcessorGenaiCostUnpriced, n, m.reasons[i])
	}
	for pair, n := range c.unaccounted {
		add(ctx, m.builder.ProcessorGenaiCostUnaccountedTokens, n, m.labels(pair))
	}
	add(ctx, m.builder.ProcessorGenaiCostRepaired, c.repaired, m.signal)
	add(ctx, m.builder.ProcessorGenaiCostRefusedAmounts, c.refusedAmounts, m.signal)
	add(ctx, m.builder.ProcessorGenaiCostUnread, c.unread, m.signal)
	add(ctx, m.builder.ProcessorGenaiCostCompared, c.equal, m.equal)
	add(ctx, m.builder.ProcessorGenaiCostCompared, c.different, m.different)
}

// labels are those of an emitter and a field; "other" stands for both once there are too many.
func (m *meters) labels(pair [2]string) metric.MeasurementOption {
	if known, found := m.unaccounted.Load(pair); found {
		return known.(metric.MeasurementOption)
	}
	if m.series.Add(1) > mostSeries {
		pair = [2]string{"other", "other"}
	}
	made := labelled(attribute.String("emitter", pair[0]), attribute.String("field", pair[1]))
	if m.series.Load() <= mostSeries {
		m.unaccounted.Store(pair, made)
	}
	return made
}

func add(ctx context.Context, counter metric.Int64Counter, n int64, labels metric.MeasurementOption) {
	if n != 0 {
		counter.Add(ctx, n, labels)
	}
}
