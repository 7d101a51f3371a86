package pricing

import (
	_ "embed"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"sync"
)

// The price catalogue: it finds the seller and the model of a call, and its price. The twin of catalogue.py.

// bundled is a byte-equal copy of the Python package's file; `make prices` writes both.
//
//go:embed data/catalogue.json
var bundled []byte

// Catalogue holds prices by seller and model. It never changes, and any number of goroutines may ask it.
type Catalogue struct {
	version string
	book    *book
	own     map[string]map[string]*Own
	plans   *memo[*plan]
	sold    *memo[Seller]
}

var readBundled = sync.OnceValue(func() *Catalogue {
	made, err := Parse(bundled)
	if err != nil {
		panic("pricing: the embedded catalogue cannot be read: " + err.Error())
	}
	return made
})

// Bundled is the catalogue that came with this package, read once.
func Bundled() *Catalogue {
	return readBundled()
}

// Parse reads a catalogue file.
func Parse(data []byte) (*Catalogue, error) {
	read, err := readBook(data)
	if err != nil {
		return nil, err
	}
	return newCatalogue(read.version, read, nil), nil
}

func newCatalogue(version string, read *book, own map[string]map[string]*Own) *Catalogue {
	return &Catalogue{version, read, own, newMemo[*plan](), newMemo[Seller]()}
}

// Version names this catalogue and, after "+own-", the user's prices on top of it; Python gives the same prices the
// same name.
func (c *Catalogue) Version() string {
	return c.version
}

// AsOf is the date at which the prices were read.
func (c *Catalogue) AsOf() string {
	return c.book.asOf
}

// AsOfSeller is the date at which the listed prices of a seller (its id) were read; empty for a seller without any.
func (c *Catalogue) AsOfSeller(id string) string {
	if one, known := c.book.sellers[id]; known {
		return one.asOf
	}
	return ""
}

// Models counts the rows for sale: each model once per seller, the user's own on top.
func (c *Catalogue) Models() int {
	count := 0
	for key, rows := range c.own {
		for _, row := range rows {
			if c.ownPlan(key, row).reason == Priced {
				count++
			}
		}
	}
	for _, seller := range c.book.order {
		counted := map[int]bool{}
		for _, number := range seller.ids {
			model := &c.book.models[number]
			if !counted[number] && (model.free || model.plan != noPlan) {
				count++
			}
			counted[number] = true
		}
	}
	return count
}

// WithOverrides is a catalogue with these prices of the user's on top. The user's prices that c has already stay, unless
// a row names the same model, so files can be laid over each other one by one. Two rows for one model are an error.
func (c *Catalogue) WithOverrides(rows []Own) (*Catalogue, error) {
	own, added := map[string]map[string]*Own{}, map[[2]string]*Own{}
	for key, models := range c.own {
		own[key] = maps.Clone(models)
	}
	var marks []string
	for i := range rows {
		row, key := &rows[i], rows[i].seller
		if seller, known := c.book.names[lower(row.seller)]; known {
			key = seller.ID
		}
		if row.sameAs != "" && !c.target(key, row.sameAs).known {
			return nil, fmt.Errorf("%s.same_as: %s lists no model %s; see `genmeter models`", row.where, key, repr(row.sameAs))
		}
		name := plain(row.model)
		if first := added[[2]string{key, name}]; first != nil {
			return nil, fmt.Errorf("%s: the same model as in %s; remove one of the two", row.where, first.where)
		}
		if own[key] == nil {
			own[key] = map[string]*Own{}
		}
		own[key][name], added[[2]string{key, name}] = row, row
		marks = append(marks, row.marks(key)...)
	}
	version := c.version
	if len(rows) > 0 {
		slices.Sort(marks)
		version = fmt.Sprintf("%s+own-%08x", c.version, crc32.ChecksumIEEE([]byte(strings.Join(marks, "\n"))))
	}
	return newCatalogue(version, c.book, own), nil
}

// Named is the seller with this catalogue id, gen_ai.provider.name or alias, or of the user's own prices.
func (c *Catalogue) Named(name string) (Seller, bool) {
	if seller, known := c.book.names[plain(name)]; known {
		return seller, true
	}
	_, known := c.own[name]
	if !known {
		return Seller{}, false
	}
	return Seller{ID: name, Name: name}, true
}

// Seller is the seller that bills for calls to host. path decides where one host has several sellers.
func (c *Catalogue) Seller(host, path string) (Seller, bool) {
	asked := words{seller: host, request: path}
	if known, hash := c.sold.find(&asked); known != nil {
		return *known, known.ID != ""
	} else if !tooLong(host) {
		found, _ := sellerAt(c.book.hosts, host, path)
		c.sold.keep(&asked, hash, found)
		return found, found.ID != ""
	}
	return Seller{}, false
}

// Price is the list price of one call, or the reason why there is none. It does no I/O, reads no clock, and a question
// that came before costs no allocation.
func (c *Catalogue) Price(question *Question) (verdict Verdict) {
	asked := words{
		question.Seller, question.RequestModel, question.ResponseModel, question.ServiceTier, question.Region, question.Batch,
	}
	known, hash := c.plans.find(&asked)
	if known != nil {
		(*known).charge(question, &verdict)
		return verdict
	}
	made := c.resolve(&asked)
	c.plans.keep(&asked, hash, made)
	made.charge(question, &verdict)
	return verdict
}
