// Replay lives through weeks of calls of a company in a minute or two and says which alerts would have been sent.
//
// Calls are made one by one from a seed, counted into the series that genmeter exports, and stored in Prometheus' own database;
// Prometheus' own engine evaluates the shipped rules over them, with `for` and `keep_firing_for`. Scenarios are data:
// scenarios/*.yaml. The table that comes out is committed, and -check compares with it.
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	rules := flag.String("rules", "collector-config/prometheus/rules", "folder of the rule files")
	scenarios := flag.String("scenarios", "tests/replay/scenarios", "folder of the scenarios")
	seeds := flag.String("seeds", "1", "seeds, with commas between; each scenario is lived through with each")
	table := flag.String("table", "", "file to write the table to; without it the table is printed alone")
	check := flag.Bool("check", false, "compare with the rows of -table and write nothing")
	verbose := flag.Bool("v", false, "print every alert that tells nothing planted")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "replay [flags] SCENARIO ...: names of files in the folder of scenarios, without .yaml")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(*rules, *scenarios, *seeds, *table, *check, *verbose, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(1)
	}
}

func run(rules, folder, seeds, table string, check, verbose bool, names []string) error {
	var rows, beyond []string
	for _, name := range names {
		for _, text := range strings.Split(seeds, ",") {
			seed, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return fmt.Errorf("-seeds: %q is no whole number", text)
			}
			v, err := live(rules, folder+"/"+name+".yaml", seed)
			if err != nil {
				return err
			}
			rows = append(rows, v.rows())
			fmt.Print(v.rows())
			if verbose {
				fmt.Print(lines(v.unexpected))
			}
			if !v.within() {
				beyond = append(beyond, fmt.Sprintf("%s with seed %d", name, seed))
			}
		}
	}
	if err := compare(table, rows, check); err != nil {
		return err
	}
	// The committed table shows what is beyond the budget, and fails when that changes. Other seeds are judged alone.
	if len(beyond) > 0 && table == "" {
		return fmt.Errorf("beyond no false page, 10 warnings and 100 notes a week, or an incident missed: %s", strings.Join(beyond, "; "))
	}
	return nil
}

// compare writes the table, or says what in it is no longer so.
func compare(table string, rows []string, check bool) error {
	if table == "" {
		return nil
	}
	if !check {
		return os.WriteFile(table, []byte(header+strings.Join(rows, "")), 0o644)
	}
	committed, err := os.ReadFile(table)
	if err != nil {
		return err
	}
	for _, made := range rows {
		if !strings.Contains(string(committed), made) {
			return fmt.Errorf("%s does not have these rows, so the alerts have changed; look at them, then `make rules-replay` writes it anew:\n%s", table, made)
		}
	}
	return nil
}

// live is one scenario with one seed.
func live(rules, path string, seed int64) (*Verdict, error) {
	began := time.Now()
	s, err := load(path)
	if err != nil {
		return nil, err
	}
	all, err := groups(rules)
	if err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp("", "replay-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	r, err := newReplay(scratch, s.Days*day)
	if err != nil {
		return nil, err
	}
	defer r.db.Close()
	made := newWorld(s, seed).make()
	samples, err := r.store(made)
	if err != nil {
		return nil, err
	}
	for i := range all {
		// How many series there are says nothing about a company's life, and reads all of them.
		if all[i].Name == "genmeter-series" {
			continue
		}
		if err := r.evaluate(&all[i]); err != nil {
			return nil, err
		}
	}
	fmt.Fprintf(os.Stderr, "%s, seed %d: %d series, %d samples, %.0f s\n", s.Name, seed, len(made), samples, time.Since(began).Seconds())
	return judge(s, seed, r.episodes), nil
}
