package pricing

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Model names: from what telemetry says to the ids of the catalogue, by exact name or a version-like tail only.
// The twin of match.py.

// longest is how many characters a name may have. No model has a longer name; it is neither looked up nor kept.
const longest = 256

const blanks = " \t\n\r\f\v"

var opaque = []string{"application-inference-profile/", "provisioned-model/", "imported-model/", "custom-model"}

// plain is a name as it is compared: without blanks around it and in lower case, both by ASCII alone, since the two
// languages know different editions of Unicode.
func plain(name string) string {
	return lower(strings.Trim(name, blanks))
}

func lower(text string) string {
	for i := range len(text) {
		if 'A' <= text[i] && text[i] <= 'Z' {
			return lowered(text)
		}
	}
	return text
}

func lowered(text string) string {
	made := []byte(text)
	for i, char := range made {
		if 'A' <= char && char <= 'Z' {
			made[i] = char + ('a' - 'A')
		}
	}
	return string(made)
}

func tooLong(name string) bool {
	return len(name) > longest && utf8.RuneCountInString(name) > longest
}

// forms are the spellings under which name may be listed, most literal first.
func forms(name string, prefixes ...[]string) []string {
	literal := plain(name)
	made := append(make([]string, 0, 3), literal)
	bare := bareName(literal)
	if bare != literal {
		made = append(made, bare)
	}
	if head, rest, slash := strings.Cut(bare, "/"); slash {
		for _, words := range prefixes {
			if slices.Contains(words, head) {
				return append(made, rest)
			}
		}
	}
	return made
}

func bareName(name string) string {
	switch {
	case strings.HasPrefix(name, "arn:"):
		parts := strings.SplitN(name, ":", 6)
		for _, word := range opaque {
			if strings.HasPrefix(parts[len(parts)-1], word) {
				return name
			}
		}
		return name[strings.LastIndexByte(name, '/')+1:]
	case strings.HasPrefix(name, "ft:"):
		base, _, _ := strings.Cut(name[len("ft:"):], ":")
		return "ft:" + base
	}
	if base, _, tuned := strings.Cut(name, ".ft-"); tuned {
		return "ft:" + base
	}
	for _, path := range []string{"models/", "publishers/", "projects/"} {
		if strings.HasPrefix(name, path) {
			if at := strings.LastIndex(name, "models/"); at >= 0 {
				return name[at+len("models/"):]
			}
			return name
		}
	}
	return name
}

// foundName is the listed id that name means: itself, its date written the other way, or a base with a version after
// it. Empty: none.
func foundName(name string, seller *sellerData) string {
	if _, listed := seller.ids[name]; listed {
		return name
	}
	if other := otherDate(name); other != "" {
		if _, listed := seller.ids[other]; listed {
			return other
		}
	}
	for base := shorter(name); base != ""; base = shorter(base) {
		if seller.dated[base] {
			return base
		}
	}
	return ""
}

// sameButVersion tells whether name is base with only version-like tails after it.
func sameButVersion(name, base string) bool {
	left, wanted := plain(name), plain(base)
	for left != "" && left != wanted {
		left = shorter(left)
	}
	return left != ""
}

// shorter is name without its last version-like tail (-2026-11-17, @20250929, -v1, :0, -latest), or empty.
func shorter(name string) string {
	cut := strings.LastIndexAny(name, "-@:")
	if cut <= 0 {
		return ""
	}
	tail := name[cut+1:]
	word := tail == "latest" || tail == "preview" || tail == "default"
	var version bool
	switch name[cut] {
	case ':':
		version = digits(tail) && len(tail) < 3
	case '@':
		version = digits(tail) || word
	default:
		if !word && digits(tail) && len(tail) == 2 {
			return dashed(name, cut)
		}
		version = word || (strings.HasPrefix(tail, "v") && digits(tail[1:])) ||
			(digits(tail) && (len(tail) == 3 || len(tail) == 4 || (len(tail) == 8 && tail[:2] == "20")))
	}
	if !version {
		return ""
	}
	return name[:cut]
}

// dashed takes -YYYY-MM-DD, @YYYY-MM-DD or -MM-DD off the end of name, whose last dash is at cut.
func dashed(name string, cut int) string {
	month := strings.LastIndexByte(name[:cut], '-')
	if month <= 0 || cut-month != 3 || !digits(name[month+1:cut]) {
		return ""
	}
	if month > 5 && digits(name[month-4:month]) && (name[month-5] == '-' || name[month-5] == '@') {
		return name[:month-5]
	}
	return name[:month]
}

// otherDate is name with its date in the other spelling, -20260102 or -2026-01-02, or empty.
func otherDate(name string) string {
	if at := len(name) - len("-20260102"); at >= 0 && name[at:at+3] == "-20" && digits(name[at+1:]) {
		return name[:at+5] + "-" + name[at+5:at+7] + "-" + name[at+7:]
	}
	if at := len(name) - len("-2026-01-02"); at >= 0 && name[at:at+3] == "-20" && digits(name[at+1:at+5]) &&
		name[at+5] == '-' && digits(name[at+6:at+8]) && name[at+8] == '-' && digits(name[at+9:]) {
		return name[:at+5] + name[at+6:at+8] + name[at+9:]
	}
	return ""
}

func digits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}
