package pricing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// The catalogue file as it is written: schema.json beside the Python twin says what it may hold. Everything is checked
// here, once, so that a price never meets an index outside the file or a number that could overflow.

const (
	schema = 1
	// dearest is the highest cell of a row: $1,000,000 per million tokens or 1,000 calls, in micro-USD.
	dearest = 1_000_000_000_000
	// steepest is the highest number in a region's ratio; times dearest it still fits.
	steepest = 1_000_000
)

// book is the file, read.
type book struct {
	version, asOf string
	calendars     map[string]map[int64]bool
	order         []*sellerData
	sellers       map[string]*sellerData
	names         map[string]Seller
	hosts         []hostPattern
	models        []modelData
	plans         [][]editionData
}

type sellerData struct {
	id, name, asOf                      string
	hosts, aliases, prefixes, standards []string
	also                                []*sellerData
	ids                                 map[string]int
	dated                               map[string]bool
	refused                             map[string]string
	regions                             []regionRule
	deployments, profiles               bool
}

// modelData is [id, plan or "free" or null, {service tier: plan}].
type modelData struct {
	id    string
	free  bool
	plan  int
	tiers map[string]int
}

type editionData struct {
	from  string
	start int64
	rows  []rowData
	hours []hoursData
}

type hoursData struct {
	days       uint8
	start, end int64
	except     string
	rows       []rowData
}

// rowData is a threshold and the prices above it, as written: micro-USD, noPrice where a cell is null or missing.
type rowData struct {
	over  int64
	cells [columnCount]int64
}

const noPlan = -1

type sellerFile struct {
	Name        string              `json:"name"`
	AsOf        string              `json:"as_of"`
	Hosts       []string            `json:"hosts"`
	Aliases     []string            `json:"aliases"`
	Prefixes    []string            `json:"prefixes"`
	Also        []string            `json:"also"`
	Standard    []string            `json:"standard"`
	IDs         map[string]int      `json:"ids"`
	Dated       []string            `json:"dated"`
	Refused     map[string][]string `json:"refused"`
	Regions     [][]json.RawMessage `json:"regions"`
	Deployments bool                `json:"deployments"`
	Profiles    bool                `json:"profiles"`
}

type editionFile struct {
	From  string              `json:"from"`
	Rows  [][]json.RawMessage `json:"rows"`
	Hours []struct {
		Days   uint8               `json:"days"`
		Start  int64               `json:"start"`
		End    int64               `json:"end"`
		Except string              `json:"except"`
		Rows   [][]json.RawMessage `json:"rows"`
	} `json:"windows"`
}

