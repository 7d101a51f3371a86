package conventions

import (
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Inside is an attribute that holds JSON, and what its members mean. The twin of Inside in records.py.
type Inside struct {
	Of     string            `json:"of"`
	Copies map[string]string `json:"copies"`
	Rest   string            `json:"rest"`
}

// What is read of one attribute: bytes of JSON, members and items of a list, and maps and lists within others.
const mostJSON, mostMembers, mostDepth = 65_536, 256, 8

// unread is the name, behind Rest, of an attribute whose JSON cannot be read.
const unread = "unread"

// cut stands for members that are beyond what is read. It is not whole, so it is named as a count and added to no sum.
const cut = 0.5

var numeral = regexp.MustCompile(`^[+-]?([0-9][0-9_,]*(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// member is a text or a number in JSON, under its path with dots between the names.
type member struct {
	path  string
	value any
	depth int
}

// copyTo adds what the members say to copied, in the names of today.
func (i *Inside) copyTo(copied map[string]pcommon.Value, attributes pcommon.Map) {
	whole, there := attributes.Get(i.Of)
	if !there {
		return
	}
	for _, one := range members(whole, i.Rest != "") {
		name, known := i.Copies[one.path]
		if !known && i.Rest != "" && isCount(one.value) {
			name = i.Rest + cmp.Or(one.path, unread)
		}
		if name == "" {
			continue
		}
		if _, taken := copied[name]; taken {
			continue
		}
		made := pcommon.NewValueEmpty()
		switch number := one.value.(type) {
		case int64:
			made.SetInt(number)
		case float64:
			made.SetDouble(number)
		case string:
			made.SetStr(number)
		}
		copied[name] = made
	}
}

// members are the texts and numbers in a JSON text, or in a map that came as one, the shallow ones first. With counting
// those in lists too, under the path of the list; and cut where there is more than is read.
func members(whole pcommon.Value, counting bool) []member {
	value := whole.AsRaw()
	if text, isText := value.(string); isText {
		if utf8.RuneCountInString(text) > mostJSON {
			if counting {
				return []member{{value: cut}}
			}
			return nil
		}
		if read, ok := parse(text); ok {
			value = read
		} // a plain text is a whole value too
	}
	var found []member
	waiting := []member{{value: value}}
	for len(waiting) > 0 {
		one := waiting[0]
		waiting = waiting[1:]
		within := one.within(counting)
		full := len(found) == mostMembers
		if counting && (full || one.depth >= mostDepth && len(within) > 0) {
			found = append(found, member{path: one.path, value: cut})
		}
		if full {
			return found
		}
		if one.depth < mostDepth {
			waiting = append(waiting, within...)
		}
		if plain, ok := plainOf(one.value, counting); ok {
			found = append(found, member{one.path, plain, one.depth})
		}
	}
	return found
}

// within are the members of a map, and with lists the items of a list.
func (m member) within(lists bool) []member {
	var found []member
	switch value := m.value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			path := name
			if m.path != "" {
				path = m.path + "." + name
			}
			found = append(found, member{path, value[name], m.depth + 1})
		}
	case []any:
		if !lists {
			return nil
		}
		for _, item := range value[:min(len(value), mostMembers)] {
			found = append(found, member{m.path, item, m.depth + 1})
		}
		if len(value) > mostMembers {
			found = append(found, member{m.path, cut, m.depth + 1})
		}
	}
	return found
}

// isCount says whether a value counts something: a number other than zero, also as text, or JSON that cannot be read and
// has one.
func isCount(value any) bool {
	switch one := value.(type) {
	case int64:
		return one != 0
	case float64:
		return one != 0
	case string:
		text := strings.Trim(one, blank)
		return (opens(text) || numeral.MatchString(text)) && strings.ContainsAny(text, "123456789")
	}
	return false
}

// blank are the blanks of JSON.
const blank = " \t\r\n"

// opens says whether a text may be a map or a list in JSON.
func opens(text string) bool { return text != "" && (text[0] == '{' || text[0] == '[') }

func parse(text string) (any, bool) {
	reader := json.NewDecoder(strings.NewReader(text))
	reader.UseNumber()
	var value any
	if reader.Decode(&value) != nil {
		return nil, false
	}
	// a second value behind the first one is no JSON
	_, err := reader.Token()
	return value, err == io.EOF
}

// plainOf is a text, an int64 or a float64; false for every other value. What is beyond these is left out, except where
// all is counted.
func plainOf(value any, counting bool) (any, bool) {
	switch one := value.(type) {
	case string, int64:
		return one, true
	case float64:
		return one, counting || !math.IsInf(one, 0) && !math.IsNaN(one)
	case json.Number:
		whole := !strings.ContainsAny(one.String(), ".eE")
		if number, err := one.Int64(); whole && (err == nil || !counting) {
			return number, err == nil
		}
		number, err := one.Float64()
		return number, counting || err == nil
	default:
		return nil, false
	}
}
