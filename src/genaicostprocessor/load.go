package genaicostprocessor

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"unicode/utf8"

	"github.com/BurntSushi/toml"

	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/pricing"
	"github.com/genmeter/genmeter/src/genaicostprocessor/internal/reading"
)

// content is the content of a file, or the error of reading it.
type content struct {
	key, path string
	data      []byte
	sum       [sha256.Size]byte
	err       error
}

func same(a, b []content) bool {
	for i := range a {
		if a[i].sum != b[i].sum {
			return false
		}
	}
	return true
}

func readFiles(cfg *Config) []content {
	var found []content
	if cfg.Catalogue != "" {
		found = append(found, readFile("catalogue", cfg.Catalogue))
	}
	for i, path := range cfg.Prices.Files {
		found = append(found, readFile(fmt.Sprintf("prices::files[%d]", i), path))
	}
	return found
}

func readFile(key, path string) content {
	data, err := os.ReadFile(path)
	if err == nil && len(data) == 0 {
		err = fmt.Errorf("%s is empty; write prices into it, or a comment if it must hold none", path)
	}
	found := content{key: key, path: path, data: data, err: err}
	if err != nil {
		found.sum = sha256.Sum256([]byte("error: " + err.Error()))
		return found
	}
	found.sum = sha256.Sum256(data)
	return found
}

// load makes the table from the files. Its error names the file and line of every fault.
func load(cfg *Config, found []content) (*reading.Recorded, error) {
	catalogue, sellers := pricing.Bundled(), map[string]string{}
	var errs []error
	for _, file := range found {
		next, err := file.over(catalogue, sellers)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", file.key, err))
			continue
		}
		catalogue = next
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	maps.Copy(sellers, cfg.Sellers)
	return &reading.Recorded{Catalogue: catalogue, Addresses: pricing.NewAddresses(sellers, catalogue)}, nil
}

// over lays the prices of the file over the catalogue, and adds the file's sellers to sellers.
func (file *content) over(catalogue *pricing.Catalogue, sellers map[string]string) (*pricing.Catalogue, error) {
	if file.err != nil {
		return nil, file.err
	}
	if file.key == "catalogue" {
		made, err := pricing.Parse(file.data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file.path, err)
		}
		return made, nil
	}
	text := string(file.data)
	prices, named, err := tables(file.path, text)
	if err != nil {
		return nil, err
	}
	rows, err := pricing.ReadOverrides(prices, file.path, text)
	if err != nil {
		return nil, err
	}
	read, err := pricing.ReadSellers(named, file.path)
	if err != nil {
		return nil, err
	}
	maps.Copy(sellers, read)
	return catalogue.WithOverrides(rows)
}

// tables reads [prices] and [sellers] of a genmeter.toml. The processor ignores the other tables of an application, and
// refuses a file with a table that no reader knows.
func tables(path, text string) (prices, sellers map[string]any, err error) {
	var read map[string]any
	if !utf8.ValidString(text) {
		// the decoder passes over FF FE, which is a mark of UTF-16
		return nil, nil, fmt.Errorf("%s: not valid UTF-8; save the file as UTF-8", path)
	}
	if _, err := toml.Decode(text, &read); err != nil {
		var syntax toml.ParseError
		if errors.As(err, &syntax) {
			return nil, nil, fmt.Errorf("%s:%d: %s", path, syntax.Position.Line, syntax.Message)
		}
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := pricing.CheckTables(read, path, text); err != nil {
		return nil, nil, err
	}
	for name, into := range map[string]*map[string]any{"prices": &prices, "sellers": &sellers} {
		value, there := read[name]
		if !there {
			continue
		}
		table, isTable := value.(map[string]any)
		if !isTable {
			return nil, nil, fmt.Errorf("%s: %s is not a table; write [%s] and its keys below", path, name, name)
		}
		*into = table
	}
	return prices, sellers, nil
}
