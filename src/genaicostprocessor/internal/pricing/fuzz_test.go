package pricing

import (
	"encoding/json"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// Never a panic, never a negative, never a guess: `go test -fuzz FuzzModelNames ./internal/pricing` goes on for ever;
// without -fuzz the seeds, every twentieth vector, are run.

func seeds(f *testing.F, add func(call *callFile)) {
	f.Helper()
	var head seededHead
	readSeeded(f, seeded(f, "calls.jsonl"), &head, func(number int, data []byte) {
		var one seededCase
		if number%20 != 0 {
			return
		}
		if err := json.Unmarshal(data, &one); err != nil {
			f.Fatal(err)
		}
		add(&one.Call)
	})
}

var reasons = []Reason{
	UnknownProvider, UnknownModel, NoUsage, InvalidUsage, UnpricedDimension, UnknownServiceTier, NoPriceForDate,
}

// mustHold are the promises about any answer.
func mustHold(t *testing.T, call *Question, got *Verdict) {
	t.Helper()
	if got.Reason != Priced {
		if !slices.Contains(reasons, got.Reason) || got.Detail == "" {
			t.Fatalf("%+v: %q is no reason of the list, or says nothing", call, got.Reason)
		}
		if *got != (Verdict{Reason: got.Reason, Detail: got.Detail}) {
			t.Fatalf("%+v: a refusal with money in it: %+v", call, got)
		}
		return
	}
	sum := new(big.Int)
	for kind, amount := range got.Lines {
		if amount < 0 || amount != 0 && got.Has>>kind&1 == 0 {
			t.Fatalf("%+v: line %s: %d", call, Kind(kind), amount)
		}
		sum.Add(sum, big.NewInt(amount))
	}
	if got.Total < 0 || !sum.IsInt64() || sum.Int64() != got.Total || got.Entry == "" || got.Detail != "" {
		t.Fatalf("%+v: lines add up to %s: %+v", call, sum, got)
	}
}

func FuzzModelNames(f *testing.F) {
	seeds(f, func(call *callFile) {
		f.Add(call.Seller, call.RequestModel, call.ResponseModel, call.ServiceTier, call.Region, call.Batch)
	})
	book := Bundled()
	f.Fuzz(func(t *testing.T, seller, request, response, tier, region string, batch bool) {
		call := &Question{
			Seller: seller, RequestModel: request, ResponseModel: response, ServiceTier: tier, Region: region, Batch: batch,
			HasUsage: true, At: 1_795_000_000, Usage: Usage{Input: 1000, Output: 10, HasInput: true, HasOutput: true},
		}
		first, second := book.Price(call), book.Price(call)
		if first != second {
			t.Fatalf("%+v: first %+v, then %+v", call, first, second)
		}
		mustHold(t, call, &first)
		if first.Reason == Priced {
			isNoGuess(t, book, call, first.Entry)
		}
		if addressed, known := book.Seller(seller, request); known && book.book.sellers[addressed.ID] == nil {
			t.Fatalf("%q/%q: %+v is not in the catalogue", seller, request, addressed)
		}
	})
}

// isNoGuess tells, without the rules for names, that the row belongs to the seller that was asked, or to one that it
// resells, and that a name of that row stands in a name that was asked for, but for the dashes of a date.
func isNoGuess(t *testing.T, book *Catalogue, call *Question, entry string) {
	t.Helper()
	face, known := book.Named(call.Seller)
	if !known {
		t.Fatalf("%+v: a price of no known row: %s", call, entry)
	}
	seller := book.book.sellers[face.ID]
	row := entry
	if lender, found := strings.CutPrefix(entry, face.ID+":"); found {
		row = lender
		for _, one := range seller.also {
			if strings.HasPrefix(row, one.id+"/") {
				seller = one
			}
		}
	}
	row, found := strings.CutPrefix(row, seller.id+"/")
	if !found {
		t.Fatalf("%+v: %s is not a row of %s", call, entry, face.ID)
	}
	for name, number := range seller.ids {
		model := book.book.models[number].id
		if rest, same := strings.CutPrefix(row, model); !same || rest != "" && rest[0] != ';' {
			continue
		}
		for _, asked := range []string{call.RequestModel, call.ResponseModel} {
			if utf8.RuneCountInString(asked) <= longest && strings.Contains(undashed(asked), undashed(name)) {
				return
			}
		}
	}
	t.Fatalf("%+v: the call did not ask for %s", call, entry)
}

func undashed(name string) string {
	return strings.ReplaceAll(strings.TrimPrefix(strings.ToLower(name), "ft:"), "-", "")
}

// columnPrices are the prices of everyColumn. A unit that is not here has no price, and no seed counts it.
var columnPrices = map[string]int64{
	"input": 3, "output": 5, "cache_read": 7, "cache_write": 11, "cache_write_1h": 13, "audio_input": 17,
	"audio_output": 19, "audio_cache_read": 23, "image_input": 29, "image_output": 31, "image_cache_read": 37,
	"search": 41, "request": 43,
}

// everyColumn is a catalogue of one model with a price in each of columnPrices.
func everyColumn(t testing.TB) *Catalogue {
	t.Helper()
	cells := make([]*int64, columnCount)
	for number, column := range columns {
		if price, priced := columnPrices[column.name]; priced {
			cells[number] = &price
		}
	}
	row, err := json.Marshal(cells)
	if err != nil {
		t.Fatal(err)
	}
	made, err := Parse([]byte(`{"schema":1,"version":"made","as_of":"2026-11-21","calendars":{},
		"sellers":{"s":{"name":"s","hosts":[],"ids":{"m":0},"dated":[],"refused":{}}},"models":[["m",0]],
		"plans":[[{"rows":[[0,` + string(row) + `]]}]]}`))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func FuzzUsage(f *testing.F) {
	seeds(f, func(call *callFile) {
		u := call.Usage
		f.Add(u["input"], u["output"], u["cache_read"], u["cache_write"], u["cache_write_1h"], u["audio_input"],
			u["audio_output"], u["audio_cache_read"], u["image_input"], u["image_output"], u["image_cache_read"],
			u["searches"], true, true, call.Partial)
	})
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), int64(math.MinInt64), int64(1), int64(math.MinInt64), int64(math.MinInt64),
		int64(math.MinInt64), int64(1), int64(math.MinInt64), int64(1), int64(math.MaxInt64), int64(1), true, true, false)
	f.Add(int64(5), int64(5), int64(0), int64(0), int64(0), int64(math.MaxInt64), int64(0), int64(math.MaxInt64),
		int64(math.MaxInt64), int64(0), int64(math.MaxInt64), int64(0), true, true, false)
	f.Add(int64(0), int64(0), int64(0), int64(0), int64(0), int64(math.MinInt64), int64(0), int64(math.MaxInt64), int64(0),
		int64(0), int64(0), int64(0), true, true, false)
	book := everyColumn(f)
	f.Fuzz(func(t *testing.T, input, output, read, write, hour, audioIn, audioOut, audioRead, imageIn, imageOut, imageRead,
		searches int64, hasInput, hasOutput, partial bool) {
		call := &Question{Seller: "s", RequestModel: "m", HasUsage: true, Partial: partial, Usage: Usage{
			Input: input, Output: output, CacheRead: read, CacheWrite: write, CacheWrite1h: hour, AudioInput: audioIn,
			AudioOutput: audioOut, AudioCacheRead: audioRead, ImageInput: imageIn, ImageOutput: imageOut,
			ImageCacheRead: imageRead, Searches: searches, HasInput: hasInput, HasOutput: hasOutput,
		}}
		got := book.Price(call)
		mustHold(t, call, &got)
		total, reason := unbounded(&call.Usage, partial)
		if got.Reason != reason || reason == Priced && got.Total != total.Int64() {
			t.Fatalf("%+v: %+v; in integers without bounds it is %s, %q", call, got, total, reason)
		}
	})
}

