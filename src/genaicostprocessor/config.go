package genaicostprocessor

// Config of genai_cost.
type Config struct{}
