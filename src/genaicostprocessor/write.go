package genaicostprocessor

import (
	"math/bits"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/names"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/pricing"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading/conventions"
)

// beside counts the attributes of a bill that are not lines: amount, currency, source, total, status, catalogue, entry.
const beside = 7

// writer writes a verdict as attributes, under the names that genmeter writes in an application.
type writer struct {
	proposal, own bool
}

func newWriter(spelling string) writer {
	return writer{proposal: spelling != writeOwn, own: spelling != writeProposal}
}

func (w writer) cost(attributes pcommon.Map, verdict *pricing.Verdict, catalogue string, partial bool) {
	// exactly the room that is needed: a slice with enough room is not allocated again
	attributes.EnsureCapacity(attributes.Len() + beside + bits.OnesCount32(verdict.Has))
	total := pricing.USD(verdict.Total)
	w.amount(attributes, total, names.SourceCollector)
	if w.own {
		for kind, name := range names.CostLines {
			if verdict.Has>>kind&1 != 0 {
				attributes.PutDouble(name, pricing.USD(verdict.Lines[kind]))
			}
		}
	}
	attributes.PutStr(names.CostStatus, status(partial))
	attributes.PutStr(names.CostCatalogue, catalogue)
	attributes.PutStr(names.CostEntry, verdict.Entry)
}

func (w writer) amount(attributes pcommon.Map, dollars float64, source string) {
	if w.proposal {
		attributes.PutDouble(names.CostAmount, dollars)
		attributes.PutStr(names.CostCurrency, "USD")
	}
	// always, in every spelling: genai_meter reads here whether the application has counted the money
	attributes.PutStr(names.CostSource, source)
	if w.own {
		attributes.PutDouble(names.CostTotal, dollars)
	}
}

func status(partial bool) string {
	if partial {
		return names.StatusPartial
	}
	return names.StatusPriced
}

// completed are the fields whose current names are added: names of models, then counts.
var completed = func() (made [2 + pricing.Units]conventions.Field) {
	made[0], made[1] = conventions.RequestModel, conventions.ResponseModel
	for unit := range pricing.Units {
		made[2+unit] = conventions.Count(unit)
	}
	return made
}()

// addition is an attribute to be added. It is read before the first attribute is written.
type addition struct {
	key, text string
	count     int64
}

// additionsOf lists the facts that a call spells only in older or foreign names, under their current names.
func additionsOf(r *reading.Record, into []addition, operation string, q *reading.Asked) []addition {
	if r.Foreign(conventions.Operation) {
		into = append(into, addition{key: r.Current(conventions.Operation), text: operation})
	}
	if !r.Has(conventions.Provider) || r.Foreign(conventions.Provider) {
		// the seller where it is known, else the emitter's own word
		name := q.Seller.Name
		if name == "" {
			name = r.Text(conventions.Provider)
		}
		if name != "" {
			into = append(into, addition{key: r.Current(conventions.Provider), text: name})
		}
	}
	for _, field := range completed {
		if !r.Foreign(field) {
			continue
		}
		key := r.Current(field)
		if field.IsText() {
			if text := r.Text(field); text != "" {
				into = append(into, addition{key: key, text: text})
			}
		} else if count, ok := r.Count(field); ok {
			into = append(into, addition{key: key, count: count})
		}
	}
	return into
}

// complete adds the attributes that are missing. It never changes an attribute that is there, not even an empty one.
func complete(attributes pcommon.Map, additions []addition) {
	for _, one := range additions {
		value, there := attributes.GetOrPutEmpty(one.key)
		switch {
		case there:
		case one.text != "":
			value.SetStr(one.text)
		default:
			value.SetInt(one.count)
		}
	}
}
