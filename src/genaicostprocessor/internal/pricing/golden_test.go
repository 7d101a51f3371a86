package pricing

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/vectors"
)

// callFile is a call as the vectors write it; an absent or null value is unknown.
type callFile struct {
	Seller        string           `json:"seller"`
	RequestModel  string           `json:"request_model"`
	ResponseModel string           `json:"response_model"`
	ServiceTier   string           `json:"service_tier"`
	Region        string           `json:"region"`
	Batch         bool             `json:"batch"`
	Partial       bool             `json:"partial"`
	Usage         map[string]int64 `json:"usage"`
	At            json.RawMessage  `json:"at"`
}

func (f *callFile) call(t *testing.T) *Question {
	t.Helper()
	call := &Question{
		Seller: f.Seller, RequestModel: f.RequestModel, ResponseModel: f.ResponseModel, ServiceTier: f.ServiceTier,
		Region: f.Region, Batch: f.Batch, Partial: f.Partial, HasUsage: f.Usage != nil, Usage: usageOf(t, f.Usage),
	}
	if json.Unmarshal(f.At, &call.At) != nil {
		var at time.Time
		if err := json.Unmarshal(f.At, &at); err != nil {
			t.Fatalf("at %s: %v", f.At, err)
		}
		call.At = at.Unix()
	}
	return call
}

func usageOf(t *testing.T, counts map[string]int64) Usage {
	t.Helper()
	var usage Usage
	_, usage.HasInput = counts["input"]
	_, usage.HasOutput = counts["output"]
	for name, count := range counts {
		unit := slices.Index(UnitNames[:], name)
		if unit < 0 {
			t.Fatalf("no usage field %q", name)
		}
		*usage.At(Unit(unit)) = count
	}
	return usage
}

type line struct {
	kind   string
	amount int64
}

func (l *line) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&l.kind, &l.amount})
}

// billed are the lines of a verdict in the order in which they are written.
func billed(verdict *Verdict) []line {
	var made []line
	for kind := range Kinds {
		if verdict.Has>>kind&1 == 1 {
			made = append(made, line{kind.String(), verdict.Lines[kind]})
		}
	}
	return made
}

func TestTheBillIsTheOneWorkedOutByHand(t *testing.T) {
	paths := vectors.Files(t, "tests/vectors/pricing/*.json")
	if len(paths) < 10 {
		t.Fatalf("%d files of vectors", len(paths))
	}
	for _, path := range paths {
		var cases []struct {
			Name   string
			Call   callFile
			Expect struct {
				Total  int64
				Lines  []line
				Entry  string
				Reason Reason
			}
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &cases); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, one := range cases {
			t.Run(filepath.Base(path)+": "+one.Name, func(t *testing.T) {
				verdict := Bundled().Price(one.Call.call(t))
				if one.Expect.Entry == "" {
					verdict.Entry = ""
				}
				check(t, &verdict, one.Expect.Total, one.Expect.Lines, one.Expect.Entry, one.Expect.Reason)
			})
		}
	}
}

func check(t *testing.T, verdict *Verdict, total int64, lines []line, entry string, reason Reason) {
	t.Helper()
	if verdict.Reason != reason {
		t.Fatalf("reason %q (%s), want %q", verdict.Reason, verdict.Detail, reason)
	}
	if verdict.Total != total || verdict.Entry != entry {
		t.Fatalf("%d by %q, want %d by %q", verdict.Total, verdict.Entry, total, entry)
	}
	got := billed(verdict)
	if len(got) != len(lines) {
		t.Fatalf("lines %v, want %v", got, lines)
	}
	for i := range got {
		if got[i] != lines[i] {
			t.Fatalf("lines %v, want %v", got, lines)
		}
	}
}

func TestTheCatalogueIsThatOfPython(t *testing.T) {
	if !bytes.Equal(vectors.Read(t, "src/genmeter/pricing/data/catalogue.json"), bundled) {
		t.Fatal("data/catalogue.json is not the file of src/genmeter/pricing/data; run `make prices`, or copy it")
	}
}
