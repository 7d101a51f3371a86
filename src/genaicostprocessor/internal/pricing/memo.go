package pricing

import (
	"hash/maphash"
	"math/bits"
	"strings"
	"sync/atomic"
)

// words are what an answer was found by: a call without its numbers; for a host, host and path stand first.
type words struct {
	seller, request, response, tier, region string
	batch                                   bool
}

const (
	ways = 4
	sets = 1024
)

// memo remembers answers, at most ways * sets (4,096) of them. Readers take no lock and allocate nothing; a new answer
// takes the place of an older one in its set, so a stream of ever new names costs time and no memory. The twin of the
// dictionaries of catalogue.py, which are emptied when they are full.
type memo[Answer any] struct {
	seed  maphash.Seed
	turn  atomic.Uint32
	slots [sets][ways]atomic.Pointer[kept[Answer]]
}

type kept[Answer any] struct {
	hash   uint64
	words  words
	answer Answer
}

func newMemo[Answer any]() *memo[Answer] {
	return &memo[Answer]{seed: maphash.MakeSeed()}
}

// find is the remembered answer, or nil; hash is what keep asks for.
func (m *memo[Answer]) find(asked *words) (answer *Answer, hash uint64) {
	hash = m.hash(asked)
	set := &m.slots[hash%sets]
	for i := range set {
		if one := set[i].Load(); one != nil && one.hash == hash && one.words == *asked {
			return &one.answer, hash
		}
	}
	return nil, hash
}

// keep remembers an answer, unless a name is too long for that.
func (m *memo[Answer]) keep(asked *words, hash uint64, answer Answer) {
	for _, word := range [...]string{asked.seller, asked.request, asked.response, asked.tier, asked.region} {
		if tooLong(word) {
			return
		}
	}
	set := &m.slots[hash%sets]
	way := m.turn.Add(1) % ways
	for i := range set {
		if set[i].Load() == nil {
			way = uint32(i)
			break
		}
	}
	set[way].Store(&kept[Answer]{hash, asked.clone(), answer})
}

func (m *memo[Answer]) hash(asked *words) uint64 {
	hash := maphash.String(m.seed, asked.seller)
	hash = bits.RotateLeft64(hash, 7) ^ m.word(asked.response)
	if asked.request != asked.response {
		hash = bits.RotateLeft64(hash, 7) ^ m.word(asked.request)
	}
	hash = bits.RotateLeft64(hash, 7) ^ m.word(asked.tier)
	hash = bits.RotateLeft64(hash, 7) ^ m.word(asked.region)
	if asked.batch {
		hash = ^hash
	}
	return hash
}

func (m *memo[Answer]) word(text string) uint64 {
	if text == "" {
		return 0
	}
	return maphash.String(m.seed, text)
}

// clone copies the text: a kept word must not hold the whole message it was cut from.
func (w *words) clone() words {
	return words{
		strings.Clone(w.seller), strings.Clone(w.request), strings.Clone(w.response), strings.Clone(w.tier),
		strings.Clone(w.region), w.batch,
	}
}
