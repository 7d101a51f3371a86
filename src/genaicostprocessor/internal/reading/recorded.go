package reading

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/pricing"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading/conventions"
)

// exclusiveSellers have counts of their own that leave cache reads and writes out of the input: where the cache alone
// exceeds the input, their count was passed on as it was.
var exclusiveSellers = []string{"anthropic", "aws"}

// defaultNames are written by instrumentations for any server that their SDK talks to, a company's gateway included.
var defaultNames = []string{"openai", "anthropic"}

// Recorded is what recorded calls are priced by: the book, and who bills at which address. It never changes.
type Recorded struct {
	Catalogue *pricing.Catalogue
	Addresses *pricing.Addresses
}

// Asked is what one recorded call asks of the book, who bills for it, and whether its emitter had left the cache out of
// the input count. The twin of recorded.py.
type Asked struct {
	Question pricing.Question
	Seller   pricing.Seller
	Repaired bool
}

// Ask puts the question of the call that r has read. What is wrong with the call stands in r.Wrong.
func (q *Asked) Ask(r *Record, by *Recorded, sellers *Sellers, attributes pcommon.Map, exclusive []conventions.Emitter) {
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
	q.repair(r, attributes, exclusive)
}

// Model is the one that answered, else the one that was asked.
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
		q.Question.HasUsage = true
		count, known := r.Count(field)
		*usage.At(unit) = count
		switch unit {
		case pricing.UnitInput:
			usage.HasInput = known
		case pricing.UnitOutput:
			usage.HasOutput = known
		}
	}
}

// repair adds the cache to an input count that leaves it out: where an earlier hop has said so, where the emitter is
// known to count so, and where nothing else can explain the counts. The counts stay on the call as they came.
func (q *Asked) repair(r *Record, attributes pcommon.Map, exclusive []conventions.Emitter) {
	usage := &q.Question.Usage
	apart := usage.CacheRead + usage.CacheWrite
	if !usage.HasInput || apart <= 0 {
		return
	}
	proved := apart > usage.Input && slices.Contains(exclusiveSellers, q.Seller.ID)
	if proved || r.set(conventions.Repaired) || q.excluded(attributes, exclusive) {
		usage.Input += apart
		q.Repaired = true
	}
}

func (q *Asked) excluded(attributes pcommon.Map, exclusive []conventions.Emitter) bool {
	for i := range exclusive {
		if !exclusive[i].Bills(q.Seller.ID) {
			continue
		}
		if exclusive[i].Unless != "" {
			said, there := attributes.Get(exclusive[i].Unless)
			if there && said.Type() != pcommon.ValueTypeEmpty {
				continue
			}
		}
		return true
	}
	return false
}

// Sellers remembers who bills for the calls of one batch: most of them go to the same few places.
type Sellers [8]struct {
	provider string
	at       place
	known    bool
	seller   pricing.Seller
}

// find is who bills: by the address where the call has one, as most instrumentations name the SDK's own vendor wherever
// it talks to. An empty one: nobody knows.
func (m *Sellers) find(r *Record, by *Recorded) pricing.Seller {
	provider, address := r.Text(conventions.Provider), r.Text(conventions.Address)
	if address == "" {
		if base := r.Text(conventions.BaseURL); base != "" {
			return billedBy(by, provider, r.placeOf(base))
		}
	}
	at := place{host: address}
	if address != "" {
		at.port, _ = r.Count(conventions.Port)
	}
	one := &m[(len(provider)+3*len(address))%len(m)]
	if !one.known || one.provider != provider || one.at != at {
		one.provider, one.at, one.known = provider, at, true
		one.seller = billedBy(by, provider, at)
	}
	return one.seller
}

func billedBy(by *Recorded, provider string, at place) pricing.Seller {
	named, isNamed := pricing.Seller{}, false
	if provider != "" {
		named, isNamed = by.Catalogue.Named(provider)
	}
	if at.host == "" {
		return named
	}
	if found, known := by.Addresses.Seller(at.host, at.port, at.path); known {
		return found
	}
	if isNamed && !slices.Contains(defaultNames, named.Name) {
		return named
	}
	return pricing.Seller{}
}
