package genaimeterconnector

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/pricing"
)

// exact is a sum without rounding: whole units, and a rest of 1e-12 each.
type exact struct {
	whole, rest uint64
}

// add takes a number of 1e-12, which is not negative.
func (e *exact) add(pico int64) {
	e.whole += uint64(pico) / pricing.Pico
	e.rest += uint64(pico) % pricing.Pico
	if e.rest >= pricing.Pico {
		e.whole++
		e.rest -= pricing.Pico
	}
}

// float is the nearest double.
func (e exact) float() float64 {
	if e.whole < math.MaxInt64/pricing.Pico {
		return pricing.USD(int64(e.whole*pricing.Pico + e.rest))
	}
	sum := new(big.Int).SetUint64(e.whole)
	sum.Mul(sum, big.NewInt(pricing.Pico)).Add(sum, new(big.Int).SetUint64(e.rest))
	value, _ := new(big.Rat).SetFrac(sum, big.NewInt(pricing.Pico)).Float64()
	return value
}

const (
	dearest      = 1e8 // dollars; the ledger takes no larger amount either
	safe         = 1 << 50
	longestMoney = 64 // characters
)

// toPico is an amount of dollars in pico-USD as the ledger reads it: a double through its shortest decimal form, the
// nearest pico, the even one of two. False: it is no amount of money.
func toPico(value pcommon.Value) (int64, bool) {
	switch value.Type() {
	case pcommon.ValueTypeDouble:
		return doubleToPico(value.Double())
	case pcommon.ValueTypeInt:
		dollars := value.Int()
		return dollars * pricing.Pico, 0 <= dollars && dollars <= math.MaxInt64/pricing.Pico
	case pcommon.ValueTypeStr:
		text := value.Str()
		if len(text) > longestMoney || strings.Trim(text, "+-.eE0123456789") != "" {
			return 0, false
		}
		amount, err := strconv.ParseFloat(text, 64)
		if err != nil || !(0 <= amount && amount < dearest) {
			return 0, false
		}
		return textToPico(text, amount)
	default:
		return 0, false
	}
}

func doubleToPico(amount float64) (int64, bool) {
	if !(0 <= amount && amount < dearest) {
		return 0, false
	}
	pico := amount * pricing.Pico
	nearest := math.RoundToEven(pico)
	// Up to here the double, its decimal form and the product are together off by less than a quarter.
	if nearest < safe && math.Abs(pico-nearest) < 0.25 {
		return int64(nearest), true
	}
	return textToPico(strconv.FormatFloat(amount, 'e', -1, 64), amount)
}

// textToPico is slow and exact; amount is about what the text says.
func textToPico(text string, amount float64) (int64, bool) {
	if amount < 1e-13 { // and no exponent so small that the ratio below would fill the memory
		return 0, true
	}
	ratio, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, false
	}
	ratio.Mul(ratio, big.NewRat(pricing.Pico, 1))
	pico, rest := new(big.Int).QuoRem(ratio.Num(), ratio.Denom(), new(big.Int))
	half := rest.Lsh(rest, 1).Cmp(ratio.Denom())
	if half > 0 || half == 0 && pico.Bit(0) == 1 {
		pico.Add(pico, big.NewInt(1))
	}
	return pico.Int64(), pico.IsInt64()
}
