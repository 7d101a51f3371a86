package pricing

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/vectors"
)

// seededCase is a question and Python's answer, one line of a file that `make vectors` writes.
type seededCase struct {
	Call   callFile
	Total  int64
	Double string
	Lines  []line
	Entry  string
	Reason Reason
}

type seededHead struct {
	Catalogue string
	Models    int
	Text      string
	Table     json.RawMessage
	Named     map[string]string
}

// readSeeded gives the first line of a file of vectors to head, and each further line to each.
func readSeeded(t testing.TB, path string, head *seededHead, each func(number int, line []byte)) int {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatalf("%v; write it by `make vectors`", err)
	}
	defer file.Close()
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<20)
	number := 0
	for ; scanner.Scan(); number++ {
		if number > 0 {
			each(number+1, scanner.Bytes())
		} else if err := json.Unmarshal(scanner.Bytes(), head); err != nil {
			t.Fatalf("%s:1: %v", path, err)
		}
	}
	if scanner.Err() != nil {
		t.Fatal(scanner.Err())
	}
	return number - 1
}

func seeded(t testing.TB, name string) string {
	t.Helper()
	return vectors.Path(t, "tests/vectors/pricing_seeded/"+name)
}

// replay asks every question of a file and tells where the answer is not Python's.
func replay(t *testing.T, path string, book func(*seededHead) *Catalogue) map[Reason]int {
	t.Helper()
	var (
		head  seededHead
		asked *Catalogue
	)
	reasons, wrong := map[Reason]int{}, 0
	readSeeded(t, path, &head, func(number int, data []byte) {
		if asked == nil {
			asked = book(&head)
			if asked.Version() != head.Catalogue {
				t.Fatalf("the vectors are of %s, the catalogue is %s: `make vectors`", head.Catalogue, asked.Version())
			}
		}
		var want seededCase
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("%s:%d: %v", path, number, err)
		}
		reasons[want.Reason]++
		got := asked.Price(want.Call.call(t))
		if fault := differs(&got, &want); fault != "" && wrong < 20 {
			wrong++
			t.Errorf("%s:%d: %s\n%s", filepath.Base(path), number, fault, data)
		}
	})
	if head.Models != 0 && asked.Models() != head.Models {
		t.Errorf("%d models for sale, Python lists %d", asked.Models(), head.Models)
	}
	return reasons
}

func differs(got *Verdict, want *seededCase) string {
	switch {
	case got.Reason != want.Reason:
		return fmt.Sprintf("reason %q (%s)", got.Reason, got.Detail)
	case got.Total != want.Total:
		return fmt.Sprintf("total %d", got.Total)
	case got.Entry != want.Entry:
		return fmt.Sprintf("entry %q", got.Entry)
	case !slices.Equal(billed(got), want.Lines):
		return fmt.Sprintf("lines %v", billed(got))
	case want.Reason == Priced && fmt.Sprintf("%016x", math.Float64bits(USD(got.Total))) != want.Double:
		return fmt.Sprintf("double %016x", math.Float64bits(USD(got.Total)))
	case (want.Reason == Priced) == (got.Detail != ""):
		return fmt.Sprintf("detail %q", got.Detail)
	default:
		return ""
	}
}

func TestTheAnswersArePythonsToTheLastBit(t *testing.T) {
	reasons := replay(t, seeded(t, "calls.jsonl"), func(*seededHead) *Catalogue { return Bundled() })
	total := 0
	for _, reason := range []Reason{
		Priced, UnknownProvider, UnknownModel, NoUsage, InvalidUsage, UnpricedDimension, UnknownServiceTier, NoPriceForDate,
	} {
		total += reasons[reason]
		if reasons[reason] < 50 {
			t.Errorf("only %d cases of %q", reasons[reason], reason)
		}
	}
	if total < 5000 {
		t.Errorf("only %d cases", total)
	}
}

func TestTheAnswersUnderOwnPricesArePythonsToo(t *testing.T) {
	replay(t, seeded(t, "own.jsonl"), func(head *seededHead) *Catalogue { return under(t, head) })
}

