package conventions

import (
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Emitter is a program that records calls, and what is known of it. The twin of emitters.py, whose docstring says what
// the parts of a row mean.
type Emitter struct {
	Name    string   `json:"name"`
	Scope   string   `json:"scope"`
	Input   string   `json:"input"`
	Sellers []string `json:"sellers"`
	Since   string   `json:"from"`
	Before  string   `json:"before"`
	Unless  string   `json:"unless"`
	Alone   []string `json:"alone"`
}

// What an input count may mean: the cache is in it, or beside it. An emitter of any other word tells no cache.
const (
	inclusive = "inclusive"
	exclusive = "exclusive"
)

// Emitters are the rows that mean this instrumentation scope in this version.
func (t *Table) Emitters(scope, version string) []*Emitter {
	var found []*Emitter
	for i := range t.emitters {
		if t.emitters[i].writes(scope, version) {
			found = append(found, &t.emitters[i])
		}
	}
	return found
}

func (e *Emitter) writes(scope, version string) bool {
	start, wild := strings.CutSuffix(e.Scope, "*")
	if scope != e.Scope && !(wild && strings.HasPrefix(scope, start)) {
		return false
	}
	if e.Since != "" && (version == "" || older(version, e.Since)) {
		return false
	}
	return e.Before == "" || older(version, e.Before)
}

// TellsCache says whether it is known what the emitter's input count means where there is a cache.
func (e *Emitter) TellsCache() bool { return e.Input == inclusive || e.Input == exclusive }

// LeavesCacheOut says whether the input count of a record is without the cache, for a call that seller (its id in the
// catalogue) bills.
func (e *Emitter) LeavesCacheOut(seller string, attributes pcommon.Map) bool {
	if e.Input != exclusive || len(e.Sellers) > 0 && !slices.Contains(e.Sellers, seller) {
		return false
	}
	if e.Unless == "" {
		return true
	}
	said, there := attributes.Get(e.Unless)
	return !there || said.Type() == pcommon.ValueTypeEmpty
}
