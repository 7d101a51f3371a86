package genaicostprocessor

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"genmeter.local/genaicostprocessor/internal/conventions"
	"genmeter.local/genaicostprocessor/internal/pricing"
)

// exclusiveSellers have counts of their own that leave cache reads and writes out of the input: where the cache alone
// exceeds the input, their count was passed on as it was.
var exclusiveSellers = []string{"anthropic", "aws"}

// defaultNames are written by instrumentations for any server that their SDK talks to, a company's gateway included.
var defaultNames = []string{"openai", "anthropic"}

// question is what a call asks of the price book: the twin of pricing/recorded.py.
type question struct {
	call     pricing.Call
	seller   pricing.Seller
	repaired bool
}

// ask puts the question of the call that r has read. What is wrong with it stands in r.wrong.
func (q *question) ask(r *reading, t *table, sellers *sellerMemo, attributes pcommon.Map, exclusive []conventions.Emitter) {
	*q = question{}
	q.seller = sellers.find(r, t)
	q.call.Seller = q.seller.ID
	q.call.RequestModel = r.text(conventions.RequestModel)
	q.call.ResponseModel = r.text(conventions.ResponseModel)
	q.call.ServiceTier = r.text(conventions.ServiceTier)
	q.call.Region = r.text(conventions.Region)
	if q.call.Region == "" {
		q.call.Region = q.seller.Region
	}
	q.call.Batch = r.flag(conventions.Batch)
	q.call.Partial = r.text(conventions.Cut) != ""
	q.count(r)
	q.repair(r, attributes, exclusive)
}

// model is the one that answered, else the one that was asked.
func (q *question) model() string {
	if q.call.ResponseModel != "" {
		return q.call.ResponseModel
	}
	return q.call.RequestModel
}

func (q *question) count(r *reading) {
	usage := &q.call.Usage
	usage.Input, usage.HasInput = r.count(conventions.Input)
	usage.Output, usage.HasOutput = r.count(conventions.Output)
	q.call.HasUsage = r.has(conventions.Input) || r.has(conventions.Output)
	for field := conventions.CacheRead; field <= conventions.Searches; field++ {
		if !r.has(field) {
			continue
		}
		q.call.HasUsage = true
		count, _ := r.count(field)
		*part(usage, field) = count
	}
}

func part(usage *pricing.Usage, field conventions.Field) *int64 {
	switch field {
	case conventions.CacheRead:
		return &usage.CacheRead
	case conventions.CacheWrite:
		return &usage.CacheWrite
	case conventions.CacheWrite1h:
		return &usage.CacheWrite1h
	case conventions.Reasoning:
		return &usage.Reasoning
	case conventions.TextInput:
		return &usage.TextInput
	case conventions.TextOutput:
		return &usage.TextOutput
	case conventions.AudioInput:
		return &usage.AudioInput
	case conventions.AudioOutput:
		return &usage.AudioOutput
	case conventions.AudioCacheRead:
		return &usage.AudioCacheRead
	case conventions.ImageInput:
		return &usage.ImageInput
	case conventions.ImageOutput:
		return &usage.ImageOutput
	case conventions.ImageCacheRead:
		return &usage.ImageCacheRead
	default:
		return &usage.Searches
	}
}

// repair adds the cache to an input count that leaves it out: where an earlier hop has said so, where the emitter is
// known to count so, and where nothing else can explain the counts. The counts stay on the call as they came.
func (q *question) repair(r *reading, attributes pcommon.Map, exclusive []conventions.Emitter) {
	usage := &q.call.Usage
	apart := usage.CacheRead + usage.CacheWrite
	if !usage.HasInput || apart <= 0 {
		return
	}
	proved := apart > usage.Input && slices.Contains(exclusiveSellers, q.seller.ID)
	if proved || r.set(conventions.Repaired) || q.excluded(attributes, exclusive) {
		usage.Input += apart
		q.repaired = true
	}
}

func (q *question) excluded(attributes pcommon.Map, exclusive []conventions.Emitter) bool {
	for i := range exclusive {
		if !exclusive[i].Bills(q.seller.ID) {
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

// sellerMemo remembers who bills for the calls of one batch: most of them go to the same few places.
type sellerMemo [8]struct {
	provider string
	at       place
	known    bool
	seller   pricing.Seller
}

// find is who bills: by the address where the call has one, as most instrumentations name the SDK's own vendor wherever
// it talks to. An empty one: nobody knows.
func (m *sellerMemo) find(r *reading, t *table) pricing.Seller {
	provider, address := r.text(conventions.Provider), r.text(conventions.Address)
	if address == "" {
		if base := r.text(conventions.BaseURL); base != "" {
			return seller(t, provider, r.placeOf(base))
		}
	}
	at := place{host: address}
	if address != "" {
		at.port, _ = r.count(conventions.Port)
	}
	one := &m[(len(provider)+3*len(address))%len(m)]
	if !one.known || one.provider != provider || one.at != at {
		one.provider, one.at, one.known = provider, at, true
		one.seller = seller(t, provider, at)
	}
	return one.seller
}

func seller(t *table, provider string, at place) pricing.Seller {
	named, isNamed := pricing.Seller{}, false
	if provider != "" {
		named, isNamed = t.catalogue.Named(provider)
	}
	if at.host == "" {
		return named
	}
	if found, known := t.addresses.Seller(at.host, at.port, at.path); known {
		return found
	}
	if isNamed && !slices.Contains(defaultNames, named.Name) {
		return named
	}
	return pricing.Seller{}
}
