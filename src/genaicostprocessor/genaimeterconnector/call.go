package genaimeterconnector

import (
	"slices"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/names"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/pricing"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading/conventions"
)

// labels of every series, in the order of labelNames.
const (
	operation = iota
	provider
	requestModel
	responseModel
	department
	application
	environment
	labelCount
)

var labelNames = [labelCount]string{
	names.Operation, names.Provider, names.RequestModel, names.ResponseModel, names.Department, names.Application,
	names.Environment,
}

const (
	longestLabel    = 256 // bytes
	mostTokens      = 1 << 40
	longestDuration = 30 * 24 * 3600 * 1e9 // nanoseconds
	noReason        = len(names.Reasons)   // of an unpriced call that gives none of ours
)

// skip is a fact of a call that cannot be counted.
type skip uint8

const (
	skipAmount skip = iota
	skipCurrency
	skipTokens
	skipDuration
	skips
)

var skipNames = [skips]string{"amount", "currency", "tokens", "duration"}

// thoughtTokens is a count that is compared with that of another record of the same call, and is not counted.
var thoughtTokens = pricing.UnitSpellings[pricing.UnitReasoning][0]

// fact is a number that a call may have.
type fact struct {
	value int64
	known bool
}

// call holds the counted facts of one record.
type call struct {
	labels [labelCount]string
	// counted: no application counts this call, its tokens and its duration. genmeter in an application counts its own
	// calls, and those on whose spans it has left its word.
	counted                         bool
	input, output, cost, picoSecond fact
	unpriced                        bool
	// what is compared with other records and not counted
	elsewhere, broken bool // elsewhere: by its own word, another record bills
	cached, thoughts  int64
	reason            int
	trace             pcommon.TraceID
	span              pcommon.SpanID
}

// clues are the attributes that decide which facts are counted.
type clues struct {
	amount, total         pcommon.Value
	hasAmount, hasTotal   bool
	currency              string
	source, status        string
	reason                string
	repaired, metered     bool
	cacheRead, cacheWrite fact
	beside                fact // thoughts that the output leaves out
}

// read reads the record of a billed operation. own says that genmeter in an application recorded it. Facts that cannot be
// true go to skipped.
func (c *call) read(from *subject, word string, own bool, skipped *[skips]int64) {
	*c = call{counted: !own, reason: noReason, trace: from.trace, span: from.span}
	c.labels[operation] = word
	var found clues
	for key, value := range from.attributes.All() {
		c.take(&found, key, value, skipped)
	}
	c.elsewhere = found.status == names.StatusElsewhere
	if found.metered {
		own, c.counted = true, false
	}
	if found.bills(own) {
		c.cost = found.money(skipped)
	}
	c.cached = found.cacheRead.value + found.cacheWrite.value
	if found.repaired && c.input.known {
		c.input.value += c.cached
	}
	if found.beside.known {
		c.output = fact{c.output.value + found.beside.value, true}
	}
	if own {
		return
	}
	if c.unpriced = found.status == names.StatusUnpriced; c.unpriced {
		if known := slices.Index(names.Reasons[:], found.reason); known >= 0 {
			c.reason = known
		}
	}
	c.picoSecond = from.lasted(skipped)
}

func (c *call) take(found *clues, key string, value pcommon.Value, skipped *[skips]int64) {
	switch key {
	case names.Provider:
		c.labels[provider] = label(value)
	case names.RequestModel:
		c.labels[requestModel] = label(value)
	case names.ResponseModel:
		c.labels[responseModel] = label(value)
	case names.Department:
		c.labels[department] = label(value)
	case names.Application:
		c.labels[application] = label(value)
	case names.Environment:
		c.labels[environment] = label(value)
	case names.InputTokens:
		c.input = c.tokens(value, skipped)
	case names.OutputTokens:
		c.output = c.tokens(value, skipped)
	case names.CacheReadTokens:
		found.cacheRead = c.tokens(value, skipped)
	case names.CacheWriteTokens:
		found.cacheWrite = c.tokens(value, skipped)
	case names.UsageBeside:
		found.beside = c.tokens(value, skipped)
	case thoughtTokens:
		c.thoughts = c.tokens(value, skipped).value
	case names.ErrorType:
		c.broken = text(value) != ""
	case names.CostAmount:
		found.amount, found.hasAmount = value, value.Type() != pcommon.ValueTypeEmpty
	case names.CostTotal:
		found.total, found.hasTotal = value, value.Type() != pcommon.ValueTypeEmpty
	case names.CostCurrency:
		found.currency = text(value)
	case names.CostSource:
		found.source = text(value)
	case names.CostStatus:
		found.status = text(value)
	case names.CostReason:
		found.reason = text(value)
	case names.BilledBy:
		found.metered = text(value) == names.Scope
	case names.UsageRepaired:
		found.repaired = value.Type() == pcommon.ValueTypeBool && value.Bool() || text(value) == "true"
	}
}

// bills says whether the money of this call is counted here. A price of a collector is; one that genmeter in the
// application has made is not, also where it stands on the span of another instrumentation: genmeter.cost.usd has it.
func (f *clues) bills(own bool) bool {
	if !f.hasAmount && !f.hasTotal {
		return false
	}
	if own {
		return f.source == names.SourceCollector
	}
	ours := f.status == names.StatusPriced || f.status == names.StatusPartial
	return !ours || f.source == names.SourceCollector || f.source == names.SourceEmitter
}

func (f *clues) money(skipped *[skips]int64) fact {
	// genmeter's own total is in dollars; the amount of today's name says its currency
	if (f.hasAmount || f.currency != "") && !strings.EqualFold(f.currency, "USD") {
		skipped[skipCurrency]++
		return fact{}
	}
	value := f.amount
	if !f.hasAmount {
		value = f.total
	}
	pico, ok := toPico(value)
	if ok = ok && (f.status != "" || pico <= reading.MostDollars*pricing.Pico); !ok {
		skipped[skipAmount]++
	}
	return fact{pico, ok}
}

func (c *call) tokens(value pcommon.Value, skipped *[skips]int64) fact {
	if value.Type() == pcommon.ValueTypeEmpty {
		return fact{}
	}
	count, ok := conventions.Whole(value)
	if ok = ok && 0 <= count && count <= mostTokens; !ok {
		if c.counted {
			skipped[skipTokens]++
		}
		return fact{}
	}
	return fact{count, true}
}

func text(value pcommon.Value) string {
	if value.Type() != pcommon.ValueTypeStr {
		return ""
	}
	return value.Str()
}

// label makes a value that every store accepts: short, and valid UTF-8. Prometheus refuses a whole request for one bad
// label, and the bad label would be in every later request too.
func label(value pcommon.Value) string {
	var text string
	switch value.Type() {
	case pcommon.ValueTypeStr:
		text = value.Str()
	case pcommon.ValueTypeInt, pcommon.ValueTypeDouble, pcommon.ValueTypeBool:
		text = value.AsString()
	}
	if len(text) <= longestLabel && utf8.ValidString(text) {
		return text
	}
	return strings.ToValidUTF8(text[:min(len(text), longestLabel)], "\uFFFD")
}
