//go:build !race

package genaicostprocessor

const raceEnabled = false
