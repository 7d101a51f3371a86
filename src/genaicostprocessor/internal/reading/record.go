// Package reading reads calls that other programs recorded: the attributes of a span or an event, in any known
// convention, become a question to the price book. The twin of the Python package genmeter.reading.
package reading

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/pricing"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading/conventions"
)

// Record is what one pass over the attributes of a call has found: for each field the value under its first spelling.
//
// The values point into the attributes, so no method may be called after an attribute has been written.
type Record struct {
	table  *conventions.Table
	values [conventions.Fields]pcommon.Value
	ranks  [conventions.Fields]uint8 // 0: absent; else the rank of the spelling, plus 1
	wrong  string                    // the first attribute with a value of the wrong type, in words

	odd     string // an attribute of a model that is no text, in words
	refused bool   // whether an emitter's own cost is no amount of money

	uncounted []Uncounted
	left      []conventions.Found // memory that every attribute uses again
}

// NewRecord makes a record in the spellings of table. It is used for one call after the other.
func NewRecord(table *conventions.Table) Record { return Record{table: table} }

// Billed is the operation of the call that attributes describe, if it is one that carries tokens and cost. It decides
// for every span that passes, so it looks at lengths before it looks at letters.
func Billed(table *conventions.Table, attributes pcommon.Map) (string, bool) {
	found := false
	for key := range attributes.All() {
		if found = table.MayBeOperation(key); found {
			break
		}
	}
	if !found {
		return "", false
	}
	for _, key := range table.Operations() {
		if value, there := attributes.Get(key); there && value.Type() == pcommon.ValueTypeStr && value.Str() != "" {
			return table.Billed(value.Str())
		}
	}
	return "", false
}

// Unread is the operation's word of a record that has counts or an amount and is no call as far as the table knows; empty
// where it has none. False for a record without counts and amounts, and for a step, which repeats the totals of the calls
// below it. alone are emitters of which some steps have no calls below them.
func Unread(table *conventions.Table, attributes pcommon.Map, alone []*conventions.Emitter) (string, bool) {
	found, unread := false, ""
	for key, value := range attributes.All() {
		field, _, known := table.Find(key)
		switch {
		case key == stepKind && value.Type() != pcommon.ValueTypeEmpty:
			return "", false
		case known && key != general && (field == conventions.Cost || field == conventions.Count(pricing.UnitInput) ||
			field == conventions.Count(pricing.UnitOutput)):
			found = true
		case known && field == conventions.Unread:
			found, unread = true, key
		}
	}
	if !found {
		return "", false
	}
	for _, key := range table.Operations() {
		if value, there := attributes.Get(key); there && value.Type() == pcommon.ValueTypeStr && value.Str() != "" {
			isAlone := func(one *conventions.Emitter) bool { return slices.Contains(one.Alone, value.Str()) }
			return value.Str(), !table.IsStep(value.Str()) || slices.ContainsFunc(alone, isAlone)
		}
	}
	return unread, true
}

// ByRow is the row of the table that means a span which is no call by its own words, nil for none, and what Unread says of
// the span. emitters are those of its scope.
func ByRow(
	table *conventions.Table, scope string, emitters []*conventions.Emitter, span ptrace.Span,
) (*conventions.Row, string, bool) {
	if span.Kind() != ptrace.SpanKindClient {
		emitters = nil // only a client's step can be alone
	}
	word, unread := Unread(table, span.Attributes(), emitters)
	if !unread {
		return nil, "", false
	}
	return table.Span(scope, span.Kind(), span.Attributes()), word, true
}

// Meant is the operation of a record that a row means; false where it carries no tokens and no cost.
func Meant(table *conventions.Table, row *conventions.Row, attributes pcommon.Map) (string, bool) {
	if row.Operation != "" {
		return row.Operation, true
	}
	return Billed(table, attributes)
}

const (
	general  = "total_cost"          // a name that any program may use: alone it does not make a record one of a call
	stepKind = "traceloop.span.kind" // OpenLLMetry writes it on workflows, tasks, agents and tools, and on no call
)

// Read finds all fields in one pass, and forgets the call before.
func (r *Record) Read(attributes pcommon.Map) {
	r.ranks, r.wrong, r.odd, r.refused, r.uncounted = [conventions.Fields]uint8{}, "", "", false, r.uncounted[:0]
	twice := false
	for key, value := range attributes.All() {
		if field, rank, ok := r.table.Find(key); ok {
			twice = twice || r.ranks[field] != 0
			r.take(field, rank+1, value)
			if r.table.IsPart(field) && len(r.uncounted) < mostUncounted && isGarbage(value) {
				r.uncounted = append(r.uncounted, Uncounted{Name: key})
			}
		} else {
			r.left = r.table.LeavesOut(r.left[:0], key, value)
			for _, one := range r.left {
				r.leave(one.Name, one.Number)
			}
		}
	}
	if twice {
		r.compare(attributes)
	}
	if r.Has(conventions.Count(pricing.UnitAudioCacheRead)) {
		return
	}
	// at its price cached audio is much cheaper, and how much there was is not told
	if audio, _ := r.tell(conventions.Count(pricing.UnitAudioInput)); audio > 0 {
		if cached, _ := r.tell(conventions.Count(pricing.UnitCacheRead)); cached > 0 {
			r.leave(r.Current(conventions.Count(pricing.UnitAudioCacheRead)), 0)
		}
	}
}

