package reading

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading/conventions"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/vectors"
)

func TestCountsThatNoFieldReadsAreNamed(t *testing.T) {
	var cases []struct {
		Name       string         `json:"name"`
		Attributes map[string]any `json:"attributes"`
		Uncounted  []string       `json:"uncounted"`
	}
	vectors.Into(t, "tests/vectors/uncounted.json", &cases)
	table, err := conventions.Bundled()
	require.NoError(t, err)
	record := NewRecord(table)
	for _, one := range cases {
		attributes := pcommon.NewMap()
		require.NoError(t, attributes.FromRaw(one.Attributes))
		record.Read(attributes)
		var found []string
		for _, one := range record.Uncounted() {
			found = append(found, one.Name)
		}
		// A JSON object has no order here.
		require.ElementsMatch(t, one.Uncounted, found, one.Name)
	}
}
