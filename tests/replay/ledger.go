package main

// ledger is what the ledger and the services say of themselves.
type ledger struct {
	*world
	ups           map[string]*Series
	jobs          []string
	ready, commit *Series
	unbudgeted    *Series
	spend         map[string]*Series
	order         []*Series
	budgets       []*kept
	committed     float64
}

// kept is a budget with what was spent in its period.
type kept struct {
	Budget
	spent  float64
	series map[string]*Series
}

var tiers = []string{"50", "75", "90", "100"}
var shares = map[string]float64{"50": .5, "75": .75, "90": .9, "100": 1}

func newLedger(w *world) *ledger {
	l := &ledger{world: w, ups: map[string]*Series{}, spend: map[string]*Series{}, jobs: []string{"collector", "ledger", "alertmanager"}}
	for _, job := range l.jobs {
		l.ups[job] = w.gauge("up", "job", job, "instance", job+":1")
	}
	of := []string{"job", "ledger", "instance", "ledger:1"}
	l.ready = w.gauge("genmeter_ledger_ready", of...)
	l.commit = w.gauge("genmeter_ledger_last_commit_timestamp_seconds", of...)
	l.unbudgeted = w.gauge("genmeter_budget_unbudgeted", of...)
	l.committed = float64(beginning.Unix())
	for _, b := range w.scenario.company.Budgets {
		k := &kept{Budget: b, series: map[string]*Series{}}
		pairs := append([]string{"budget_id", b.ID, "owner", "ana", "period", b.Period, "department", b.Department, "application", b.Application}, of...)
		for _, name := range []string{"limit", "spent", "projected", "period_end_seconds"} {
			k.series[name] = w.gauge("genmeter_budget_"+name, pairs...)
		}
		for _, tier := range tiers {
			k.series[tier] = w.gauge("genmeter_budget_threshold", append([]string{"threshold", tier}, pairs...)...)
		}
		l.budgets = append(l.budgets, k)
	}
	return l
}

func (l *ledger) book(t int, r *running, m *Model, dollars float64) {
	key := m.Name + "|" + r.Name
	if l.spend[key] == nil {
		l.spend[key] = l.gauge("genmeter_ledger_spend_usd", "model", m.Name, "department", r.Department, "application", r.Name, "job", "ledger", "instance", "ledger:1")
		l.order = append(l.order, l.spend[key])
	}
	l.spend[key].now += dollars
	l.committed = float64(beginning.Unix() + int64(t)*60)
	for _, b := range l.budgets {
		if b.Department == r.Department && (b.Application == "" || b.Application == r.Name) {
			b.spent += dollars
		}
	}
}

func (l *ledger) limit(b *kept, t int) float64 {
	for i := range l.scenario.Events {
		if e := &l.scenario.Events[i]; e.Limit != nil && e.Budget == b.ID && e.covers(t) {
			return *e.Limit
		}
	}
	return b.Limit
}

// scrape is what Prometheus reads in a minute; without the collector the ledger books nothing new, and reads all later.
func (l *ledger) scrape(t int, lost bool) {
	away := l.down("ledger", t)
	for _, job := range l.jobs {
		up := 1.0
		if job == "ledger" && away || job == "collector" && lost {
			up = 0
		}
		l.ups[job].put(t, up)
	}
	for _, b := range l.budgets {
		if b.Period == "day" && t%day == 0 {
			b.spent = 0
		}
	}
	if away || lost {
		return
	}
	l.ready.put(t, 1)
	l.commit.put(t, l.committed)
	l.unbudgeted.put(t, 0)
	for _, s := range l.order {
		s.put(t, s.now)
	}
	for _, b := range l.budgets {
		whole, gone, end := 30*day, t+1, beginning.Unix()+30*86400
		if b.Period == "day" {
			whole, gone, end = day, t%day+1, beginning.Unix()+int64(t/day+1)*86400
		}
		limit := l.limit(b, t)
		b.series["limit"].put(t, limit)
		b.series["spent"].put(t, b.spent)
		b.series["period_end_seconds"].put(t, float64(end))
		if gone*20 >= whole {
			b.series["projected"].put(t, b.spent*float64(whole)/float64(gone))
		}
		for _, tier := range tiers {
			b.series[tier].put(t, limit*shares[tier])
		}
	}
}
