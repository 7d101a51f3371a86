package genaicostprocessor

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func oneSpan(attributes map[string]any) ptrace.Traces {
	td := ptrace.NewTraces()
	span := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	if err := span.Attributes().FromRaw(attributes); err != nil {
		panic(err)
	}
	return td
}

func TestASpanThatIsNoCallCostsNoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates, and empties pools at random")
	}
	p := withPrices(t, 100)
	td := spans(0)
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = p.processTraces(context.Background(), td) }))
	ld := plog.NewLogs()
	records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for range batchSize {
		records.AppendEmpty().Attributes().PutStr("http.route", "/")
	}
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = p.processLogs(context.Background(), ld) }))
}

// A priced text call has nine attributes more. Each value is an object of its own in pdata, doubles below 16 bytes
// sharing one; and their slice is made anew once. Nothing else is allocated.
func TestAPricedSpanAllocatesOnlyWhatItWrites(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates, and empties pools at random")
	}
	p := withPrices(t, 100)
	original := spans(100)
	copied := func() ptrace.Traces {
		td := ptrace.NewTraces()
		original.CopyTo(td)
		return td
	}
	copying := testing.AllocsPerRun(20, func() { copied() })
	both := testing.AllocsPerRun(20, func() { _, _ = p.processTraces(context.Background(), copied()) })
	require.LessOrEqual(t, (both-copying)/batchSize, 10.1)
}

// 10^6 names that are made up leave what is remembered of names (4,096) and of log lines (1,024), not themselves: a
// million names of 90 bytes would be 90 MB, and more in a map.
func TestAMillionModelNamesLeaveMemoryFlat(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("takes seconds, and minutes under the race detector")
	}
	p := withPrices(t, 100)
	td := spans(100)
	all := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
	sent := 0
	send := func(names int) {
		for until := sent + names; sent < until; {
			for _, span := range all.All() {
				sent++
				name := fmt.Sprintf("made-up-%d-%s", sent, strings.Repeat("x", 70))
				span.Attributes().PutStr("gen_ai.response.model", name)
				span.Attributes().Remove("genmeter.cost.status")
			}
			_, err := p.processTraces(context.Background(), td)
			require.NoError(t, err)
		}
	}
	send(20_000) // until everything that is bounded is full
	before := live()
	send(1_000_000)
	grown := int64(live()) - int64(before)
	t.Logf("heap after 20,000 names: %d B; grown by %d B after 1,000,000 more", before, grown)
	require.Less(t, grown, int64(1<<20))
	runtime.KeepAlive(p)
}

// live is the heap after two collections: the first one only moves pools to their victims.
func live() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
