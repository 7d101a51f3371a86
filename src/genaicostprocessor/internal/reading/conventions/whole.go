package conventions

import (
	"math"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Whole reads a whole number, also one that came as a float or as decimal text.
func Whole(value pcommon.Value) (int64, bool) {
	switch value.Type() {
	case pcommon.ValueTypeInt:
		return value.Int(), true
	case pcommon.ValueTypeDouble:
		number := value.Double()
		// 2^63 itself is a float, and no int64
		if number != math.Trunc(number) || number < math.MinInt64 || number >= math.MaxInt64 {
			return 0, false
		}
		return int64(number), true
	case pcommon.ValueTypeStr:
		text := value.Str()
		digits := strings.TrimPrefix(text, "-")
		if digits == "" || strings.Trim(digits, "0123456789") != "" {
			return 0, false
		}
		number, err := strconv.ParseInt(text, 10, 64)
		return number, err == nil
	default:
		return 0, false
	}
}
