package main

import (
	"fmt"
	"math"
	"math/rand"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
)

const day = 1440

// Series has a sample a minute from its first one on; NaN stands for none.
type Series struct {
	labels labels.Labels
	from   int
	values []float64
	now    float64
}

func (s *Series) put(t int, x float64) {
	if len(s.values) == 0 {
		s.from = t
	}
	for s.from+len(s.values) < t {
		s.values = append(s.values, math.NaN())
	}
	s.values = append(s.values, x)
}

// world makes the series of a scenario, call by call.
type world struct {
	*rand.Rand
	scenario *Scenario
	models   map[string]*Model
	runs     []*running
	all      []*Series
	ledger   *ledger
}

// running is an application with its processes; a process that starts anew has series of its own.
type running struct {
	*Application
	live          []map[string]*Series
	generation    int
	noise, today  float64 // of ten minutes, of a day
	starts, lasts float64 // hours of today's batch
	models        []*Model
}

var bounds = []float64{0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92}

func newWorld(s *Scenario, seed int64) *world {
	w := &world{Rand: rand.New(rand.NewSource(seed)), scenario: s, models: map[string]*Model{}}
	if len(s.company.Buckets) == 0 {
		s.company.Buckets = bounds
	}
	for i := range s.company.Models {
		w.models[s.company.Models[i].Name] = &s.company.Models[i]
	}
	for i := range s.company.Applications {
		w.hire(s.company.Applications[i])
	}
	for i := 1; i < s.company.Copies; i++ {
		a := s.company.Applications[0]
		a.Name, a.Department = fmt.Sprintf("%s-%02d", a.Name, i), fmt.Sprintf("%s-%d", a.Department, i%8)
		a.Peak *= math.Exp(s.company.CopySpread * w.NormFloat64())
		w.hire(a)
	}
	w.ledger = newLedger(w)
	return w
}

func (w *world) hire(a Application) {
	r := &running{Application: &a, noise: 1, today: 1}
	for _, name := range a.Models {
		r.models = append(r.models, w.models[name])
	}
	r.deploy()
	w.runs = append(w.runs, r)
}

func (r *running) deploy() {
	r.generation++
	r.live = make([]map[string]*Series, r.Processes)
	for i := range r.live {
		r.live[i] = map[string]*Series{}
	}
}

// series is one of a process; more are further labels.
func (w *world) series(r *running, process int, metric string, m *Model, more ...string) *Series {
	key := metric + "|" + m.Name + "|" + strings.Join(more, "|")
	if s := r.live[process][key]; s != nil {
		return s
	}
	s := &Series{labels: labels.FromStrings(append([]string{
		"__name__", metric, "gen_ai_provider_name", m.Provider, "gen_ai_request_model", m.Name,
		"genmeter_department", r.Department, "genmeter_application", r.Name, "deployment_environment_name", "prod",
		"job", r.Name, "instance", fmt.Sprintf("%s-%d-%d", r.Name, r.generation, process),
	}, more...)...)}
	r.live[process][key] = s
	w.all = append(w.all, s)
	return s
}

func (w *world) gauge(name string, pairs ...string) *Series {
	s := &Series{labels: labels.FromStrings(append([]string{"__name__", name}, pairs...)...)}
	w.all = append(w.all, s)
	return s
}

func (w *world) poisson(mean float64) int {
	if mean <= 0 {
		return 0
	}
	if mean > 60 {
		return int(math.Max(0, math.Round(mean+math.Sqrt(mean)*w.NormFloat64())))
	}
	n, p, least := 0, 1.0, math.Exp(-mean)
	for {
		if p *= w.Float64(); p <= least {
			return n
		}
		n++
	}
}

func (w *world) around(median, spread float64) float64 {
	return median * math.Exp(spread*w.NormFloat64())
}

// observe puts seconds into a histogram; only the buckets that the company keeps.
func (w *world) observe(r *running, process int, name string, m *Model, seconds float64, more ...string) {
	for _, bound := range w.scenario.company.Buckets {
		s := w.series(r, process, name+"_bucket", m, append([]string{"le", strconv.FormatFloat(bound, 'f', -1, 64)}, more...)...)
		if seconds <= bound {
			s.now++
		}
	}
	w.series(r, process, name+"_bucket", m, append([]string{"le", "+Inf"}, more...)...).now++
	w.series(r, process, name+"_count", m, more...).now++
}

// office is the share of the peak at an hour of a working day.
func office(hour float64) float64 {
	if hour <= 6.5 || hour >= 19.5 {
		return 0
	}
	return (1 - .3*math.Exp(-(hour-12.5)*(hour-12.5)/.4)) / (1 + math.Exp((8.5-hour)*3)) / (1 + math.Exp((hour-17.5)*2.2))
}

// rate is calls a minute, before noise and events.
func (r *running) rate(t int) float64 {
	hour, weekend := float64(t%day)/60, t/day%7 >= 5
	if r.Hours == "batch" {
		if weekend || hour < r.starts || hour >= r.starts+r.lasts {
			return 0
		}
		return r.Peak
	}
	share := office(hour)
	if weekend {
		share *= r.Weekend
	}
	return r.Peak * math.Max(share, r.Night)
}

