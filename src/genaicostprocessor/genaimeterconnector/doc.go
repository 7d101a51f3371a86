//go:generate go tool -modfile=../internal/tools/go.mod mdatagen metadata.yaml

// Package genaimeterconnector holds the connector genai_meter: it counts the calls, tokens, durations and money of spans
// that genai_cost has passed, and sends the sums as metrics.
//
// Sums are kept here, exactly, and sent at an interval: what comes at the same moment from many senders is all in them.
package genaimeterconnector
