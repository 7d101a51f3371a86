package genaicostprocessor

import (
	"math"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/names"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/pricing"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading/conventions"
)

// batch is the work on one request: facts that are read once for all its calls, and memory that every call uses again.
type batch struct {
	*costProcessor
	writer   writer
	recorded *reading.Recorded
	emitters []*conventions.Emitter
	scope    string // the name of the instrumentation scope, whose exclusive these are
	sellers  reading.Sellers
	counts   counts
	called   bool   // whether there was a call at all
	seller   string // of the last priced call: a batch has few

	record    reading.Record
	asked     reading.Asked
	verdict   pricing.Verdict
	additions [len(completed) + 2]addition
}

func newBatch(p *costProcessor) *batch {
	return &batch{
		costProcessor: p,
		writer:        newWriter(p.cfg.Attributes),
		record:        reading.NewRecord(p.conventions),
	}
}

// settle prices, keeps or refuses one call of a billed operation. It reads all attributes before it writes the first,
// because values that were read point into the attributes.
func (b *batch) settle(attributes pcommon.Map, operation string, at int64, broken bool) {
	b.called = true
	r, q := &b.record, &b.asked
	r.Read(attributes)
	q.Ask(r, b.recorded, &b.sellers, attributes, b.emitters)
	q.Question.At = at
	for _, one := range r.Uncounted() {
		b.counts.leave(b.scope, one)
	}
	var additions []addition
	if b.cfg.Complete {
		additions = additionsOf(r, b.additions[:0], operation, q)
	}
	if q.Left > 0 {
		b.counts.leave(b.scope, reading.Uncounted{Name: r.Current(conventions.Total), Count: q.Left})
	}
	broken = broken || r.Says(conventions.ErrorType)
	became := b.decide(attributes, broken)
	b.counts.outcomes[became]++
	complete(attributes, additions)
}

func (b *batch) decide(attributes pcommon.Map, broken bool) outcome {
	r, q := &b.record, &b.asked
	if r.Is(conventions.Status, names.StatusElsewhere) {
		// another record bills this call, by the word of the instrumentation that wrote that one
		return elsewhere
	}
	if r.Has(conventions.Cost) {
		amount, isNumber := r.Amount()
		if r.OwnCost() || !r.InDollars() {
			if !isNumber || amount < 0 || amount > reading.MostDollars && !r.Has(conventions.Status) {
				b.counts.refusedAmounts++
			}
			b.compare(attributes, amount, isNumber)
			return kept
		}
		b.takeOver(attributes, amount)
		return takenOver
	}
	if r.IsCacheHit() {
		b.takeOver(attributes, 0)
		return takenOver
	}
	if r.Is(conventions.Status, names.StatusPriced) || r.Is(conventions.Status, names.StatusPartial) {
		// genmeter in the application has priced and counted the call, and its settings forbid the amount on the span
		return kept
	}
	if r.RefusedAmount() {
		b.counts.refusedAmounts++
	}
	if broken && !q.Question.HasUsage && !q.Question.Partial && r.Wrong() == "" {
		return failed
	}
	if reason, detail := b.price(); reason != pricing.Priced {
		b.refuse(attributes, reason, detail)
		return unpriced
	}
	return b.write(attributes)
}

// price asks the book about the call.
func (b *batch) price() (pricing.Reason, string) {
	if wrong := b.record.Wrong(); wrong != "" {
		return pricing.InvalidUsage, wrong
	}
	b.verdict = b.recorded.Catalogue.Price(&b.asked.Question)
	if b.verdict.Reason == pricing.UnknownProvider && b.namesNobody() {
		return b.verdict.Reason, namesNobody
	}
	if odd := b.record.OddModel(); odd != "" && b.verdict.Reason == pricing.UnknownModel {
		return b.verdict.Reason, odd
	}
	return b.verdict.Reason, b.verdict.Detail
}

// namesNobody is the detail of a call without a price where no address can be given a seller.
const namesNobody = "the record names no seller and no server, at most a framework; have its emitter write " +
	"gen_ai.provider.name or server.address, or meter the SDK below it with genmeter"

