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

// way is the beginning of a path in the file: its names, each with a line break after it. row is the number of the
// [[table]] that the path is in, -1 outside of such.
type way struct {
	names string
	row   int
}

// lines says where a key stands in the file, as "file:line: prices.seller.model". The twin of tomllines.py.
type lines struct {
	path string
	// first is the first line of the file that goes a way. Without it, a long file would be gone through for every key.
	first map[way]int
}

// add notes a header or a key of the file.
func (l *lines) add(line int, path []string, row int) {
	names := ""
	for _, name := range path {
		names += name + "\n"
		if _, known := l.first[way{names, row}]; !known {
			l.first[way{names, row}] = line
		}
	}
}

func linesOf(path, text string) lines {
	made := lines{path: path, first: map[way]int{}}
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
			made.add(i+1, slices.Concat(header, names), row)
			continue
		}
		header, row = names, -1
		if groups[1] == "[[" {
			name := strings.Join(names, "\n")
			row = begun[name]
			begun[name]++
		}
		made.add(i+1, header, row)
	}
	return made
}

func (l *lines) where(at place) string {
	return l.path + ":" + strconv.Itoa(l.line(at)) + ": " + strings.Join(at.words(), ".")
}

// line is the first that goes furthest on the way to the key: its own, its table's, or the file's first.
func (l *lines) line(at place) int {
	line, names := 1, ""
	for _, name := range at.words() {
		names += name + "\n"
		outside, known := l.first[way{names, -1}]
		inside, held := l.first[way{names, at.number}]
		switch {
		case known && held:
			line = min(outside, inside)
		case known:
			line = outside
		case held:
			line = inside
		default:
			return line
		}
	}
	return line
}

const name = `(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)`

var (
	keyOrHeader = regexp.MustCompile(`^[ \t]*(\[{0,2})[ \t]*(` + name + `(?:[ \t]*\.[ \t]*` + name + `)*)[ \t]*[]=]`)
	word        = regexp.MustCompile(name)
)