// live through a day: noise, deployments and crashes.
func (w *world) turn(r *running, t int) {
	minute, weekday := t%day, t/day%7
	if minute == 0 {
		r.today = math.Exp(.12 * w.NormFloat64())
		middle := r.Lasts
		if middle == 0 {
			middle = 2
		}
		r.lasts, r.starts = w.around(middle, .3), 1+math.Abs(w.NormFloat64())/12
		if r.Hours == "batch" {
			r.deploy()
		}
	}
	if minute%10 == 0 {
		r.noise = math.Pow(r.noise, .8) * math.Exp(.12*w.NormFloat64())
	}
	if w.scenario.Restarts && r.Hours != "batch" {
		if (weekday == 1 || weekday == 3) && minute == 630+len(r.Name) {
			r.deploy()
		}
		if weekday == 2 && minute == 900 && len(r.Name)%2 == 0 {
			r.generation++
			r.live[0] = map[string]*Series{}
		}
	}
}

// state is what events make of an application's calls to a model in a minute.
type state struct {
	calls, adds, errors, seconds, tokens, cached float64
	model                                        *Model
	moved                                        float64
	unpriced                                     bool
}

func (w *world) state(t int, r *running, m *Model) state {
	now := state{calls: 1, errors: r.Errors, seconds: 1, tokens: 1, cached: m.Cached}
	for i := range w.scenario.Events {
		e := &w.scenario.Events[i]
		if !e.covers(t) || !e.touches(r.Application, m) {
			continue
		}
		times := func(at *float64, by *float64) {
			if by != nil {
				*at *= *by
			}
		}
		times(&now.calls, e.Calls)
		times(&now.seconds, e.Seconds)
		times(&now.tokens, e.Tokens)
		now.calls *= math.Pow(1+e.Daily, float64(t-int(e.From))/day)
		now.adds += e.Adds / float64(len(r.models))
		if e.Errors != nil {
			now.errors = *e.Errors
		}
		if e.Cached != nil {
			now.cached = *e.Cached
		}
		if e.Becomes != "" {
			now.model, now.moved = w.models[e.Becomes], 1
			if e.Over > 0 {
				now.moved = math.Min(1, float64(t-int(e.From))/(e.Over*day))
			}
		}
		now.unpriced = now.unpriced || e.Unpriced
	}
	return now
}

func (w *world) down(what string, t int) bool {
	for i := range w.scenario.Events {
		if e := &w.scenario.Events[i]; e.Down == what && e.covers(t) {
			return true
		}
	}
	return false
}

// make lives through all days and returns the series.
func (w *world) make() []*Series {
	for t := 0; t < w.scenario.Days*day; t++ {
		lost := w.down("collector", t)
		for _, r := range w.runs {
			w.turn(r, t)
			for i, m := range r.models {
				w.minute(t, r, m, r.Shares[i])
			}
			if lost {
				continue
			}
			for _, process := range r.live {
				for _, s := range process {
					s.put(t, s.now)
				}
			}
		}
		w.ledger.scrape(t, lost)
	}
	return w.all
}

// minute is the calls of an application to a model in a minute.
func (w *world) minute(t int, r *running, m *Model, share float64) {
	now := w.state(t, r, m)
	mean := (r.rate(t)*r.noise*r.today*share*now.calls + now.adds) / float64(r.Processes)
	for process := range r.live {
		for n := w.poisson(mean); n > 0; n-- {
			to := m
			if now.model != nil && w.Float64() < now.moved {
				to = now.model
			}
			w.call(t, r, process, to, now)
		}
	}
}

func (w *world) call(t int, r *running, process int, m *Model, now state) {
	if w.Float64() < now.errors {
		w.observe(r, process, "gen_ai_client_inference_duration_seconds", m, w.around(1, .5), "error_type", "server_error")
		return
	}
	w.observe(r, process, "gen_ai_client_inference_duration_seconds", m, now.seconds*w.around(m.Seconds, m.Spread))
	if r.Streams {
		w.observe(r, process, "gen_ai_client_inference_time_to_first_chunk_seconds", m, now.seconds*w.around(m.FirstChunk, .5))
	}
	in, out := now.tokens*w.around(r.Input[0], r.Input[1]), now.tokens*w.around(r.Output[0], r.Output[1])
	w.series(r, process, "gen_ai_client_inference_usage_input_tokens_total", m).now += in
	w.series(r, process, "gen_ai_client_inference_usage_output_tokens_total", m).now += out
	if m.Cached > 0 {
		w.series(r, process, "gen_ai_client_inference_usage_cache_read_input_tokens_total", m).now += in * now.cached
	}
	if now.unpriced {
		w.series(r, process, "genmeter_calls_unpriced_total", m, "genmeter_cost_reason", "unknown_model").now++
		return
	}
	// A token of the cache costs a tenth.
	dollars := (in*(1-now.cached)+in*now.cached*.1)*m.Input/1e6 + out*m.Output/1e6
	w.series(r, process, "genmeter_cost_usd_total", m).now += dollars
	w.ledger.book(t, r, m, dollars)
}
