package genaicostprocessor

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/metadata"
)

var capabilities = consumer.Capabilities{MutatesData: true}

// factory lends one book to all pipelines with the same configuration, so that prices are read and looked after once.
type factory struct {
	mu    sync.Mutex
	books map[*Config]*book
}

// NewFactory makes the factory of genai_cost.
func NewFactory() processor.Factory { return newFactory().processors() }

func newFactory() *factory { return &factory{books: map[*Config]*book{}} }

func (f *factory) processors() processor.Factory {
	return processor.NewFactory(
		metadata.Type,
		createDefaultConfig,
		processor.WithTraces(f.createTraces, metadata.TracesStability),
		processor.WithLogs(f.createLogs, metadata.LogsStability),
	)
}

func (f *factory) createTraces(
	ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces,
) (processor.Traces, error) {
	p, err := f.create(set, cfg.(*Config), "traces")
	if err != nil {
		return nil, err
	}
	return processorhelper.NewTraces(ctx, set, cfg, next, p.processTraces,
		processorhelper.WithCapabilities(capabilities),
		processorhelper.WithStart(p.start),
		processorhelper.WithShutdown(p.shutdown))
}

func (f *factory) createLogs(
	ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs,
) (processor.Logs, error) {
	p, err := f.create(set, cfg.(*Config), "logs")
	if err != nil {
		return nil, err
	}
	return processorhelper.NewLogs(ctx, set, cfg, next, p.processLogs,
		processorhelper.WithCapabilities(capabilities),
		processorhelper.WithStart(p.start),
		processorhelper.WithShutdown(p.shutdown))
}

func (f *factory) create(set processor.Settings, cfg *Config, signal string) (*costProcessor, error) {
	return newProcessor(set.TelemetrySettings, cfg, f.borrow(set, cfg), func() { f.giveBack(cfg) }, signal)
}

func (f *factory) borrow(set processor.Settings, cfg *Config) *book {
	f.mu.Lock()
	defer f.mu.Unlock()
	shared, ok := f.books[cfg]
	if !ok {
		shared = &book{cfg: cfg, set: set.TelemetrySettings}
		f.books[cfg] = shared
	}
	return shared
}

// giveBack forgets a book without users. A collector that reloads its configuration makes a new one each time, so unused
// books would pile up.
func (f *factory) giveBack(cfg *Config) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if shared, ok := f.books[cfg]; ok && shared.idle() {
		delete(f.books, cfg)
	}
}
