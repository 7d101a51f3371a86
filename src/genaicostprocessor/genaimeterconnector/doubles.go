package genaimeterconnector

import (
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// One call to a model may be recorded by a framework, by an SDK's instrumentation and by genmeter in the application. The
// ledger sets the doubles aside by genmeter/ledger/doubles.py; here the same evidence decides within a window: the tree
// (a span above another one, with equal tokens or none) and the time (one trace, equal tokens, times that overlap, of
// genmeter and another instrumentation, or of a framework and one that is none).

const (
	// doubleWindow is for how long a span is compared with later ones. So long the counting of a framework's span, and of a
	// span without tokens, waits for the span of the call below it.
	doubleWindow = 10 * time.Second

	remembered   = 1 << 15 // spans and events that are compared with later ones
	mostHeld     = 10_000  // spans whose counting waits
	mostLearned  = 1_000   // scopes that were seen to write doubles
	mostOfATrace = 512     // spans of one trace that one span is compared with by time
	closely      = 250e6   // nanoseconds; see encloses
	absorbs      = 4       // instrumentations whose double one span can be
	embeddings   = "embeddings"
)

// level of an instrumentation: two of one level are never one call by time alone.
type level uint8

const (
	own level = iota
	library
	framework
)

// what became of the doubles, as labels of a counter.
const (
	doubleMarked = iota
	doubleSetAside
	doubleCounted
	doubleFates
)

var doubleNames = [doubleFates]string{"marked", "set_aside", "counted"}

// fate says what became of a span's counting.
type fate uint8

const (
	counted fate = iota // at once, or never here: the application counts it
	held
	aside
)

// waiting is a call whose counting waits until it is known to be no double.
type waiting struct {
	key  []byte
	from origin
	call call
	due  time.Time
	gone bool // set aside meanwhile
}

// below is what is known of the spans right below one: the latest of them, and the sums of all.
type below struct {
	latest        int32
	spans         int32
	input, output int64
}

type traceOf struct {
	newest int32 // plus 1
	scope  uint64
	mixed  bool // more than one instrumentation
}

// doubles remembers the latest spans and decides which of them are one call.
type doubles struct {
	window time.Duration

	mu       sync.Mutex
	ring     []record
	at       int
	traces   map[pcommon.TraceID]traceOf
	spans    map[pcommon.SpanID]int32
	children map[pcommon.SpanID]below
	learned  map[uint64]struct{}
	queue    []*waiting
}

func newDoubles(window time.Duration) *doubles {
	return &doubles{
		window: window, traces: map[pcommon.TraceID]traceOf{}, spans: map[pcommon.SpanID]int32{},
		children: map[pcommon.SpanID]below{}, learned: map[uint64]struct{}{},
	}
}

// result of the comparison of one span with those before it.
type result struct {
	leave, wait bool
	asides      int64 // spans that were set aside, the span itself included
	missed      int64 // doubles of this span that had been counted before
}

// meet decides on one span and remembers it. A call that has to wait is kept under key, with what from and c say.
func (d *doubles) meet(r *record, key []byte, from *origin, c *call, now time.Time) (found result) {
	if d.window <= 0 || r.trace.IsEmpty() {
		return found
	}
	r.seen = now.UnixNano()
	d.mu.Lock()
	defer d.mu.Unlock()
	told, ended := d.join(r)
	if ended {
		return result{leave: true}
	}
	for !found.leave {
		other, above := d.partner(r)
		if other == nil {
			break
		}
		loser, winner := d.loser(r, other, above)
		d.learn(loser.scope)
		winner.absorb(loser.scope)
		if loser != r && loser.fate == counted {
			if winner.level == own || !loser.hasTokens() {
				found.missed++
				loser.fate = aside
				continue
			}
			// the other one is in the sums already: this one stays out instead
			loser = r
		}
		found.asides++
		if loser == r {
			r.fate, found.leave = aside, true
		} else {
			loser.fate, loser.waits.gone = aside, true
		}
	}
	found.leave = found.leave || told
	if found.wait = !found.leave && r.level != own && d.suspects(r); found.wait {
		r.fate, r.waits = held, waitFor(key, from, c, now.Add(d.window))
		d.queue = append(d.queue, r.waits)
	}
	d.remember(*r)
	return found
}

// join looks for the other record of the same span, because a call may come as a span and as an event. The span has more
// to say, so an event waits for it. told: the event has been counted, so the span is only compared with others. ended:
// nothing is left to do with r, because it is an event whose span is known, or the span of a double.
func (d *doubles) join(r *record) (told, ended bool) {
	other := d.signal(r)
	if other == nil {
		return false, false
	}
	if r.event {
		other.told = true
		return false, true
	}
	r.told = true
	if other.fate == aside {
		return false, true
	}
	if told = other.fate == counted; !told {
		other.waits.gone = true
	}
	other.fate = aside
	d.unlink(other)
	return told, false
}

// signal is the other record of the same span: that with its ids, or the event that was written when the span had ended, in
// the span above it, and says the same.
func (d *doubles) signal(r *record) *record {
	if at, known := d.spans[r.span]; known && d.ring[at].trace == r.trace && !r.span.IsEmpty() && d.ring[at].event != r.event {
		return &d.ring[at]
	}
	for next, n := d.traces[r.trace].newest, 0; next != 0 && n < mostOfATrace; n++ {
		one := &d.ring[next-1]
		if one.trace != r.trace {
			break
		}
		span, event := r, one
		if r.event {
			span, event = one, r
		}
		if event.event && !span.event && event.fate != aside && event.isOf(span) {
			return one
		}
		next = one.older
	}
	return nil
}

// unlink takes a record out of the sums of the span above it.
func (d *doubles) unlink(r *record) {
	if sums, known := d.children[r.parent]; known && d.ring[sums.latest].trace == r.trace {
		sums.spans, sums.input, sums.output = sums.spans-1, sums.input-r.input, sums.output-r.output
		d.children[r.parent] = sums
	}
}

// suspects says whether a record may be a double of one that comes later. A span without tokens may be the root of a call.
func (d *doubles) suspects(r *record) bool {
	_, known := d.learned[r.scope]
	return known || r.level == framework || r.event || !r.hasTokens()
}

func (d *doubles) learn(scope uint64) {
	if len(d.learned) < mostLearned {
		d.learned[scope] = struct{}{}
	}
}

// partner is a span that is the same call as r; above says that r lies above or below it.
func (d *doubles) partner(r *record) (other *record, above bool) {
	if up := d.lookup(r.parent, r.trace); up != nil && up.isAbove(r) {
		return up, true
	}
	if up := d.lookup(r.parent, r.trace); up != nil && up.isSumOf(d.children[r.parent], r) {
		return up, true
	}
	if sums, known := d.children[r.span]; known && d.ring[sums.latest].trace == r.trace && !r.span.IsEmpty() {
		if down := &d.ring[sums.latest]; r.isAbove(down) || down.fate != aside && r.isSumOf(sums, nil) {
			return down, true
		}
	}
	trace := d.traces[r.trace]
	if !trace.mixed && trace.scope == r.scope {
		return nil, false
	}
	oldest := r.seen - int64(d.window)
	for next, n := trace.newest, 0; next != 0 && n < mostOfATrace; n++ {
		one := &d.ring[next-1]
		if one.trace != r.trace || one.seen < oldest {
			break
		}
		if one.isAtTheTimeOf(r) {
			return one, false
		}
		next = one.older
	}
	return nil, false
}

func (d *doubles) lookup(span pcommon.SpanID, trace pcommon.TraceID) *record {
	if span.IsEmpty() {
		return nil
	}
	at, known := d.spans[span]
	if !known || d.ring[at].trace != trace || d.ring[at].fate == aside {
		return nil
	}
	return &d.ring[at]
}

// loser of two records of one call: never genmeter's; else the one above, else the framework's.
func (d *doubles) loser(r, other *record, tree bool) (loser, winner *record) {
	switch {
	case r.level == own:
		return other, r
	case other.level == own:
		return r, other
	case tree && r.span == other.parent, !tree && r.level == framework:
		return r, other
	default:
		return other, r
	}
}

// remember puts a span into the ring, in the place of the oldest.
func (d *doubles) remember(r record) {
	if len(d.ring) < remembered {
		d.ring = append(d.ring, record{})
		d.at = len(d.ring) - 1
	} else {
		d.at = (d.at + 1) % remembered
		d.forget(int32(d.at))
	}
	at := int32(d.at)
	trace := d.traces[r.trace]
	trace.mixed = trace.mixed || trace.newest != 0 && trace.scope != r.scope
	r.older, trace.newest, trace.scope = trace.newest, at+1, r.scope
	d.ring[at] = r
	d.traces[r.trace] = trace
	d.spans[r.span] = at
	if !r.parent.IsEmpty() {
		sums := d.children[r.parent]
		if sums.spans == 0 || d.ring[sums.latest].trace != r.trace {
			sums = below{}
		}
		d.children[r.parent] = below{at, sums.spans + 1, sums.input + r.input, sums.output + r.output}
	}
}

func (d *doubles) forget(at int32) {
	old := &d.ring[at]
	if d.traces[old.trace].newest == at+1 {
		delete(d.traces, old.trace)
	}
	if d.spans[old.span] == at {
		delete(d.spans, old.span)
	}
	if d.children[old.parent].latest == at {
		delete(d.children, old.parent)
	}
}

// waitFor keeps a call back. It copies what points into the request.
func waitFor(key []byte, from *origin, c *call, due time.Time) *waiting {
	one := &waiting{key: append([]byte(nil), key...), from: *from, call: *c, due: due}
	one.from.service, one.from.namespace = strings.Clone(from.service), strings.Clone(from.namespace)
	one.from.environment = strings.Clone(from.environment)
	for i, value := range c.labels {
		one.call.labels[i] = strings.Clone(value)
	}
	return one
}

// due takes the calls that have waited long enough, or all of them, and those beyond the most that may wait.
func (d *doubles) due(now time.Time, all bool) []*waiting {
	d.mu.Lock()
	defer d.mu.Unlock()
	var found []*waiting
	n := 0
	for ; n < len(d.queue); n++ {
		one := d.queue[n]
		if !all && len(d.queue)-n <= mostHeld && now.Before(one.due) {
			break
		}
		if !one.gone {
			found = append(found, one)
			d.release(one)
		}
	}
	d.queue = append(d.queue[:0], d.queue[n:]...)
	return found
}

func (d *doubles) release(one *waiting) {
	if at, known := d.spans[one.call.span]; known && d.ring[at].waits == one {
		d.ring[at].waits, d.ring[at].fate = nil, counted
	}
}
