package pricing

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/vectors"
)

type overrideCase struct {
	Name      string
	Text      string
	Table     json.RawMessage
	Error     string
	Canonical string
	Bills     []struct {
		Call   callFile
		Expect struct {
			Total  int64
			Lines  []line
			Entry  string
			Reason Reason
		}
	}
}

func overrideCases(t *testing.T) []overrideCase {
	t.Helper()
	var cases []overrideCase
	vectors.Into(t, "tests/vectors/overrides.json", &cases)
	if len(cases) < 60 {
		t.Fatalf("%d cases", len(cases))
	}
	listed := listedColumns(t)
	for number := range cases {
		cases[number].Error = strings.ReplaceAll(cases[number].Error, "{columns}", listed)
	}
	return cases
}

// listedColumns is the text that {columns} in a vector stands for: the columns of the table of units, in its order.
func listedColumns(t *testing.T) string {
	t.Helper()
	var table struct{ Units []struct{ Column string } }
	vectors.Into(t, "src/genmeter/pricing/data/units.json", &table)
	var columns []string
	for _, unit := range table.Units {
		if unit.Column != "" {
			columns = append(columns, unit.Column)
		}
	}
	return strings.Join(columns, ", ")
}

func TestOwnPricesAreReadAsTheVectorSays(t *testing.T) {
	for _, one := range overrideCases(t) {
		t.Run(one.Name, func(t *testing.T) {
			rows, err := ReadOverrides(tableOf(t, one.Table), "genmeter.toml", one.Text)
			book := Bundled()
			if err == nil {
				book, err = book.WithOverrides(rows)
			}
			if one.Error != "" {
				if err == nil || err.Error() != one.Error {
					t.Fatalf("error\n  %v\nwant\n  %s", err, one.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, bill := range one.Bills {
				verdict := book.Price(bill.Call.call(t))
				want := &bill.Expect
				check(t, &verdict, want.Total, want.Lines, want.Entry, want.Reason)
			}
			if one.Canonical == "" {
				return
			}
			want := fmt.Sprintf("%s+own-%08x", Bundled().Version(), crc32.ChecksumIEEE([]byte(one.Canonical)))
			if book.Version() != want {
				t.Fatalf("version %s, want %s", book.Version(), want)
			}
		})
	}
}

func ownRows(t *testing.T, table map[string]any) []Own {
	t.Helper()
	rows, err := ReadOverrides(table, "genmeter.toml", "")
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestASecondFileComesBeforeTheFirstAndLeavesTheRest(t *testing.T) {
	first, err := Bundled().WithOverrides(ownRows(t, map[string]any{
		"openai": map[string]any{"gpt-4o": map[string]any{"input": "2", "output": "8"}},
		"mine":   map[string]any{"b": map[string]any{"free": true}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	both, err := first.WithOverrides(ownRows(t, map[string]any{
		"openai": map[string]any{"gpt-4o": map[string]any{"input": "7", "output": "7"}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(book *Catalogue, seller, model string) Verdict {
		call := Question{Seller: seller, RequestModel: model, HasUsage: true, Usage: Usage{Input: 1, HasInput: true, HasOutput: true}}
		return book.Price(&call)
	}
	if got := ask(both, "openai", "gpt-4o"); got.Total != 7_000_000 {
		t.Errorf("%+v, want the second file's 7 dollars per million", got)
	}
	if got := ask(both, "mine", "b"); got.Reason != Priced || got.Total != 0 {
		t.Errorf("%+v, want the first file's free model", got)
	}
	if got := ask(first, "openai", "gpt-4o"); got.Total != 2_000_000 {
		t.Errorf("%+v: the catalogue below has changed", got)
	}
	if first.Version() == both.Version() || !strings.HasPrefix(both.Version(), first.Version()+"+own-") {
		t.Errorf("versions %s and %s", first.Version(), both.Version())
	}
}

func TestADateIsReadFromEitherTOMLLibrary(t *testing.T) {
	midnight := time.Date(2026, 11, 1, 0, 0, 0, 0, time.FixedZone("date-local", 0))
	for name, from := range map[string]any{"a type of its own": localDate("2026-11-01"), "a time.Time": midnight} {
		t.Run(name, func(t *testing.T) {
			rows := ownRows(t, map[string]any{"mine": map[string]any{"m": []map[string]any{
				{"from": from, "input": "1", "output": "1"},
			}}})
			if got, want := strings.Join(rows[0].marks("mine"), "\n"),
				"mine/m|2026-11-01|input=1000000,output=1000000,image_input=1000000"; got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
	for name, from := range map[string]any{
		"an instant": time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), "text": "2026-11-01",
		"a day that is none": localDate("2026-02-30"), "a number": int64(2026),
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			table := map[string]any{"mine": map[string]any{"m": map[string]any{"from": from, "input": "1"}}}
			_, err := ReadOverrides(table, "genmeter.toml", "")
			want := "genmeter.toml:1: prices.mine.m.from: write a date without quotes: 2026-01-01"
			if err == nil || err.Error() != want {
				t.Errorf("error %v, want %s", err, want)
			}
		})
	}
}

func TestTheSellersTableIsChecked(t *testing.T) {
	good, err := ReadSellers(map[string]any{"LLM.example.com": "openai"}, "genmeter.toml")
	if err != nil || good["llm.example.com"] != "openai" {
		t.Errorf("%v, %v", good, err)
	}
	for _, value := range []any{int64(5), "", true, nil, []any{"openai"}} {
		_, err := ReadSellers(map[string]any{"h": value}, "genmeter.toml")
		want := `genmeter.toml: sellers."h": write the seller as a string, e.g. "openai"`
		if err == nil || err.Error() != want {
			t.Errorf("%v: error %v, want %s", value, err, want)
		}
	}
}
