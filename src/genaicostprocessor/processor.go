package genaicostprocessor

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/metadata"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/names"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading/conventions"
)

// skipped says in names.BilledBy why a record is no bill.
const skipped = "skip_scopes"

// costProcessor prices the calls of one pipeline.
type costProcessor struct {
	cfg         *Config
	book        *book
	giveBack    func()
	conventions *conventions.Table
	meters      *meters
	sightings   *sightings
	batches     sync.Pool
	started     atomic.Bool
}

// errNotStarted is retryable. A receiver that several pipelines share starts with the first of them, so its data can
// reach a pipeline that has not started yet. Without this error, the exporters of that pipeline would lose the data.
var errNotStarted = errors.New("this pipeline has not started yet; send it again")

func newProcessor(
	set component.TelemetrySettings, cfg *Config, shared *book, giveBack func(), signal string,
) (*costProcessor, error) {
	spelled, err := conventions.Bundled()
	if err != nil {
		return nil, err
	}
	builder, err := metadata.NewTelemetryBuilder(set)
	if err != nil {
		return nil, err
	}
	p := &costProcessor{
		cfg: cfg, book: shared, giveBack: giveBack, conventions: spelled,
		meters: newMeters(builder, signal), sightings: newSightings(set.Logger),
	}
	p.batches.New = func() any { return newBatch(p) }
	return p, nil
}

func (p *costProcessor) start(context.Context, component.Host) error {
	if err := p.book.start(); err != nil {
		return err
	}
	p.started.Store(true)
	return nil
}

func (p *costProcessor) shutdown(context.Context) error {
	if p.started.Swap(false) {
		p.book.shutdown()
	}
	p.giveBack()
	return nil
}

func (p *costProcessor) processTraces(ctx context.Context, td ptrace.Traces) (ptrace.Traces, error) {
	if !p.started.Load() {
		return td, errNotStarted
	}
	b := p.open()
	for _, resource := range td.ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			if !b.enter(scope.Scope()) {
				continue
			}
			for _, span := range scope.Spans().All() {
				b.span(span)
			}
		}
	}
	p.close(ctx, b)
	return td, nil
}

func (p *costProcessor) processLogs(ctx context.Context, ld plog.Logs) (plog.Logs, error) {
	if !p.started.Load() {
		return ld, errNotStarted
	}
	b := p.open()
	for _, resource := range ld.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			if !b.enter(scope.Scope()) {
				continue
			}
			for _, record := range scope.LogRecords().All() {
				b.event(record)
			}
		}
	}
	p.close(ctx, b)
	return ld, nil
}

// open lends a batch. One table prices all its calls, even if a reload puts another table in place meanwhile.
func (p *costProcessor) open() *batch {
	b := p.batches.Get().(*batch)
	b.recorded = p.book.recorded.Load()
	return b
}

func (p *costProcessor) close(ctx context.Context, b *batch) {
	if b.called {
		p.meters.tell(ctx, &b.counts)
		*b = *newBatch(p)
	}
	p.batches.Put(b)
}

// enter looks at a scope once for all its calls. False means that the calls of this scope are not priced.
func (b *batch) enter(scope pcommon.InstrumentationScope) bool {
	if slices.Contains(b.cfg.SkipScopes, scope.Name()) {
		// on the scope: the spans stay as they came, and the ledger and genai_meter leave them out too
		scope.Attributes().PutStr(names.CostStatus, names.StatusElsewhere)
		scope.Attributes().PutStr(names.BilledBy, skipped)
		return false
	}
	b.scope = scope.Name()
	b.emitters = b.conventions.Emitters(scope.Name(), scope.Version())
	return true
}

func (b *batch) span(span ptrace.Span) {
	switch span.Kind() {
	case ptrace.SpanKindServer, ptrace.SpanKindProducer, ptrace.SpanKindConsumer:
		// a server or a queue does not pay for the call
		b.byRow(span)
		return
	}
	operation, ok := reading.Billed(b.conventions, span.Attributes())
	if !ok {
		b.byRow(span)
		return
	}
	b.priceSpan(span, operation)
}

// byRow prices a span that a row of the table means, and counts one that has counts or an amount and is no call.
func (b *batch) byRow(span ptrace.Span) {
	row, word, unread := reading.ByRow(b.conventions, b.scope, b.emitters, span)
	if row != nil {
		row.Translate(span.Attributes())
		if operation, ok := reading.Meant(b.conventions, row, span.Attributes()); ok {
			b.priceSpan(span, operation)
			return
		}
	}
	if unread {
		b.passOver(word)
	}
}

func (b *batch) priceSpan(span ptrace.Span, operation string) {
	began := span.StartTimestamp()
	if began == 0 {
		began = span.EndTimestamp()
	}
	b.settle(span.Attributes(), operation, int64(began/1e9), span.Status().Code() == ptrace.StatusCodeError)
}

// passOver counts a record that is no call and has counts or an amount all the same.
func (b *batch) passOver(word string) {
	b.called = true
	b.counts.unread++
	b.sightings.unread(b.scope, word)
}

// overlook counts an event that is no call, where it has counts or an amount.
func (b *batch) overlook(attributes pcommon.Map) {
	if word, unread := reading.Unread(b.conventions, attributes, nil); unread {
		b.passOver(word)
	}
}

func (b *batch) event(record plog.LogRecord) {
	if row := reading.EventRow(b.conventions, b.scope, record); row != nil {
		row.Translate(record.Attributes())
	} else if !reading.IsDetails(record) {
		if reading.IsNamed(record) {
			b.overlook(record.Attributes())
		}
		return
	}
	operation, ok := reading.Billed(b.conventions, record.Attributes())
	if !ok {
		b.overlook(record.Attributes())
		return
	}
	written := record.Timestamp()
	if written == 0 {
		written = record.ObservedTimestamp()
	}
	b.settle(record.Attributes(), operation, began(written, record.Attributes()), false)
}

// began is the Unix second at which a call began. Its event is written at the end of the call, so the duration is
// subtracted.
func began(written pcommon.Timestamp, attributes pcommon.Map) int64 {
	if lasted, ok := attributes.Get(names.CallDuration); ok && lasted.Type() == pcommon.ValueTypeDouble {
		nanoseconds := lasted.Double() * 1e9
		if nanoseconds > 0 && nanoseconds < math.MaxInt64 && uint64(nanoseconds) < uint64(written) {
			written -= pcommon.Timestamp(nanoseconds)
		}
	}
	return int64(written / 1e9)
}
