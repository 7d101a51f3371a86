package genaicostprocessor

import (
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/pricing"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/vectors"
)

type oddCase struct {
	Name   string
	Set    map[string]any
	Expect [3]any
}

// sent is the call of the shared file with the attributes of the case. JSON has no integers and no word for some doubles.
func (c *oddCase) sent(t *testing.T) map[string]any {
	made := map[string]any{
		"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini",
		"gen_ai.usage.input_tokens": 10_000, "gen_ai.usage.output_tokens": 500,
	}
	for name, value := range c.Set {
		switch one := value.(type) {
		case nil:
			delete(made, name)
			continue
		case map[string]any:
			number, err := strconv.ParseFloat(one["double"].(string), 64)
			require.NoError(t, err)
			value = number
		case float64:
			if one == math.Trunc(one) && math.Abs(one) < math.MaxInt64 {
				value = int64(one)
			}
		}
		made[name] = value
	}
	return made
}

// TestAnOddValueCostsNothingButItself asks what tests/reading/test_odd.py asks the ledger.
func TestAnOddValueCostsNothingButItself(t *testing.T) {
	var read struct{ Cases []oddCase }
	vectors.Into(t, "tests/vectors/odd.json", &read)
	require.NotEmpty(t, read.Cases)
	for _, one := range read.Cases {
		t.Run(one.Name, func(t *testing.T) {
			after := newRig(t).span(one.sent(t), inScope("acme.sdk", "1"))
			require.Equal(t, one.Expect[0], after["genmeter.cost.status"])
			if one.Expect[0] == "unpriced" {
				require.Equal(t, one.Expect[1], after["genmeter.cost.reason"])
			} else {
				require.Equal(t, pricing.USD(int64(one.Expect[2].(float64))), after["gen_ai.usage.cost.amount"])
			}
		})
	}
}
