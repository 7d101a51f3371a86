package genaicostprocessor

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/metadata"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/names"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/pricing"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading"
)

// settling is how long a changed file must stay the same before it is read. An editor that truncates and then writes
// leaves a shorter file for a moment, and that file can be valid TOML.
const settling = 200 * time.Millisecond

// book holds the table that calls are priced by. A reload never changes a table: it puts another one in its place. The
// book looks after its files while a pipeline uses it. Pipelines with the same configuration share one.
type book struct {
	cfg *Config
	set component.TelemetrySettings

	recorded atomic.Pointer[reading.Recorded]
	lastGood atomic.Int64 // Unix second
	sellers  sync.Map     // id → name of the sellers whose listed prices have priced calls

	mu        sync.Mutex // guards what follows
	users     int
	telemetry *metadata.TelemetryBuilder
	stop      context.CancelFunc
	done      chan struct{}
}

// start reads the table for the first user, and keeps it up to date until the last one has called shutdown.
func (b *book) start() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.users == 0 {
		found := readFiles(b.cfg)
		made, err := load(b.cfg, found)
		if err != nil {
			return err
		}
		b.put(made)
		if err := b.observe(); err != nil {
			return err
		}
		b.watch(found)
	}
	b.users++
	return nil
}

func (b *book) shutdown() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.users--; b.users > 0 {
		return
	}
	b.telemetry.Shutdown()
	if b.stop != nil {
		b.stop()
		<-b.done
		b.stop = nil
	}
}

func (b *book) put(made *reading.Recorded) {
	b.recorded.Store(made)
	b.lastGood.Store(time.Now().Unix())
}

// observe registers the gauges of the table.
func (b *book) observe() error {
	telemetry, err := metadata.NewTelemetryBuilder(b.set)
	if err != nil {
		return err
	}
	b.telemetry = telemetry
	return errors.Join(
		telemetry.RegisterProcessorGenaiCostTableAgeCallback(func(_ context.Context, to metric.Float64Observer) error {
			asOf, err := time.Parse(time.DateOnly, b.recorded.Load().Catalogue.AsOf())
			if err == nil {
				to.Observe(time.Since(asOf).Hours() / 24)
			}
			return err
		}),
		telemetry.RegisterProcessorGenaiCostSellerAgeCallback(func(_ context.Context, to metric.Float64Observer) error {
			b.observeSellers(to)
			return nil
		}),
		telemetry.RegisterProcessorGenaiCostTableModelsCallback(func(_ context.Context, to metric.Int64Observer) error {
			to.Observe(int64(b.recorded.Load().Catalogue.Models()))
			return nil
		}),
		telemetry.RegisterProcessorGenaiCostTableLastGoodCallback(func(_ context.Context, to metric.Int64Observer) error {
			to.Observe(b.lastGood.Load())
			return nil
		}),
	)
}

// sells remembers a seller whose listed prices have priced a call.
func (b *book) sells(one pricing.Seller) {
	if b.recorded.Load().Catalogue.AsOfSeller(one.ID) != "" {
		b.sellers.LoadOrStore(one.ID, one.Name)
	}
}

// observeSellers tells the age of the prices of each seller that has priced a call. The twin of staleness.py.
func (b *book) observeSellers(to metric.Float64Observer) {
	b.sellers.Range(func(id, name any) bool {
		asOf, err := time.Parse(time.DateOnly, b.recorded.Load().Catalogue.AsOfSeller(id.(string)))
		if err == nil {
			to.Observe(time.Since(asOf).Hours()/24, metric.WithAttributes(attribute.String(names.Provider, name.(string))))
		}
		return true
	})
}

func (b *book) watch(found []content) {
	if b.cfg.Prices.ReloadInterval <= 0 || len(found) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.stop, b.done = cancel, make(chan struct{})
	go func() {
		defer close(b.done)
		b.follow(ctx, found)
	}()
}

// follow reads the files at every interval and compares their content. Their size and time are no evidence: a file can
// change within one tick of its clock and keep its size. The files are small.
func (b *book) follow(ctx context.Context, last []content) {
	ticker := time.NewTicker(b.cfg.Prices.ReloadInterval)
	defer ticker.Stop()
	good := true
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		found := readFiles(b.cfg)
		if same(found, last) {
			if good {
				b.lastGood.Store(time.Now().Unix())
			}
			continue
		}
		if !pause(ctx, settling) {
			return
		}
		if again := readFiles(b.cfg); !same(found, again) {
			continue
		}
		last, good = found, b.reload(ctx, found)
	}
}

func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// reload puts a new table in place, or keeps the last good one. It runs once for each content of the files.
func (b *book) reload(ctx context.Context, found []content) bool {
	made, err := load(b.cfg, found)
	if err != nil {
		b.telemetry.ProcessorGenaiCostReloads.Add(ctx, 1, reloadFailed)
		b.set.Logger.Error("The price files cannot be used. The last good table prices all calls until the files are mended.",
			zap.Error(err), zap.String("catalogue", b.recorded.Load().Catalogue.Version()))
		return false
	}
	b.put(made)
	b.telemetry.ProcessorGenaiCostReloads.Add(ctx, 1, reloadOK)
	b.set.Logger.Info("The price files were read again.", zap.String("catalogue", made.Catalogue.Version()),
		zap.Int("models", made.Catalogue.Models()))
	return true
}

func (b *book) idle() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.users == 0
}
