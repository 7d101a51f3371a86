package genaimeterconnector

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/vectors"
)

// FuzzRequests sends whole OTLP requests, as bytes of the wire, through the connector: it takes each, what it counts can be
// sent, no sum falls, and its memory stays bounded. The seeds are the bodies of the corpus.
func FuzzRequests(f *testing.F) {
	for _, body := range bodies(f) {
		f.Add(body)
	}
	f.Fuzz(takes)
}

// TestMutatedRequestsAreTaken does the same with requests that are drawn from a seed; GENMETER_FUZZ is how many.
func TestMutatedRequestsAreTaken(t *testing.T) {
	rounds, all := 1000, bodies(t)
	if text := os.Getenv("GENMETER_FUZZ"); text != "" {
		count, err := strconv.Atoi(text)
		require.NoError(t, err)
		rounds = count
	}
	for n := range rounds {
		random := rand.New(rand.NewPCG(uint64(n), 3))
		body := append([]byte(nil), all[random.IntN(len(all))]...)
		for range 1 + random.IntN(4) {
			body[random.IntN(len(body))] = byte(random.Uint32())
		}
		takes(t, body)
	}
}

// bodies are the requests of the corpus as bytes of the wire.
func bodies(t testing.TB) (found [][]byte) {
	for _, path := range vectors.Files(t, "tests/vectors/emitters/*.json") {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		if td, err := new(ptrace.JSONUnmarshaler).UnmarshalTraces(data); err == nil && td.SpanCount() > 0 {
			body, err := new(ptrace.ProtoMarshaler).MarshalTraces(td)
			require.NoError(t, err)
			found = append(found, body)
		} else if ld, err := new(plog.JSONUnmarshaler).UnmarshalLogs(data); err == nil {
			body, err := new(plog.ProtoMarshaler).MarshalLogs(ld)
			require.NoError(t, err)
			found = append(found, body)
		}
	}
	return found
}

// takes sends one request three times. What it counts can be sent, and no sum falls.
func takes(t *testing.T, body []byte) {
	r := newRig(t, func(cfg *Config) { cfg.MaxSeries = 8 })
	before := 0.0
	for pass := range 3 {
		if td, err := new(ptrace.ProtoUnmarshaler).UnmarshalTraces(body); err == nil {
			require.NoError(t, r.ConsumeTraces(t.Context(), td))
		}
		if ld, err := new(plog.ProtoUnmarshaler).UnmarshalLogs(body); err == nil {
			require.NoError(t, r.ConsumeLogs(t.Context(), ld))
		}
		r.released(t.Context(), time.Now().Add(time.Duration(pass)*time.Minute), true)
		now := r.everything()[calls]
		require.GreaterOrEqual(t, now, before)
		before = now
	}
	require.LessOrEqual(t, r.meter.size(), 8)
	for _, md := range r.store.taken {
		_, err := new(pmetric.ProtoMarshaler).MarshalMetrics(md)
		require.NoError(t, err)
	}

}
