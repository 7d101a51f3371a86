package genaimeterconnector

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/genmeter/genmeter/src/genaicostprocessor/genaimeterconnector/internal/metadata"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/names"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading/conventions"
)

// lastWait is how long the last sums may wait for room in a queue when the collector stops.
const lastWait = 5 * time.Second

// meterConnector counts the calls that pass in a meter, and sends the meter's sums.
type meterConnector struct {
	cfg     *Config
	set     connector.Settings
	next    consumer.Metrics
	words   *conventions.Table
	meter   *meter
	builder *metadata.TelemetryBuilder
	skips   [skips]metric.MeasurementOption
	fates   [doubleFates]metric.MeasurementOption
	doubles *doubles
	batches sync.Pool
	warn    sync.Once

	members int // pipelines that it is a part of

	stop  context.CancelFunc
	ended chan struct{}
	room  []copied
	last  time.Time
}

func newConnector(set connector.Settings, cfg *Config, next consumer.Metrics) (*meterConnector, error) {
	words, err := conventions.Bundled()
	if err != nil {
		return nil, err
	}
	builder, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	c := &meterConnector{cfg: cfg, set: set, next: next, words: words, meter: newMeter(cfg), builder: builder}
	c.doubles = newDoubles(doubleWindow)
	for i, name := range doubleNames {
		c.fates[i] = metric.WithAttributeSet(attribute.NewSet(attribute.String("result", name)))
	}
	for i, name := range skipNames {
		c.skips[i] = metric.WithAttributeSet(attribute.NewSet(attribute.String("reason", name)))
	}
	c.batches.New = func() any { return new(batch) }
	return c, nil
}

// Capabilities: spans stay as they are.
func (*meterConnector) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

// begin starts to send sums.
func (c *meterConnector) begin() error {
	err := c.builder.RegisterConnectorGenaiMeterSeriesCallback(func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(int64(c.meter.size()))
		return nil
	})
	if err != nil {
		return err
	}
	var ctx context.Context
	ctx, c.stop = context.WithCancel(context.Background())
	c.ended = make(chan struct{})
	go c.run(ctx)
	return nil
}

func (c *meterConnector) run(ctx context.Context) {
	defer close(c.ended)
	ticker := time.NewTicker(c.cfg.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			c.flush(ctx)
		}
	}
}

// end sends the sums for the last time.
func (c *meterConnector) end(ctx context.Context) {
	if c.stop == nil {
		return
	}
	c.stop()
	<-c.ended
	c.stop = nil
	ctx, cancel := context.WithTimeout(ctx, lastWait)
	defer cancel()
	c.released(ctx, time.Now(), true)
	c.flush(ctx)
	c.builder.Shutdown()
}

// flush sends all sums. After a failure, the next sums contain the unsent ones.
func (c *meterConnector) flush(ctx context.Context) {
	now := time.Now()
	c.released(ctx, now, false)
	if next := c.last.Add(time.Millisecond); now.Before(next) {
		now = next // two values for one millisecond are refused
	}
	c.last = now
	c.room = c.meter.snapshot(c.room, now)
	if len(c.room) == 0 {
		return
	}
	if err := c.next.ConsumeMetrics(ctx, c.emit(c.room, now)); err != nil {
		c.set.Logger.Warn("The sums could not be sent; the next ones contain them.", zap.Error(err))
		return
	}
	c.meter.told(c.room)
}

// released is release outside of a request.
func (c *meterConnector) released(ctx context.Context, now time.Time, all bool) {
	var b batch
	c.release(&b, now, all)
	c.tell(ctx, &b)
}

// batch is the work on one request.
type batch struct {
	call     call
	key      []byte
	from     origin
	record   record
	skipped  [skips]int64
	doubles  [doubleFates]int64
	overflow int64
}

// origin is the resource of a call: service and environment.
type origin struct {
	service, namespace, environment string
}

// ConsumeTraces counts the calls among the spans.
func (c *meterConnector) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	b := c.batches.Get().(*batch)
	now := time.Now()
	c.release(b, now, false)
	for _, resource := range td.ResourceSpans().All() {
		known := 0 // how much of the key the resource makes; 0: not looked at yet
		for _, scope := range resource.ScopeSpans().All() {
			from := c.scope(scope.Scope())
			for _, span := range scope.Spans().All() {
				word, ok := c.billed(span, scope.Scope())
				if !ok {
					continue
				}
				if known == 0 {
					known = b.enter(resource.Resource().Attributes())
				}
				one := spanOf(span)
				c.count(b, &one, word, &from, known, now)
			}
		}
	}
	c.close(ctx, b)
	return nil
}

// ConsumeLogs counts the calls among the events: those of applications whose sampler drops the spans, and those of programs
// that send logs alone.
func (c *meterConnector) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	b := c.batches.Get().(*batch)
	now := time.Now()
	c.release(b, now, false)
	for _, resource := range ld.ResourceLogs().All() {
		known := 0
		for _, scope := range resource.ScopeLogs().All() {
			from := c.scope(scope.Scope())
			for _, event := range scope.LogRecords().All() {
				word, details, ok := c.billedEvent(event, scope.Scope().Name())
				if !ok {
					continue
				}
				if known == 0 {
					known = b.enter(resource.Resource().Attributes())
				}
				one := eventOf(event, details)
				c.count(b, &one, word, &from, known, now)
			}
		}
	}
	c.close(ctx, b)
	return nil
}

