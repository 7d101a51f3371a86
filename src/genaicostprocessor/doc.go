//go:generate go tool -modfile=internal/tools/go.mod mdatagen metadata.yaml

// Package genaicostprocessor holds the processor genai_cost: it prices spans and events of calls to generative models
// that arrive with tokens and without a cost, by the same catalogue and the same arithmetic as the Python package
// genmeter.
package genaicostprocessor