// leave names a count that no field has read.
func (r *Record) leave(name string, count int64) {
	if len(r.uncounted) < mostUncounted {
		r.uncounted = append(r.uncounted, Uncounted{name[:min(len(name), longestName)], min(count, mostTokens)})
	}
}

// compare names further spellings of a field that count more than the first one: the price is that of the first.
func (r *Record) compare(attributes pcommon.Map) {
	for key, value := range attributes.All() {
		field, rank, ok := r.table.Find(key)
		if !ok || field < conventions.Count(0) || r.ranks[field] == 0 || r.ranks[field] == rank+1 {
			continue
		}
		first, isFirst := conventions.Whole(r.values[field])
		if count, isCount := conventions.Whole(value); isFirst && isCount && count > first {
			r.leave(key, count-first)
		}
	}
}

// isGarbage says whether a value is none that a count can have.
func isGarbage(value pcommon.Value) bool {
	_, whole := conventions.Whole(value)
	return !whole && value.Type() != pcommon.ValueTypeEmpty
}

// Uncounted is a count of usage that no field has read, or one that is no number: its name, and how many. The price of the call leaves it out.
type Uncounted struct {
	Name  string
	Count int64
}

// mostUncounted is how many of these are kept of one call, and longestName how many bytes of a name: the names are the
// sender's. No call has more tokens than mostTokens.
const mostUncounted, longestName, mostTokens = 8, 64, 1 << 40

// Uncounted are the counts of usage that no field has read.
func (r *Record) Uncounted() []Uncounted { return r.uncounted }

// take keeps the value under the first spelling that is present; of costs in an emitter's own spelling, the first that
// is an amount of money.
func (r *Record) take(field conventions.Field, rank uint8, value pcommon.Value) {
	if field == conventions.Cost && rank > conventions.OwnCosts {
		if _, ok := money(value); !ok {
			r.refused = true
			return
		}
	}
	if absent(r.table, field, value) {
		if r.odd == "" && isModel(field) && value.Type() != pcommon.ValueTypeStr && value.Type() != pcommon.ValueTypeEmpty {
			r.odd = fmt.Sprintf("%s is %q; it must be text", r.table.Spelling(field, rank-1), Clipped(value.AsString()))
		}
	} else if r.ranks[field] == 0 || rank < r.ranks[field] {
		r.values[field], r.ranks[field] = value, rank
	}
}

func isModel(field conventions.Field) bool {
	return field == conventions.RequestModel || field == conventions.ResponseModel
}

// OddModel names an attribute of a model that is no text; empty: there is none.
func (r *Record) OddModel() string { return r.odd }

func absent(table *conventions.Table, field conventions.Field, value pcommon.Value) bool {
	switch value.Type() {
	case pcommon.ValueTypeEmpty:
		return true
	case pcommon.ValueTypeStr:
		if field == conventions.Port || field == conventions.Total {
			return isGarbage(value)
		}
		return field.IsText() && (table.Absent(value.Str()) || field == conventions.Provider && table.SellsNothing(value.Str()))
	default:
		// what is no text, no port and no total says nothing
		return field.IsText() || (field == conventions.Port || field == conventions.Total) && isGarbage(value)
	}
}

// Has says whether the field is there, in any spelling.
func (r *Record) Has(field conventions.Field) bool { return r.ranks[field] != 0 }

// Foreign says whether the field is there, and not under its current name.
func (r *Record) Foreign(field conventions.Field) bool { return r.ranks[field] > 1 }

// Current is the field's current name.
func (r *Record) Current(field conventions.Field) string { return r.table.Spelling(field, 0) }

// Wrong names the first attribute that was asked for and has a value of the wrong type; empty: there is none.
func (r *Record) Wrong() string { return r.wrong }

func (r *Record) key(field conventions.Field) string {
	return r.table.Spelling(field, r.ranks[field]-1)
}

func (r *Record) refuse(field conventions.Field, must string) {
	if r.wrong == "" {
		r.wrong = fmt.Sprintf("%s is %q; it must be %s", r.key(field), Clipped(r.values[field].AsString()), must)
	}
}

// Text is the field's text; empty where it is absent.
func (r *Record) Text(field conventions.Field) string {
	if !r.Has(field) {
		return ""
	}
	return r.values[field].Str()
}

