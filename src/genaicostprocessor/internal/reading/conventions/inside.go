package conventions

import (
	"encoding/json"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Inside is an attribute that holds JSON, and what its members mean. The twin of Inside in records.py.
type Inside struct {
	Of     string            `json:"of"`
	Copies map[string]string `json:"copies"`
	Rest   string            `json:"rest"`
}

// What is read of one attribute: bytes of JSON, members, and maps within maps.
const mostJSON, mostMembers, mostDepth = 65_536, 64, 3

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
	for _, one := range members(whole, false) {
		text, isText := one.value.(string)
		name, known := i.Copies[one.path]
		if !known && i.Rest != "" && !isText {
			name = i.Rest + one.path
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
		default:
			made.SetStr(text)
		}
		copied[name] = made
	}
}

// members are the texts and numbers in a JSON text, or in a map that came as one, the shallow ones first. With lists those
// in lists too, under the path of the list.
func members(whole pcommon.Value, lists bool) []member {
	value := whole.AsRaw()
	if text, isText := value.(string); isText {
		if len(text) > mostJSON {
			return nil
		}
		if read, ok := parse(text); ok {
			value = read
		} // a plain text is a whole value too
	}
	var found []member
	waiting := []member{{value: value}}
	for len(waiting) > 0 && len(found) < mostMembers {
		one := waiting[0]
		waiting = waiting[1:]
		if inside, isMap := one.value.(map[string]any); isMap {
			if one.depth < mostDepth {
				for _, name := range slices.Sorted(maps.Keys(inside)) {
					waiting = append(waiting, member{strings.TrimPrefix(one.path+"."+name, "."), inside[name], one.depth + 1})
				}
			}
		} else if list, isList := one.value.([]any); isList && lists && one.depth < mostDepth {
			for _, item := range list[:min(len(list), mostMembers)] {
				waiting = append(waiting, member{one.path, item, one.depth + 1})
			}
		} else if plain, ok := plainOf(one.value); ok {
			found = append(found, member{one.path, plain, one.depth})
		}
	}
	return found
}

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

// plainOf is a text, an int64 or a finite float64; false for every other value.
func plainOf(value any) (any, bool) {
	switch one := value.(type) {
	case string, int64:
		return one, true
	case float64:
		return one, !math.IsInf(one, 0) && !math.IsNaN(one)
	case json.Number:
		if !strings.ContainsAny(one.String(), ".eE") {
			whole, err := one.Int64()
			return whole, err == nil
		}
		number, err := one.Float64()
		return number, err == nil
	default:
		return nil, false
	}
}
