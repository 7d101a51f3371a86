package genaicostprocessor

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/pricing"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading/conventions"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/vectors"
)

// expected is what a body of tests/vectors/emitters must become, worked out by hand.
type expected struct {
	Call              bool
	Status, Reason    string
	Input, Output     *int64
	Total             *int64
	Money             string
	Repaired, Assumed bool
	Unread            bool // no call, and counted by its emitter
}

// TestARecordIsReadAsItsEmitterMeansIt reads the bodies that Python reads in tests/ledger/test_emitters.py.
func TestARecordIsReadAsItsEmitterMeansIt(t *testing.T) {
	for _, path := range vectors.Files(t, "tests/vectors/emitters/*.json") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			var told struct{ Expect expected }
			require.NoError(t, json.Unmarshal(data, &told))
			r := newRig(t)
			before, after := throughTheProcessor(t, r, data)
			require.Equal(t, told.Expect.Unread, r.log.FilterMessageSnippet("it is in no sum").Len() == 1)
			told.Expect.check(t, before, after)
		})
	}
}

// throughTheProcessor is the one record of a body, before and after.
func throughTheProcessor(t *testing.T, r *rig, data []byte) (before, after pcommon.Map) {
	td, err := new(ptrace.JSONUnmarshaler).UnmarshalTraces(data)
	require.NoError(t, err)
	before = pcommon.NewMap()
	if td.SpanCount() == 1 {
		td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().CopyTo(before)
		p, sink := r.traces()
		require.NoError(t, p.ConsumeTraces(context.Background(), td))
		return before, sink.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes()
	}
	ld, err := new(plog.JSONUnmarshaler).UnmarshalLogs(data)
	require.NoError(t, err)
	require.Equal(t, 1, ld.LogRecordCount())
	ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().CopyTo(before)
	p, sink := r.logs()
	require.NoError(t, p.ConsumeLogs(context.Background(), ld))
	return before, sink.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes()
}

func (e *expected) check(t *testing.T, before, after pcommon.Map) {
	found := after.AsRaw()
	if !e.Call {
		require.Equal(t, before.AsRaw(), found)
		return
	}
	require.Equal(t, e.Status, found["genmeter.cost.status"])
	if e.Reason != "" {
		require.Equal(t, e.Reason, found["genmeter.cost.reason"])
	} else {
		require.NotContains(t, found, "genmeter.cost.reason")
	}
	if e.Total != nil {
		require.Equal(t, float64(*e.Total)/1e12, found["gen_ai.usage.cost.amount"])
		require.Equal(t, e.Money, found["gen_ai.usage.cost.source"])
	}
	require.Equal(t, e.Repaired, found["genmeter.usage.repaired"] == true)
	require.Equal(t, e.Assumed, found["genmeter.usage.assumed"] == true)
	e.checkTokens(t, after)
}

// checkTokens counts as a reader of the record does: what is beside a total is added once.
func (e *expected) checkTokens(t *testing.T, after pcommon.Map) {
	table, err := conventions.Bundled()
	require.NoError(t, err)
	record := reading.NewRecord(table)
	record.Read(after)
	count := func(unit pricing.Unit) int64 {
		number, _ := record.Count(conventions.Count(unit))
		return number
	}
	input, output := count(pricing.UnitInput), count(pricing.UnitOutput)
	if e.Repaired {
		input += count(pricing.UnitCacheRead) + count(pricing.UnitCacheWrite)
	}
	if e.Input == nil {
		return
	}
	if beside, there := after.Get("genmeter.usage.beside.output_tokens"); there {
		output += beside.Int()
	}
	require.Equal(t, *e.Input, input)
	if e.Output != nil {
		require.Equal(t, *e.Output, output)
	}
}
