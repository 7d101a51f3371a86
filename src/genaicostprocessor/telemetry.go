package genaicostprocessor

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/metadata"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/pricing"
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
}

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
	add(ctx, m.builder.ProcessorGenaiCostRepaired, c.repaired, m.signal)
	add(ctx, m.builder.ProcessorGenaiCostRefusedAmounts, c.refusedAmounts, m.signal)
	add(ctx, m.builder.ProcessorGenaiCostUnread, c.unread, m.signal)
	add(ctx, m.builder.ProcessorGenaiCostCompared, c.equal, m.equal)
	add(ctx, m.builder.ProcessorGenaiCostCompared, c.different, m.different)
}

func add(ctx context.Context, counter metric.Int64Counter, n int64, labels metric.MeasurementOption) {
	if n != 0 {
		counter.Add(ctx, n, labels)
	}
}
