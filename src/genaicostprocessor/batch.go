package genaicostprocessor

import (
	"math"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"genmeter.local/genaicostprocessor/internal/conventions"
	"genmeter.local/genaicostprocessor/internal/names"
	"genmeter.local/genaicostprocessor/internal/pricing"
)

// batch is the work on one request: what is looked at once for all its calls, and room that each call uses anew.
type batch struct {
	*costProcessor
	writer    writer
	table     *table
	exclusive []conventions.Emitter
	sellers   sellerMemo
	counts    counts
	called    bool // whether there was a call at all

	reading   reading
	question  question
	verdict   pricing.Verdict
	additions [len(completed) + 2]addition
}

func newBatch(p *costProcessor) *batch {
	return &batch{
		costProcessor: p,
		writer:        newWriter(p.cfg.Attributes),
		reading:       reading{table: p.conventions},
	}
}

// settle decides what becomes of one call of a billed operation. Everything is read before anything is written.
func (b *batch) settle(attributes pcommon.Map, operation string, at int64, broken bool) {
	b.called = true
	r, q := &b.reading, &b.question
	r.read(attributes)
	q.ask(r, b.table, &b.sellers, attributes, b.exclusive)
	q.call.At = at
	var additions []addition
	if b.cfg.Complete {
		additions = r.additions(b.additions[:0], operation, q)
	}
	broken = broken || r.has(conventions.ErrorType)
	became := b.decide(attributes, broken)
	b.counts.outcomes[became]++
	complete(attributes, additions)
}

func (b *batch) decide(attributes pcommon.Map, broken bool) outcome {
	r, q := &b.reading, &b.question
	if r.has(conventions.Cost) {
		amount, isNumber := number(r.values[conventions.Cost])
		if r.ranks[conventions.Cost] <= conventions.OwnCosts || !b.inDollars() {
			b.compare(attributes, amount, isNumber)
			return kept
		}
		b.takeOver(attributes, amount)
		return takenOver
	}
	if r.is(conventions.Status, names.StatusPriced) || r.is(conventions.Status, names.StatusPartial) {
		// genmeter in the application has priced and counted it, and was told to keep the amount to itself
		return kept
	}
	if r.refused {
		b.counts.refusedAmounts++
	}
	if broken && !q.call.HasUsage && !q.call.Partial && r.wrong == "" {
		return failed
	}
	if reason, detail := b.price(); reason != pricing.Priced {
		b.refuse(attributes, reason, detail)
		return unpriced
	}
	return b.write(attributes)
}

// price asks the book.
func (b *batch) price() (pricing.Reason, string) {
	if b.reading.wrong != "" {
		return pricing.InvalidUsage, b.reading.wrong
	}
	b.verdict = b.table.catalogue.Price(&b.question.call)
	return b.verdict.Reason, b.verdict.Detail
}

func (b *batch) write(attributes pcommon.Map) outcome {
	b.forgetReason(attributes)
	stopped := b.question.call.Partial
	b.writer.cost(attributes, &b.verdict, b.table.catalogue.Version(), stopped)
	if b.question.repaired {
		attributes.PutBool(names.UsageRepaired, true)
		b.counts.repaired++
	}
	if stopped {
		return partial
	}
	return priced
}

// forgetReason: an application may have found no price where there is one now.
func (b *batch) forgetReason(attributes pcommon.Map) {
	if b.reading.has(conventions.Reason) {
		attributes.Remove(names.CostReason)
	}
}

// refuse writes a status and a reason, and no number; what somebody before us had said of it stays.
func (b *batch) refuse(attributes pcommon.Map, reason pricing.Reason, detail string) {
	seller := b.question.seller.ID
	if seller == "" {
		seller = b.reading.text(conventions.Provider)
	}
	if !b.reading.has(conventions.Reason) || !b.reading.is(conventions.Status, names.StatusUnpriced) {
		attributes.EnsureCapacity(attributes.Len() + 2)
		attributes.PutStr(names.CostStatus, names.StatusUnpriced)
		attributes.PutStr(names.CostReason, string(reason))
	}
	b.counts.refused(reason)
	b.sightings.report(seller, b.question.model(), reason, detail)
}

// takeOver repeats under the current names an amount that another instrumentation has written in a spelling of its own.
func (b *batch) takeOver(attributes pcommon.Map, amount float64) {
	stopped := b.question.call.Partial
	b.compare(attributes, amount, true)
	b.forgetReason(attributes)
	attributes.EnsureCapacity(attributes.Len() + beside)
	b.writer.amount(attributes, amount, names.SourceEmitter)
	attributes.PutStr(names.CostStatus, status(stopped))
}

// compare writes, where it is asked for, what our book says beside the cost that stays.
func (b *batch) compare(attributes pcommon.Map, amount float64, isNumber bool) {
	if b.cfg.Existing != existingCompare {
		return
	}
	if reason, _ := b.price(); reason != pricing.Priced {
		return
	}
	if isNumber && b.inDollars() && math.Round(amount*pricing.Pico) == float64(b.verdict.Total) {
		b.counts.equal++
	} else {
		b.counts.different++
	}
	attributes.PutDouble(names.CostCompared, pricing.USD(b.verdict.Total))
}

func (b *batch) inDollars() bool {
	if !b.reading.has(conventions.Currency) {
		return true
	}
	currency := b.reading.values[conventions.Currency]
	return currency.Type() == pcommon.ValueTypeStr && (currency.Str() == "" || strings.EqualFold(currency.Str(), "USD"))
}