func (c *meterConnector) close(ctx context.Context, b *batch) {
	c.tell(ctx, b)
	*b = batch{key: b.key}
	c.batches.Put(b)
}

// count counts one record of a call, unless another record of the call is counted.
func (c *meterConnector) count(b *batch, one *subject, word string, from *instrumentation, known int, now time.Time) {
	b.call.read(one, word, from.level == own, &b.skipped)
	if from.skipped || b.call.elsewhere {
		b.doubles[doubleMarked]++
		return
	}
	b.record.read(one, &b.call, from)
	c.take(b, known, now)
}

// billedEvent is the operation of an event that carries tokens and cost. details says that it has the ids of its span.
func (c *meterConnector) billedEvent(event plog.LogRecord, scope string) (word string, details, ok bool) {
	if details = reading.EventRow(c.words, scope, event) == nil; details && !reading.IsDetails(event) {
		return "", false, false
	}
	word, ok = reading.Billed(c.words, event.Attributes())
	return word, details, ok
}

// billed is the operation of a span that carries tokens and cost. A server or a queue does not pay for the call, unless a
// row of the table says that its spans are the records of calls.
func (c *meterConnector) billed(span ptrace.Span, scope pcommon.InstrumentationScope) (string, bool) {
	value, there := span.Attributes().Get(names.Operation)
	if !there || value.Type() != pcommon.ValueTypeStr {
		return "", false
	}
	switch span.Kind() {
	case ptrace.SpanKindServer, ptrace.SpanKindProducer, ptrace.SpanKindConsumer:
	default:
		if word, ok := c.words.Billed(value.Str()); ok {
			return word, true
		}
	}
	row, _, _ := reading.ByRow(c.words, scope.Name(), c.words.Emitters(scope.Name(), scope.Version()), span)
	if row == nil {
		return "", false
	}
	return reading.Meant(c.words, row, span.Attributes())
}

// enter begins the key with the attributes that become Prometheus' job, so that two resources with one job are one
// series.
func (b *batch) enter(resource pcommon.Map) int {
	b.from = origin{}
	for key, value := range resource.All() {
		switch key {
		case names.ServiceName:
			b.from.service = label(value)
		case names.ServiceNamespace:
			b.from.namespace = label(value)
		case names.Environment:
			b.from.environment = label(value)
		}
	}
	b.key = b.key[:0]
	if b.from.namespace != "" {
		b.key = append(append(b.key, b.from.namespace...), '/')
	}
	b.key = append(append(b.key, b.from.service...), 0xFF)
	return len(b.key)
}

// instrumentation is what decides for all spans of a scope.
type instrumentation struct {
	hash    uint64
	level   level
	skipped bool // genai_cost was told to leave it out
}

func (c *meterConnector) scope(scope pcommon.InstrumentationScope) instrumentation {
	found := instrumentation{hash: hash(scope.Name()), level: library}
	switch {
	case scope.Name() == names.Scope:
		found.level = own
	case c.words.IsFramework(scope.Name()):
		found.level = framework
	}
	status, told := scope.Attributes().Get(names.CostStatus)
	found.skipped = told && text(status) == names.StatusElsewhere
	return found
}

func (c *meterConnector) take(b *batch, known int, now time.Time) {
	counts := b.call.counted || b.call.cost.known
	if b.call.labels[environment] == "" {
		b.call.labels[environment] = b.from.environment
	}
	b.key = b.key[:known]
	for _, value := range b.call.labels {
		b.key = append(append(b.key, value...), 0xFF) // a byte that valid UTF-8 never contains
	}
	found := c.doubles.meet(&b.record, b.key, &b.from, &b.call, now)
	b.doubles[doubleSetAside] += found.asides
	b.doubles[doubleCounted] += found.missed
	if counts && !found.leave && !found.wait && !c.meter.take(b.key, &b.from, &b.call, now) {
		b.overflow++
	}
}

// release counts the calls that have waited for the window and were no doubles.
func (c *meterConnector) release(b *batch, now time.Time, all bool) {
	for _, one := range c.doubles.due(now, all) {
		if !c.meter.take(one.key, &one.from, &one.call, now) {
			b.overflow++
		}
	}
}

func (c *meterConnector) tell(ctx context.Context, b *batch) {
	for i, n := range b.skipped {
		if n != 0 {
			c.builder.ConnectorGenaiMeterSkipped.Add(ctx, n, c.skips[i])
		}
	}
	for i, n := range b.doubles {
		if n != 0 {
			c.builder.ConnectorGenaiMeterDoubles.Add(ctx, n, c.fates[i])
		}
	}
	if b.overflow != 0 {
		c.builder.ConnectorGenaiMeterOverflow.Add(ctx, b.overflow)
		c.warn.Do(func() {
			c.set.Logger.Warn("More combinations of labels than max_series: calls with new ones are counted in a series "+
				"with the label otel.metric.overflow. Said once; otelcol_connector_genai_meter_overflow counts them.",
				zap.Int("max_series", c.cfg.MaxSeries))
		})
	}
}