// Count is the field's whole number; false where it is absent or no whole number. Wrong tells the second case.
func (r *Record) Count(field conventions.Field) (int64, bool) {
	if !r.Has(field) {
		return 0, false
	}
	count, ok := conventions.Whole(r.values[field])
	if !ok {
		r.refuse(field, "a whole number")
	}
	return count, ok
}

// tell is the field's whole number; false where it is absent or no whole number, which is no fault of the call.
func (r *Record) tell(field conventions.Field) (int64, bool) {
	if !r.Has(field) {
		return 0, false
	}
	return conventions.Whole(r.values[field])
}

func (r *Record) flag(field conventions.Field) bool {
	if !r.Has(field) {
		return false
	}
	switch value := r.values[field]; value.Type() {
	case pcommon.ValueTypeBool:
		return value.Bool()
	case pcommon.ValueTypeStr:
		switch strings.ToLower(value.Str()) {
		case "true", "1":
			return true
		case "false", "0", "":
			return false
		}
	}
	r.refuse(field, "true or false")
	return false
}

// Is says whether the field holds this text.
func (r *Record) Is(field conventions.Field, text string) bool {
	return r.Has(field) && r.values[field].Type() == pcommon.ValueTypeStr && r.values[field].Str() == text
}

// IsCacheHit says whether a gateway's own cache has given the answer: then no model was called, and the call is free.
func (r *Record) IsCacheHit() bool {
	return r.Has(conventions.CacheHit) && strings.EqualFold(r.values[conventions.CacheHit].AsString(), "true")
}

// set says whether a flag of ours is true. A value of the wrong type counts as false.
func (r *Record) set(field conventions.Field) bool {
	return r.Is(field, "true") || r.Has(field) && r.values[field].Type() == pcommon.ValueTypeBool && r.values[field].Bool()
}

// OwnCost says whether the cost stands under a name of ours.
func (r *Record) OwnCost() bool {
	return r.Has(conventions.Cost) && r.ranks[conventions.Cost] <= conventions.OwnCosts
}

// Says whether the field holds a text that is not empty.
func (r *Record) Says(field conventions.Field) bool {
	return r.Has(field) && r.values[field].Type() == pcommon.ValueTypeStr && r.values[field].Str() != ""
}

// Amount is the cost as a number; false where the value is no number.
func (r *Record) Amount() (float64, bool) { return number(r.values[conventions.Cost]) }

// RefusedAmount says whether an emitter's own cost is no amount of money.
func (r *Record) RefusedAmount() bool { return r.refused }

// InDollars says whether an amount is in US dollars. An amount without a currency is.
func (r *Record) InDollars() bool {
	if !r.Has(conventions.Currency) {
		return true
	}
	currency := r.values[conventions.Currency]
	return currency.Type() == pcommon.ValueTypeStr && (currency.Str() == "" || strings.EqualFold(currency.Str(), "USD"))
}

// MostDollars is the most that another program may say of one call: no model of any seller can cost as much.
const MostDollars = 10_000

// money reads an amount of money as another instrumentation wrote it. Zero is none: they write it for a model that their
// price list lacks.
func money(value pcommon.Value) (float64, bool) {
	amount, ok := number(value)
	// what is less than half a pico-dollar is none: the ledger books none either
	return amount, ok && math.RoundToEven(amount*pricing.Pico) > 0 && amount <= MostDollars
}

func number(value pcommon.Value) (float64, bool) {
	switch value.Type() {
	case pcommon.ValueTypeInt:
		return float64(value.Int()), true
	case pcommon.ValueTypeDouble:
		return value.Double(), true
	case pcommon.ValueTypeStr:
		return decimal(value.Str())
	default:
		return 0, false
	}
}

// decimal reads an amount that came as a text. What only Go takes for a number is none.
func decimal(text string) (float64, bool) {
	if text == "" || strings.Trim(text, "0123456789.eE+-") != "" {
		return 0, false
	}
	amount, err := strconv.ParseFloat(text, 64)
	return amount, err == nil
}

// place is the server of a call, as far as its attributes name it.
type place struct {
	host, path string
	port       int64
}

// placeOf reads a URL, with its scheme or without it. One without a host says nothing.
func placeOf(base string, port int64) place {
	if !strings.Contains(base, "//") {
		base = "//" + base
	}
	read, err := url.Parse(base)
	if err != nil {
		return place{}
	}
	if named, err := strconv.ParseUint(read.Port(), 10, 16); err == nil {
		port = int64(named)
	} else if read.Port() != "" {
		return place{}
	}
	if strings.Trim(strings.ToLower(read.Hostname()), "abcdefghijklmnopqrstuvwxyz0123456789._:-") != "" {
		return place{}
	}
	return place{read.Hostname(), strings.TrimRight(read.Path, "/"), port}
}

// longest is the most bytes of a sender's text that a message repeats.
const longest = 200

// Clipped is the beginning of text, short enough for a message.
func Clipped(text string) string {
	return text[:min(len(text), longest)]
}
