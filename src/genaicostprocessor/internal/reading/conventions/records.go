package conventions

import (
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Row means records of an emitter that name their facts in a way of their own. The twin of records.py, whose docstring
// says what the parts of a row mean.
type Row struct {
	Scope     string              `json:"scope"`
	Events    []string            `json:"events"`
	Kinds     []string            `json:"kinds"`
	When      map[string][]string `json:"when"`
	Operation string              `json:"operation"`
	Says      map[string]string   `json:"says"`
	Copies    map[string]string   `json:"copies"`
	Inside    []Inside            `json:"inside"`

	kinds []ptrace.SpanKind
}

var kindsByName = map[string]ptrace.SpanKind{
	"internal": ptrace.SpanKindInternal, "server": ptrace.SpanKindServer, "client": ptrace.SpanKindClient,
	"producer": ptrace.SpanKindProducer, "consumer": ptrace.SpanKindConsumer,
}

func (r *Row) compile() error {
	for _, name := range r.Kinds {
		kind, known := kindsByName[name]
		if !known {
			return fmt.Errorf("conventions.json: records: %q is no kind of a span", name)
		}
		r.kinds = append(r.kinds, kind)
	}
	return nil
}

// Records is the row that means this event of this scope; nil: there is none.
func (t *Table) Records(event, scope string, attributes pcommon.Map) *Row {
	for i := range t.records {
		row := &t.records[i]
		if slices.Contains(row.Events, event) && row.writes(scope) && row.means(attributes) {
			return row
		}
	}
	return nil
}

// Span is the row that means this span; nil: there is none. Ask it only about a span that has usage or money and is no
// known call.
func (t *Table) Span(scope string, kind ptrace.SpanKind, attributes pcommon.Map) *Row {
	for i := range t.records {
		row := &t.records[i]
		ofKind := len(row.kinds) == 0 || slices.Contains(row.kinds, kind)
		if len(row.Events) == 0 && ofKind && row.writes(scope) && row.means(attributes) {
			return row
		}
	}
	return nil
}

func (r *Row) writes(scope string) bool {
	start, wild := strings.CutSuffix(r.Scope, "*")
	return scope == r.Scope || wild && strings.HasPrefix(scope, start)
}

// means says whether a record of the row's scope has what the row asks for.
func (r *Row) means(attributes pcommon.Map) bool {
	for name, texts := range r.When {
		value, there := attributes.Get(name)
		if !there || value.Type() == pcommon.ValueTypeEmpty {
			return false
		}
		if len(texts) > 0 && (value.Type() != pcommon.ValueTypeStr || !slices.Contains(texts, value.Str())) {
			return false
		}
	}
	return true
}

// Translate adds to the attributes of a record what the row says of it, in the names of today. An attribute that is there
// stays as it is.
func (r *Row) Translate(attributes pcommon.Map) {
	attributes.EnsureCapacity(attributes.Len() + len(r.Says) + len(r.Copies))
	copied := map[string]pcommon.Value{}
	for ours, theirs := range r.Copies {
		if found, there := attributes.Get(theirs); there {
			// a copy: the attributes move when one is added
			copied[ours] = pcommon.NewValueEmpty()
			found.CopyTo(copied[ours])
		}
	}
	for i := range r.Inside {
		r.Inside[i].copyTo(copied, attributes)
	}
	for ours, found := range copied {
		if value, there := attributes.GetOrPutEmpty(ours); !there {
			found.CopyTo(value)
		}
	}
	for ours, text := range r.Says {
		if value, there := attributes.GetOrPutEmpty(ours); !there {
			value.SetStr(text)
		}
	}
}
