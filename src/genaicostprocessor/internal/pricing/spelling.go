package pricing

import (
	"fmt"
	"strings"
)

// leastLikeness is how like two names must be, from 0 to 1, at which one may be meant by the other.
const leastLikeness = 0.6

// unknown is the message about an unknown name, with the known name that is spelled most like it. The twin of spelling.py.
func unknown(kind, name string, known []string) string {
	listed := strings.Join(known, ", ")
	if near := nearest(name, known); near != "" {
		return fmt.Sprintf("unknown %s; did you mean '%s'? There are %s", kind, near, listed)
	}
	return fmt.Sprintf("unknown %s; there are %s", kind, listed)
}

// nearest is the known name that is spelled most like name, "" when none is near. It answers as Python's
// difflib.get_close_matches does; of two that are equally near it takes the later in the alphabet.
func nearest(name string, known []string) string {
	best, found := leastLikeness, ""
	word := []rune(name)
	for _, one := range known {
		other := []rune(one)
		likeness := 2 * float64(common(other, word)) / float64(len(other)+len(word))
		if likeness > best || (likeness == best && one > found) {
			best, found = likeness, one
		}
	}
	return found
}

// common counts the characters that two names share: those of the longest common piece, and of what is left and right of
// it in both.
func common(a, b []rune) int {
	size, inA, inB := 0, 0, 0
	for i := range a {
		for j := range b {
			n := 0
			for i+n < len(a) && j+n < len(b) && a[i+n] == b[j+n] {
				n++
			}
			if n > size {
				size, inA, inB = n, i, j
			}
		}
	}
	if size == 0 {
		return 0
	}
	return size + common(a[:inA], b[:inB]) + common(a[inA+size:], b[inB+size:])
}
