package pricing

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func TestAKnownQuestionAllocatesNothing(t *testing.T) {
	book := Bundled()
	addresses := NewAddresses(map[string]string{"llm.example.com": "openai"}, book)
	dated := textCall("deepseek", "deepseek-v4-pro")
	for name, ask := range map[string]func(){
		"a flat price":         func() { book.Price(textCall("openai", "gpt-4o")) },
		"dates and windows":    func() { book.Price(dated) },
		"an unknown model":     func() { book.Price(textCall("openai", "gpt-99")) },
		"an unknown seller":    func() { book.Price(textCall("nobody", "gpt-4o")) },
		"a seller by host":     func() { addresses.Seller("us.api.openai.com", 443, "/v1") },
		"a seller by the user": func() { addresses.Seller("LLM.example.com", 443, "/v1") },
		"an unknown address":   func() { addresses.Seller("example.org", 443, "/v1") },
	} {
		ask()
		limit := 0.0
		if name == "a seller by the user" {
			limit = 1 // its capitals are put in lower case
		}
		if got := testing.AllocsPerRun(100, ask); got > limit {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

func TestAMillionModelNamesLeaveMemoryFlat(t *testing.T) {
	book := bookOf(t, 100)
	call := known(book)
	heap := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	ask := func(from, to int) {
		for i := from; i < to; i++ {
			call.ResponseModel = fmt.Sprintf("stranger-%d-%s", i, strings.Repeat("x", i%100))
			if verdict := book.Price(call); verdict.Reason != UnknownModel {
				t.Fatal(verdict)
			}
		}
	}
	count := 1_000_000
	if testing.Short() || raceEnabled {
		count = 100_000
	}
	ask(0, 20_000) // fills the memo
	before := heap()
	ask(20_000, count)
	if after := heap(); after > before+1<<20 {
		t.Errorf("%d bytes after 20,000 names, %d after %d", before, after, count)
	}
	runtime.KeepAlive(book)
}

func TestANameLongerThan256CharactersIsRefusedAndNotKept(t *testing.T) {
	book := bookOf(t, 2)
	kept := func() int {
		count := 0
		for i := range book.plans.slots {
			for j := range book.plans.slots[i] {
				if book.plans.slots[i][j].Load() != nil {
					count++
				}
			}
		}
		return count
	}
	for _, name := range []string{strings.Repeat("x", 257), strings.Repeat("é", 257), strings.Repeat(" ", 300) + "model-0"} {
		if verdict := book.Price(textCall("s", name)); verdict.Reason != UnknownModel || kept() != 0 {
			t.Errorf("%d characters: %q, %d kept", len(name), verdict.Reason, kept())
		}
	}
	book.Price(textCall("s", strings.Repeat("é", 256)))
	if kept() != 1 {
		t.Errorf("%d kept of a name of 256 characters", kept())
	}
}

func TestManyGoroutinesGetTheAnswersOfOne(t *testing.T) {
	book, alone := bookOf(t, 10_000), bookOf(t, 10_000)
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			for i := range 20_000 {
				call := textCall("s", fmt.Sprintf("model-%d", (i*7+worker)%9_000+(i%2)*5_000))
				got := book.Price(call)
				if i%100 == 0 && got != alone.Price(call) {
					t.Errorf("%s: %+v", call.RequestModel, got)
				}
				book.Seller(fmt.Sprintf("h%d.example", i%5000), "")
			}
		})
	}
	wait.Wait()
}

