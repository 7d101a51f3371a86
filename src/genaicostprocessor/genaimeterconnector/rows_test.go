package genaimeterconnector

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// A row of conventions.json says of some spans of servers, and of some steps, that they are the records of calls.
func TestASpanThatARowMeansIsCountedAndAnotherServersIsNot(t *testing.T) {
	for name, one := range map[string]struct {
		scope, operation string
		kind             ptrace.SpanKind
		calls            float64
	}{
		"a gateway's server":              {"openrouter", "chat", ptrace.SpanKindServer, 1},
		"a gateway's client":              {"openrouter", "chat", ptrace.SpanKindClient, 1},
		"the server of a model":           {"vllm.llm_engine", "chat", ptrace.SpanKindServer, 0},
		"an agent on a server":            {"azure.ai.projects", "invoke_agent", ptrace.SpanKindClient, 1},
		"an agent in the application":     {"azure.ai.projects", "invoke_agent", ptrace.SpanKindInternal, 0},
		"an agent of another's framework": {"langchain", "invoke_agent", ptrace.SpanKindClient, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			td := traces(t, one.scope, chat(map[string]any{"gen_ai.operation.name": one.operation}))
			td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).SetKind(one.kind)
			require.NoError(t, r.ConsumeTraces(t.Context(), td))
			require.Equal(t, one.calls, r.everything()[calls])
		})
	}
}
