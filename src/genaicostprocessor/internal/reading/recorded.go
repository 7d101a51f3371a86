package reading

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/pricing"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading/conventions"
)

// exclusiveSellers leave cache reads and writes out of their input count. For them, more cache than input proves that
// the emitter passed the seller's count on.
var exclusiveSellers = []string{"anthropic", "aws"}

// thoughtsBeside are sellers whose own count of the output leaves the thoughts out; their totals have them.
var thoughtsBeside = []string{"google", "vertex", "x-ai"}

// defaultNames are written by instrumentations for any server that their SDK talks to, a company's gateway included.
var defaultNames = []string{"openai", "anthropic"}

// Recorded prices recorded calls: it has the book and the sellers by address. It never changes.
type Recorded struct {
	Catalogue *pricing.Catalogue
	Addresses *pricing.Addresses
}

// Asked is the question of one recorded call, its seller, and whether its emitter left the cache out of the input count.
// The twin of recorded.py.
type Asked struct {
	Question pricing.Question
	Seller   pricing.Seller
	Repaired bool

	Thoughts int64 // tokens that stand in the total alone and are billed as output
	Left     int64 // tokens that stand in the total alone, and what they are is not known
	Assumed  bool  // the emitter is not in the table; its input count was taken to have the cache in it
}

// Ask makes the question of the call that r has read. r.Wrong tells a fault of the call.
func (q *Asked) Ask(r *Record, by *Recorded, sellers *Sellers, attributes pcommon.Map, emitters []*conventions.Emitter) {
	*q = Asked{}
	q.Seller = sellers.find(r, by)
	q.Question.Seller = q.Seller.ID
	q.Question.RequestModel = r.Text(conventions.RequestModel)
	q.Question.ResponseModel = r.Text(conventions.ResponseModel)
	q.Question.ServiceTier = r.Text(conventions.ServiceTier)
	q.Question.Region = r.Text(conventions.Region)
	if q.Question.Region == "" {
		q.Question.Region = q.Seller.Region
	}
	q.Question.Batch = r.flag(conventions.Batch)
	q.Question.Partial = r.Text(conventions.Cut) != ""
	q.count(r)
	q.repair(r, attributes, emitters)
}

// Model is the model of the response, else the model of the request.
func (q *Asked) Model() string {
	if q.Question.ResponseModel != "" {
		return q.Question.ResponseModel
	}
	return q.Question.RequestModel
}

func (q *Asked) count(r *Record) {
	usage := &q.Question.Usage
	for unit := range pricing.Units {
		field := conventions.Count(unit)
		if !r.Has(field) {
			continue
		}
		count, known := r.tell(field)
		if !known {
			if isTotal(r.table, unit) {
				q.Question.HasUsage = true
				r.Count(field) // the fault is the call's
			}
			continue // Uncounted names a part
		}
		if count < 0 || count > mostTokens {
			if hasPrice(unit) {
				q.Question.HasUsage = true
				r.refuse(field, fmt.Sprintf("a whole number from 0 to %d", int64(mostTokens)))
			}
			continue // a wrong count without a price costs nothing but itself
		}
		q.Question.HasUsage = true
		*usage.At(unit) = count
		switch unit {
		case pricing.UnitInput:
			usage.HasInput = known
		case pricing.UnitOutput:
			usage.HasOutput = known
		}
	}
}

// isTotal says whether a call has no price where this count is garbage: it is no part of another, and has a price.
func isTotal(table *conventions.Table, unit pricing.Unit) bool {
	return hasPrice(unit) && !table.IsPart(conventions.Count(unit))
}

// hasPrice says whether a count has a price of its own.
func hasPrice(unit pricing.Unit) bool {
	return unit != pricing.UnitReasoning && unit != pricing.UnitTextInput && unit != pricing.UnitTextOutput
}

// repair adds the cache to an input count that leaves it out, and to the output what stands in the total alone. The
// counts on the call itself stay as they came.
func (q *Asked) repair(r *Record, attributes pcommon.Map, emitters []*conventions.Emitter) {
	usage := &q.Question.Usage
	if !usage.HasInput {
		// the call has no price, and its tokens are told all the same
		if total, told := r.tell(conventions.Total); told && total <= mostTokens {
			q.Left = max(total-usage.Output, 0)
		}
		return
	}
	apart := usage.CacheRead + usage.CacheWrite
	if apart > 0 && q.leavesCacheOut(r, apart, attributes, emitters) {
		usage.Input += apart
		q.Repaired = true
	}
	known := func(one *conventions.Emitter) bool { return one.TellsCache() }
	q.Assumed = apart > 0 && !q.Repaired && q.countsApart() && !slices.ContainsFunc(emitters, known)
	q.think(r)
}

// countsApart says whether the API behind the call counts the cache beside the input. Only then do an emitter that passes
// the API's count on and one that follows the conventions write different numbers.
func (q *Asked) countsApart() bool {
	return slices.Contains(exclusiveSellers, q.Seller.ID) || strings.Contains(strings.ToLower(q.Model()), "claude")
}

