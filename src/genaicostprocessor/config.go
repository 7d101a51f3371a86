package genaicostprocessor

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
)

const (
	writeBoth     = "both"
	writeProposal = "proposal"
	writeOwn      = "own"

	existingKeep    = "keep"
	existingCompare = "compare"

	defaultReloadInterval  = time.Minute
	shortestReloadInterval = time.Second
)

// Config of genai_cost.
type Config struct {
	// Prices are the user's own prices, which win over the catalogue.
	Prices PricesConfig `mapstructure:"prices"`

	// Sellers names the seller at an address that the catalogue does not know: host, host:port or host/path to seller.
	// It wins over the [sellers] tables of the price files.
	Sellers map[string]string `mapstructure:"sellers"`

	// Catalogue is the path of a catalogue.json that replaces the built-in one. Empty: the built-in one.
	Catalogue string `mapstructure:"catalogue"`

	// Attributes says which spelling of a cost is written: proposal (gen_ai.usage.cost.*), own (genmeter.cost.*), or
	// both.
	Attributes string `mapstructure:"attributes"`

	// Existing says how a call that comes with a cost is treated. keep leaves the cost alone; compare leaves it too, and
	// adds our book's price.
	Existing string `mapstructure:"existing"`

	// Complete adds the current names of operation, provider, models and tokens where a call spells them only in older
	// or foreign ones.
	Complete bool `mapstructure:"complete"`

	// SkipScopes are instrumentation scopes whose spans and events are never priced, by their exact name.
	SkipScopes []string `mapstructure:"skip_scopes"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// PricesConfig says where the user's own prices are.
type PricesConfig struct {
	// Files are genmeter.toml files, read for their [prices] and [sellers]. A later file wins, row by row.
	Files []string `mapstructure:"files"`

	// ReloadInterval is how often the files and the catalogue are looked at again. 0: never.
	ReloadInterval time.Duration `mapstructure:"reload_interval"`

	// prevent unkeyed literal initialization
	_ struct{}
}

func createDefaultConfig() component.Config {
	return &Config{
		Prices:     PricesConfig{ReloadInterval: defaultReloadInterval},
		Attributes: writeBoth,
		Existing:   existingKeep,
		Complete:   true,
	}
}

// Validate checks what can be checked without touching a file. All errors are returned at once.
func (cfg *Config) Validate() error {
	errs := cfg.Prices.errors()
	for _, address := range slices.Sorted(maps.Keys(cfg.Sellers)) {
		switch {
		case strings.TrimSpace(address) == "":
			errs = append(errs, errors.New("sellers: an address is empty; write host, host:port or host/path"))
		case strings.TrimSpace(cfg.Sellers[address]) == "":
			errs = append(errs, fmt.Errorf("sellers::%s: the seller is empty; write the seller that bills there, e.g. openai", address))
		}
	}
	errs = append(errs,
		oneOf("attributes", cfg.Attributes, writeBoth, writeProposal, writeOwn),
		oneOf("existing", cfg.Existing, existingKeep, existingCompare))
	for i, scope := range cfg.SkipScopes {
		if scope == "" {
			errs = append(errs, fmt.Errorf("skip_scopes[%d]: is empty; write the name of an instrumentation scope", i))
		}
	}
	return errors.Join(errs...)
}

func (cfg *PricesConfig) errors() []error {
	var errs []error
	for i, path := range cfg.Files {
		if strings.TrimSpace(path) == "" {
			errs = append(errs, fmt.Errorf("prices::files[%d]: is empty; write the path of a genmeter.toml", i))
		} else if first := slices.Index(cfg.Files, path); first < i {
			errs = append(errs, fmt.Errorf("prices::files[%d]: %s is files[%d] already; list it once", i, path, first))
		}
	}
	if every := cfg.ReloadInterval; every != 0 && every < shortestReloadInterval {
		errs = append(errs, fmt.Errorf("prices::reload_interval: %s is too short; write %s or more, or 0s for never",
			every, shortestReloadInterval))
	}
	return errs
}

func oneOf(key, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%s: %q is not one of %s", key, value, strings.Join(allowed, ", "))
}
