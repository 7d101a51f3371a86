package conventions

import (
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Row means log records of an emitter with names of its own. The twin of records.py.
type Row struct {
	Scope  string            `json:"scope"`
	Events []string          `json:"events"`
	Says   map[string]string `json:"says"`
	Copies map[string]string `json:"copies"`
}

// Records is the row that means this event of this scope; nil: there is none.
func (t *Table) Records(event, scope string) *Row {
	for i := range t.records {
		start, wild := strings.CutSuffix(t.records[i].Scope, "*")
		if (scope == start || wild && strings.HasPrefix(scope, start)) && slices.Contains(t.records[i].Events, event) {
			return &t.records[i]
		}
	}
	return nil
}

// Translate adds to the attributes of a record what the row says of it, in the names of today. An attribute that is there
// stays as it is.
func (r *Row) Translate(attributes pcommon.Map) {
	attributes.EnsureCapacity(attributes.Len() + len(r.Says) + len(r.Copies))
	for ours, text := range r.Says {
		if value, there := attributes.GetOrPutEmpty(ours); !there {
			value.SetStr(text)
		}
	}
	for ours, theirs := range r.Copies {
		found, there := attributes.Get(theirs)
		if !there {
			continue
		}
		kept := pcommon.NewValueEmpty()
		found.CopyTo(kept)
		if value, there := attributes.GetOrPutEmpty(ours); !there {
			kept.CopyTo(value)
		}
	}
}
