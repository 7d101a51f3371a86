package pricing

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"time"
)

// Usage times prices: integers only, one bill per call, refusal instead of a guess. The twin of charge.py.

// term says which column prices a quantity and on which line of the bill it stands.
type term struct {
	kind   Kind
	column int
}

// String is the line's name, as in names.COST_KINDS of Python.
func (k Kind) String() string {
	if k < Kinds {
		return kindNames[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// USD is an amount of pico-USD as the nearest double of US dollars: the one conversion on the way to an attribute.
// Above 2^53 pico-USD ($9,007) dividing doubles would round twice.
func USD(pico int64) float64 {
	const exact = 1 << 53
	if -exact <= pico && pico <= exact {
		return float64(pico) / Pico
	}
	dollars, _ := new(big.Rat).SetFrac64(pico, Pico).Float64()
	return dollars
}

// charge writes the bill of one call under a plan, or why there is none, into an empty verdict.
func (p *plan) charge(question *Question, verdict *Verdict) {
	switch {
	case p.reason != Priced:
		verdict.Reason, verdict.Detail = p.reason, p.detail
		return
	case p.free:
		verdict.Entry = p.entry
		return
	case !question.HasUsage:
		verdict.Reason, verdict.Detail = NoUsage, "the response carried no token counts"
		return
	}
	row := p.flat
	if row == nil {
		if row = p.choose(&question.Usage, question.At); row == nil {
			verdict.Reason, verdict.Detail = NoPriceForDate, p.tooEarly()
			return
		}
	}
	row.bill(&question.Usage, question.Partial, verdict)
}

// choose is the row for this instant and this number of input tokens, or nil. A threshold counts all input tokens; above
// it, the whole call has the prices of the other row.
func (p *plan) choose(usage *Usage, second int64) *rates {
	var tiers []tier
	for i := range p.editions {
		one := &p.editions[i]
		if one.dated && one.start > second {
			continue
		}
		tiers = one.tiers
		for j := range one.hours {
			if one.hours[j].holds(second) {
				tiers = one.hours[j].tiers
				break
			}
		}
		break
	}
	length := usage.total(usage.HasInput, usage.Input)
	for i := range tiers {
		if length > tiers[i].over || tiers[i].over == 0 {
			return &tiers[i].rates
		}
	}
	return nil
}

func (p *plan) tooEarly() string {
	first := time.Unix(p.editions[len(p.editions)-1].start, 0).UTC()
	return p.entry + " has no price before " + first.Format(time.RFC3339)
}

func (u *Usage) total(known bool, count int64) int64 {
	if known {
		return count
	}
	return 0
}

// bill takes the parts out of the totals that contain them, and charges for each. Counts come from outside: where one is
// below zero, the first term is, and the sum is refused.
func (r *rates) bill(usage *Usage, partial bool, verdict *Verdict) {
	if !partial && r.unknownTotal(usage, verdict) {
		return
	}
	into, out := usage.total(usage.HasInput, usage.Input), usage.total(usage.HasOutput, usage.Output)
	negative := usage.textNegative(into, out)
	if usage.onlyText() {
		var counts [textTerms]int64
		usage.textLeaves(&counts, into, out)
		if negative {
			counts[0] = -1
		}
		r.sum(counts[:], partial, verdict)
		return
	}
	var counts [len(terms)]int64
	usage.leaves(&counts, into, out)
	if negative || usage.negative() {
		counts[0] = -1
	}
	r.sum(counts[:], partial, verdict)
}

// sum multiplies and adds up; counts are in the order of terms. A refused sum leaves no lines in the verdict.
func (r *rates) sum(counts []int64, partial bool, verdict *Verdict) {
	for i, count := range counts {
		if count < 0 {
			verdict.refuse(InvalidUsage, terms[i].kind.String()+": the parts exceed their total")
			return
		}
	}
	total, enormous := uint64(0), false
	for i, count := range counts {
		price := r.price[terms[i].column]
		if count == 0 {
			continue
		}
		if price == noPrice && r.empty() {
			verdict.refuse(UnknownModel, r.entry+" is known but has no price that holds")
			return
		}
		if price == noPrice {
			verdict.refuse(UnpricedDimension, r.entry+" has no price for "+columns[terms[i].column].name)
			return
		}
		high, low := bits.Mul64(uint64(count), uint64(price))
		if i >= textTerms { // a price of text is for one token
			high, low = divided(high, low, uint64(columns[terms[i].column].under))
		}
		enormous = enormous || high != 0 || low > math.MaxInt64 || total+low > math.MaxInt64
		total += low
		verdict.add(terms[i].kind, int64(low))
	}
	fee := r.price[columnRequest]
	onlyFee := fee != noPrice && r.price[columnInput] == noPrice && r.price[columnOutput] == noPrice
	if verdict.Has == 0 && !partial && !onlyFee {
		// Counts that are all zero count nothing: servers that do not count write them, and no call is free by that.
		verdict.refuse(NoUsage, "the response carried no count of what "+r.entry+" charges for")
		return
	}
	if fee != noPrice {
		total += uint64(fee)
		enormous = enormous || total > math.MaxInt64
		verdict.add(Request, fee)
	}
	if enormous {
		verdict.refuse(InvalidUsage, "the bill exceeds 9223372036854775807 pico-USD; no call is that large")
		return
	}
	verdict.Total, verdict.Entry = int64(total), r.entry
}

// empty says whether a row has no price at all: from its day on, no published price of the name holds.
func (r *rates) empty() bool {
	for _, price := range r.price {
		if price != noPrice {
			return false
		}
	}
	return true
}

func (r *rates) unknownTotal(usage *Usage, verdict *Verdict) bool {
	switch {
	case !usage.HasInput && r.price[columnInput] != noPrice:
		verdict.refuse(NoUsage, "the response carried no input token count")
	case !usage.HasOutput && r.price[columnOutput] != noPrice:
		verdict.refuse(NoUsage, "the response carried no output token count")
	default:
		return false
	}
	return true
}

// less takes a part out of a total. It subtracts no negative number, because counts come from outside and int64 wraps
// around. A negative total stays negative, so that the sum is refused.
func less(total, part int64) int64 {
	if total >= 0 && part >= 0 {
		total -= part
	}
	return total
}

// divided is the product of a count and of a price for under of them, 128 bits wide, divided by under and rounded half to
// even. A quotient of more than 64 bits stays as it came: no bill can hold it.
func divided(high, low, under uint64) (uint64, uint64) {
	if high >= under {
		return high, low
	}
	quotient, rest := bits.Div64(high, low, under)
	if twice := 2 * rest; twice > under || twice == under && quotient&1 == 1 {
		quotient++
	}
	return 0, quotient
}

func (v *Verdict) add(kind Kind, amount int64) {
	v.Lines[kind] += amount
	v.Has |= 1 << kind
}

func (v *Verdict) refuse(reason Reason, detail string) {
	*v = Verdict{Reason: reason, Detail: detail}
}
