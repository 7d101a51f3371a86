// Package conventions knows how each fact about a call to a model is spelled: by the GenAI conventions of today, by their
// older versions, by OpenInference and by OpenLLMetry.
//
// The spellings are data: conventions.json, a byte-equal copy of the file that the Python package reads. What it means:
//
//   - attributes: field → spellings in order of preference, the current name first. The first spelling that is present
//     wins. A null value is absent everywhere, and so is an empty text where the field is a text.
//     The counts of usage are spelled in pricing.UnitSpellings.
//   - absent: words that stand for no value where the field is a text, compared without regard to case.
//   - operations: foreign words for an operation, compared without regard to case, → ours. Other words are taken as they
//     are. A word under any but the current name counts only where it means a billed operation.
//   - steps: words for an operation that repeats the totals of the calls below it, or has none. A record with counts or an
//     amount under a word that is neither a call nor one of these is unread, and is counted as such.
//   - frameworks: names of agent frameworks, in small letters with hyphens. As a provider such a name says nothing; as a
//     part of a scope's name it says that an SDK's call lies below.
//   - sellers: words of emitters for sellers. kinds are ends that say what was asked for; words gives the catalogue's id;
//     who resells bills the price of the seller that the model's name begins with.
//   - sold_by: models that one seller alone has under such a name.
//   - cost: the first two spellings are ours. An amount in any other was computed by another instrumentation. It counts
//     only above zero, because instrumentations write 0 for a model that their price list lacks.
//   - parts: counts that are parts of others and have a price of their own. Where such a value is no count, the call is
//     billed without it and in part.
//   - emitters: what is known of each program that records calls (emitters.go).
//   - records: log records and spans of emitters with names of their own (records.go). unread: attributes with usage or
//     money in a form of their own; a record that has one, is no call and is meant by no row is counted as unread.
//   - total: the tokens of a call in all. cache_hit: a gateway answered from its own cache, so no model was called.
package conventions

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/names"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/pricing"
)

//go:embed conventions.json
var bundled []byte

const schema = 1

// OwnCosts is how many spellings of a cost are ours.
const OwnCosts = 2

// Field is a fact about a call.
type Field uint8

// The fields, texts first.
const (
	Operation Field = iota
	Provider
	RequestModel
	ResponseModel
	ResponseID
	ServiceTier
	Region
	Cut
	Address
	BaseURL
	texts

	Port Field = iota - 1
	Batch
	Cost
	Total
	CacheHit
	Unread
	counts

	// The rest has one spelling, of ours, and is not in the file.
	Status Field = iota - 2 + Field(pricing.Units)
	Reason
	Currency
	ErrorType
	Duration
	Repaired
	Beside
	Fields
)

// Count is the field of a unit that usage is counted in.
func Count(unit pricing.Unit) Field { return counts + Field(unit) }

// IsText says whether the field holds a text, of which an empty one is absent.
func (f Field) IsText() bool { return f < texts }

var byName = map[string]Field{
	"operation": Operation, "provider": Provider, "request_model": RequestModel, "response_model": ResponseModel,
	"response_id": ResponseID, "service_tier": ServiceTier, "region": Region, "batch": Batch, "cut": Cut,
	"address": Address, "port": Port, "base_url": BaseURL, "cost": Cost,
	"total": Total, "cache_hit": CacheHit, "unread": Unread,
}

var own = map[Field]string{
	Status: names.CostStatus, Reason: names.CostReason, Currency: names.CostCurrency, ErrorType: names.ErrorType, Duration: names.CallDuration,
	Repaired: names.UsageRepaired, Beside: names.UsageBeside,
}

type file struct {
	Schema     int                 `json:"schema"`
	Attributes map[string][]string `json:"attributes"`
	Absent     []string            `json:"absent"`
	Operations map[string]string   `json:"operations"`
	Steps      []string            `json:"steps"`
	Frameworks []string            `json:"frameworks"`
	SoldBy     []struct {
		Model  string `json:"model"`
		Seller string `json:"seller"`
	} `json:"sold_by"`
	Sellers   sellers   `json:"sellers"`
	Emitters  []Emitter `json:"emitters"`
	Parts     []string  `json:"parts"`
	Records   []Row     `json:"records"`
	Uncounted uncounted `json:"uncounted"`
}

// Table is the file, compiled. It is read-only and safe to share.
type Table struct {
	spellings [Fields][]string
	keys      index
	lengths   uint64   // bit n: an operation is spelled in n bytes
	ends      [64]byte // the last of those n bytes
	words     [][2]string
	absent    []string
	emitters  []Emitter
	records   []Row
	parts     [Fields]bool
	left      uncounted

	steps, frameworks, kinds, resells map[string]struct{}

	sellers sellers
	soldBy  []soldBy
}

// soldBy is a shape of models' names under which one seller alone sells.
type soldBy struct {
	model  *regexp.Regexp
	seller string
}

// Bundled compiles the table that came with this package.
func Bundled() (*Table, error) { return Parse(bundled) }

