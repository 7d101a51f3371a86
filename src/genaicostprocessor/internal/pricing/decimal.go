package pricing

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// Decimal text to integers, exactly, and values as the Python twin shows them in a message.

var (
	number   = regexp.MustCompile(`^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,4}))?$`)
	notFinal = regexp.MustCompile(`^[+-]?(?i:inf|infinity|s?nan[0-9]*)$`)

	errNoNumber = errors.New("not a number")
	errNoPrice  = errors.New("not a price")
	errTooFine  = errors.New("finer than a millionth")
)

// longestNumber is how many characters a price may have.
const longestNumber = 40

// microUSD is a price in dollars as millionths, exactly or not at all.
func microUSD(text string) (int64, error) {
	if len(text) > longestNumber {
		return 0, errNoNumber
	}
	if notFinal.MatchString(text) {
		return 0, errNoPrice
	}
	parts := number.FindStringSubmatch(text)
	if parts == nil || parts[2]+parts[3] == "" {
		return 0, errNoNumber
	}
	digits := strings.TrimLeft(parts[2]+parts[3], "0")
	if digits == "" {
		return 0, nil
	}
	if parts[1] == "-" {
		return 0, errNoPrice
	}
	shift, _ := strconv.Atoi(parts[4])
	shift += 6 - len(parts[3])
	if len(digits)+shift > len("1000000000000") {
		return 0, errNoPrice
	}
	whole := strings.TrimRight(digits, "0")
	shift += len(digits) - len(whole)
	value, _ := new(big.Int).SetString(whole, 10)
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(shift, -shift))), nil)
	most := big.NewInt(dearest)
	if shift < 0 {
		most.Mul(most, power)
	} else {
		value.Mul(value, power)
	}
	switch {
	case value.Cmp(most) > 0:
		return 0, errNoPrice
	case shift < 0:
		return 0, errTooFine
	default:
		return value.Int64(), nil
	}
}

// repr shows a value as Python's repr does, so that one message has one text.
func repr(value any) string {
	switch value := value.(type) {
	case string:
		return quoted(value)
	case bool:
		if value {
			return "True"
		}
		return "False"
	case float64:
		return float(value)
	case []any:
		shown := make([]string, len(value))
		for i, one := range value {
			shown[i] = repr(one)
		}
		return "[" + strings.Join(shown, ", ") + "]"
	default:
		return fmt.Sprint(value)
	}
}

func float(value float64) string {
	size := math.Abs(value)
	switch {
	case math.IsNaN(value) || math.IsInf(value, 0):
		return strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(value, 'g', -1, 64), "+"))
	case size != 0 && size < 1e-4 || size >= 1e16:
		return strconv.FormatFloat(value, 'e', -1, 64)
	}
	text := strconv.FormatFloat(value, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

func quoted(text string) string {
	mark := "'"
	if strings.Contains(text, "'") && !strings.Contains(text, `"`) {
		mark = `"`
	}
	var made strings.Builder
	made.WriteString(mark)
	for _, char := range text {
		switch {
		case char == '\\' || string(char) == mark:
			made.WriteByte('\\')
			made.WriteRune(char)
		case char == '\n':
			made.WriteString(`\n`)
		case char == '\r':
			made.WriteString(`\r`)
		case char == '\t':
			made.WriteString(`\t`)
		case unicode.IsPrint(char):
			made.WriteRune(char)
		case char < 0x100:
			fmt.Fprintf(&made, `\x%02x`, char)
		case char < 0x10000:
			fmt.Fprintf(&made, `\u%04x`, char)
		default:
			fmt.Fprintf(&made, `\U%08x`, char)
		}
	}
	made.WriteString(mark)
	return made.String()
}
