package pricing

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// place is a key of the [prices] table: number counts the tables of one model from 0.
type place struct {
	seller, model, key string
	number             int
}

// words are the names on the way to the key.
func (p place) words() []string {
	made := []string{"prices", p.seller}
	for _, name := range []string{p.model, p.key} {
		if name != "" {
			made = append(made, name)
		}
	}
	return made
}

// spot is a header or a key of the file; row is the number of the [[table]] that it is in, -1 outside of such.
type spot struct {
	line int
	path []string
	row  int
}

// lines says where a key stands in the file, as "file:line: prices.seller.model". The twin of tomllines.py.
type lines struct {
	path  string
	spots []spot
}

func linesOf(path, text string) lines {
	made := lines{path: path}
	var header []string
	row := -1
	begun := map[string]int{}
	for i, line := range strings.Split(text, "\n") {
		groups := keyOrHeader.FindStringSubmatch(line)
		if groups == nil {
			continue
		}
		names := word.FindAllString(groups[2], -1)
		for n := range names {
			names[n] = strings.Trim(names[n], `"'`)
		}
		if groups[1] == "" {
			made.spots = append(made.spots, spot{i + 1, slices.Concat(header, names), row})
			continue
		}
		header, row = names, -1
		if groups[1] == "[[" {
			name := strings.Join(names, "\n")
			row = begun[name]
			begun[name]++
		}
		made.spots = append(made.spots, spot{i + 1, header, row})
	}
	return made
}

func (l *lines) where(at place) string {
	return l.path + ":" + strconv.Itoa(l.line(at)) + ": " + strings.Join(at.words(), ".")
}

// line is the first that goes furthest on the way to the key: its own, its table's, or the file's first.
func (l *lines) line(at place) int {
	wanted := at.words()
	line, most := 1, 0
	for _, one := range l.spots {
		if one.row != -1 && one.row != at.number {
			continue
		}
		if same := shared(one.path, wanted); same > most {
			line, most = one.line, same
		}
	}
	return line
}

func shared(one, other []string) int {
	same := 0
	for same < min(len(one), len(other)) && one[same] == other[same] {
		same++
	}
	return same
}

const name = `(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)`

var (
	keyOrHeader = regexp.MustCompile(`^[ \t]*(\[{0,2})[ \t]*(` + name + `(?:[ \t]*\.[ \t]*` + name + `)*)[ \t]*[]=]`)
	word        = regexp.MustCompile(name)
)