// Parse compiles data, the content of a conventions.json.
func Parse(data []byte) (*Table, error) {
	var read file
	if err := json.Unmarshal(data, &read); err != nil {
		return nil, fmt.Errorf("conventions.json: %w", err)
	}
	if read.Schema != schema {
		return nil, fmt.Errorf("conventions.json has schema %d; this build reads %d", read.Schema, schema)
	}
	t := &Table{emitters: read.Emitters, records: read.Records, absent: read.Absent, left: read.Uncounted}
	if err := t.spell(read.Attributes); err != nil {
		return nil, err
	}
	t.left.copied = map[string]struct{}{}
	for i := range t.records {
		if err := t.records[i].compile(); err != nil {
			return nil, err
		}
		for _, theirs := range t.records[i].Copies {
			t.left.copied[theirs] = struct{}{}
		}
	}
	for unit, name := range pricing.UnitNames {
		t.parts[Count(pricing.Unit(unit))] = slices.Contains(read.Parts, name)
	}
	t.steps, t.frameworks = set(read.Steps), set(read.Frameworks)
	t.sellers, t.kinds, t.resells = read.Sellers, set(read.Sellers.Kinds), set(read.Sellers.Resells)
	for _, one := range read.SoldBy {
		model, err := regexp.Compile(one.Model)
		if err != nil {
			return nil, fmt.Errorf("conventions.json: sold_by: %w", err)
		}
		t.soldBy = append(t.soldBy, soldBy{model, one.Seller})
	}
	for word, ours := range read.Operations {
		t.words = append(t.words, [2]string{word, ours})
	}
	return t, nil
}

func (t *Table) spell(attributes map[string][]string) error {
	for field, name := range own {
		t.spellings[field] = []string{name}
	}
	for name, spellings := range attributes {
		field, known := byName[name]
		if !known {
			return fmt.Errorf("conventions.json: unknown field %q", name)
		}
		t.spellings[field] = spellings
	}
	fields := maps.Clone(byName)
	for unit, name := range pricing.UnitNames {
		fields[name] = Count(pricing.Unit(unit))
		t.spellings[fields[name]] = pricing.UnitSpellings[unit]
	}
	seen := map[string]string{}
	for name, field := range fields {
		for _, key := range t.spellings[field] {
			if other, taken := seen[key]; taken {
				return fmt.Errorf("conventions.json: %q spells both %q and %q", key, other, name)
			}
			seen[key] = name
		}
		if len(t.spellings[field]) == 0 {
			return fmt.Errorf("conventions.json: no spelling of %q", name)
		}
	}
	return t.compile()
}

func (t *Table) compile() error {
	all := 0
	for field, spellings := range t.spellings {
		for rank, key := range spellings {
			if len(key) < shortest {
				return fmt.Errorf("conventions.json: %q is shorter than %d bytes", key, shortest)
			}
			if all++; all > most {
				return fmt.Errorf("conventions.json: more than %d spellings", most)
			}
			t.keys.put(key, Field(field), uint8(rank))
		}
	}
	for _, key := range t.spellings[Operation] {
		if len(key) > 63 || t.lengths>>len(key)&1 != 0 {
			return fmt.Errorf("conventions.json: %q is longer than 63 bytes, or as long as another operation", key)
		}
		t.lengths |= 1 << len(key)
		t.ends[len(key)] = key[len(key)-1]
	}
	return nil
}

// Spelling is how field is spelled at rank, where 0 is the current name.
func (t *Table) Spelling(field Field, rank uint8) string { return t.spellings[field][rank] }

// Find is the field that key spells, and its rank among the spellings.
func (t *Table) Find(key string) (Field, uint8, bool) { return t.keys.find(key) }

// MayBeOperation is quick: a key for which it is false spells no operation.
func (t *Table) MayBeOperation(key string) bool {
	size := len(key) & 63
	return t.lengths>>size&1 != 0 && t.ends[size] == key[len(key)-1]
}

// Operations are the spellings of the operation, in order of preference.
func (t *Table) Operations() []string { return t.spellings[Operation] }

// Billed is our word for an operation that carries tokens and cost; false for every other operation.
func (t *Table) Billed(word string) (string, bool) {
	for _, pair := range t.words {
		if len(word) == len(pair[0]) && strings.EqualFold(word, pair[0]) {
			return pair[1], slices.Contains(names.BilledOperations[:], pair[1])
		}
	}
	for _, billed := range names.BilledOperations {
		if strings.EqualFold(word, billed) {
			return billed, true
		}
	}
	return "", false
}

// Absent says whether a text stands for no value.
func (t *Table) Absent(text string) bool {
	if text == "" {
		return true
	}
	for _, word := range t.absent {
		if len(text) == len(word) && strings.EqualFold(text, word) {
			return true
		}
	}
	return false
}

// IsPart says whether a field is a count that is a part of another one and has a price of its own.
func (t *Table) IsPart(field Field) bool { return t.parts[field] }