// under is the bundled catalogue under the table of a file of vectors.
func under(t testing.TB, head *seededHead) *Catalogue {
	t.Helper()
	rows, err := ReadOverrides(tableOf(t, head.Table), "genmeter.toml", head.Text)
	if err != nil {
		t.Fatal(err)
	}
	made, err := Bundled().WithOverrides(rows)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// Differential compares with answers of Python to any number of other questions:
// .venv/bin/python .ci/vectors --random 200000 FILE, then GENMETER_DIFF=FILE go test -run Differential.
func TestDifferential(t *testing.T) {
	path := os.Getenv("GENMETER_DIFF")
	if path == "" {
		t.Skip("GENMETER_DIFF names no file; see .ci/vectors")
	}
	t.Log(replay(t, path, func(*seededHead) *Catalogue { return Bundled() }))
}

// localDate is a date as a TOML library may give it.
type localDate string

func (d localDate) String() string { return string(d) }

// tableOf decodes a table as a TOML library does: int64, float64, dates; not JSON's one kind of number.
func tableOf(t testing.TB, data []byte) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.UseNumber()
	var made map[string]any
	if err := decoder.Decode(&made); err != nil {
		t.Fatal(err)
	}
	table, _ := tomlValue(made).(map[string]any)
	return table
}

func tomlValue(value any) any {
	switch value := value.(type) {
	case map[string]any:
		if date, isDate := value["$date"].(string); isDate {
			return localDate(date)
		}
		if text, isFloat := value["$float"].(string); isFloat {
			number, _ := strconv.ParseFloat(text, 64)
			return number
		}
		for key, one := range value {
			value[key] = tomlValue(one)
		}
	case []any:
		for i, one := range value {
			value[i] = tomlValue(one)
		}
	case json.Number:
		if whole, err := value.Int64(); err == nil {
			return whole
		}
		number, _ := value.Float64()
		return number
	}
	return value
}

type sellerFound struct {
	known  bool
	seller Seller
}

// UnmarshalJSON reads [id, name, region], or null for no seller.
func (f *sellerFound) UnmarshalJSON(data []byte) error {
	f.known = string(data) != "null"
	return json.Unmarshal(data, &[]any{&f.seller.ID, &f.seller.Name, &f.seller.Region})
}

func TestAddressesAndNamesLeadToPythonsSellers(t *testing.T) {
	var own, head seededHead
	readSeeded(t, seeded(t, "own.jsonl"), &own, func(int, []byte) {})
	mine := under(t, &own)
	var addresses *Addresses
	known, strangers := 0, 0
	tell := func(number int, asked string, got Seller, found bool, want sellerFound) {
		if want.known {
			known++
		} else {
			strangers++
		}
		if got != want.seller || found != want.known {
			t.Errorf("sellers.jsonl:%d: %s: %+v, want %+v", number, asked, got, want.seller)
		}
	}
	count := readSeeded(t, seeded(t, "sellers.jsonl"), &head, func(number int, data []byte) {
		if addresses == nil {
			addresses = NewAddresses(head.Named, mine)
		}
		var one struct {
			Host, Name *string
			Port       int64
			Path       string
			Known      sellerFound
			Named      sellerFound
			Seller     sellerFound
		}
		if err := json.Unmarshal(data, &one); err != nil {
			t.Fatalf("sellers.jsonl:%d: %v", number, err)
		}
		if one.Host == nil {
			seller, found := mine.Named(*one.Name)
			tell(number, *one.Name, seller, found, one.Seller)
			return
		}
		for range 2 { // the second answer comes from the memo
			seller, found := Bundled().Seller(*one.Host, one.Path)
			tell(number, *one.Host, seller, found, one.Known)
		}
		seller, found := addresses.Seller(*one.Host, one.Port, one.Path)
		tell(number, *one.Host, seller, found, one.Named)
	})
	if count < 500 || known < 500 || strangers < 300 {
		t.Errorf("%d cases, %d known, %d strangers", count, known, strangers)
	}
}
