//go:generate go tool -modfile=../internal/tools/go.mod mdatagen metadata.yaml

// Package genaimeterconnector holds the connector genai_meter: it counts the calls, tokens, durations and money of spans
// that genai_cost has passed, and sends the sums as metrics.
//
// The connector keeps the sums exactly and sends them at an interval, so calls that many senders send at the same moment
// are all counted.
package genaimeterconnector
