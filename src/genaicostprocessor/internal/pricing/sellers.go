package pricing

import (
	"cmp"
	"slices"
	"strings"
)

// Who bills: from a server address, a provider name or an alias to a seller and its price region. The twin of sellers.py.

// regionRule is what some regions do to the token prices of some models; a name may end in *.
type regionRule struct {
	regions []string
	by      ratio
	models  []string
}

// ratioFor is the factor of a region on token prices; false when no published rule covers the model there.
func ratioFor(rules []regionRule, region, model string) (ratio, bool) {
	for i := range rules {
		if fits(region, rules[i].regions) && fits(model, rules[i].models) {
			return rules[i].by, true
		}
	}
	return ratio{}, false
}

func fits(text string, patterns []string) bool {
	for _, pattern := range patterns {
		if start, wild := strings.CutSuffix(pattern, "*"); wild && strings.HasPrefix(text, start) || pattern == text {
			return true
		}
	}
	return false
}

// noRegion tells whether a region word means: no region.
func noRegion(area string) bool {
	return area == "" || area == "global" || area == "not_available" || area == "none"
}

// hostPattern is one pattern of a seller's hosts, cut at its region or star.
type hostPattern struct {
	before, after, path string
	region, wild        bool
	seller              Seller
}

func (p *hostPattern) match(host, path string) (Seller, bool) {
	if !strings.HasPrefix(path, p.path) {
		return Seller{}, false
	}
	if !p.wild && !p.region {
		return p.seller, host == p.before
	}
	if len(host) <= len(p.before)+len(p.after) || !strings.HasPrefix(host, p.before) || !strings.HasSuffix(host, p.after) {
		return Seller{}, false
	}
	found := p.seller
	if p.region {
		found.Region = host[len(p.before) : len(host)-len(p.after)]
		if strings.Contains(found.Region, ".") {
			return Seller{}, false
		}
		if noRegion(found.Region) {
			found.Region = ""
		}
	}
	return found, true
}

// hostPatterns are all patterns, exact ones first, then longer ones first.
func hostPatterns(sellers []*sellerData) []hostPattern {
	var made []hostPattern
	for _, one := range sellers {
		for _, text := range one.hosts {
			made = append(made, newHostPattern(text, one.id, one.name))
		}
	}
	slices.SortStableFunc(made, func(a, b hostPattern) int {
		return cmp.Or(
			order(a.wild || a.region, b.wild || b.region), cmp.Compare(len(b.path), len(a.path)),
			cmp.Compare(len(b.before)+len(b.after), len(a.before)+len(a.after)),
		)
	})
	return made
}

func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

func newHostPattern(text, id, name string) hostPattern {
	text, other, named := strings.Cut(text, " = ")
	if named {
		name = other
	}
	host, path, slash := strings.Cut(text, "/")
	made := hostPattern{seller: Seller{ID: id, Name: name}}
	if slash {
		made.path = "/" + path
	}
	made.region, made.wild = strings.Contains(host, "{region}"), strings.Contains(host, "*")
	hole := "*"
	if made.region {
		hole = "{region}"
	}
	made.before, made.after, _ = strings.Cut(host, hole)
	return made
}

// sellerAt is the seller behind host (a name, perhaps with a port) and the start of path.
func sellerAt(patterns []hostPattern, host, path string) (Seller, bool) {
	host = strings.TrimRight(plain(host), ".")
	if colon := strings.LastIndexByte(host, ':'); colon >= 0 && digits(host[colon+1:]) {
		host = host[:colon]
	}
	path = "/" + strings.TrimLeft(lower(path), "/")
	for i := range patterns {
		if found, ok := patterns[i].match(host, path); ok {
			return found, true
		}
	}
	return Seller{}, false
}

// sellerNames are all words for a seller: catalogue id, gen_ai.provider.name, alias; the word of the conventions is kept.
func sellerNames(sellers []*sellerData) map[string]Seller {
	words := map[string]Seller{}
	add := func(word string, seller Seller) {
		if _, taken := words[word]; !taken {
			words[word] = seller
		}
	}
	for _, one := range sellers {
		seller := Seller{ID: one.id, Name: one.name}
		words[one.name] = seller
		for _, alias := range one.aliases {
			if strings.Contains(alias, ".") && one.id == "azure" {
				add(alias, Seller{ID: one.id, Name: alias})
			} else {
				add(alias, seller)
			}
		}
	}
	for _, one := range sellers {
		add(one.id, Seller{ID: one.id, Name: one.name})
	}
	return words
}
