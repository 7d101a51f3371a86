package pricing

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Addresses knows the sellers by address: the ones that the user names under [sellers] win over those of the catalogue.
// The twin of own.py.
type Addresses struct {
	named     []namedAddress
	catalogue *Catalogue
}

type namedAddress struct {
	where  []byte
	seller Seller
}

// NewAddresses joins the addresses that the user named, as ReadSellers gives them, with those of the catalogue.
func NewAddresses(named map[string]string, c *Catalogue) *Addresses {
	made := &Addresses{catalogue: c}
	for where, name := range named {
		seller, known := c.Named(name)
		if !known {
			seller = Seller{ID: name, Name: name}
		}
		made.named = append(made.named, namedAddress{[]byte(where), seller})
	}
	slices.SortFunc(made.named, func(a, b namedAddress) int {
		return cmp.Or(cmp.Compare(utf8.RuneCount(b.where), utf8.RuneCount(a.where)), bytes.Compare(a.where, b.where))
	})
	for i := range made.named {
		made.named[i].where = bytes.TrimRight([]byte(lower(string(made.named[i].where))), "/")
	}
	return made
}

// Seller is the seller at host, port (0: unknown) and path. The longest name under [sellers] that begins the address
// counts.
func (a *Addresses) Seller(host string, port int64, path string) (Seller, bool) {
	if len(a.named) > 0 {
		if seller, known := a.byUser(host, port, path); known {
			return seller, true
		}
	}
	return a.catalogue.Seller(host, path)
}

func (a *Addresses) byUser(host string, port int64, path string) (Seller, bool) {
	var room, more [256]byte
	host, path = lower(host), lower(path)
	plainly := append(append(room[:0], host...), path...)
	withPort := plainly
	if port != 0 {
		withPort = strconv.AppendInt(append(append(more[:0], host...), ':'), port, 10)
		withPort = append(withPort, path...)
	}
	for i := range a.named {
		if where := a.named[i].where; begins(withPort, where) || begins(plainly, where) {
			return a.named[i].seller, true
		}
	}
	return Seller{}, false
}

func begins(address, where []byte) bool {
	rest, found := bytes.CutPrefix(address, where)
	return found && (len(rest) == 0 || rest[0] == '/' || rest[0] == ':')
}

// ReadSellers checks the [sellers] table of the genmeter.toml at path: address to seller.
func ReadSellers(table map[string]any, path string) (map[string]string, error) {
	made := make(map[string]string, len(table))
	for _, host := range sortedKeys(table) {
		seller, text := table[host].(string)
		if !text || seller == "" {
			return nil, fmt.Errorf(`%s: sellers."%s": write the seller as a string, e.g. "openai"`, path, host)
		}
		made[strings.ToLower(host)] = seller
	}
	return made, nil
}

func sortedKeys(table map[string]any) []string {
	return slices.Sorted(maps.Keys(table))
}

// Tables are the tables that a genmeter.toml may have, and Keys the keys that stand above all tables. The processor reads
// two of the tables; the settings of an application, which has the same file, know the others.
var (
	Tables = []string{"attribution", "budgets", "chargeback", "content", "metrics", "prices", "reservations", "sellers"}
	Keys   = []string{"skip_scopes"}
)

// CheckTables refuses the file at path where it has a table that no reader knows: a misspelled one would hold prices that
// are used nowhere. text is the file, for line numbers.
func CheckTables(read map[string]any, path, text string) error {
	for _, name := range sortedKeys(read) {
		if !slices.Contains(Tables, name) && !slices.Contains(Keys, name) {
			place := path
			for number, line := range strings.Split(text, "\n") {
				rest := strings.TrimLeft(line, "[ \t\"'")
				if strings.HasPrefix(rest, name) {
					place = fmt.Sprintf("%s:%d", path, number+1)
					break
				}
			}
			return fmt.Errorf("%s: %s: %s", place, name, unknown("table", name, Tables))
		}
	}
	return nil
}
