package genaimeterconnector

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/names"
)

// bounds of the histogram of durations, in pico-seconds: a hundredth of a second, doubled 13 times.
var bounds = [...]int64{
	1e10, 2e10, 4e10, 8e10, 16e10, 32e10, 64e10, 128e10, 256e10, 512e10, 1024e10, 2048e10, 4096e10, 8192e10,
}

// sighting is a call that an exemplar links to.
type sighting struct {
	trace pcommon.TraceID
	span  pcommon.SpanID
	at    pcommon.Timestamp
	value int64
}

// series is a sum, and when it began; told: its beginning has been sent.
type series struct {
	total           exact
	born            pcommon.Timestamp
	told            bool
	recent, largest sighting
}

func (s *series) see(c *call, value int64, at pcommon.Timestamp) {
	if s.born == 0 {
		s.born = at
	}
	if c.trace.IsEmpty() {
		return
	}
	s.recent = sighting{c.trace, c.span, at, value}
	if s.largest.at == 0 || value > s.largest.value {
		s.largest = s.recent
	}
}

// count adds whole units, money and time 1e-12 of one. Their sums never wrap: a call has at most 2^40 tokens.
func (s *series) count(c *call, value int64, at pcommon.Timestamp) {
	s.total.whole += uint64(value)
	s.see(c, value, at)
}

func (s *series) add(c *call, pico int64, at pcommon.Timestamp) {
	s.total.add(pico)
	s.see(c, pico, at)
}

// sums are all series of one combination of labels.
type sums struct {
	cost, calls, input, output, duration series

	unpriced [len(names.Reasons) + 1]series
	buckets  [len(bounds) + 1]uint64
	seen     [len(bounds) + 1]sighting
}

func (s *sums) take(c *call, at pcommon.Timestamp) {
	if c.cost.known {
		s.cost.add(c, c.cost.value, at)
	}
	if !c.counted {
		return
	}
	s.calls.count(c, 1, at)
	if c.unpriced {
		s.unpriced[c.reason].count(c, 1, at)
	}
	if c.input.known {
		s.input.count(c, c.input.value, at)
	}
	if c.output.known {
		s.output.count(c, c.output.value, at)
	}
	if c.picoSecond.known {
		s.duration.add(c, c.picoSecond.value, at)
		bucket := 0
		for bucket < len(bounds) && c.picoSecond.value > bounds[bucket] {
			bucket++
		}
		s.buckets[bucket]++
		s.seen[bucket] = s.duration.recent
	}
}

// all are the series, each once.
func (s *sums) all() [5 + len(names.Reasons) + 1]*series {
	found := [5 + len(names.Reasons) + 1]*series{&s.cost, &s.calls, &s.input, &s.output, &s.duration}
	for i := range s.unpriced {
		found[5+i] = &s.unpriced[i]
	}
	return found
}

// forget drops the exemplars, because each one is sent once.
func (s *sums) forget() {
	s.seen = [len(bounds) + 1]sighting{}
	for _, one := range s.all() {
		one.recent, one.largest = sighting{}, sighting{}
	}
}

// entry is one combination of labels.
type entry struct {
	service, namespace string
	labels             [labelCount]string
	key                string
	overflow           bool
	last               time.Time
	sums               sums
}

// meter keeps the sums.
type meter struct {
	maxSeries  int
	expiration time.Duration

	mu       sync.Mutex
	entries  map[string]*entry
	overflow entry

	crowded bool          // calls are in the overflow since the last time that room was made
	idle    time.Duration // without a call for so long, a combination makes room where there is none
	flushed time.Time     // the last snapshot
}

func newMeter(cfg *Config) *meter {
	return &meter{
		maxSeries: cfg.MaxSeries, expiration: cfg.Expiration, idle: 2 * cfg.Interval, entries: map[string]*entry{}, overflow: entry{overflow: true},
	}
}

// take counts a call under key, which says the same as from and the call's labels. False: there is no room for its
// labels, and it is in the overflow.
func (m *meter) take(key []byte, from *origin, c *call, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := m.entries[string(key)]
	if found == nil {
		if len(m.entries) < m.maxSeries {
			found = newEntry(from, c)
			found.key = string(key)
			m.entries[found.key] = found
		} else {
			found, m.crowded = &m.overflow, true
		}
	}
	found.last = now
	found.sums.take(c, pcommon.NewTimestampFromTime(now))
	return !found.overflow
}

// newEntry keeps copies: a label must not hold the request in memory that it came in.
func newEntry(from *origin, c *call) *entry {
	made := &entry{service: strings.Clone(from.service), namespace: strings.Clone(from.namespace)}
	for i, value := range c.labels {
		made.labels[i] = strings.Clone(value)
	}
	return made
}

// size is how many combinations are kept.
func (m *meter) size() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.entries)
}

// copied is an entry as it was at one moment.
type copied struct {
	*entry
	sums sums
}

// snapshot copies all sums into the memory of an earlier snapshot, and drops combinations without calls for a long time.
func (m *meter) snapshot(into []copied, now time.Time) []copied {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flushed = now
	into = into[:0]
	for key, one := range m.entries {
		into = append(into, copied{one, one.sums})
		one.sums.forget()
		if now.Sub(one.last) > m.expiration {
			delete(m.entries, key)
		}
	}
	if !m.overflow.last.IsZero() {
		into = append(into, copied{&m.overflow, m.overflow.sums})
		m.overflow.sums.forget()
	}
	return into
}

// told remembers that the beginnings of these series have been sent.
func (m *meter) told(sent []copied) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range sent {
		before := sent[i].sums.all()
		for j, one := range sent[i].entry.sums.all() {
			one.told = one.told || before[j].born != 0
		}
	}
	if m.crowded {
		m.crowded = !m.makeRoom(sent)
	}
}

// makeRoom drops combinations without a call for two intervals, the ones with the least money first, until a
// quarter is free. It runs when labels had no room: made-up names of models must not keep out a true one. What is dropped
// has been sent. False: every combination is in use.
func (m *meter) makeRoom(sent []copied) bool {
	var idle []*entry
	for i := range sent {
		one := sent[i].entry
		if !one.overflow && m.entries[one.key] == one && one.last.Before(m.flushed) && m.flushed.Sub(one.last) >= m.idle {
			idle = append(idle, one)
		}
	}
	slices.SortFunc(idle, func(a, b *entry) int {
		x, y := &a.sums.cost.total, &b.sums.cost.total
		return cmp.Or(cmp.Compare(x.whole, y.whole), cmp.Compare(x.rest, y.rest),
			cmp.Compare(a.sums.calls.total.whole, b.sums.calls.total.whole), a.last.Compare(b.last))
	})
	for _, one := range idle[:min(len(idle), max(len(m.entries)-m.maxSeries*3/4, 0))] {
		delete(m.entries, one.key)
	}
	return len(idle) > 0
}
