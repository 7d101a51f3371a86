package genaimeterconnector

import (
	"encoding/binary"
	"encoding/hex"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/names"
)

// subject is the record of a call: a span, or an event.
type subject struct {
	attributes   pcommon.Map
	trace        pcommon.TraceID
	span, parent pcommon.SpanID
	began, ended pcommon.Timestamp
	failed       bool
	event        bool // its span, which has the same ids, may come too
	timeless     bool // it does not say how long the call lasted
}

func spanOf(span ptrace.Span) subject {
	return subject{
		attributes: span.Attributes(), trace: span.TraceID(), span: span.SpanID(), parent: span.ParentSpanID(),
		began: span.StartTimestamp(), ended: span.EndTimestamp(), failed: span.Status().Code() == ptrace.StatusCodeError,
	}
}

// eventOf reads a log record, which is written at the end of its call. details says that it has the ids of the call's
// span. Other records have none, or those of a span that holds many calls: such a record gets an id of its own, as the
// ledger gives it one, and lies below that span.
func eventOf(record plog.LogRecord, details bool) subject {
	ended := record.Timestamp()
	if ended == 0 {
		ended = record.ObservedTimestamp()
	}
	found := subject{
		attributes: record.Attributes(), trace: record.TraceID(), span: record.SpanID(), began: ended, ended: ended,
		event: details, timeless: true,
	}
	if nanoseconds, ok := lasted(found.attributes); ok && nanoseconds <= ended {
		found.began, found.timeless = ended-nanoseconds, false
	}
	if details {
		found.parent = parentIn(found.attributes)
	} else {
		found.parent, found.span = found.span, identity(found.attributes, ended)
	}
	return found
}

// lasted are the nanoseconds that the call of an event lasted; false where the event does not say it.
func lasted(attributes pcommon.Map) (pcommon.Timestamp, bool) {
	value, there := attributes.Get(names.CallDuration)
	if !there || value.Type() != pcommon.ValueTypeDouble {
		return 0, false
	}
	nanoseconds := value.Double() * 1e9
	return pcommon.Timestamp(nanoseconds), 0 <= nanoseconds && nanoseconds <= longestDuration
}

// parentIn is the parent of the span that an event belongs to, as genmeter writes it.
func parentIn(attributes pcommon.Map) (parent pcommon.SpanID) {
	if value, there := attributes.Get(names.ParentSpan); there && len(text(value)) == 2*len(parent) {
		if _, err := hex.Decode(parent[:], []byte(value.Str())); err != nil {
			return pcommon.SpanID{}
		}
	}
	return parent
}

// identity is an id made of what a record says, in any order.
func identity(attributes pcommon.Map, at pcommon.Timestamp) (made pcommon.SpanID) {
	sum := hash("record") + uint64(at)
	keys := make([]string, 0, attributes.Len())
	for key, value := range attributes.All() {
		keys = append(keys, key+"="+value.AsString())
	}
	slices.Sort(keys)
	for _, key := range keys {
		sum = sum*1099511628211 ^ hash(key)
	}
	binary.BigEndian.PutUint64(made[:], sum|1)
	return made
}

// lasted is the duration of the call. Times that cannot be true go to skipped; an event need not have one.
func (s *subject) lasted(skipped *[skips]int64) fact {
	if s.timeless {
		return fact{}
	}
	if s.began == 0 || s.ended < s.began || s.ended-s.began > longestDuration {
		skipped[skipDuration]++
		return fact{}
	}
	return fact{int64(s.ended-s.began) * 1000, true}
}
