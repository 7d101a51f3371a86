package reading

import (
	"cmp"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/pricing"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading/conventions"
)

// exclusiveSellers leave cache reads and writes out of their input count. For them, more cache than input proves that
// the emitter passed the seller's count on.
var exclusiveSellers = []string{"anthropic", "aws"}

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
}

// Ask makes the question of the call that r has read. r.Wrong tells a fault of the call.
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

// repair adds the cache to an input count that leaves it out. It does so in three cases: an earlier hop said so, the
// emitter is known for it, or the counts prove it. The counts on the call itself stay as they came.
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

// Sellers remembers the sellers of one batch by address, because most calls of a batch go to the same few servers.
type Sellers [8]struct {
	provider string
	at       place
	known    bool
	seller   pricing.Seller
}

// find is the seller of the call; an empty one is unknown. The server's address decides where the call has one, because
// most instrumentations write the name of the SDK's vendor for every server.
func (m *Sellers) find(r *Record, by *Recorded) pricing.Seller {
	provider, address := r.Text(conventions.Provider), r.Text(conventions.Address)
	if address == "" {
		if base := r.Text(conventions.BaseURL); base != "" {
			return billedBy(by, provider, r.placeOf(base))
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
