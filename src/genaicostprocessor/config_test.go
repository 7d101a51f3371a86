package genaicostprocessor

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/confmap/xconfmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
)

func loaded(t *testing.T, name string) (*Config, error) {
	all, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	one, err := all.Sub(name)
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	if err := one.Unmarshal(cfg); err != nil {
		return nil, err
	}
	return cfg, xconfmap.Validate(cfg)
}

func TestTheDefaultConfigurationIsGood(t *testing.T) {
	cfg, err := loaded(t, "genai_cost")
	require.NoError(t, err)
	require.Equal(t, createDefaultConfig(), cfg)
}

func TestEverySettingIsRead(t *testing.T) {
	cfg, err := loaded(t, "genai_cost/all")
	require.NoError(t, err)
	require.Equal(t, &Config{
		Prices:     PricesConfig{Files: []string{"genmeter.toml", "more.toml"}, ReloadInterval: 5 * time.Second},
		Sellers:    map[string]string{"llm.internal.example:8443": "openai"},
		Catalogue:  "catalogue.json",
		Attributes: "own",
		Existing:   "compare",
		SkipScopes: []string{"langchain"},
	}, cfg)
}

func TestAnErrorNamesThePathAndSaysWhatToDo(t *testing.T) {
	_, err := loaded(t, "genai_cost/wrong")
	for _, want := range []string{
		"prices::files[1]: is empty; write the path of a genmeter.toml",
		"prices::files[2]: genmeter.toml is files[0] already; list it once",
		"prices::reload_interval: 10ms is too short; write 1s or more, or 0s for never",
		"sellers::llm.example: the seller is empty; write the seller that bills there, e.g. openai",
		`attributes: "all" is not one of both, proposal, own`,
		`existing: "replace" is not one of keep, compare`,
		"skip_scopes[0]: is empty; write the name of an instrumentation scope",
	} {
		require.ErrorContains(t, err, want, want)
	}
	t.Run("also for a key that there is not", func(t *testing.T) {
		_, err := loaded(t, "genai_cost/unknown")
		require.ErrorContains(t, err, "pricing")
	})
}

func TestABadFileAtStartIsAnErrorThatSaysWhere(t *testing.T) {
	dir := t.TempDir()
	at := func(name, text string) string {
		path := filepath.Join(dir, name)
		write(t, path, text)
		return path
	}
	good := at("good.toml", acme)
	for want, cfg := range map[string]*Config{
		"prices::files[0]: open " + dir + "/none.toml": {Prices: PricesConfig{Files: []string{dir + "/none.toml"}}},
		"prices::files[1]: " + dir + "/syntax.toml:2: ": {Prices: PricesConfig{
			Files: []string{good, at("syntax.toml", "[prices]\nthis is no TOML\n")}}},
		dir + "/row.toml:2: prices.acme.big.input": {Prices: PricesConfig{
			Files: []string{at("row.toml", "[prices.acme.big]\ninput = 2.0\n")}}},
		dir + "/seller.toml: sellers.": {Prices: PricesConfig{
			Files: []string{at("seller.toml", "[sellers]\n\"llm.example\" = 7\n")}}},
		"/empty.toml is empty":            {Prices: PricesConfig{Files: []string{at("empty.toml", "")}}},
		"/shape.toml":                     {Prices: PricesConfig{Files: []string{at("shape.toml", "prices = 7\n")}}},
		"catalogue: " + dir + "/cat.json": {Catalogue: at("cat.json", "{}")},
		"catalogue: open ":                {Catalogue: dir + "/none.json"},
	} {
		p, err := NewFactory().CreateTraces(context.Background(), nopSet(), cfg, consumertest.NewNop())
		require.NoError(t, err)
		err = p.Start(context.Background(), componenttest.NewNopHost())
		require.ErrorContains(t, err, want, want)
		require.NoError(t, p.Shutdown(context.Background()))
	}
}

func TestALaterFileWinsRowByRow(t *testing.T) {
	later := filepath.Join(t.TempDir(), "later.toml")
	write(t, later, "[prices.acme.\"acme-large\"]\ninput = \"4.00\"\noutput = \"8.00\"\n")
	r := newRig(t, func(cfg *Config) { cfg.Prices.Files = append(cfg.Prices.Files, later) })
	// 1,000 × $4/1M + 100 × $8/1M
	require.Equal(t, 0.0048, r.span(chat(nil))["gen_ai.usage.cost.amount"])
	require.Equal(t, 0.0, r.span(chat(map[string]any{"gen_ai.request.model": "acme-free"}))["gen_ai.usage.cost.amount"])
}

func TestACatalogueCanBeReplaced(t *testing.T) {
	r := newRig(t, func(cfg *Config) { cfg.Catalogue = "internal/pricing/data/catalogue.json" })
	// 1,000 × $2.50/1M + 100 × $10/1M
	after := r.span(chat(map[string]any{"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}))
	require.Equal(t, 0.0035, after["gen_ai.usage.cost.amount"])
}
