package conventions

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/pricing"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/vectors"
)

func table(t *testing.T) *Table {
	made, err := Bundled()
	require.NoError(t, err)
	return made
}

func TestTheTableIsTheOneThatPythonReads(t *testing.T) {
	theirs := vectors.Read(t, "src/genmeter/reading/data/conventions.json")
	require.True(t, bytes.Equal(theirs, bundled), "copy src/genmeter/reading/data/conventions.json here")
}

func TestEverySpellingIsFoundAtItsRank(t *testing.T) {
	var read file
	require.NoError(t, json.Unmarshal(bundled, &read))
	made, all := table(t), 0
	found := func(want Field, spellings []string) {
		for rank, key := range spellings {
			field, at, ok := made.Find(key)
			require.True(t, ok, key)
			require.Equal(t, want, field, key)
			require.Equal(t, uint8(rank), at, key)
			require.Equal(t, key, made.Spelling(field, at))
			all++
		}
	}
	for name, spellings := range read.Attributes {
		found(byName[name], spellings)
	}
	for unit, spellings := range pricing.UnitSpellings {
		found(Count(pricing.Unit(unit)), spellings)
	}
	require.Greater(t, all, 60)
}

func TestKeysThatSpellNothingAreNotFound(t *testing.T) {
	made := table(t)
	for _, key := range []string{
		"", "a", "url.full", "http.request.method", "http.response.status_code", "gen_ai.usage.input_token",
		"gen_ai.usage.input_tokens ", "xen_ai.usage.input_tokens", "gen_ai.usage.totals_tokens", "server.addresS",
	} {
		_, _, ok := made.Find(key)
		require.False(t, ok, key)
	}
}

func TestEverySpellingOfAnOperationPassesTheQuickLook(t *testing.T) {
	made := table(t)
	for _, key := range made.Operations() {
		require.True(t, made.MayBeOperation(key), key)
	}
	for _, key := range []string{"", "server.address", "http.route", "thread.name"} {
		require.False(t, made.MayBeOperation(key), key)
	}
}

func TestOnlyWordsOfBilledOperationsAreBilled(t *testing.T) {
	made := table(t)
	for word, want := range map[string]string{
		"chat": "chat", "text_completion": "text_completion", "generate_content": "generate_content",
		"embeddings": "embeddings", "LLM": "chat", "EMBEDDING": "embeddings", "completion": "text_completion",
		"ai.streamText.doStream": "chat", "CHAT": "chat", "Chat": "chat", "Generate_Content": "generate_content",
		"invoke_agent": "", "execute_tool": "", "CHAIN": "", "AGENT": "", "TOOL": "", "RETRIEVER": "", "rerank": "",
		"moderation": "", "fetch_response": "", "framework": "", "": "",
	} {
		got, ok := made.Billed(word)
		require.Equal(t, want != "", ok, word)
		if ok {
			require.Equal(t, want, got, word)
		}
	}
}

func TestAnEmitterIsKnownByItsScopeAndVersion(t *testing.T) {
	made, err := Parse(with(t, `[
		{"scope": "a", "input": "exclusive", "sellers": ["anthropic"]},
		{"scope": "b", "input": "inclusive", "before": "0.10"},
		{"scope": "b", "input": "exclusive", "from": "0.10"},
		{"scope": "c.*", "input": "uncached"}]`))
	require.NoError(t, err)
	none := pcommon.NewMap()
	require.Len(t, made.Emitters("a", ""), 1)
	require.True(t, made.Emitters("a", "")[0].LeavesCacheOut("anthropic", none))
	require.False(t, made.Emitters("a", "")[0].LeavesCacheOut("aws", none))
	require.Empty(t, made.Emitters("A", ""), "the name is exact")
	require.Equal(t, "inclusive", made.Emitters("b", "0.9.4")[0].Input, "0.9 is before 0.10")
	for _, version := range []string{"0.10", "0.10.1", "1.0rc1"} {
		require.Len(t, made.Emitters("b", version), 1, version)
		require.Equal(t, "exclusive", made.Emitters("b", version)[0].Input, version)
	}
	require.Empty(t, made.Emitters("b", ""), "a scope that does not say its version is not meant")
	require.False(t, made.Emitters("c.anything", "")[0].TellsCache())
	require.Empty(t, made.Emitters("c", ""), "the end of a name stands for any end")
}

func TestATableThatCannotBeReadSaysWhy(t *testing.T) {
	for want, data := range map[string]string{
		"schema 2": `{"schema": 2}`,
		"unknown":  `{"schema": 1, "attributes": {"colour": ["gen_ai.colour.of.call"]}}`,
		"no spell": `{"schema": 1, "attributes": {}}`,
		"JSON":     `{`,
	} {
		_, err := Parse([]byte(data))
		require.ErrorContains(t, err, want)
	}
	doubled := bytes.Replace(bundled, []byte(`"gen_ai.response.id"`), []byte(`"gen_ai.response.model"`), 1)
	_, err := Parse(doubled)
	require.ErrorContains(t, err, `"gen_ai.response.model" spells both`)
}

// with is the bundled file with other emitters.
func with(t *testing.T, emitters string) []byte {
	var read map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(bundled, &read))
	read["emitters"] = json.RawMessage(emitters)
	made, err := json.Marshal(read)
	require.NoError(t, err)
	return made
}
