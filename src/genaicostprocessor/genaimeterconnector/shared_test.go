package genaimeterconnector

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/vectors"
)

type sharedCase struct {
	Name    string `json:"name"`
	Spans   []int  `json:"bills"`
	Records []struct {
		Scope     string `json:"scope"`
		Span      byte   `json:"span"`
		Parent    byte   `json:"parent"`
		Began     int    `json:"began"`
		Ended     int    `json:"ended"`
		Input     *int   `json:"input"`
		Output    *int   `json:"output"`
		CacheRead *int   `json:"cache_read"`
		Reasoning *int   `json:"reasoning"`
		Model     string `json:"request_model"`
		Operation string `json:"operation"`
	} `json:"records"`
}

func (c *sharedCase) sent() (all []sent, foreign int) {
	for _, one := range c.Records {
		more := map[string]any{"gen_ai.request.model": one.Model, "gen_ai.usage.input_tokens": nil, "gen_ai.usage.output_tokens": nil}
		for name, count := range map[string]*int{
			"gen_ai.usage.input_tokens": one.Input, "gen_ai.usage.output_tokens": one.Output,
			"gen_ai.usage.cache_read.input_tokens": one.CacheRead, "gen_ai.usage.reasoning.output_tokens": one.Reasoning,
		} {
			if count != nil {
				more[name] = *count
			}
		}
		if one.Operation != "" {
			more["gen_ai.operation.name"] = one.Operation
		}
		if one.Scope == app {
			more["gen_ai.usage.cost.source"] = "local"
		} else if slices.Contains(c.Spans, int(one.Span)) {
			foreign++
		}
		all = append(all, sent{one.Scope, one.Span, one.Parent, one.Began, one.Ended, more})
	}
	return all, foreign
}

// TestTheSharedCasesAreDecidedAsTheLedgerDecidesThem asks tests/vectors/doubles.json. What genmeter's own spans bill is
// counted in the application.
func TestTheSharedCasesAreDecidedAsTheLedgerDecidesThem(t *testing.T) {
	var read struct {
		Cases []sharedCase `json:"cases"`
	}
	vectors.Into(t, "tests/vectors/doubles.json", &read)
	require.NotEmpty(t, read.Cases)
	for _, one := range read.Cases {
		all, foreign := one.sent()
		for _, order := range []string{"forwards", "backwards"} {
			r := newRig(t)
			r.send(all...)
			require.Equal(t, float64(foreign), r.later()[calls], "%s, %s", one.Name, order)
			slices.Reverse(all)
		}
	}
}
