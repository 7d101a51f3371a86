package conventions

import "strings"

func set(words []string) map[string]struct{} {
	made := make(map[string]struct{}, len(words))
	for _, word := range words {
		made[word] = struct{}{}
	}
	return made
}

// SellsNothing says whether a provider's name is a framework's.
func (t *Table) SellsNothing(provider string) bool {
	for word := range t.frameworks {
		if len(word) == len(provider) && alike(provider, word) {
			return true
		}
	}
	return false
}

// alike compares without making a text: this runs for every call.
func alike(name, word string) bool {
	for i := range len(name) {
		letter := name[i]
		switch {
		case letter == '_':
			letter = '-'
		case 'A' <= letter && letter <= 'Z':
			letter += 'a' - 'A'
		}
		if letter != word[i] {
			return false
		}
	}
	return true
}

// IsFramework says whether an instrumentation scope is a framework's, so that an SDK's call may lie below its spans.
func (t *Table) IsFramework(scope string) bool {
	name := hyphens(scope)
	if _, known := t.frameworks[name]; known {
		return true
	}
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return strings.ContainsRune(".:/@ ", r) }) {
		// "agents" is a framework as a whole name; within a scope it is a part of other words
		if _, known := t.frameworks[part]; known && len(part) > 3 && part != "agents" {
			return true
		}
	}
	return false
}

// SoldBy is the name of the one seller that has this model under such a name; empty where several may.
func (t *Table) SoldBy(model string) string {
	for _, one := range t.soldBy {
		if one.model.MatchString(strings.ToLower(model)) {
			return one.seller
		}
	}
	return ""
}

// IsStep says whether a word for an operation means one that repeats the totals of the calls below it.
func (t *Table) IsStep(word string) bool {
	_, known := t.steps[strings.ToLower(word)]
	return known
}

func hyphens(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }
