package pricing

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The user's own prices: the [prices] table of genmeter.toml, checked row by row before anything starts. The twin of
// override.py.

var (
	otherKeys = []string{"free", "from", "same_as", "currency"}
	knownKeys = append(columnNames(), otherKeys...)
)

func columnNames() []string {
	names := make([]string, 0, columnCount)
	for i := range columns {
		names = append(names, columns[i].name)
	}
	return names
}

// Own is one model of the user's: dated editions, or free, or the same as a listed model.
type Own struct {
	seller, model string
	where         string
	editions      []editionData
	free          bool
	sameAs        string
}

// Where is the row's file, line and name, for messages.
func (o *Own) Where() string {
	return o.where
}

// marks are the row in canonical text, one line an edition; Version is made of them, in Python as well.
func (o *Own) marks(key string) []string {
	name := key + "/" + o.model
	switch {
	case o.free:
		return []string{name + "|free"}
	case o.sameAs != "":
		return []string{name + "|same_as=" + o.sameAs}
	}
	var made []string
	for i := range o.editions {
		var cells []string
		for column, cell := range o.editions[i].rows[0].cells {
			if cell != noPrice {
				cells = append(cells, columns[column].name+"="+strconv.FormatInt(cell, 10))
			}
		}
		made = append(made, name+"|"+o.editions[i].from+"|"+strings.Join(cells, ","))
	}
	return made
}

// ReadOverrides checks the [prices] table of the genmeter.toml at path; text is the file, for line numbers. The table is
// what a TOML library decoded: map[string]any, []any or []map[string]any, string, int64, float64, bool; a local date is
// a fmt.Stringer that says 2026-01-01, or a time.Time whose location is called date-local.
//
// The error is that of the first row, in the file's order, that cannot be used.
func ReadOverrides(table map[string]any, path string, text string) ([]Own, error) {
	reading := reader{linesOf(path, text)}
	var made []Own
	for _, seller := range reading.sorted(table, func(seller string) place { return place{seller: seller} }) {
		models, isTable := table[seller].(map[string]any)
		if !isTable || len(models) == 0 || seller == "" {
			return nil, fmt.Errorf("%s: write %s with prices in it", reading.where(place{seller: seller}), header(seller, theModel))
		}
		inOrder := reading.sorted(models, func(model string) place { return place{seller: seller, model: model} })
		for _, model := range inOrder {
			at := place{seller: seller, model: model}
			rows := rowsOf(models[model])
			if len(rows) == 0 {
				meant := model
				if slices.Contains(knownKeys, model) {
					meant = theModel
				}
				return nil, fmt.Errorf("%s: write %s with prices in it", reading.where(at), header(seller, meant))
			}
			row, err := reading.own(at, rows)
			if err != nil {
				return nil, err
			}
			made = append(made, row)
		}
	}
	return made, nil
}

// theModel stands in a message for a model that the user did not name.
const theModel = "the-model"

// header is the header that the user meant. A seller such as openai/gpt-5.6 is a seller and its model, written as one name.
func header(seller, model string) string {
	seller = cmp.Or(seller, "openai")
	if head, rest, found := strings.Cut(seller, "/"); found && head != "" && rest != "" {
		seller, model = head, rest
	}
	if strings.ContainsFunc(seller, notBare) {
		seller = quotedKey(seller)
	}
	return "[prices." + seller + "." + quotedKey(model) + "]"
}

// notBare says of a character that TOML takes no key with it without quotes.
func notBare(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_' || r == '-')
}

func quotedKey(name string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
}

// rowsOf are the tables of one model, or none where something else stands.
func rowsOf(given any) []map[string]any {
	switch given := given.(type) {
	case map[string]any:
		return []map[string]any{given}
	case []map[string]any:
		return given
	case []any:
		rows := make([]map[string]any, 0, len(given))
		for _, one := range given {
			row, isTable := one.(map[string]any)
			if !isTable {
				return nil
			}
			rows = append(rows, row)
		}
		return rows
	default:
		return nil
	}
}

// reader checks rows and says where they stand.
type reader struct {
	lines
}

func (r *reader) wrong(at place, key, format string, words ...any) error {
	at.key = key
	return errors.New(r.where(at) + ": " + fmt.Sprintf(format, words...))
}

// sorted are a table's keys in the order of the file, which a decoded table does not tell.
func (r *reader) sorted(table map[string]any, at func(string) place) []string {
	numbers := make(map[string]int, len(table))
	for key := range table {
		numbers[key] = r.line(at(key))
	}
	return slices.SortedFunc(maps.Keys(table), func(a, b string) int {
		return cmp.Or(cmp.Compare(numbers[a], numbers[b]), cmp.Compare(a, b))
	})
}

