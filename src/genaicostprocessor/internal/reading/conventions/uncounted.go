package conventions

import (
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// uncounted says which attributes hold usage, which of them are known to be in another count, and which words say that a
// number counts nothing. The twin of uncounted.py.
type uncounted struct {
	Prefixes []string `json:"prefixes"`
	Segments []string `json:"segments"`
	Ends     []string `json:"ends"`
	Parts    []string `json:"parts"`
	Measured []string `json:"measured"`

	copied map[string]struct{} // attributes that a row of the table copies to a field
}

// Found is a number of usage by its name; 0 for one that is not whole.
type Found struct {
	Name   string
	Number int64
}

// LeavesOut appends the counts of usage in an attribute that no field has read: the price of the call leaves them out.
// They may stand inside a map, a list or JSON.
func (t *Table) LeavesOut(found []Found, key string, value pcommon.Value) []Found {
	if value.Type() == pcommon.ValueTypeBool || !t.left.holds(key) || t.counts(key) {
		return found
	}
	if !isNested(value) {
		if !counted(value) {
			return found
		}
		count, _ := Whole(value)
		return t.left.add(found, key, count)
	}
	for _, one := range members(value, true) {
		name := key
		if one.path != "" {
			name += "." + one.path
		}
		if isCount(one.value) && !t.counts(name) {
			found = t.left.add(found, name, wholeOf(one.value))
		}
	}
	return found
}

// counts says whether a key is read, or known to be a part of what is.
func (t *Table) counts(key string) bool {
	_, _, known := t.Find(key)
	_, copied := t.left.copied[key]
	return known || copied || slices.Contains(t.left.Parts, key)
}

func (u *uncounted) add(found []Found, name string, count int64) []Found {
	if u.measures(name[strings.LastIndexByte(name, '.')+1:]) {
		return found
	}
	return append(found, Found{name, max(count, 0)})
}

// isNested says whether a value is a map, a list, or a text that may be JSON.
func isNested(value pcommon.Value) bool {
	switch value.Type() {
	case pcommon.ValueTypeMap, pcommon.ValueTypeSlice:
		return true
	case pcommon.ValueTypeStr:
		return opens(strings.TrimLeft(value.Str(), blank))
	}
	return false
}

// wholeOf is the whole number in a value of JSON; 0 where it is none.
func wholeOf(value any) int64 {
	switch one := value.(type) {
	case int64:
		return one
	case float64:
		whole, _ := Whole(pcommon.NewValueDouble(one))
		return whole
	case string:
		whole, _ := Whole(pcommon.NewValueStr(one))
		return whole
	}
	return 0
}

// holds says whether a key is one of usage. It decides for every attribute that no field reads.
func (u *uncounted) holds(key string) bool {
	for _, prefix := range u.Prefixes {
		end := len(prefix) - 1 // the dot, which the name of a map of usage lacks
		if len(key) > end && key[end] == '.' && key[:end+1] == prefix || len(key) == end && key == prefix[:end] {
			return true
		}
	}
	last := strings.LastIndexByte(key, '.')
	if last <= 0 {
		return false
	}
	isEnd := func(end string) bool {
		return len(key)-last > len(end) && strings.EqualFold(key[len(key)-len(end):], end)
	}
	if !slices.ContainsFunc(u.Ends, isEnd) {
		return false
	}
	for rest, more := key[:last], true; more; {
		var segment string
		if segment, rest, more = strings.Cut(rest, "."); slices.Contains(u.Segments, segment) {
			return true
		}
	}
	return false
}

// counted says whether a value is a number other than zero, or a text with one.
func counted(value pcommon.Value) bool {
	switch value.Type() {
	case pcommon.ValueTypeInt:
		return value.Int() != 0
	case pcommon.ValueTypeDouble:
		return value.Double() != 0
	case pcommon.ValueTypeStr:
		return isCount(value.Str())
	}
	return false
}

// measures says whether a name has a word that says that it counts nothing: a time, a rate, an amount of money.
func (u *uncounted) measures(name string) bool {
	start := 0
	for i := 0; i <= len(name); i++ {
		if i < len(name) && letter(name[i]) && !(i > start && upper(name[i]) && !upper(name[i-1])) {
			continue
		}
		if slices.Contains(u.Measured, strings.ToLower(name[start:i])) {
			return true
		}
		start = i
		if i < len(name) && !letter(name[i]) {
			start = i + 1
		}
	}
	return false
}

func letter(char byte) bool { return 'a' <= char|0x20 && char|0x20 <= 'z' }

func upper(char byte) bool { return 'A' <= char && char <= 'Z' }