func TestAFileThatCannotBeUsedIsRefusedWithItsReason(t *testing.T) {
	good := func() string {
		return `{"schema":1,"version":"v","as_of":"2026-11-21","calendars":{"c":["2026-01-01"]},"sellers":{"s":{"name":"s",` +
			`"hosts":[],"ids":{"m":0},"dated":["m"],"also":[],"refused":{},"regions":[[["us"],11,10,["*"]]]}},"models":[["m",0,{"flex":0}]],` +
			`"plans":[[{"from":"2026-01-01","rows":[[0,[1,2]]],"windows":[{"days":127,"start":0,"end":60,"except":"c","rows":[[0,[1]]]}]}]]}`
	}
	if _, err := Parse([]byte(good())); err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct{ from, to, want string }{
		{good(), "", "not a price catalogue"},
		{`"schema":1`, `"schema":2`, "schema 1, not 2"},
		{`"m",0,`, `"m",1,`, "models[0]: plan 1 of 1"},
		{`"m",0,`, `"m",-2,`, "models[0]: plan -2 of 1"},
		{`"m",0,`, `"m","cheap",`, "models[0]"},
		{`{"flex":0}`, `{"flex":9}`, "models[0]: flex is plan 9 of 1"},
		{`"ids":{"m":0}`, `"ids":{"m":1}`, "sellers.s: m is model 1 of 1"},
		{`"dated":["m"]`, `"dated":["n"]`, "sellers.s: dated: n is not listed"},
		{`"also":[]`, `"also":["x"]`, `sellers.s.also: no seller "x"`},
		{`11,10`, `11,0`, "sellers.s: regions: 11/0 is no ratio"},
		{`[1,2]`, `[1,-2]`, "output -2 is no price"},
		{`[1,2]`, `[1000000000001]`, "input 1000000000001 is no price"},
		{`[1,2]`, `[` + strings.Repeat("1,", columnCount) + `1]`, fmt.Sprintf("a row of %d cells", columnCount+1)},
		{`[[0,[1,2]]]`, `[]`, "rows must begin"},
		{`[[0,[1,2]]]`, `[[5,[1,2]]]`, "rows must begin"},
		{`"2026-01-01","rows"`, `"soon","rows"`, "plans[0]"},
		{`["2026-01-01"]`, `["2026-13-01"]`, "calendars.c"},
		{`"except":"c"`, `"except":"d"`, `no calendar "d"`},
	} {
		made, err := Parse([]byte(strings.Replace(good(), one.from, one.to, 1)))
		if err == nil || made != nil || !strings.Contains(err.Error(), one.want) {
			t.Errorf("%s → %s: error %v, want %s", one.from, one.to, err, one.want)
		}
	}
}

func TestOneHashIsNotOneQuestion(t *testing.T) {
	memo := newMemo[string]()
	asked, other := words{seller: "s", request: "m"}, words{seller: "s", request: "n"}
	_, hash := memo.find(&asked)
	memo.keep(&other, hash, "another question's answer")
	if answer, _ := memo.find(&asked); answer != nil {
		t.Errorf("%q", *answer)
	}
}

func TestTheMostTellingHostPatternCounts(t *testing.T) {
	made, err := Parse([]byte(`{"schema":1,"version":"v","as_of":"","calendars":{},"models":[],"plans":[],"sellers":{
		"any":{"name":"any","hosts":["*.example.com"],"ids":{},"dated":[],"refused":{}},
		"region":{"name":"region","hosts":["{region}.api.example.com"],"ids":{},"dated":[],"refused":{}},
		"exact":{"name":"exact","hosts":["us.api.example.com"],"ids":{},"dated":[],"refused":{}},
		"path":{"name":"path","hosts":["us.api.example.com/v2"],"ids":{},"dated":[],"refused":{}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct {
		host, path string
		want       Seller
	}{
		{"x.example.com", "", Seller{"any", "any", ""}},
		{"eu.api.example.com", "", Seller{"region", "region", "eu"}},
		{"us.api.example.com", "", Seller{"exact", "exact", ""}},
		{"us.api.example.com", "/v2/chat", Seller{"path", "path", ""}},
	} {
		if got, _ := made.Seller(one.host, one.path); got != one.want {
			t.Errorf("%s%s: %+v, want %+v", one.host, one.path, got, one.want)
		}
	}
}

func TestARegionsPriceThatIsNotWholeIsNoPrice(t *testing.T) {
	made, err := Parse([]byte(`{"schema":1,"version":"v","as_of":"","calendars":{},"sellers":{"s":{"name":"s","hosts":[],
		"ids":{"m":0},"dated":[],"refused":{},"regions":[[["us"],11,10,["*"]]]}},
		"models":[["m",0]],"plans":[[{"rows":[[0,[20,5]]]}]]}`))
	if err != nil {
		t.Fatal(err)
	}
	call := textCall("s", "m")
	call.Region, call.Usage = "us", Usage{Input: 100, HasInput: true, HasOutput: true}
	if got := made.Price(call); got.Total != 2200 { // 100 × 20 × 1.1
		t.Errorf("%+v", got)
	}
	call.Usage.Output = 1 // 5 × 1.1 = 5.5 micro-dollars
	if got := made.Price(call); got.Reason != UnpricedDimension {
		t.Errorf("%+v", got)
	}
}

func TestTheBundledCatalogueIsReadOnce(t *testing.T) {
	if Bundled() != Bundled() {
		t.Error("two of them")
	}
	if !bytes.Contains(bundled, []byte(`"version": "`+Bundled().Version()+`"`)) || len(Bundled().AsOf()) != len("2026-11-21") {
		t.Errorf("%s, %s", Bundled().Version(), Bundled().AsOf())
	}
}