func (r *reader) own(at place, rows []map[string]any) (Own, error) {
	made := Own{seller: at.seller, model: at.model, where: r.where(at)}
	for number, row := range rows {
		at.number = number
		if err := r.checkKeys(at, row); err != nil {
			return made, err
		}
	}
	at.number = 0
	_, mapped := rows[0]["same_as"]
	_, free := rows[0]["free"]
	if mapped || free {
		return made, r.special(at, rows, mapped, &made)
	}
	for number, row := range rows {
		at.number = number
		one, err := r.edition(at, row)
		if err != nil {
			return made, err
		}
		made.editions = append(made.editions, one)
	}
	for number, one := range made.editions {
		at.number = number
		for _, earlier := range made.editions[:number] {
			if earlier.from == one.from {
				return made, r.wrong(at, "from", "two rows begin %s", cmp.Or(one.from, "at no date"))
			}
		}
	}
	slices.SortFunc(made.editions, func(a, b editionData) int { return cmp.Compare(a.from, b.from) })
	return made, nil
}

func (r *reader) checkKeys(at place, row map[string]any) error {
	prices := 0
	for _, key := range r.sorted(row, func(key string) place { at := at; at.key = key; return at }) {
		if !slices.Contains(knownKeys, key) {
			return r.wrong(at, key, "%s", unknown("key", key, knownKeys))
		}
		if key != "from" && key != "currency" {
			prices++
		}
	}
	if currency, given := row["currency"]; given && currency != "USD" {
		return r.wrong(at, "currency", "only USD; convert the prices to US dollars first")
	}
	if prices == 0 {
		return r.wrong(at, "", "no price in this row; write input and output")
	}
	return nil
}

// special reads a row that says same_as or free.
func (r *reader) special(at place, rows []map[string]any, mapped bool, made *Own) error {
	row, word := rows[0], "free"
	if mapped {
		word = "same_as"
	}
	for key := range row {
		if len(rows) > 1 || key != word && key != "currency" {
			return r.wrong(at, word, "stands alone; remove the other prices")
		}
	}
	if !mapped {
		if made.free, _ = row["free"].(bool); !made.free {
			return r.wrong(at, "free", "write `free = true`, or give prices instead")
		}
		return nil
	}
	name, _ := row["same_as"].(string)
	if made.sameAs = strings.Trim(name, blanks); made.sameAs == "" {
		return r.wrong(at, "same_as", `write the name of a listed model, e.g. "gpt-4o"`)
	}
	return nil
}

func (r *reader) edition(at place, row map[string]any) (made editionData, err error) {
	made.rows = make([]rowData, 1)
	cells := &made.rows[0].cells
	for column := range columns {
		cells[column] = noPrice
		key := columns[column].name
		if value, given := row[key]; given {
			if cells[column], err = r.price(at, key, columns[column].words, value); err != nil {
				return made, err
			}
		}
	}
	for column, like := range alike {
		if cells[column] == noPrice {
			cells[column] = cells[like]
		}
	}
	if value, given := row["from"]; given {
		if made.from, err = dateOf(value); err == nil {
			made.start, err = seconds(made.from)
		}
		if err != nil {
			return made, r.wrong(at, "from", "write a date without quotes: 2026-01-01")
		}
	}
	return made, nil
}

var errNoDate = errors.New("no date")

// dateOf is a TOML local date in ISO 8601, from either of the two libraries that people use.
func dateOf(value any) (string, error) {
	switch value := value.(type) {
	case time.Time:
		if value.Location().String() == "date-local" {
			return value.Format(time.DateOnly), nil
		}
	case fmt.Stringer:
		if text := value.String(); len(text) == len(time.DateOnly) {
			return text, nil
		}
	}
	return "", errNoDate
}

func (r *reader) price(at place, key, unit string, value any) (int64, error) {
	advice := fmt.Sprintf(`write dollars per %s as a string, e.g. "2.50"`, unit)
	text, isText := value.(string)
	if !isText {
		return 0, r.wrong(at, key, "%s is not a string; %s", repr(value), advice)
	}
	micro, err := microUSD(strings.Trim(text, blanks))
	switch {
	case errors.Is(err, errNoNumber):
		return 0, r.wrong(at, key, "%s is not a number; %s", repr(text), advice)
	case errors.Is(err, errNoPrice):
		return 0, r.wrong(at, key, "%s is no price between 0 and %d; %s", repr(text), dearest/1_000_000, advice)
	case err != nil:
		return 0, r.wrong(at, key, "%s is finer than a millionth of a dollar; round it to 6 decimals", repr(text))
	}
	return micro, nil
}
