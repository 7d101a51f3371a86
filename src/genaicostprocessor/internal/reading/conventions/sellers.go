package conventions

import "strings"

// sellers are words of emitters for sellers; conventions.py says what the parts mean.
type sellers struct {
	Kinds   []string          `json:"kinds"`
	Words   map[string]string `json:"words"`
	Resells []string          `json:"resells"`
}

// Sellers are what a word for a seller may stand for, the word itself first.
func (t *Table) Sellers(word string) []string {
	found, name := []string{word}, strings.ReplaceAll(hyphens(word), " ", "-")
	for {
		if name != found[len(found)-1] {
			found = append(found, name)
		}
		if id, known := t.sellers.Words[name]; known {
			return append(found, id)
		}
		dot := strings.LastIndexByte(name, '.')
		if dot < 0 {
			return found
		}
		if _, known := t.kinds[name[dot+1:]]; !known {
			return found
		}
		name = name[:dot]
	}
}

// Resells says whether a gateway of this name bills the price of the seller that the model's name begins with.
func (t *Table) Resells(word string) bool {
	for _, name := range t.Sellers(word) {
		if _, known := t.resells[name]; known {
			return true
		}
	}
	return false
}
