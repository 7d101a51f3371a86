package conventions

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/vectors"
)

type words struct {
	Operations []struct {
		Word      string  `json:"word"`
		Operation *string `json:"operation"`
		Unread    bool    `json:"unread"`
	} `json:"operations"`
	Scopes []struct {
		Name      string `json:"name"`
		Framework bool   `json:"framework"`
	} `json:"scopes"`
	Models []struct {
		Model string `json:"model"`
		Bare  string `json:"bare"`
	} `json:"models"`
	SoldBy []struct {
		Model  string `json:"model"`
		Seller string `json:"seller"`
	} `json:"sold_by"`
}

// TestWordsAreReadAsPythonReadsThem asks the questions of tests/vectors/words.json.
func TestWordsAreReadAsPythonReadsThem(t *testing.T) {
	var asked words
	vectors.Into(t, "tests/vectors/words.json", &asked)
	made := table(t)
	require.NotEmpty(t, asked.Operations)
	for _, one := range asked.Operations {
		found, billed := made.Billed(one.Word)
		require.Equal(t, one.Operation != nil, billed, one.Word)
		if billed {
			require.Equal(t, *one.Operation, found, one.Word)
		} else {
			require.Equal(t, one.Unread, !made.IsStep(one.Word), one.Word)
		}
	}
	for _, one := range asked.Scopes {
		require.Equal(t, one.Framework, made.IsFramework(one.Name), one.Name)
	}
	for _, one := range asked.Models {
		require.Equal(t, one.Bare, BareModel(one.Model))
	}
	for _, one := range asked.SoldBy {
		require.Equal(t, one.Seller, made.SoldBy(one.Model), one.Model)
	}
}

func TestAFrameworksNameIsNoSellers(t *testing.T) {
	made := table(t)
	for _, name := range []string{"strands-agents", "Strands_Agents", "pydantic_ai", "LangChain", "crewai"} {
		require.True(t, made.SellsNothing(name), name)
	}
	for _, name := range []string{"openai", "aws.bedrock", "x_ai", "gcp.vertex_ai", "", "mistral_ai"} {
		require.False(t, made.SellsNothing(name), name)
	}
}
