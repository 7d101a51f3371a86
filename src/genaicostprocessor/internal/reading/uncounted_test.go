package reading

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading/conventions"
)

func TestCountsThatNoFieldReadsAreNamed(t *testing.T) {
	data, err := os.ReadFile("../../../../tests/vectors/uncounted.json")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("tests/vectors/uncounted.json is not there: this module stands alone")
	}
	require.NoError(t, err)
	var cases []struct {
		Name       string         `json:"name"`
		Attributes map[string]any `json:"attributes"`
		Uncounted  []string       `json:"uncounted"`
	}
	require.NoError(t, json.Unmarshal(data, &cases))
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
