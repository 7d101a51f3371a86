package genaimeterconnector

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/xconfmap"
)

func TestDefaultsAreThoseOfThePage(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, xconfmap.Validate(cfg))
	require.Equal(t, &Config{
		Instance: "collector", Interval: 15 * time.Second, MaxSeries: 2000, Expiration: 24 * time.Hour,
	}, cfg)
}

func TestEverySettingIsReadFromYAML(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, confmap.NewFromStringMap(map[string]any{
		"instance": "west-1", "interval": "1s", "max_series": 10, "expiration": "1h",
	}).Unmarshal(cfg))
	require.Equal(t, &Config{Instance: "west-1", Interval: time.Second, MaxSeries: 10, Expiration: time.Hour}, cfg)
}

func TestAWrongSettingIsNamedWithWhatToWrite(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"instance: the name is empty; write a name that no other collector has": func(c *Config) { c.Instance = "" },
		"interval: 1ms is too short; write 100ms or more":                       func(c *Config) { c.Interval = time.Millisecond },
		"max_series: 0 is too few; write 1 or more":                             func(c *Config) { c.MaxSeries = 0 },
		"expiration: 15s must be longer than interval, which is 15s":            func(c *Config) { c.Expiration = 15 * time.Second },
	} {
		cfg := createDefaultConfig().(*Config)
		change(cfg)
		require.EqualError(t, cfg.Validate(), want)
	}
	none := &Config{}
	for _, key := range []string{"instance", "interval", "max_series", "expiration"} {
		require.ErrorContains(t, none.Validate(), key+": ")
	}
}
