// Package names holds the dotted names that genai_cost writes, and the ones that it reads by a single spelling. What has
// several spellings is in package conventions. The list is a part of tests/vectors/names.json, which Python reads too.
package names

import "github.com/genmeter/genmeter/src/genaicostprocessor/internal/pricing"

// Attributes that say what a call cost.
const (
	CostAmount    = "gen_ai.usage.cost.amount"
	CostCurrency  = "gen_ai.usage.cost.currency"
	CostSource    = "gen_ai.usage.cost.source"
	CostTotal     = "genmeter.cost.total"
	CostStatus    = "genmeter.cost.status"
	CostReason    = "genmeter.cost.reason"
	CostDetail    = "genmeter.cost.detail"
	CostCatalogue = "genmeter.cost.catalogue"
	CostEntry     = "genmeter.cost.entry"
	CostCompared  = "genmeter.cost.compared"
	BilledBy      = "genmeter.billed_by"
	UsageRepaired = "genmeter.usage.repaired"
	UsageBeside   = "genmeter.usage.beside.output_tokens"
	UsageAssumed  = "genmeter.usage.assumed"
)

// CostLines are the lines of a bill, by kind.
var CostLines = pricing.KindAttributes

// Attributes that are read beside those of the conventions.
const (
	ErrorType    = "error.type"
	CallDuration = "genmeter.call.duration"
	ParentSpan   = "genmeter.call.parent_span_id"
)

// EventDetails is the event that carries the attributes of a call's span.
const EventDetails = "gen_ai.client.inference.operation.details"

// Values of CostStatus. StatusElsewhere: the record is no bill, because it stands for a call that another record bills;
// BilledBy names the span that does, or says why the record is no bill.
const (
	StatusPriced    = "priced"
	StatusPartial   = "partial"
	StatusUnpriced  = "unpriced"
	StatusElsewhere = "elsewhere"
)

// Values of CostSource that genai_cost writes: it worked the amount out, or took over what another instrumentation had
// written in a spelling of its own.
const (
	SourceCollector = "collector"
	SourceEmitter   = "emitter"
)

// BilledOperations carry tokens and cost; agent, workflow and tool spans repeat their children's totals.
var BilledOperations = [...]string{"chat", "text_completion", "generate_content", "embeddings"}
