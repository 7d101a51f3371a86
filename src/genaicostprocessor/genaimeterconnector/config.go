package genaimeterconnector

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
)

const (
	defaultInstance   = "collector"
	defaultInterval   = 15 * time.Second
	defaultMaxSeries  = 2000
	defaultExpiration = 24 * time.Hour

	shortestInterval = 100 * time.Millisecond
)

// Config of genai_meter.
type Config struct {
	// Instance is the service.instance.id of all series: its own for each of several collectors.
	Instance string `mapstructure:"instance"`

	// Interval is how often all series are sent.
	Interval time.Duration `mapstructure:"interval"`

	// MaxSeries is how many combinations of labels are kept, so many series a metric (twice as many of tokens). Calls
	// beyond it are counted in one more, which has the label otel.metric.overflow and no other.
	MaxSeries int `mapstructure:"max_series"`

	// Expiration is for how long a combination without calls is kept.
	Expiration time.Duration `mapstructure:"expiration"`

	// prevent unkeyed literal initialization
	_ struct{}
}

func createDefaultConfig() component.Config {
	return &Config{
		Instance: defaultInstance, Interval: defaultInterval, MaxSeries: defaultMaxSeries, Expiration: defaultExpiration,
	}
}

// Validate returns all errors at once.
func (cfg *Config) Validate() error {
	var errs []error
	if cfg.Instance == "" {
		errs = append(errs, errors.New("instance: the name is empty; write a name that no other collector has"))
	}
	if cfg.Interval < shortestInterval {
		errs = append(errs, fmt.Errorf("interval: %s is too short; write %s or more", cfg.Interval, shortestInterval))
	}
	if cfg.MaxSeries < 1 {
		errs = append(errs, fmt.Errorf("max_series: %d is too few; write 1 or more", cfg.MaxSeries))
	}
	if cfg.Expiration <= cfg.Interval {
		errs = append(errs, fmt.Errorf("expiration: %s must be longer than interval, which is %s", cfg.Expiration, cfg.Interval))
	}
	return errors.Join(errs...)
}
