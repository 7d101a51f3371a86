package names

// Scope is the instrumentation scope of genmeter in an application, which counts its own calls.
const Scope = "genmeter"

// Attributes of a call that become labels of a metric.
const (
	Operation     = "gen_ai.operation.name"
	Provider      = "gen_ai.provider.name"
	RequestModel  = "gen_ai.request.model"
	ResponseModel = "gen_ai.response.model"
	TokenType     = "gen_ai.token.type"
	Department    = "genmeter.department"
	Application   = "genmeter.application"
	Environment   = "deployment.environment.name"
)

// Attributes of a resource.
const (
	ServiceName      = "service.name"
	ServiceNamespace = "service.namespace"
	ServiceInstance  = "service.instance.id"
)

// Token counts of a call.
const (
	InputTokens      = "gen_ai.usage.input_tokens"
	OutputTokens     = "gen_ai.usage.output_tokens"
	CacheReadTokens  = "gen_ai.usage.cache_read.input_tokens"
	CacheWriteTokens = "gen_ai.usage.cache_write.input_tokens"
)

// Metric is one that the collector derives from spans.
type Metric struct {
	Name, Unit, Description string
	Histogram, Double       bool
}

// Derived are the metrics that the collector derives from spans.
var Derived = struct{ Cost, Calls, Unpriced, Tokens, Duration Metric }{
	Cost: Metric{
		Name: "genmeter.collector.cost.usd", Unit: "{USD}", Double: true,
		Description: "Cost of calls, where no application counts it itself.",
	},
	Calls: Metric{
		Name: "genmeter.collector.calls", Unit: "{call}",
		Description: "Calls that no application has metered, priced or not.",
	},
	Unpriced: Metric{
		Name: "genmeter.collector.calls.unpriced", Unit: "{call}",
		Description: "Those of them that have no price, by reason.",
	},
	Tokens: Metric{
		Name: "genmeter.collector.tokens", Unit: "{token}",
		Description: "Tokens of the calls that no application has metered; totals include their parts.",
	},
	Duration: Metric{
		Name: "genmeter.collector.call.duration", Unit: "s", Histogram: true, Double: true,
		Description: "Duration of the calls that no application has metered.",
	},
}

// Reasons are the values of CostReason.
var Reasons = [...]string{
	"unknown_provider", "unknown_model", "no_usage", "invalid_usage", "unpriced_dimension", "unknown_service_tier",
	"no_price_for_date",
}
