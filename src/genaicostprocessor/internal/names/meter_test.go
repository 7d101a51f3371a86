package names

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/vectors"
)

func TestLabelsAndCountsAreInTheSharedListUnderTheirConstants(t *testing.T) {
	byConstant := map[string]string{}
	for _, one := range shared(t).Attributes {
		byConstant[one.Constant] = one.Name
	}
	found := dotted(t, "meter.go")
	require.Len(t, found, 15)
	for constant, name := range found {
		require.Equal(t, byConstant[upper(constant)], name, constant)
	}
}

func TestDerivedMetricsAreThoseOfTheSharedList(t *testing.T) {
	var list struct {
		Derived []map[string]string `json:"derived_metrics"`
	}
	vectors.Into(t, "tests/vectors/names.json", &list)
	var ours []map[string]string
	for _, one := range []Metric{Derived.Cost, Derived.Calls, Derived.Unpriced, Derived.Tokens, Derived.Duration} {
		kind, number := "counter", "int"
		if one.Histogram {
			kind = "histogram"
		}
		if one.Double {
			number = "double"
		}
		ours = append(ours, map[string]string{"name": one.Name, "kind": kind, "type": number, "unit": one.Unit})
	}
	require.ElementsMatch(t, list.Derived, ours)
}

func TestReasonsAreTheClosedList(t *testing.T) {
	require.ElementsMatch(t, shared(t).Closed["unpriced_reasons"], Reasons[:])
}
