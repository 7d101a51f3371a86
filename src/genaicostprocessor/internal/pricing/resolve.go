package pricing

import (
	"strings"
	"unicode/utf8"
)

// Resolving: a question without its numbers to a plan, or a refusal. The twin of the second half of catalogue.py.

const standard = ""

var tierWords = map[string]string{
	"default": standard, "standard": standard, "on_demand": standard, "on_demand_flex": "flex",
	"on_demand_priority": "priority",
}

// found is a model of the catalogue, whose list it stands in, and whether it was borrowed from that list. It may be
// known only to be refused, for the reason why.
type found struct {
	known    bool
	number   int
	seller   *sellerData
	borrowed bool
	why      string
}

func (c *Catalogue) resolve(asked *words) *plan {
	if asked.seller == "" {
		return refusal(UnknownProvider, "the seller at this address is unknown; name it under [sellers]")
	}
	key := asked.seller
	if face, known := c.book.names[plain(key)]; known {
		key = face.ID
	}
	data := c.book.sellers[key]
	if data == nil && c.own[key] == nil {
		return refusal(UnknownProvider, "no prices for seller %s", shown(asked.seller))
	}
	wanted := serviceTier(asked.tier, asked.batch, data)
	mine := c.ownRow(key, asked)
	if mine != nil && mine.sameAs == "" {
		if wanted != standard {
			return refusal(UnknownServiceTier, "your own prices hold no %s price for %s", shown(wanted), mine.model)
		}
		return c.ownPlan(key, mine)
	}
	var model found
	if data != nil {
		model = c.find(data, asked.request, asked.response)
	}
	if mine != nil && !model.known {
		model = c.target(key, mine.sameAs)
	}
	if !model.known {
		name := asked.response
		if name == "" {
			name = asked.request
		}
		if model.why != "" {
			return refusal(UnknownModel, "%s is known but has no price that holds (%s)", shown(name), model.why)
		}
		return refusal(UnknownModel, "%s lists no price for %s", key, shown(name))
	}
	return c.priced(model, key, wanted, asked.region)
}

// serviceTier is the tier under the catalogue's name; standard has the empty one.
func serviceTier(tier string, batch bool, data *sellerData) string {
	word := strings.TrimPrefix(plain(tier), "service_tier_")
	if other, known := tierWords[word]; known {
		word = other
	}
	if data != nil {
		for _, other := range data.standards {
			if word == other {
				word = standard
			}
		}
	}
	switch {
	case !batch:
		return word
	case word == standard || word == "batch":
		return "batch"
	default:
		return word + "+batch"
	}
}

func (c *Catalogue) priced(model found, key, tier, region string) *plan {
	area := plain(region)
	if noRegion(area) {
		return c.compiled(model, key, tier, same, "")
	}
	face := c.book.sellers[key]
	if face == nil {
		face = model.seller
	}
	name := c.book.models[model.number].id
	by, known := ratioFor(face.regions, area, name)
	if !known {
		return refusal(UnpricedDimension, "no published price of %s in region %s", name, shown(region))
	}
	return c.compiled(model, key, tier, by, area)
}

func (c *Catalogue) compiled(model found, key, tier string, by ratio, region string) *plan {
	listed := &c.book.models[model.number]
	entry := model.seller.id + "/" + listed.id
	if model.seller.id != key {
		entry = key + ":" + entry
	}
	if listed.free {
		return &plan{entry: entry, free: true}
	}
	number := listed.plan
	if tier != standard {
		number = noPlan
		if other, sold := listed.tiers[tier]; sold && !model.borrowed {
			number = other
		}
	}
	if number == noPlan {
		return refusal(UnknownServiceTier, "no published %s price for %s", shown(tier), entry)
	}
	if tier != "" {
		entry += ";" + tier
	}
	if region != "" {
		entry += ";region=" + region
	}
	return compilePlan(entry, c.book.plans[number], c.book.calendars, by)
}

// find looks for the response's model; for the request's model when the response names none, or a version of the
// request's.
func (c *Catalogue) find(data *sellerData, request, response string) found {
	if data.deployments {
		request = ""
	}
	if data.profiles && request != "" && response != "" && strings.Contains(lower(request), plain(response)) {
		response = request
	}
	if response != "" {
		model := data.listed(response)
		if model.known || model.why != "" || request == "" || !sameButVersion(response, request) {
			return model
		}
	}
	if request == "" {
		return found{}
	}
	return data.listed(request)
}

// listed looks for the model in the seller's own list, then in the lists that the seller may borrow from.
func (s *sellerData) listed(name string) found {
	if tooLong(name) {
		return found{}
	}
	if model := s.listedBy(s, name); model.known || model.why != "" {
		return model
	}
	for _, other := range s.also {
		if model := s.listedBy(other, name); model.known || model.why != "" {
			return model
		}
	}
	return found{}
}

func (s *sellerData) listedBy(other *sellerData, name string) found {
	for _, form := range forms(name, s.prefixes, other.prefixes) {
		if other != s && strings.HasPrefix(form, "ft:") {
			continue
		}
		// Before the ids: a name with a version-like end may be refused where its base has a price.
		if why := other.refused[form]; why != "" {
			return found{why: why}
		}
		if base := foundName(form, other); base != "" {
			return found{known: true, number: other.ids[base], seller: other, borrowed: other != s}
		}
	}
	return found{}
}

// The user's own prices

func (c *Catalogue) ownRow(key string, asked *words) *Own {
	rows := c.own[key]
	if rows == nil {
		return nil
	}
	for _, name := range [...]string{asked.response, asked.request} {
		if row := rows[plain(name)]; name != "" && row != nil {
			return row
		}
	}
	return nil
}

// target is the model that same_as means: of the same seller, or "seller/model".
func (c *Catalogue) target(key, name string) found {
	if data := c.book.sellers[key]; data != nil {
		if model := data.listed(name); model.known || model.why != "" {
			return model
		}
	}
	head, rest, slash := strings.Cut(name, "/")
	if other, known := c.book.names[lower(head)]; slash && known {
		return c.book.sellers[other.ID].listed(rest)
	}
	return found{}
}

func (c *Catalogue) ownPlan(key string, row *Own) *plan {
	entry := "override:" + key + "/" + row.model
	switch {
	case row.sameAs != "":
		model := c.target(key, row.sameAs)
		if !model.known {
			return refusal(UnknownModel, "%s lists no price for %s", key, shown(row.sameAs))
		}
		return c.compiled(model, key, standard, same, "")
	case row.free:
		return &plan{entry: entry, free: true}
	default:
		return compilePlan(entry, row.editions, nil, same)
	}
}

func shown(name string) string {
	if utf8.RuneCountInString(name) > 80 {
		name = string([]rune(name)[:77]) + "..."
	}
	return repr(name)
}
