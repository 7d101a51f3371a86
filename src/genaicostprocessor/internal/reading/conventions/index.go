package conventions

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// index finds a key by a hash of some of its bytes and, nearly always, one comparison. It is small, and what is looked up
// in vain touches one byte of it.
type index struct {
	numbers [1 << bits]uint8 // of the entry, plus 1
	entries []entry
}

type entry struct {
	key   string
	field Field
	rank  uint8
}

const (
	bits     = 10
	shortest = 10  // of all keys: hash reads so far
	most     = 255 // entries
)

func (i *index) put(key string, field Field, rank uint8) {
	i.entries = append(i.entries, entry{key, field, rank})
	at := hash(key)
	for i.numbers[at] != 0 {
		at = (at + 1) % (1 << bits)
	}
	i.numbers[at] = uint8(len(i.entries))
}

func (i *index) find(key string) (Field, uint8, bool) {
	if len(key) < shortest {
		return 0, 0, false
	}
	for at := hash(key); i.numbers[at] != 0; at = (at + 1) % (1 << bits) {
		if one := &i.entries[i.numbers[at]-1]; one.key == key {
			return one.field, one.rank, true
		}
	}
	return 0, 0, false
}

// hash reads the length and three bytes where names of one family differ.
func hash(key string) uint32 {
	end := len(key)
	word := uint32(key[end-8])<<24 | uint32(key[end/2])<<16 | uint32(key[end-10])<<8 | uint32(end)
	return word * 0x9E3779B1 >> (32 - bits)
}

var leading = regexp.MustCompile(`^\d{1,9}(\.\d{1,9})*`)

// older compares versions by their leading numbers: 0.9 is older than 0.10. A scope that does not say its version is
// older than none.
func older(version, bound string) bool {
	return version != "" && slices.Compare(numbers(version), numbers(bound)) < 0
}

func numbers(version string) []int {
	var found []int
	for _, digits := range strings.Split(leading.FindString(version), ".") {
		if number, err := strconv.Atoi(digits); err == nil {
			found = append(found, number)
		}
	}
	return found
}