func (b *batch) namesNobody() bool {
	return !b.record.Has(conventions.Provider) && !b.record.Has(conventions.Address) && !b.record.Has(conventions.BaseURL)
}

func (b *batch) write(attributes pcommon.Map) outcome {
	if b.asked.Seller.ID != b.seller && !strings.HasPrefix(b.verdict.Entry, "override:") {
		b.seller = b.asked.Seller.ID
		b.book.sells(b.asked.Seller)
	}
	b.forgetReason(attributes)
	left := b.record.Uncounted()
	if b.asked.Left > 0 {
		left = append(left, reading.Uncounted{Name: b.record.Current(conventions.Total), Count: b.asked.Left})
	}
	stopped := b.asked.Question.Partial || len(left) > 0
	b.writer.cost(attributes, &b.verdict, b.recorded.Catalogue.Version(), stopped)
	if len(left) > 0 {
		attributes.PutStr(names.CostReason, string(pricing.UnpricedDimension))
		attributes.PutStr(names.CostDetail, strings.ToValidUTF8(reading.Clipped("not in this price: "+listed(left)), ""))
	}
	b.mark(attributes)
	if stopped {
		return partial
	}
	return priced
}

// mark says what the counts of the call mean, for every later reader.
func (b *batch) mark(attributes pcommon.Map) {
	if b.asked.Repaired {
		attributes.PutBool(names.UsageRepaired, true)
		b.counts.repaired++
	}
	if b.asked.Thoughts > 0 {
		attributes.PutInt(names.UsageBeside, b.asked.Thoughts)
	}
	if b.asked.Assumed {
		attributes.PutBool(names.UsageAssumed, true)
	}
}

// listed are the names of counts, in the order of the record.
func listed(left []reading.Uncounted) string {
	found := make([]string, len(left))
	for i := range left {
		found[i] = left[i].Name
	}
	return strings.Join(found, ", ")
}

// forgetReason removes the reason of an earlier hop that found no price, because there is a price now.
func (b *batch) forgetReason(attributes pcommon.Map) {
	if b.record.Has(conventions.Reason) {
		attributes.Remove(names.CostReason)
		attributes.Remove(names.CostDetail)
	}
}

// refuse writes a status, a reason and its detail, and no number. What an earlier hop has said of the call stays.
func (b *batch) refuse(attributes pcommon.Map, reason pricing.Reason, detail string) {
	seller := b.asked.Seller.ID
	if seller == "" {
		seller = b.record.Text(conventions.Provider)
	}
	if !b.record.Has(conventions.Reason) || !b.record.Is(conventions.Status, names.StatusUnpriced) {
		attributes.EnsureCapacity(attributes.Len() + 3)
		attributes.PutStr(names.CostStatus, names.StatusUnpriced)
		attributes.PutStr(names.CostReason, string(reason))
		attributes.PutStr(names.CostDetail, strings.ToValidUTF8(reading.Clipped(detail), ""))
	}
	b.counts.refused(reason)
	b.sightings.report(seller, b.asked.Model(), reason, detail)
}

// takeOver repeats under the current names an amount that another instrumentation has written in a spelling of its own.
func (b *batch) takeOver(attributes pcommon.Map, amount float64) {
	stopped := b.asked.Question.Partial
	b.compare(attributes, amount, true)
	b.forgetReason(attributes)
	attributes.EnsureCapacity(attributes.Len() + beside)
	b.writer.amount(attributes, amount, names.SourceEmitter)
	b.mark(attributes)
	attributes.PutStr(names.CostStatus, status(stopped))
}

// compare adds our book's price beside the cost that stays, where the configuration asks for it.
func (b *batch) compare(attributes pcommon.Map, amount float64, isNumber bool) {
	if b.cfg.Existing != existingCompare {
		return
	}
	if reason, _ := b.price(); reason != pricing.Priced {
		return
	}
	if isNumber && b.record.InDollars() && math.Round(amount*pricing.Pico) == float64(b.verdict.Total) {
		b.counts.equal++
	} else {
		b.counts.different++
	}
	attributes.PutDouble(names.CostCompared, pricing.USD(b.verdict.Total))
}
