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
	Parts    []string `json:"parts"`
	Measured []string `json:"measured"`
}

// LeavesOut says whether an attribute that no field has read is a count of usage: the price of the call leaves it out.
func (t *Table) LeavesOut(key string, value pcommon.Value) bool {
	if !t.left.holds(key) || !positive(value) || slices.Contains(t.left.Parts, key) {
		return false
	}
	return !t.left.measures(key[strings.LastIndexByte(key, '.')+1:])
}

// holds says whether a key is one of usage. It decides for every attribute that no field reads.
func (u *uncounted) holds(key string) bool {
	for _, prefix := range u.Prefixes {
		if len(key) > len(prefix) && key[len(prefix)-1] == '.' && key[:len(prefix)] == prefix {
			return true
		}
	}
	return false
}

// positive says whether value is a number above zero.
func positive(value pcommon.Value) bool {
	if number, ok := Whole(value); ok {
		return number > 0
	}
	return value.Type() == pcommon.ValueTypeDouble && value.Double() > 0
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
