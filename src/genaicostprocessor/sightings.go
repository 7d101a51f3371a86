package genaicostprocessor

import (
	"strings"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/pricing"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading"
)

const (
	mostSightings = 1024
	unreadRecord  = pricing.Reason("unread") // in place of a reason, for records that are no call
)

// sighting is one kind of call that has no price.
type sighting struct {
	seller, model string
	reason        pricing.Reason
}

// sightings logs each kind of unpriced call once. The set is bounded, because senders can invent any number of names.
type sightings struct {
	logger *zap.Logger
	full   atomic.Bool

	mu   sync.RWMutex
	seen map[sighting]struct{}
}

func newSightings(logger *zap.Logger) *sightings {
	return &sightings{logger: logger, seen: map[sighting]struct{}{}}
}

func (s *sightings) report(seller, model string, reason pricing.Reason, detail string) {
	one := sighting{reading.Clipped(seller), reading.Clipped(model), reason}
	if !s.first(one) {
		return
	}
	said := reason.Said()
	s.logger.Warn("A call has no price. "+said.Words+" "+said.Remedy+" The collector reads the files in prices::files.",
		zap.String("seller", one.seller), zap.String("model", one.model), zap.String("reason", string(reason)),
		zap.String("detail", reading.Clipped(detail)))
}

// first says whether a sighting is new and there is room to remember it.
func (s *sightings) first(one sighting) bool {
	if s.full.Load() {
		return false
	}
	s.mu.RLock()
	_, known := s.seen[one]
	s.mu.RUnlock()
	return !known && s.add(one)
}

// unread logs each emitter and operation once whose records have counts or an amount and are no known call.
func (s *sightings) unread(scope, word string) {
	one := sighting{reading.Clipped(scope), reading.Clipped(word), unreadRecord}
	if s.first(one) {
		s.logger.Warn("A record has tokens or an amount and is no call that genmeter knows: it is in no sum. If no other span "+
			"reports the call, have the emitter write the operation names of the GenAI conventions.",
			zap.String("scope", one.seller), zap.String("operation", one.model))
	}
}

func (s *sightings) add(one sighting) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.seen[one]; known || s.full.Load() {
		return false
	}
	if len(s.seen) == mostSightings {
		s.full.Store(true)
		s.logger.Warn("The log names no further kinds of calls without a price; the counter still counts them.",
			zap.Int("logged", mostSightings), zap.String("counter", "otelcol_processor_genai_cost_unpriced"))
		return false
	}
	// a clone: the text is a part of the batch, and would keep the whole batch in memory
	one.seller, one.model = strings.Clone(one.seller), strings.Clone(one.model)
	s.seen[one] = struct{}{}
	return true
}
