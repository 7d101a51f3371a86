package genaimeterconnector

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
)

// The collector makes a connector for the pipelines of spans and another one for those of logs. One call may come as a span
// and as an event, so both are one here: they have one configuration, and they send to the same pipelines.
var open = struct {
	sync.Mutex
	by map[*Config]*meterConnector
}{by: map[*Config]*meterConnector{}}

// share is the connector of a configuration.
func share(set connector.Settings, cfg *Config, next consumer.Metrics) (*meterConnector, error) {
	open.Lock()
	defer open.Unlock()
	found := open.by[cfg]
	if found == nil {
		var err error
		if found, err = newConnector(set, cfg, next); err != nil {
			return nil, err
		}
		open.by[cfg] = found
	}
	found.members++
	return found, nil
}

// Start begins to send sums, when the first pipeline starts.
func (c *meterConnector) Start(context.Context, component.Host) error {
	open.Lock()
	defer open.Unlock()
	if c.stop != nil {
		return nil
	}
	return c.begin()
}

// Shutdown sends the sums for the last time, when the last pipeline stops; the exporters are stopped after us.
func (c *meterConnector) Shutdown(ctx context.Context) error {
	open.Lock()
	defer open.Unlock()
	if c.members--; c.members > 0 {
		return nil
	}
	if open.by[c.cfg] == c {
		delete(open.by, c.cfg)
	}
	c.end(ctx)
	return nil
}
