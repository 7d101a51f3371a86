package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Scenario is a company, so many days of it from a Monday on, and what happens to it.
type Scenario struct {
	Name     string
	Company  string
	Days     int
	Quiet    int     // days without any verdict at the beginning; 0 judges all
	Restarts bool    // deployments twice a week, and a crash
	Events   []Event // planted; without `told_by` an event is a part of healthy life
	company  Company
}

// Company is what is the same in several scenarios.
type Company struct {
	Models       []Model
	Applications []Application
	Copies       int     // so many applications like the first one, with peaks of their own
	CopySpread   float64 `yaml:"copy_spread"` // lognormal spread of these peaks
	Budgets      []Budget
	Buckets      []float64 // bounds of the histograms that are kept; all by default
}

// Model says how fast and how dear a model is: the median of its seconds, dollars for a million tokens.
type Model struct {
	Name, Provider  string
	Seconds, Spread float64
	FirstChunk      float64 `yaml:"first_chunk"`
	Input, Output   float64
	Cached          float64
	unpriced        bool
}

// Application calls models at a rate that goes with the hours; rates are calls a minute.
type Application struct {
	Name, Department     string
	Hours                string // office or batch
	Peak, Night, Weekend float64
	Input, Output        [2]float64 // tokens of a call: median and lognormal spread
	Models               []string
	Shares               []float64
	Streams              bool
	Errors               float64
	Processes            int
	Lasts                float64 // hours of a batch, in the middle; 2 by default
}

// Budget is one of genmeter.toml, as the ledger reports it.
type Budget struct {
	ID, Department, Application, Period string
	Limit                               float64
}

// Event changes what matches it, from one moment until another; times are written 15d11:00, the first day is 0.
type Event struct {
	Name                         string
	From, To                     Moment
	Application, Provider, Model string
	Calls                        *float64 // times the calls
	Adds                         float64  // calls a minute more, at any hour
	Errors                       *float64 // share of calls that fail
	Seconds, Tokens              *float64 // times the seconds, times the tokens
	Cached                       *float64 // share of the input that comes from the cache
	Daily                        float64  // growth of calls a day
	Becomes                      string   // calls move to this model, in the days that `over` says
	Over                         float64
	Unpriced                     bool   // nobody knows the price
	Down                         string // collector or ledger
	Limit                        *float64
	Budget                       string   // whose limit that is
	ToldBy                       []string `yaml:"told_by"` // alerts of which one must fire
	Within                       int      // minutes
	Also                         []string // alerts that may fire as well: what follows from it
}

// Moment is a minute since the beginning.
type Moment int

// UnmarshalYAML reads 15d11:00.
func (m *Moment) UnmarshalYAML(node *yaml.Node) error {
	var day, hour, minute int
	if _, err := fmt.Sscanf(node.Value, "%dd%d:%d", &day, &hour, &minute); err != nil {
		return fmt.Errorf("line %d: %q is no moment; write day, hour and minute as 15d11:00", node.Line, node.Value)
	}
	*m = Moment(day*1440 + hour*60 + minute)
	return nil
}

func (e *Event) covers(t int) bool { return t >= int(e.From) && (e.To == 0 || t < int(e.To)) }

func (e *Event) touches(a *Application, m *Model) bool {
	return e.Down == "" && e.Limit == nil && (e.Application == "" || e.Application == a.Name) && (e.Provider == "" || e.Provider == m.Provider) &&
		(e.Model == "" || e.Model == m.Name)
}

// load reads a scenario and its company, and refuses keys that it does not know.
func load(path string) (*Scenario, error) {
	s := &Scenario{Name: strings.TrimSuffix(filepath.Base(path), ".yaml")}
	if err := read(path, s); err != nil {
		return nil, err
	}
	if err := read(filepath.Join(filepath.Dir(path), "companies", s.Company+".yaml"), &s.company); err != nil {
		return nil, err
	}
	if s.Days < 1 {
		return nil, fmt.Errorf("%s: days is %d; write how many there are", path, s.Days)
	}
	for i := range s.Events {
		if e := &s.Events[i]; len(e.ToldBy) > 0 && (e.Name == "" || e.Within == 0) {
			return nil, fmt.Errorf("%s: the event at minute %d is told by %v: write its name and within how many minutes", path, e.From, e.ToldBy)
		}
	}
	return s, nil
}

func read(path string, into any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	reader := yaml.NewDecoder(bytes.NewReader(raw))
	reader.KnownFields(true)
	if err := reader.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// beginning is a Monday.
var beginning = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
