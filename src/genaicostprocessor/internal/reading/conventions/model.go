package conventions

import "strings"

// BareModel is the name of a model without the router, region and vendor before it and without the version and date behind
// it: us.anthropic.claude-haiku-4-5-20251001-v1:0 is claude-haiku-4-5. The twin of _bare in genmeter/ledger/doubles.py.
func BareModel(name string) string {
	name = name[strings.LastIndexByte(name, '/')+1:]
	for {
		dot := strings.IndexByte(name, '.')
		if dot <= 0 || dot+1 == len(name) || !isLetter(name[dot+1]) || !isWord(name[:dot]) {
			break
		}
		name = name[dot+1:]
	}
	if at := strings.LastIndex(name, "-v"); at >= 0 && isVersion(name[at+2:]) {
		name = name[:at]
	}
	return withoutDate(name)
}

func withoutDate(name string) string {
	if len(name) > 11 && isCut(name[len(name)-11]) {
		end := name[len(name)-10:]
		if isDigits(end[:4]) && end[4] == '-' && isDigits(end[5:7]) && end[7] == '-' && isDigits(end[8:]) {
			return name[:len(name)-11]
		}
	}
	at := strings.LastIndexAny(name, "-@")
	if at < 0 {
		return name
	}
	end := name[at+1:]
	if isDigits(end) && (len(end) == 8 || len(end) == 4) || strings.EqualFold(end, "latest") {
		return name[:at]
	}
	return name
}

func isVersion(text string) bool {
	major, minor, parted := strings.Cut(text, ":")
	return isDigits(major) && (!parted || isDigits(minor))
}

func isCut(letter byte) bool { return letter == '-' || letter == '@' }

func isLetter(letter byte) bool { return letter|0x20 >= 'a' && letter|0x20 <= 'z' }

func isWord(text string) bool {
	for i := range len(text) {
		if !isLetter(text[i]) && text[i] != '-' {
			return false
		}
	}
	return text != ""
}

func isDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}
