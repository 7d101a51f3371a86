package pricing

import (
	"regexp"
	"strconv"
	"strings"
)

// place is a key of the [prices] table: number counts the tables of one model from 0.
type place struct {
	seller, model, key string
	number             int
}

// section is one table of the file, by its header: where it stands, and the line of each key in it.
type section struct {
	line int
	keys map[string]int
}

// lines says where a key stands in the file, as "file:line: prices.seller.model". The twin of _Lines in override.py.
type lines struct {
	path     string
	text     []string
	sections map[[2]string][]section
}

func linesOf(path, text string) lines {
	made := lines{path, strings.Split(text, "\n"), map[[2]string][]section{}}
	inside := section{}
	for i, line := range made.text {
		line = strings.Trim(line, blanks)
		made.text[i] = line
		if !strings.HasPrefix(line, "[") {
			before, _, _ := strings.Cut(line, "=")
			if words := keyWords(before); len(words) > 0 && inside.keys != nil && inside.keys[words[0]] == 0 {
				inside.keys[words[0]] = i + 1
			}
			continue
		}
		inside = section{i + 1, map[string]int{}}
		header := keyWords(line)
		if len(header) < 2 || header[0] != "prices" {
			continue
		}
		for _, name := range [][2]string{{header[1], ""}, {header[1], strings.Join(header[2:min(3, len(header))], "")}} {
			if list := made.sections[name]; len(list) == 0 || list[len(list)-1].line != inside.line {
				made.sections[name] = append(list, inside)
			}
		}
	}
	return made
}

func (l *lines) where(at place) string {
	name := "prices." + at.seller
	for _, part := range []string{at.model, at.key} {
		if part != "" {
			name += "." + part
		}
	}
	return l.path + ":" + strconv.Itoa(l.line(at)) + ": " + name
}

// line is that of a key inside its table, of the table itself, or of the file.
func (l *lines) line(at place) int {
	tables := l.sections[[2]string{at.seller, at.model}]
	if len(tables) == 0 {
		return l.mention(at.model)
	}
	table := &tables[min(at.number, len(tables)-1)]
	if line := table.keys[at.key]; at.key != "" && at.number < len(tables) && line != 0 {
		return line
	}
	return table.line
}

// mention is the last line that seems to be about a model that has no table of its own.
func (l *lines) mention(model string) int {
	last := 1
	for i, line := range l.text {
		if model != "" && !strings.HasPrefix(line, "[") && namesModel(line, model) {
			last = i + 1
		}
	}
	return last
}

func namesModel(line, model string) bool {
	for _, start := range []string{"prices.", `"` + model + `"`, model + " ", model + "="} {
		if strings.HasPrefix(line, start) {
			return true
		}
	}
	return false
}

var word = regexp.MustCompile(`"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)`)

// keyWords are the keys of a table's header, or of what stands before an equals sign.
func keyWords(header string) []string {
	header, _, _ = strings.Cut(header, "#")
	var made []string
	for _, groups := range word.FindAllStringSubmatch(header, -1) {
		made = append(made, groups[1]+groups[2]+groups[3])
	}
	return made
}
