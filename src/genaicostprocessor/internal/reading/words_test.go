package reading

import (
	"cmp"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/pricing"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading/conventions"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/vectors"
)

func TestWordsForSellersAreReadAsPythonReadsThem(t *testing.T) {
	var asked struct {
		Sellers []struct {
			Word   string `json:"word"`
			Model  string `json:"model"`
			Seller string `json:"seller"`
		} `json:"sellers"`
	}
	vectors.Into(t, "tests/vectors/words.json", &asked)
	require.NotEmpty(t, asked.Sellers)
	table, err := conventions.Bundled()
	require.NoError(t, err)
	by := &Recorded{Catalogue: pricing.Bundled(), Addresses: pricing.NewAddresses(nil, pricing.Bundled())}
	var sellers Sellers
	for _, one := range asked.Sellers {
		attributes := pcommon.NewMap()
		attributes.PutStr("gen_ai.provider.name", one.Word)
		attributes.PutStr("gen_ai.request.model", cmp.Or(one.Model, "gpt-4o"))
		record, question := NewRecord(table), Asked{}
		record.Read(attributes)
		question.Ask(&record, by, &sellers, attributes, nil)
		require.Equal(t, one.Seller, question.Seller.ID, one.Word)
	}
}
