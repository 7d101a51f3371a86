package genaicostprocessor

import (
	"cmp"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"genmeter.local/genaicostprocessor/internal/conventions"
)

// reading is what one pass over the attributes of a call has found: for each field the value under its first spelling.
//
// The values point into the attributes, so none of them may be asked for once an attribute has been written.
type reading struct {
	table  *conventions.Table
	values [conventions.Fields]pcommon.Value
	ranks  [conventions.Fields]uint8 // 0: absent; else the rank of the spelling, plus 1
	wrong  string                    // what an attribute holds that it cannot hold

	refused bool // whether an emitter's own cost is no amount of money
}

// billed is the operation of the call that attributes describe, if it is one that carries tokens and cost. It decides
// for every span that passes, so it looks at lengths before it looks at letters.
func billed(table *conventions.Table, attributes pcommon.Map) (string, bool) {
	found := false
	for key := range attributes.All() {
		if found = table.MayBeOperation(key); found {
			break
		}
	}
	if !found {
		return "", false
	}
	for rank, key := range table.Operations() {
		if value, there := attributes.Get(key); there && value.Type() == pcommon.ValueTypeStr && value.Str() != "" {
			return table.Billed(value.Str(), rank > 0)
		}
	}
	return "", false
}

// read finds all fields in one pass.
func (r *reading) read(attributes pcommon.Map) {
	r.ranks, r.wrong, r.refused = [conventions.Fields]uint8{}, "", false
	for key, value := range attributes.All() {
		if field, rank, ok := r.table.Find(key); ok {
			r.take(field, rank+1, value)
		}
	}
}

// take keeps the value under the first spelling that is present; of costs in an emitter's own spelling, the first that
// is an amount of money.
func (r *reading) take(field conventions.Field, rank uint8, value pcommon.Value) {
	if field == conventions.Cost && rank > conventions.OwnCosts {
		if _, ok := money(value); !ok {
			r.refused = true
			return
		}
	}
	if (r.ranks[field] == 0 || rank < r.ranks[field]) && !absent(r.table, field, value) {
		r.values[field], r.ranks[field] = value, rank
	}
}

func absent(table *conventions.Table, field conventions.Field, value pcommon.Value) bool {
	switch value.Type() {
	case pcommon.ValueTypeEmpty:
		return true
	case pcommon.ValueTypeStr:
		return field.IsText() && table.Absent(value.Str())
	default:
		return false
	}
}

func (r *reading) has(field conventions.Field) bool { return r.ranks[field] != 0 }

// foreign says whether the field is there, and not under its current name.
func (r *reading) foreign(field conventions.Field) bool { return r.ranks[field] > 1 }

func (r *reading) key(field conventions.Field) string {
	return r.table.Spelling(field, r.ranks[field]-1)
}

func (r *reading) refuse(field conventions.Field, must string) {
	if r.wrong == "" {
		r.wrong = fmt.Sprintf("%s is %q; it must be %s", r.key(field), clipped(r.values[field].AsString()), must)
	}
}

func (r *reading) text(field conventions.Field) string {
	if !r.has(field) {
		return ""
	}
	if r.values[field].Type() != pcommon.ValueTypeStr {
		r.refuse(field, "text")
		return ""
	}
	return r.values[field].Str()
}

func (r *reading) count(field conventions.Field) (int64, bool) {
	if !r.has(field) {
		return 0, false
	}
	count, ok := conventions.Whole(r.values[field])
	if !ok {
		r.refuse(field, "a whole number")
	}
	return count, ok
}

func (r *reading) flag(field conventions.Field) bool {
	if !r.has(field) {
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

// is says whether the field holds this text.
func (r *reading) is(field conventions.Field, text string) bool {
	return r.has(field) && r.values[field].Type() == pcommon.ValueTypeStr && r.values[field].Str() == text
}

// set says whether a flag of ours is true; what it cannot hold means no.
func (r *reading) set(field conventions.Field) bool {
	return r.is(field, "true") || r.has(field) && r.values[field].Type() == pcommon.ValueTypeBool && r.values[field].Bool()
}

// money reads an amount of money as another instrumentation wrote it. Zero is none: they write it for a model that their
// price list lacks.
func money(value pcommon.Value) (float64, bool) {
	amount, ok := number(value)
	return amount, ok && amount > 0 && !math.IsInf(amount, 1)
}

func number(value pcommon.Value) (float64, bool) {
	switch value.Type() {
	case pcommon.ValueTypeInt:
		return float64(value.Int()), true
	case pcommon.ValueTypeDouble:
		return value.Double(), true
	default:
		return 0, false
	}
}

// place is where a call went, as far as its attributes say.
type place struct {
	host, path string
	port       int64
}

// placeOf reads a base URL; one without a host says nothing.
func (r *reading) placeOf(base string) place {
	read, err := url.Parse(base)
	if err != nil {
		r.refuse(conventions.BaseURL, "a URL")
		return place{}
	}
	port, err := strconv.ParseUint(cmp.Or(read.Port(), "0"), 10, 16)
	if err != nil {
		r.refuse(conventions.BaseURL, "a URL")
	}
	return place{read.Hostname(), read.Path, int64(port)}
}
