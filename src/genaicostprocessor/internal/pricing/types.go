// Package pricing is the price book of genmeter in Go: the same catalogue, lookup, arithmetic and reasons as the
// Python package genmeter.pricing. Standard library only; no I/O, no clock.
package pricing

// Pico is the number of pico-USD in one US dollar: money is an integer count of these everywhere inside.
const Pico = 1_000_000_000_000

// Seller is the company that bills. ID is its id in the catalogue, empty when it is unknown; Name is the value of
// gen_ai.provider.name; Region is a price region known from the address, else empty.
type Seller struct {
	ID, Name, Region string
}

// Question asks the catalogue for the price of one call. The call began at Unix second At. An empty text is absent.
// Partial marks a cut stream. The twin of question.py.
type Question struct {
	Seller        string
	RequestModel  string
	ResponseModel string
	ServiceTier   string
	Region        string
	Batch         bool
	Partial       bool
	HasUsage      bool
	Usage         Usage
	At            int64
}

// Reason says why a call has no price. The empty one means that it has one.
type Reason string

// The closed list of reasons, the same as names.UNPRICED_REASONS in Python.
const (
	Priced             Reason = ""
	UnknownProvider    Reason = "unknown_provider"
	UnknownModel       Reason = "unknown_model"
	NoUsage            Reason = "no_usage"
	InvalidUsage       Reason = "invalid_usage"
	UnpricedDimension  Reason = "unpriced_dimension"
	UnknownServiceTier Reason = "unknown_service_tier"
	NoPriceForDate     Reason = "no_price_for_date"
)

// Verdict is a priced call, or the reason why there is no price. Lines hold pico-USD by Kind; Has has bit Kind set
// for each line on the bill. Entry names the matched row. Detail is for a person and is made on refusal only.
type Verdict struct {
	Total  int64
	Lines  [Kinds]int64
	Has    uint32
	Entry  string
	Reason Reason
	Detail string
}
