package pricing

import (
	"fmt"
	"strings"
	"testing"
)

// bookOf is a catalogue of that many rows at one seller, model-0 on, each at 1 and 2 dollars per million tokens.
func bookOf(t testing.TB, rows int) *Catalogue {
	t.Helper()
	models, ids := make([]string, rows), make([]string, rows)
	for i := range rows {
		models[i] = fmt.Sprintf(`["model-%d",0]`, i)
		ids[i] = fmt.Sprintf(`"model-%d":%d`, i, i)
	}
	made, err := Parse(fmt.Appendf(nil, `{"schema":1,"version":"made","as_of":"2026-11-21","calendars":{},
		"sellers":{"s":{"name":"s","hosts":["api.s.example"],"ids":{%s},"dated":["model-1"],"refused":{}}},
		"models":[%s],"plans":[[{"rows":[[0,[1000000,2000000,100000]]]}]]}`,
		strings.Join(ids, ","), strings.Join(models, ",")))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func textCall(seller, model string) *Question {
	return &Question{
		Seller: seller, RequestModel: model, ResponseModel: model, HasUsage: true, At: 1_795_000_000,
		Usage: Usage{Input: 1200, Output: 300, CacheRead: 200, HasInput: true, HasOutput: true},
	}
}

var sizes = []int{100, 10_000}

func eachSize(b *testing.B, run func(b *testing.B, book *Catalogue)) {
	for _, rows := range sizes {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			book := bookOf(b, rows)
			b.ReportAllocs()
			run(b, book)
		})
	}
	b.Run("bundled", func(b *testing.B) {
		b.ReportAllocs()
		run(b, Bundled())
	})
}

// known is a question that a book of eachSize can answer.
func known(book *Catalogue) *Question {
	if book == Bundled() {
		return textCall("openai", "gpt-4o-2024-08-06")
	}
	return textCall("s", "model-1-2026-11-17")
}

func BenchmarkHit(b *testing.B) {
	eachSize(b, func(b *testing.B, book *Catalogue) {
		call := known(book)
		for b.Loop() {
			if verdict := book.Price(call); verdict.Total == 0 {
				b.Fatal(verdict)
			}
		}
	})
}

func BenchmarkHitParallel(b *testing.B) {
	eachSize(b, func(b *testing.B, book *Catalogue) {
		b.RunParallel(func(loop *testing.PB) {
			call := known(book)
			for loop.Next() {
				if verdict := book.Price(call); verdict.Total == 0 {
					b.Error(verdict)
				}
			}
		})
	})
}

func BenchmarkHitAmong500(b *testing.B) {
	book := bookOf(b, 10_000)
	calls := make([]*Question, 500)
	for i := range calls {
		calls[i] = textCall("s", fmt.Sprintf("model-%d", i))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if verdict := book.Price(calls[i%len(calls)]); verdict.Total == 0 {
			b.Fatal(verdict)
		}
		i++
	}
}

func BenchmarkMiss(b *testing.B) {
	eachSize(b, func(b *testing.B, book *Catalogue) {
		call := known(book)
		asked := words{seller: call.Seller, request: call.RequestModel, response: call.ResponseModel}
		for b.Loop() {
			var verdict Verdict
			if book.resolve(&asked).charge(call, &verdict); verdict.Total == 0 {
				b.Fatal(verdict)
			}
		}
	})
}

func BenchmarkMissOfStrangers(b *testing.B) {
	eachSize(b, func(b *testing.B, book *Catalogue) {
		call, i := known(book), 0
		for b.Loop() {
			i++
			call.ResponseModel = fmt.Sprintf("stranger-%d", i)
			if verdict := book.Price(call); verdict.Reason != UnknownModel {
				b.Fatal(verdict)
			}
		}
	})
}

func BenchmarkSellerByHost(b *testing.B) {
	b.ReportAllocs()
	addresses := NewAddresses(map[string]string{"llm.example.com": "openai"}, Bundled())
	for b.Loop() {
		if _, found := addresses.Seller("us.api.openai.com", 443, ""); !found {
			b.Fatal("no seller")
		}
	}
}
