package main

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"go.yaml.in/yaml/v3"
)

// Rule is one of Prometheus' rule files.
type Rule struct {
	Record, Alert, Expr string
	For                 model.Duration
	Keep                model.Duration `yaml:"keep_firing_for"`
	Labels, Annotations map[string]string
}

// Group is evaluated at its interval, and never more often than there are samples.
type Group struct {
	Name     string
	Interval model.Duration
	Rules    []Rule
}

func (g *Group) minutes() int { return max(1, int(time.Duration(g.Interval)/time.Minute)) }

// Episode is an alert from its first firing minute to its last.
type Episode struct {
	From, To        int
	Alert, Severity string
	Labels          labels.Labels
	Value           float64
}

// groups reads the rule files: recording.yaml first, because the others read it.
func groups(folder string) ([]Group, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("%s holds no rules", folder)
	}
	sort.Slice(files, func(i, j int) bool {
		first, second := strings.Contains(files[i], "recording"), strings.Contains(files[j], "recording")
		return first && !second || first == second && files[i] < files[j]
	})
	var found []Group
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var read struct{ Groups []Group }
		if err := yaml.Unmarshal(raw, &read); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		found = append(found, read.Groups...)
	}
	return found, nil
}

// replay has Prometheus' engine evaluate each rule over all days, in order.
type replay struct {
	db       *tsdb.DB
	engine   *promql.Engine
	minutes  int
	episodes []Episode
}

func newReplay(folder string, minutes int) (*replay, error) {
	options := tsdb.DefaultOptions()
	options.WALSegmentSize = -1
	long := int64(400 * 24 * time.Hour / time.Millisecond)
	options.MinBlockDuration, options.MaxBlockDuration, options.RetentionDuration = long/2, long/2, long
	db, err := tsdb.Open(folder, slog.New(slog.DiscardHandler), nil, options, nil)
	if err != nil {
		return nil, err
	}
	engine := promql.NewEngine(promql.EngineOpts{
		MaxSamples: 2e9, Timeout: time.Hour, EnableAtModifier: true, EnableNegativeOffset: true, Parser: parser.NewParser(parser.Options{}),
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
	})
	return &replay{db: db, engine: engine, minutes: minutes}, nil
}

func at(minute int) int64 { return beginning.UnixMilli() + int64(minute)*time.Minute.Milliseconds() }

// store writes what was scraped, and lets go of it.
func (r *replay) store(all []*Series) (int, error) {
	into, n := r.db.Appender(context.Background()), 0
	for _, s := range all {
		var ref storage.SeriesRef
		var err error
		for i, x := range s.values {
			if math.IsNaN(x) {
				continue
			}
			if ref, err = into.Append(ref, s.labels, at(s.from+i), x); err != nil {
				return n, err
			}
			if n++; n%500000 == 0 {
				if err := into.Commit(); err != nil {
					return n, err
				}
				into = r.db.Appender(context.Background())
			}
		}
		s.values = nil
	}
	return n, into.Commit()
}

func (r *replay) evaluate(g *Group) error {
	step := time.Duration(g.minutes()) * time.Minute
	end := beginning.Add(time.Duration(r.minutes-1) * time.Minute)
	for i := range g.Rules {
		rule := &g.Rules[i]
		query, err := r.engine.NewRangeQuery(context.Background(), r.db, nil, rule.Expr, beginning, end, step)
		if err != nil {
			return fmt.Errorf("%s%s: %w", rule.Record, rule.Alert, err)
		}
		result := query.Exec(context.Background())
		matrix, err := result.Matrix()
		if err != nil {
			return fmt.Errorf("%s%s: %w", rule.Record, rule.Alert, err)
		}
		if rule.Record != "" {
			err = r.record(rule, matrix, step)
		} else {
			r.fire(rule, matrix, g.minutes())
		}
		query.Close()
		if err != nil {
			return fmt.Errorf("%s%s: %w", rule.Record, rule.Alert, err)
		}
	}
	return nil
}

// record writes a rule's result, with a marker of staleness where a series pauses.
func (r *replay) record(rule *Rule, matrix promql.Matrix, step time.Duration) error {
	into := r.db.Appender(context.Background())
	stale, gap := math.Float64frombits(value.StaleNaN), step.Milliseconds()
	for _, s := range matrix {
		named := labels.NewBuilder(s.Metric).Set("__name__", rule.Record)
		for name, text := range rule.Labels {
			named.Set(name, text)
		}
		whose, last := named.Labels(), int64(-1)
		var ref storage.SeriesRef
		var err error
		write := func(when int64, x float64) {
			if err == nil {
				ref, err = into.Append(ref, whose, when, x)
			}
		}
		for _, point := range s.Floats {
			if last >= 0 && point.T-last > gap {
				write(last+gap, stale)
			}
			write(point.T, point.F)
			last = point.T
		}
		if last >= 0 && last+gap < at(r.minutes-1) {
			write(last+gap, stale)
		}
		if err != nil {
			return err
		}
	}
	return into.Commit()
}

// fire follows each alert as Prometheus does: pending for `for`, then firing, and on for `keep_firing_for`.
func (r *replay) fire(rule *Rule, matrix promql.Matrix, step int) {
	wait, keep := int(time.Duration(rule.For)/time.Minute), int(time.Duration(rule.Keep)/time.Minute)
	for _, s := range matrix {
		on := make(map[int]float64, len(s.Floats))
		for _, point := range s.Floats {
			on[int((point.T-at(0))/time.Minute.Milliseconds())] = point.F
		}
		began, firing, gone, seen := -1, -1, -1, 0.0
		over := func(t int) {
			if firing >= 0 {
				r.episodes = append(r.episodes, Episode{firing, t, rule.Alert, rule.Labels["severity"], s.Metric, seen})
			}
			began, firing, gone = -1, -1, -1
		}
		for t := 0; t < r.minutes; t += step {
			x, holds := on[t]
			switch {
			case holds:
				if began < 0 {
					began = t
				}
				gone = -1
				if firing < 0 && t-began >= wait {
					firing, seen = t, x
				}
			case firing >= 0 && keep > 0 && (gone < 0 || t-gone < keep):
				if gone < 0 {
					gone = t
				}
			case began >= 0:
				over(t)
			}
		}
		over(r.minutes)
	}
}