// leavesCacheOut is true in three cases: an earlier hop said so, the emitter is known for it, or the counts prove it. They
// do where the total is the sum of all three, and where a seller that counts apart has more cache than input.
func (q *Asked) leavesCacheOut(r *Record, apart int64, attributes pcommon.Map, emitters []*conventions.Emitter) bool {
	usage := &q.Question.Usage
	if r.set(conventions.Repaired) {
		return true
	}
	for _, one := range emitters {
		if one.LeavesCacheOut(q.Seller.ID, attributes) {
			return true
		}
	}
	if total, told := r.tell(conventions.Total); told && len(emitters) == 0 && total == usage.Input+apart+usage.Output {
		return true
	}
	return apart > usage.Input && slices.Contains(exclusiveSellers, q.Seller.ID)
}

// think finds the tokens that stand in the total alone.
func (q *Asked) think(r *Record) {
	usage := &q.Question.Usage
	total, told := r.tell(conventions.Total)
	proven := usage.Output < usage.Reasoning && usage.Reasoning <= mostTokens
	if !told {
		if !proven {
			return
		}
		total = usage.Input + usage.Output
	}
	if said, there := r.tell(conventions.Beside); there && said > 0 {
		q.Thoughts, q.Left = said, max(total-usage.Input-usage.Output-said, 0)
	} else if extra := total - usage.Input - usage.Output; extra > 0 {
		switch {
		case extra == usage.Reasoning:
			q.Thoughts = extra
		case !slices.Contains(thoughtsBeside, q.Seller.ID):
			q.Left = extra
		case 0 < usage.Reasoning && usage.Reasoning < extra:
			q.Thoughts, q.Left = usage.Reasoning, extra-usage.Reasoning
		default:
			q.Thoughts = extra
		}
	}
	if proven && q.Thoughts == 0 {
		// more thoughts than output: the output leaves them out, at any seller
		q.Thoughts, q.Left = usage.Reasoning, max(total-usage.Input-usage.Output-usage.Reasoning, 0)
	}
	if q.Thoughts > 0 {
		usage.Output += q.Thoughts
		usage.HasOutput = true
		if usage.Reasoning == 0 {
			usage.Reasoning = q.Thoughts
		}
	}
}

// Sellers remembers the sellers of one batch by address, because most calls of a batch go to the same few servers.
type Sellers [8]struct {
	provider string
	at       place
	known    bool
	seller   pricing.Seller
	resells  bool // the price is that of the seller that the model's name begins with
}

// find is the seller of the call; an empty one is unknown. The server's address decides where the call has one, because
// most instrumentations write the name of the SDK's vendor for every server.
func (m *Sellers) find(r *Record, by *Recorded) pricing.Seller {
	provider, address := r.Text(conventions.Provider), r.Text(conventions.Address)
	if address == "" {
		if base := r.Text(conventions.BaseURL); base != "" {
			return billedBy(r.table, by, provider, placeOf(base, 0))
		}
	}
	if address == "" && provider == "" {
		// nothing but the model's own name is left to tell the seller
		if provider = r.table.SoldBy(cmp.Or(r.Text(conventions.RequestModel), r.Text(conventions.ResponseModel))); provider == "" {
			return pricing.Seller{}
		}
	}
	at := place{host: address}
	if address != "" {
		at.port, _ = r.tell(conventions.Port)
	}
	if strings.Contains(address, "/") {
		at = placeOf(address, at.port)
	}
	one := &m[(len(provider)+3*len(address))%len(m)]
	if !one.known || one.provider != provider || one.at != at {
		one.provider, one.at, one.known = provider, at, true
		one.seller = billedBy(r.table, by, provider, at)
		_, isNamed := named(r.table, by, provider)
		one.resells = !isNamed && provider != "" && r.table.Resells(provider)
	}
	if one.resells {
		return resold(r.table, by, r)
	}
	return one.seller
}

func billedBy(table *conventions.Table, by *Recorded, provider string, at place) pricing.Seller {
	seller, isNamed := named(table, by, provider)
	if at.host == "" {
		return seller
	}
	if found, known := by.Addresses.Seller(at.host, at.port, at.path); known {
		return found
	}
	if isNamed && !slices.Contains(defaultNames, seller.Name) {
		return seller
	}
	return pricing.Seller{}
}

// named is the seller that a word stands for.
func named(table *conventions.Table, by *Recorded, word string) (pricing.Seller, bool) {
	if word == "" {
		return pricing.Seller{}, false
	}
	if found, known := by.Catalogue.Named(word); known {
		return found, true
	}
	for _, one := range table.Sellers(word) {
		if found, known := by.Catalogue.Named(one); known {
			return found, true
		}
	}
	return pricing.Seller{}, false
}

// resold is the seller whose price a gateway bills: the model's name begins with its name.
func resold(table *conventions.Table, by *Recorded, r *Record) pricing.Seller {
	vendor, _, parted := strings.Cut(cmp.Or(r.Text(conventions.RequestModel), r.Text(conventions.ResponseModel)), "/")
	if !parted {
		return pricing.Seller{}
	}
	seller, _ := named(table, by, vendor)
	return seller
}
