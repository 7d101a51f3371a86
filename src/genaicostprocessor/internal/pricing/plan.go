package pricing

import (
	"fmt"
	"strconv"
	"time"
)

// A price plan in the form for arithmetic: editions, length tiers and hours, compiled once per resolved call.
// The twin of plan.py.

// noPrice marks a price that was not published.
const noPrice = -1

// column is a price of a row. The file has micro-USD for a number of units, which words names; times over/under, that is
// pico-USD for one unit. Regions change the prices of tokens only.
type column struct {
	name, words string
	over, under int64
	tokens      bool
}

// rates is one row: pico-USD for as many as the column's under says. entry names the row on the bill.
type rates struct {
	price [columnCount]int64
	entry string
}

// tier is the row for calls with more than over input tokens.
type tier struct {
	over  int64
	rates rates
}

// hours holds rows that win over the edition's own from start to end, in minutes after midnight UTC; bit 0 of days is Monday.
// On holidays, given as days since 1970, they do not apply.
type hours struct {
	days       uint8
	start, end int64
	holidays   map[int64]bool
	tiers      []tier
}

// holds tells whether a Unix second falls inside; the weekday is that of the day (UTC) on which the hours begin.
func (h *hours) holds(second int64) bool {
	day, rest := floorDiv(second, 86400)
	minute := rest / 60
	inside := h.start <= minute && minute < h.end
	if h.start > h.end {
		inside = minute >= h.start || minute < h.end
		if minute < h.end {
			day--
		}
	}
	_, weekday := floorDiv(day+3, 7)
	return inside && h.days>>weekday&1 == 1 && !h.holidays[day]
}

// edition holds prices from Unix second start on, or from ever. The rows of hours win where they apply.
type edition struct {
	dated bool
	start int64
	tiers []tier
	hours []hours
}

// plan holds the prices of one model at one seller, service tier and region, the newest edition first. Where reason is
// set, the plan is a refusal of every such call. flat is set when the plan has one row only.
type plan struct {
	reason   Reason
	detail   string
	entry    string
	free     bool
	editions []edition
	flat     *rates
}

func refusal(reason Reason, format string, words ...any) *plan {
	return &plan{reason: reason, detail: fmt.Sprintf(format, words...)}
}

// ratio is the factor of a region on token prices: over / under.
type ratio struct{ over, under int64 }

var same = ratio{1, 1}

// compilePlan is the plan of editions with every token price times by. A product with a fraction counts as no price.
func compilePlan(entry string, editions []editionData, calendars map[string]map[int64]bool, by ratio) *plan {
	made := &plan{entry: entry, editions: make([]edition, 0, len(editions))}
	for i := len(editions) - 1; i >= 0; i-- {
		made.editions = append(made.editions, compileEdition(entry, &editions[i], calendars, by))
	}
	if first := &made.editions[0]; len(editions) == 1 && !first.dated && len(first.tiers) == 1 && len(first.hours) == 0 {
		made.flat = &first.tiers[0].rates
	}
	return made
}

func compileEdition(entry string, data *editionData, calendars map[string]map[int64]bool, by ratio) edition {
	made := edition{dated: data.from != "", start: data.start}
	if made.dated {
		entry += ";from=" + data.from
	}
	made.tiers = compileTiers(entry, data.rows, by)
	for _, one := range data.hours {
		name := entry + ";hours=" + clock(one.start) + "-" + clock(one.end)
		made.hours = append(made.hours, hours{
			days: one.days, start: one.start, end: one.end,
			holidays: calendars[one.except], tiers: compileTiers(name, one.rows, by),
		})
	}
	return made
}

func clock(minute int64) string {
	return fmt.Sprintf("%02d:%02d", minute/60, minute%60)
}

func compileTiers(entry string, rows []rowData, by ratio) []tier {
	made := make([]tier, 0, len(rows))
	for i := len(rows) - 1; i >= 0; i-- {
		row := &rows[i]
		name := entry
		if row.over != 0 {
			name += ";over=" + strconv.FormatInt(row.over, 10)
		}
		made = append(made, tier{row.over, rates{scaled(row.cells, by), name}})
	}
	return made
}

// scaled is a row times a region's ratio; what does not come out whole has no price. Cells are at most dearest, so
// nothing here can overflow.
func scaled(cells [columnCount]int64, by ratio) [columnCount]int64 {
	for i, cell := range cells {
		switch {
		case cell == noPrice:
		case !columns[i].tokens:
			cells[i] = cell * columns[i].over
		case cell*by.over%by.under != 0:
			cells[i] = noPrice
		default:
			cells[i] = cell * by.over / by.under
		}
	}
	return cells
}

// seconds are the Unix seconds of a date or a UTC instant in ISO 8601.
func seconds(moment string) (int64, error) {
	layout := time.DateOnly
	if len(moment) > len(layout) {
		layout = time.RFC3339
	}
	parsed, err := time.Parse(layout, moment)
	return parsed.Unix(), err
}

// floorDiv rounds towards minus infinity, as Python's divmod does: instants before 1970 are on a day, too.
func floorDiv(number, by int64) (quotient, rest int64) {
	quotient, rest = number/by, number%by
	if rest < 0 {
		return quotient - 1, rest + by
	}
	return quotient, rest
}
