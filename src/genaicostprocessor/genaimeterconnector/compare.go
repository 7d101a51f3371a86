package genaimeterconnector

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading/conventions"
)

// record is what is remembered of a span, or of an event. It holds no text, so that it keeps no request in memory.
type record struct {
	trace        pcommon.TraceID
	span, parent pcommon.SpanID
	scope        uint64
	models       [2]uint64
	began, ended pcommon.Timestamp
	seen         int64 // Unix nanoseconds

	input, output, cached, thoughts int64

	absorbed [absorbs]uint64
	older    int32 // the one before in this trace, plus 1
	waits    *waiting
	level    level
	fate     fate

	hasInput, hasOutput, embeds, broken, event bool

	told bool // its event, or its span, has come
}

// read takes what is compared from the record of a call and from what was read of it.
func (r *record) read(of *subject, c *call, from *instrumentation) {
	*r = record{
		trace: of.trace, span: of.span, parent: of.parent, scope: from.hash, level: from.level, event: of.event,
		models: [2]uint64{model(c.labels[requestModel]), model(c.labels[responseModel])},
		began:  of.began, ended: max(of.ended, of.began),
		input: c.input.value, output: c.output.value, cached: c.cached, thoughts: c.thoughts,
		hasInput: c.input.known, hasOutput: c.output.known,
		embeds: c.labels[operation] == embeddings,
		broken: c.broken || of.failed,
	}
	if !c.counted {
		// the application counts it: what genmeter has written its bill on is genmeter's record
		r.level = own
	}
}

func (r *record) hasTokens() bool { return r.hasInput || r.hasOutput }

// isAbove says whether r, whose child inner is, is the same call.
func (r *record) isAbove(inner *record) bool {
	if r.level == own && inner.level == own || r.embeds != inner.embeds || r.fate == aside || inner.fate == aside {
		return false
	}
	if r.level == own && !r.mayAbsorb(inner.scope) {
		return false
	}
	switch {
	case r.hasTokens() && inner.hasTokens():
		return r.sameTokens(inner)
	case r.hasTokens():
		return !inner.broken && r.scope != inner.scope && r.sameModel(inner)
	default:
		return r.sameModel(inner)
	}
}

// isSumOf says whether the tokens of r are the sum of those of several spans right below it, more included.
func (r *record) isSumOf(sums below, more *record) bool {
	if more != nil {
		sums.spans, sums.input, sums.output = sums.spans+1, sums.input+more.input, sums.output+more.output
	}
	return r.level != own && r.fate != aside && sums.spans > 1 && r.hasTokens() && r.input == sums.input && r.output == sums.output
}

// isAtTheTimeOf says whether two spans of one trace, without a known tie, are one call.
func (r *record) isAtTheTimeOf(other *record) bool {
	if r.level == other.level || r.scope == other.scope || r.embeds != other.embeds || r.fate == aside || other.fate == aside {
		return false
	}
	low, high := r, other
	if low.level > high.level {
		low, high = other, r
	}
	if !low.mayAbsorb(high.scope) {
		return false
	}
	if !high.hasTokens() {
		// it has no price then, so no money can be lost
		known := low.models != [2]uint64{} && high.models != [2]uint64{}
		return low.level == own && known && low.sameModel(high) && high.encloses(low) && (!high.broken || low.broken)
	}
	return low.hasTokens() && r.overlaps(other) && r.sameTokens(other) && r.sameModel(other)
}

// isOf says whether an event, which has the ids of the span above, is that of a span.
func (r *record) isOf(span *record) bool {
	return !span.told && !r.told && span.parent == r.span && span.scope == r.scope && span.hasTokens() &&
		span.sameTokens(r) && span.sameModel(r)
}

// encloses says whether the time of inner lies closely within that of r: a quarter of it or 250 ms may be left.
func (r *record) encloses(inner *record) bool {
	const slack = 1e6 // clocks of one machine may be read in another order
	before, behind := int64(inner.began)-int64(r.began), int64(r.ended)-int64(inner.ended)
	return min(before, behind) >= -slack && before+behind <= max(closely, int64(r.ended-r.began)/4)
}

// mayAbsorb: a span stands for at most one span of each other instrumentation.
func (r *record) mayAbsorb(scope uint64) bool {
	return r.absorbed[absorbs-1] == 0 && !slices.Contains(r.absorbed[:], scope)
}

func (r *record) absorb(scope uint64) {
	for i, one := range r.absorbed {
		if one == 0 {
			r.absorbed[i] = scope
			return
		}
	}
}

// overlaps: by half of the shorter one at least.
func (r *record) overlaps(other *record) bool {
	began, ended := max(r.began, other.began), min(r.ended, other.ended)
	if ended < began {
		return false
	}
	return 2*(ended-began) >= min(r.ended-r.began, other.ended-other.began)
}

// sameTokens: a record may leave the cache out of its input, or thoughts out of its output, and not both at once.
func (r *record) sameTokens(other *record) bool {
	if r.input != other.input && r.output != other.output {
		return false
	}
	return alike(r.input, r.cached, other.input, other.cached) && alike(r.output, r.thoughts, other.output, other.thoughts)
}

func alike(one, part, other, otherPart int64) bool {
	return one == other || part > 0 && one-part == other || otherPart > 0 && other-otherPart == one
}

// sameModel: no model contradicts.
func (r *record) sameModel(other *record) bool {
	if r.models == [2]uint64{} || other.models == [2]uint64{} {
		return true
	}
	for _, one := range r.models {
		if one != 0 && (one == other.models[0] || one == other.models[1]) {
			return true
		}
	}
	return false
}

// hash of a name in small letters; never 0.
func hash(name string) uint64 {
	sum := uint64(14695981039346656037)
	for i := range len(name) {
		letter := name[i]
		if 'A' <= letter && letter <= 'Z' {
			letter += 'a' - 'A'
		}
		sum = (sum ^ uint64(letter)) * 1099511628211
	}
	return sum | 1
}

// model is the hash of a model's name without router, region, vendor and date; 0 for no name.
func model(name string) uint64 {
	if name == "" {
		return 0
	}
	return hash(conventions.BareModel(name))
}
