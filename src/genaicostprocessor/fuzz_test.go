package genaicostprocessor

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// FuzzAttributes throws any values at every key that is read: there is a price or a reason, never both, never neither,
// never a negative amount, and nothing that came is changed.
func FuzzAttributes(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed, "acme-large", int64(seed*997), float64(seed)/3)
	}
	f.Add(uint64(1), "", int64(math.MaxInt64), math.NaN())
	f.Add(uint64(2), "\xff\xfe", int64(math.MinInt64), math.Inf(1))
	p, all := withPrices(f, 10), keys(f)
	f.Fuzz(func(t *testing.T, seed uint64, text string, count int64, real float64) {
		td := ptrace.NewTraces()
		span := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		strange(rand.New(rand.NewPCG(seed, seed)), all, span.Attributes(), text, count, real)
		span.Attributes().PutStr("gen_ai.operation.name", "chat")
		before := pcommon.NewMap()
		span.Attributes().CopyTo(before)
		_, err := p.processTraces(t.Context(), td)
		require.NoError(t, err)
		after := span.Attributes()
		for key, value := range before.All() {
			if !slices.Contains(verdict, key) {
				now, there := after.Get(key)
				require.True(t, there && alike(value, now), key)
			}
		}
		amount, priced := after.Get("gen_ai.usage.cost.amount")
		status, _ := after.Get("genmeter.cost.status")
		_, reason := after.Get("genmeter.cost.reason")
		if came(before) {
			return
		}
		if !priced {
			_, failed := before.Get("error.type")
			require.True(t, failed || status.AsString() == "unpriced" && reason)
			return
		}
		require.Equal(t, pcommon.ValueTypeDouble, amount.Type())
		require.GreaterOrEqual(t, amount.Double(), 0.0)
		require.True(t, slices.Contains([]string{"priced", "partial"}, status.Str()), status.AsString())
		require.False(t, reason)
	})
}

// came says whether a cost that stays came with the call.
func came(before pcommon.Map) bool {
	_, amount := before.Get("gen_ai.usage.cost.amount")
	_, total := before.Get("genmeter.cost.total")
	_, currency := before.Get("gen_ai.usage.cost.currency")
	return amount || total || currency
}

// verdict lists the attributes that our own verdict overwrites where they came without an amount.
var verdict = []string{
	"genmeter.cost.status", "genmeter.cost.reason", "gen_ai.usage.cost.currency", "genmeter.usage.repaired",
}

// keys are all that is read.
func keys(t testing.TB) []string {
	data, err := os.ReadFile("internal/reading/conventions/conventions.json")
	require.NoError(t, err)
	var read struct{ Attributes map[string][]string }
	require.NoError(t, json.Unmarshal(data, &read))
	found := []string{
		"genmeter.cost.status", "genmeter.cost.reason", "gen_ai.usage.cost.currency", "error.type",
		"genmeter.call.duration", "genmeter.usage.repaired",
	}
	for _, spellings := range read.Attributes {
		found = append(found, spellings...)
	}
	slices.Sort(found)
	return found
}

// strange writes a quarter of the keys, with values of any type.
func strange(random *rand.Rand, keys []string, into pcommon.Map, text string, count int64, real float64) {
	for _, key := range keys {
		if random.IntN(4) > 0 {
			continue
		}
		value := into.PutEmpty(key)
		switch random.IntN(8) {
		case 0:
			value.SetStr(text)
		case 1:
			value.SetStr([]string{"acme", "anthropic", "openai", "1000", "none", "true"}[random.IntN(6)])
		case 2, 3:
			value.SetInt(random.Int64N(5000))
		case 4:
			value.SetInt(count)
		case 5:
			value.SetDouble(real)
		case 6:
			value.SetBool(true)
		default:
			value.SetEmptySlice().AppendEmpty().SetInt(count)
		}
	}
}

// alike holds NaN for the same as NaN.
func alike(one, other pcommon.Value) bool {
	return one.Equal(other) || one.Type() == pcommon.ValueTypeDouble && math.IsNaN(one.Double()) && math.IsNaN(other.Double())
}