func readBook(data []byte) (*book, error) {
	var file struct {
		Schema    int                 `json:"schema"`
		Version   string              `json:"version"`
		AsOf      string              `json:"as_of"`
		Calendars map[string][]string `json:"calendars"`
		Sellers   json.RawMessage     `json:"sellers"`
		Models    [][]json.RawMessage `json:"models"`
		Plans     [][]editionFile     `json:"plans"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("not a price catalogue: %w", err)
	}
	if file.Schema != schema {
		return nil, fmt.Errorf("this genmeter reads price catalogues of schema %d, not %d", schema, file.Schema)
	}
	made := &book{version: file.Version, asOf: file.AsOf, calendars: map[string]map[int64]bool{}}
	steps := []func() error{
		func() error { return made.readCalendars(file.Calendars) },
		func() error { return made.readPlans(file.Plans) },
		func() error { return made.readModels(file.Models) },
		func() error { return made.readSellers(file.Sellers) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	made.names, made.hosts = sellerNames(made.order), hostPatterns(made.order)
	return made, nil
}

func (b *book) readCalendars(calendars map[string][]string) error {
	for name, dates := range calendars {
		b.calendars[name] = map[int64]bool{}
		for _, date := range dates {
			second, err := seconds(date)
			if err != nil {
				return fmt.Errorf("calendars.%s: %w", name, err)
			}
			day, _ := floorDiv(second, 86400)
			b.calendars[name][day] = true
		}
	}
	return nil
}

func (b *book) readPlans(plans [][]editionFile) error {
	for number, editions := range plans {
		if len(editions) == 0 {
			return fmt.Errorf("plans[%d]: no edition", number)
		}
		made := make([]editionData, len(editions))
		for i := range editions {
			var err error
			if made[i], err = b.readEdition(&editions[i]); err != nil {
				return fmt.Errorf("plans[%d]: %w", number, err)
			}
		}
		b.plans = append(b.plans, made)
	}
	return nil
}

func (b *book) readEdition(file *editionFile) (made editionData, err error) {
	made.from = file.From
	if file.From != "" {
		if made.start, err = seconds(file.From); err != nil {
			return made, err
		}
	}
	if made.rows, err = readRows(file.Rows); err != nil {
		return made, err
	}
	for i := range file.Hours {
		one := &file.Hours[i]
		if _, known := b.calendars[one.Except]; one.Except != "" && !known {
			return made, fmt.Errorf("no calendar %q", one.Except)
		}
		rows, err := readRows(one.Rows)
		if err != nil {
			return made, err
		}
		made.hours = append(made.hours, hoursData{one.Days, one.Start, one.End, one.Except, rows})
	}
	return made, nil
}

func readRows(rows [][]json.RawMessage) ([]rowData, error) {
	made := make([]rowData, len(rows))
	for i, row := range rows {
		var cells []*int64
		if err := readTuple(row, &made[i].over, &cells); err != nil {
			return nil, err
		}
		if len(cells) > columnCount {
			return nil, fmt.Errorf("a row of %d cells; there are %d columns", len(cells), columnCount)
		}
		for column := range made[i].cells {
			made[i].cells[column] = noPrice
			if column < len(cells) && cells[column] != nil {
				made[i].cells[column] = *cells[column]
				if *cells[column] < 0 || *cells[column] > dearest {
					return nil, fmt.Errorf("%s %d is no price between 0 and %d", columns[column].name, *cells[column], dearest)
				}
			}
		}
	}
	if len(made) == 0 || made[0].over != 0 {
		return nil, errors.New("rows must begin with the one from 0 tokens on")
	}
	return made, nil
}

// readTuple reads a JSON array of values of different types. Places that the array does not reach stay unchanged.
func readTuple(parts []json.RawMessage, places ...any) error {
	if len(parts) > len(places) {
		return fmt.Errorf("%d things where %d belong", len(parts), len(places))
	}
	for i, part := range parts {
		if err := json.Unmarshal(part, places[i]); err != nil {
			return err
		}
	}
	return nil
}

func (b *book) readModels(models [][]json.RawMessage) error {
	for number, parts := range models {
		made, price := modelData{plan: noPlan}, json.RawMessage("null")
		if err := readTuple(parts, &made.id, &price, &made.tiers); err != nil {
			return fmt.Errorf("models[%d]: %w", number, err)
		}
		made.free = string(price) == `"free"`
		if !made.free && string(price) != "null" {
			if err := json.Unmarshal(price, &made.plan); err != nil {
				return fmt.Errorf("models[%d]: %w", number, err)
			}
		}
		for tier, plan := range made.tiers {
			if plan < 0 || plan >= len(b.plans) {
				return fmt.Errorf("models[%d]: %s is plan %d of %d", number, tier, plan, len(b.plans))
			}
		}
		if made.plan < noPlan || made.plan >= len(b.plans) {
			return fmt.Errorf("models[%d]: plan %d of %d", number, made.plan, len(b.plans))
		}
		b.models = append(b.models, made)
	}
	return nil
}

// readSellers keeps their order, which decides between two patterns that are equally long.
func (b *book) readSellers(data json.RawMessage) error {
	b.sellers = map[string]*sellerData{}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return errors.New("sellers: no table of sellers")
	}
	also := map[string][]string{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return fmt.Errorf("sellers: %w", err)
		}
		id, _ := token.(string)
		var file sellerFile
		if err := decoder.Decode(&file); err != nil {
			return fmt.Errorf("sellers.%s: %w", id, err)
		}
		one, err := b.newSeller(id, &file)
		if err != nil {
			return fmt.Errorf("sellers.%s: %w", id, err)
		}
		b.order, b.sellers[id], also[id] = append(b.order, one), one, file.Also
	}
	for _, one := range b.order {
		for _, id := range also[one.id] {
			if b.sellers[id] == nil {
				return fmt.Errorf("sellers.%s.also: no seller %q", one.id, id)
			}
			one.also = append(one.also, b.sellers[id])
		}
	}
	return nil
}

func (b *book) newSeller(id string, file *sellerFile) (*sellerData, error) {
	made := &sellerData{
		id: id, name: file.Name, asOf: file.AsOf, hosts: file.Hosts, aliases: file.Aliases, prefixes: file.Prefixes,
		standards: file.Standard, ids: file.IDs, dated: map[string]bool{}, refused: map[string]string{},
		deployments: file.Deployments, profiles: file.Profiles,
	}
	for name, number := range file.IDs {
		if number < 0 || number >= len(b.models) {
			return nil, fmt.Errorf("%s is model %d of %d", name, number, len(b.models))
		}
	}
	for _, name := range file.Dated {
		if _, listed := made.ids[name]; !listed {
			return nil, fmt.Errorf("dated: %s is not listed", name)
		}
		made.dated[name] = true
	}
	for why, names := range file.Refused {
		for _, name := range names {
			made.refused[name] = strings.Clone(why)
		}
	}
	for _, parts := range file.Regions {
		var rule regionRule
		if err := readTuple(parts, &rule.regions, &rule.by.over, &rule.by.under, &rule.models); err != nil {
			return nil, fmt.Errorf("regions: %w", err)
		}
		if min(rule.by.over, rule.by.under) < 1 || max(rule.by.over, rule.by.under) > steepest {
			return nil, fmt.Errorf("regions: %d/%d is no ratio", rule.by.over, rule.by.under)
		}
		made.regions = append(made.regions, rule)
	}
	return made, nil
}
