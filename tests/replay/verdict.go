package main

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// after is how many minutes an alert may come after the end of what it tells: the longest window of a page's rule.
const after = 180

// Verdict is what the alerts made of a scenario.
type Verdict struct {
	scenario               *Scenario
	seed                   int64
	fired, wrong           map[string]int // by alert
	severity               map[string]string
	delay                  map[string]int // by event, of the first right alert; -1 where none came in time
	teller                 map[string]string
	pages, warnings, notes int // that tell nothing planted
	weeks                  float64
	unexpected             []Episode
}

// judge gives each episode to an event, or counts it as one that nobody needed.
func judge(s *Scenario, seed int64, episodes []Episode) *Verdict {
	v := &Verdict{scenario: s, seed: seed, fired: map[string]int{}, wrong: map[string]int{}, severity: map[string]string{},
		delay: map[string]int{}, teller: map[string]string{}, weeks: float64(s.Days) / 7}
	for i := range s.Events {
		if len(s.Events[i].ToldBy) > 0 {
			v.delay[s.Events[i].Name] = -1
		}
	}
	sort.SliceStable(episodes, func(i, j int) bool { return episodes[i].From < episodes[j].From })
	for _, e := range episodes {
		v.fired[e.Alert]++
		v.severity[e.Alert] = e.Severity
		if !v.told(e) {
			v.wrong[e.Alert]++
			v.unexpected = append(v.unexpected, e)
			switch e.Severity {
			case "critical":
				v.pages++
			case "warning":
				v.warnings++
			default:
				v.notes++
			}
		}
	}
	return v
}

func (v *Verdict) told(e Episode) bool {
	for i := range v.scenario.Events {
		event := &v.scenario.Events[i]
		until := int(event.To) + after
		if event.To == 0 {
			until = v.scenario.Days * day
		}
		if len(event.ToldBy) == 0 || e.From < int(event.From) || e.From > until || !about(event, e) {
			continue
		}
		if slices.Contains(event.ToldBy, e.Alert) {
			if late := e.From - int(event.From); v.delay[event.Name] < 0 && late <= event.Within {
				v.delay[event.Name], v.teller[event.Name] = late, e.Alert
			}
			return true
		}
		if slices.Contains(event.Also, e.Alert) {
			return true
		}
	}
	return false
}

// about says whether an alert's labels and an event's agree where both have them.
func about(event *Event, e Episode) bool {
	for name, want := range map[string]string{"genmeter_application": event.Application, "gen_ai_provider_name": event.Provider,
		"gen_ai_request_model": event.Model, "budget_id": event.Budget} {
		if has := e.Labels.Get(name); want != "" && has != "" && has != want {
			return false
		}
	}
	return true
}

// within says whether the scenario keeps to the budget of messages, and every event was told.
func (v *Verdict) within() bool {
	return v.pages == 0 && float64(v.warnings) <= 10*v.weeks && float64(v.notes) <= 100*v.weeks && len(v.missed()) == 0
}

func (v *Verdict) missed() []string {
	var names []string
	for name, delay := range v.delay {
		if delay < 0 {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

const header = "| scenario | seed | what | told by | after | false a week: pages, warnings, notes | missed |\n|---|---|---|---|---|---|---|\n"

// rows is the verdict as lines of the committed table.
func (v *Verdict) rows() string {
	var out strings.Builder
	what := fmt.Sprintf("%d days", v.scenario.Days)
	if !v.within() {
		what += ", beyond the budget"
	}
	fmt.Fprintf(&out, "| %s | %d | %s | | | %d, %.1f, %.1f | %s |\n", v.scenario.Name, v.seed, what, v.pages,
		float64(v.warnings)/v.weeks, float64(v.notes)/v.weeks, strings.Join(v.missed(), ", "))
	for i := range v.scenario.Events {
		e := &v.scenario.Events[i]
		if len(e.ToldBy) == 0 {
			continue
		}
		told, late := v.teller[e.Name], fmt.Sprintf("%d min", v.delay[e.Name])
		if v.delay[e.Name] < 0 {
			told, late = "", fmt.Sprintf("not within %d min", e.Within)
		}
		fmt.Fprintf(&out, "| %s | %d | %s | %s | %s | | |\n", v.scenario.Name, v.seed, e.Name, told, late)
	}
	var names []string
	for name := range v.fired {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(&out, "| %s | %d | %s (%s) fired %d times | | | %d of them | |\n", v.scenario.Name, v.seed, name, v.severity[name], v.fired[name], v.wrong[name])
	}
	return out.String()
}

var weekdays = [...]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

// lines are the episodes that tell nothing planted, for a person who tunes.
func lines(episodes []Episode) string {
	var out strings.Builder
	for _, e := range episodes {
		fmt.Fprintf(&out, "  day %2d %s %02d:%02d for %5d min  %-8s %-30s %s %.3g\n", e.From/day, weekdays[e.From/day%7], e.From%day/60, e.From%60,
			e.To-e.From, e.Severity, e.Alert, e.Labels.WithoutEmpty(), e.Value)
	}
	return out.String()
}
