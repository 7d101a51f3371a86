package genaicostprocessor

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/vectors"
)

// FuzzRequests sends whole OTLP requests, as bytes of the wire, through the processor. It answers each, adds nothing but
// attributes, and a second pass over its own answer changes no amount. The seeds are the bodies of the corpus, and the same
// bodies with some bytes changed.
func FuzzRequests(f *testing.F) {
	for _, body := range bodies(f) {
		f.Add(body)
		for seed := range uint64(20) {
			f.Add(mutated(rand.New(rand.NewPCG(seed, 1)), body))
		}
	}
	p := withPrices(f, 10)
	f.Fuzz(func(t *testing.T, body []byte) { takes(t, p, body) })
}

// TestMutatedRequestsAreAnswered does the same with requests that are drawn from a seed; GENMETER_FUZZ is how many.
func TestMutatedRequestsAreAnswered(t *testing.T) {
	p, all := withPrices(t, 10), bodies(t)
	for n := range rounds(t) {
		random := rand.New(rand.NewPCG(uint64(n), 2))
		body := mutated(random, all[random.IntN(len(all))])
		if n%8 == 0 {
			body = make([]byte, random.IntN(300))
			for i := range body {
				body[i] = byte(random.Uint32())
			}
		}
		takes(t, p, body)
	}
}

// rounds is how many requests a run of this package sends.
func rounds(t testing.TB) int {
	text := os.Getenv("GENMETER_FUZZ")
	if text == "" {
		return 3000
	}
	count, err := strconv.Atoi(text)
	require.NoError(t, err)
	return count
}

// takes sends one request.
func takes(t *testing.T, p *costProcessor, body []byte) {
	if td, err := new(ptrace.ProtoUnmarshaler).UnmarshalTraces(body); err == nil {
		count := td.SpanCount()
		td, err = p.processTraces(t.Context(), td)
		require.NoError(t, err)
		require.Equal(t, count, td.SpanCount())
		before := amounts(td)
		td, err = p.processTraces(t.Context(), td)
		require.NoError(t, err)
		require.Equal(t, before, amounts(td), "%x", body)
		_, err = new(ptrace.ProtoMarshaler).MarshalTraces(td)
		require.NoError(t, err)
	}
	if ld, err := new(plog.ProtoUnmarshaler).UnmarshalLogs(body); err == nil {
		count := ld.LogRecordCount()
		ld, err = p.processLogs(t.Context(), ld)
		require.NoError(t, err)
		require.Equal(t, count, ld.LogRecordCount())
	}
}

// amounts are the costs of all spans, as text: garbage is compared too.
func amounts(td ptrace.Traces) []string {
	var found []string
	for _, resource := range td.ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				if amount, there := span.Attributes().Get("gen_ai.usage.cost.amount"); there {
					found = append(found, amount.AsString())
				}
			}
		}
	}
	return found
}

// bodies are the requests of the corpus as bytes of the wire.
func bodies(t testing.TB) [][]byte {
	var found [][]byte
	for _, path := range vectors.Files(t, "tests/vectors/emitters/*.json") {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		td, err := new(ptrace.JSONUnmarshaler).UnmarshalTraces(data)
		require.NoError(t, err)
		if td.SpanCount() > 0 {
			body, err := new(ptrace.ProtoMarshaler).MarshalTraces(td)
			require.NoError(t, err)
			found = append(found, body)
			continue
		}
		ld, err := new(plog.JSONUnmarshaler).UnmarshalLogs(data)
		require.NoError(t, err)
		body, err := new(plog.ProtoMarshaler).MarshalLogs(ld)
		require.NoError(t, err)
		found = append(found, body)
	}
	return found
}

// mutated is a body with some bytes changed, cut, repeated or moved.
func mutated(random *rand.Rand, body []byte) []byte {
	made := append([]byte(nil), body...)
	for range 1 + random.IntN(4) {
		if len(made) == 0 {
			return made
		}
		at := random.IntN(len(made))
		end := min(len(made), at+1+random.IntN(8))
		switch random.IntN(4) {
		case 0:
			made = append(made[:at:at], made[end:]...)
		case 1:
			made = append(made[:end:end], made[at:]...)
		default:
			made[at] = byte(random.Uint32())
		}
	}
	return made
}