// unbounded works the bill of everyColumn out in integers without bounds.
func unbounded(u *Usage, partial bool) (*big.Int, Reason) {
	total := big.NewInt(43 * 1000) // the price of the call itself
	if !partial && !(u.HasInput && u.HasOutput) {
		return total, NoUsage
	}
	input, output := u.Input, u.Output
	if !u.HasInput {
		input = 0
	}
	if !u.HasOutput {
		output = 0
	}
	negative := false
	add := func(price, count int64, parts ...int64) {
		left := big.NewInt(count)
		for _, part := range parts {
			left.Sub(left, big.NewInt(part))
		}
		negative = negative || left.Sign() < 0
		total.Add(total, left.Mul(left, big.NewInt(price)))
	}
	// The cached part of audio and image is inside cache_read as well as inside its modality: taken out of the input once.
	fresh := new(big.Int).Sub(big.NewInt(u.AudioInput), big.NewInt(u.AudioCacheRead))
	fresh.Add(fresh, new(big.Int).Sub(big.NewInt(u.ImageInput), big.NewInt(u.ImageCacheRead)))
	text := new(big.Int).Sub(big.NewInt(input), big.NewInt(u.CacheRead))
	text.Sub(text.Sub(text, big.NewInt(u.CacheWrite)), fresh)
	negative = text.Sign() < 0
	total.Add(total, text.Mul(text, big.NewInt(3)))
	add(5, output, u.AudioOutput, u.ImageOutput)
	add(7, u.CacheRead, u.AudioCacheRead, u.ImageCacheRead)
	add(11, u.CacheWrite, u.CacheWrite1h)
	add(13, u.CacheWrite1h)
	add(17, u.AudioInput, u.AudioCacheRead)
	add(19, u.AudioOutput)
	add(23, u.AudioCacheRead)
	add(29, u.ImageInput, u.ImageCacheRead)
	add(31, u.ImageOutput)
	add(37, u.ImageCacheRead)
	add(41*1000, u.Searches)
	if negative || !total.IsInt64() {
		return total, InvalidUsage
	}
	if !partial && total.Int64() == 43*1000 {
		return total, NoUsage // every count is zero
	}
	return total, Priced
}
