package study

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/catalogue"
)

// Tune says how a study chooses settings before it compares.
//
//	tune:
//	  optimizer.rate: {log-uniform: [1e-4, 1], tries: 6}
//	  normalization.eps: [1e-5, 1e-3]
//	  budget: 6       # combinations tried for each thing in each facet; all, unless said
//	  seeds: 2        # its own
//	  halving: true   # most are given up after a part of the steps
//	  per: facet      # or study: one setting for all facets
//
// Each thing that is compared is tried in each facet with equally many combinations of the
// settings, by seeds that judge nothing. The one with the best mean score on the validation
// part at the end is chosen (per: study takes the best mean rank over the facets; ties go to the
// lower validation loss, then to what was tried first). What is compared are runs with the
// chosen settings, by the study's seeds, on the test part.
//
// If a combination at the edge of a range wins, one beyond it is tried, at most
// [MaxExtensions] times; to keep budgets equal, the other things of the facet then get one
// more too, between their best and the better of its neighbours.
//
// With halving a third is kept (rounded up) after each rung, of which every one takes three times
// the updates of the one before and the last takes all; each rung trains anew (successive
// halving, K. Jamieson and A. Talwalkar, "Non-stochastic best arm identification and
// hyperparameter optimization", AISTATS 2016, with the factor 3 of L. Li et al.,
// "Hyperband", JMLR 2018).
//
// Where the budget is below the number of combinations, those tried are a Latin hypercube
// (M. McKay, R. Beckman and W. Conover, Technometrics 21, 1979).
type Tune struct {
	Settings []Tuned
	Seeds    []uint64
	Budget   int // combinations for each thing; 0: all
	Halving  bool
	Study    bool // one setting for all facets
}

// Tuned is a setting that is tuned, and the values that are tried.
type Tuned struct {
	Key    string // an axis, or an axis and a setting: "optimizer.rate"
	Values []float64
	Range  string // "log-uniform" or "uniform"; "": a list

	axis    Axis
	setting string
}

// MaxExtensions is how often a range is extended whose edge wins.
const MaxExtensions = 2

const (
	firstTuningSeed   = 1_000_001
	defaultTuningSeed = 2 // of them
	keptOf            = 3 // one of this many advances to the next rung
)

// Limits of tuning.
var (
	Tries  = Count{"tries", 2, 1000, nil}
	Budget = Count{"budget", 2, 10_000, nil}
)

var tuneKeys = []string{"seeds", "budget", "halving", "per"}

// withNumber sets a number in a choice: its own, or that of a choice of the same kind in
// it.
func withNumber[T any](c *catalogue.Catalogue[T], choice Choice, name string, value float64) (Choice, bool) {
	set := func(key string, v any) Choice {
		settings := map[string]any{}
		for k, old := range choice.Settings {
			settings[k] = old
		}
		settings[key] = v
		return Choice{Name: choice.Name, Settings: settings}
	}
	inner := c.Settings(choice.Name)
	for _, s := range inner {
		if s.Name != name {
			continue
		}
		switch s.Type {
		case "number":
			return set(name, value), true
		case "integer":
			return set(name, math.Round(value)), true
		}
		return choice, false
	}
	for _, s := range inner {
		if nested, ok := choice.Settings[s.Name].(Choice); ok && s.Type == c.Kind() {
			if nested, has := withNumber(c, nested, name, value); has {
				return set(s.Name, nested), true
			}
		}
	}
	return choice, false
}

// tune reads the key tune.
func (r *reader) tune(m map[string]any, judged []uint64) *Tune {
	path := at(nil, "tune")
	v, given := m["tune"]
	if !given || r.err != nil {
		return nil
	}
	keys, ok := v.(map[string]any)
	if !ok {
		r.fail(path, "tune must be a mapping such as {optimizer.rate: {log-uniform: [1e-4, 1], tries: 6}}")
		return nil
	}
	t := &Tune{Seeds: r.seedList(keys, path, firstTuningSeed, defaultTuningSeed)}
	for i, seed := range t.Seeds {
		if slices.Contains(judged, seed) {
			where := at(path, "seeds")
			if _, listed := keys["seeds"].([]any); listed {
				where = at(where, i)
			}
			r.fail(where, "seed %d is one of the study's seeds: what is chosen by it would be judged by it", seed)
		}
	}
	if v, ok := keys[Budget.Key]; ok {
		t.Budget = r.count(Budget, v, at(path, Budget.Key))
	}
	if v, ok := keys["halving"]; ok {
		if t.Halving, ok = v.(bool); !ok {
			r.fail(at(path, "halving"), "halving must be true or false, not %s", r.shown(v, at(path, "halving")))
		}
	}
	if v, ok := keys["per"]; ok {
		if v != "facet" && v != "study" {
			r.fail(at(path, "per"), "per must be facet or study, not %s", r.shown(v, at(path, "per")))
		}
		t.Study = v == "study"
	}
	for _, a := range Axes { // in the order of the table
		for _, k := range sortedKeys(keys) {
			axis, setting, _ := strings.Cut(k, ".")
			if axis == a.Key {
				t.Settings = append(t.Settings, r.tuned(t, a, setting, k, keys[k], at(path, k)))
			}
		}
	}
	for _, k := range sortedKeys(keys) {
		axis, _, _ := strings.Cut(k, ".")
		if _, known := AxisOf(axis); !known && !slices.Contains(tuneKeys, k) {
			r.failOnKey(at(path, k), "unknown key %q in tune: a setting is written with its axis, as optimizer.rate%s", k, nearest(axis, append(axisKeysToTune(), tuneKeys...)))
		}
	}
	if len(t.Settings) == 0 {
		r.fail(path, "tune names no setting: give one such as optimizer.rate: {log-uniform: [1e-4, 1], tries: 6}")
	}
	return t
}

func axisKeysToTune() (keys []string) {
	for _, a := range Axes {
		if a.tune != nil {
			keys = append(keys, a.Key)
		}
	}
	return keys
}

// tuned reads the values of one setting.
func (r *reader) tuned(t *Tune, a Axis, setting, key string, v any, path []any) Tuned {
	s := Tuned{Key: key, axis: a, setting: setting}
	switch {
	case a.tune == nil:
		r.failOnKey(path, "%s can't be tuned; there %s", a.Key, thereAre(axisKeysToTune()))
		return s
	case a.Label == nil && setting == "":
		r.failOnKey(path, "%s is no number: name one of its settings, as in %s.%s", a.Key, a.Key, map[bool]string{true: "rate", false: "gain"}[a.Key == "optimizer"])
		return s
	case a.Label != nil && setting != "":
		r.failOnKey(path, "%s has no settings", a.Key)
		return s
	case t.Halving && a.Key == Steps.Key:
		r.failOnKey(path, "halving gives up after a part of the steps, which can't be tuned beside it")
		return s
	}
	if list, ok := v.([]any); ok {
		for i, e := range list {
			x, ok := number(e)
			if !ok {
				r.fail(at(path, i), "%s must be a number, not %s", key, r.shown(e, at(path, i)))
				return s
			}
			if slices.Contains(s.Values, x) {
				r.fail(at(path, i), "%v is listed twice", e)
				return s
			}
			s.Values = append(s.Values, x)
		}
		if len(s.Values) < 2 || len(s.Values) > Tries.Most {
			r.fail(path, "%s has %d values to try: give 2 to %d, or set it in the grid", key, len(s.Values), Tries.Most)
		}
		return s
	}
	kinds := []string{"log-uniform", "uniform"}
	m := r.mapping(v, path, key, append(kinds, Tries.Key)...)
	var ends []any
	for _, kind := range kinds {
		if e, ok := m[kind]; ok {
			if s.Range != "" {
				r.fail(path, "%s has two ranges: give log-uniform or uniform", key)
			}
			s.Range = kind
			ends, _ = e.([]any)
		}
	}
	if r.err != nil {
		return s
	}
	var lo, hi float64
	ok := len(ends) == 2
	if ok {
		var ok1, ok2 bool
		lo, ok1 = number(ends[0])
		hi, ok2 = number(ends[1])
		ok = ok1 && ok2 && lo < hi && (lo > 0 || s.Range == "uniform") && !math.IsInf(hi-lo, 0)
	}
	if !ok {
		r.fail(path, "%s needs a list of values or a range: {log-uniform: [LEAST, MOST], tries: N} of positive numbers, or uniform", key)
		return s
	}
	n := t.Budget
	if e, given := m[Tries.Key]; given {
		n = r.count(Tries, e, at(path, Tries.Key))
	}
	if n == 0 {
		r.fail(path, "%s has a range, but neither tries nor the budget says how many values of it to try", key)
		return s
	}
	s.Values = between(lo, hi, min(n, Tries.Most), s.Range == "log-uniform")
	return s
}

// between divides a range at n values, the ends included, of three digits where that tells
// them apart.
func between(lo, hi float64, n int, log bool) []float64 {
	values := make([]float64, n)
	for i := range values {
		f := float64(i) / float64(n-1)
		if log {
			values[i] = math.Exp(math.Log(lo) + f*(math.Log(hi)-math.Log(lo)))
		} else {
			values[i] = lo + f*(hi-lo)
		}
	}
	round := slices.Clone(values)
	for i := range round {
		round[i] = threeDigits(values[i])
	}
	for _, v := range [][]float64{round, values} {
		v[0], v[n-1] = lo, hi
	}
	for i := 1; i < n; i++ {
		if !(round[i] > round[i-1]) {
			return values
		}
	}
	return round
}

// threeDigits makes a number that is written briefly, and the same on all processors.
func threeDigits(x float64) float64 {
	v, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 3, 64), 64)
	return v
}

// combinations returns those that are tried of the settings that a thing has, the values in
// the order of t.Settings, NaN where it has none.
func (t *Tune) combinations(has []bool) [][]float64 {
	all := 1
	for k, s := range t.Settings {
		if has[k] && all <= MaxRuns {
			all *= len(s.Values)
		}
	}
	// nth is a combination of all, the last setting changing fastest.
	nth := func(i int) []float64 {
		c := make([]float64, len(t.Settings))
		for k := len(c) - 1; k >= 0; k-- {
			c[k] = math.NaN()
			if has[k] {
				n := len(t.Settings[k].Values)
				c[k] = t.Settings[k].Values[i%n]
				i /= n
			}
		}
		return c
	}
	var list [][]float64
	if t.Budget == 0 || t.Budget >= all {
		for i := range all {
			list = append(list, nth(i))
		}
		return list
	}
	add := func(c []float64) {
		if !slices.ContainsFunc(list, func(d []float64) bool { return equal(c, d) }) {
			list = append(list, c)
		}
	}
	first := true
	levels := make([][]int, len(t.Settings))
	for k, s := range t.Settings {
		if !has[k] {
			continue
		}
		levels[k] = make([]int, t.Budget)
		for i := range levels[k] {
			levels[k][i] = i * len(s.Values) / t.Budget
		}
		if !first { // things that share settings share their order
			h := fnv.New64a()
			h.Write([]byte(s.Key))
			rng := rand.New(rand.NewPCG(h.Sum64(), uint64(t.Budget)))
			for i := t.Budget - 1; i > 0; i-- {
				j := rng.IntN(i + 1)
				levels[k][i], levels[k][j] = levels[k][j], levels[k][i]
			}
		} else if n := len(s.Values); n > 1 { // the ends of a range included
			for i := range levels[k] {
				levels[k][i] = min(n-1, i*n/max(1, t.Budget-1))
			}
		}
		first = false
	}
	for i := range t.Budget {
		c := make([]float64, len(t.Settings))
		for k, s := range t.Settings {
			c[k] = math.NaN()
			if has[k] {
				c[k] = s.Values[levels[k][i]]
			}
		}
		add(c)
	}
	for i := 0; len(list) < t.Budget; i++ { // instead of those drawn twice
		add(nth(i))
	}
	return list
}

// equal reports whether two combinations are one.
func equal(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return x == y || math.IsNaN(x) && math.IsNaN(y) })
}

// set returns a configuration with a combination of settings.
func (t *Tune) set(p *parts, c Config, values []float64) (Config, error) {
	for k, s := range t.Settings {
		if math.IsNaN(values[k]) {
			continue
		}
		if _, err := s.axis.tune(p, &c, s.setting, values[k]); err != nil {
			return c, err
		}
	}
	c.Evaluate = min(c.Evaluate, c.Steps)
	return c, nil
}

// has tells which settings a configuration has.
func (t *Tune) has(p *parts, c Config) []bool {
	has := make([]bool, len(t.Settings))
	for k, s := range t.Settings {
		has[k], _ = s.axis.tune(p, &c, s.setting, s.Values[0])
	}
	return has
}

// rung is a round of successive halving.
type rung struct{ settings, steps int }

// rungs returns those for this many settings and steps.
func (t *Tune) rungs(settings, steps int) []rung {
	var list []rung
	part, share := 1, 1
	for t.Halving && part*keptOf <= settings && steps/(part*keptOf) >= 1 {
		part *= keptOf
	}
	for ; part >= 1; part /= keptOf {
		list = append(list, rung{(settings + share - 1) / share, steps / part})
		share *= keptOf
	}
	return list
}

// checkTune finds what can't be tuned before anything runs. m is the study.
func (r *reader) checkTune(s *Spec, m map[string]any, points []point) {
	t, path := s.Tune, at(nil, "tune")
	if t == nil || r.err != nil {
		return
	}
	// What is tuned is not given elsewhere.
	var grids [][]any
	grids = append(grids, at(nil, "grid"))
	if cases, ok := m["cases"].([]any); ok {
		for i := range cases {
			grids = append(grids, at(nil, "cases", i))
		}
	}
	if variants, ok := m["variants"].(map[string]any); ok {
		for _, name := range sortedKeys(variants) {
			grids = append(grids, at(nil, "variants", name))
		}
	}
	for _, where := range grids {
		grid, _ := valueAt(m, where).(map[string]any)
		for _, s := range t.Settings {
			r.checkNotGiven(s, grid[s.axis.Key], at(where, s.axis.Key))
		}
	}
	checked := map[string]bool{}
	for _, p := range points {
		if r.recorded || r.err != nil || checked[p.Task.String()] {
			continue
		}
		checked[p.Task.String()] = true
		task, err := r.task(p.Task)
		if err != nil {
			r.fail(path, "%v", err)
			return
		}
		if _, folds := task.(tasks.Folded); folds {
			r.fail(path, "%v has folds: what is chosen on the validation part of one would be judged on the same rows in another; leave folds or tune out", p.Task)
		} else if tasks.Monitored(task) {
			r.fail(path, "%v has no validation part to choose settings on: give it one, or leave tune out", p.Task)
		}
	}
	if r.err != nil {
		return
	}
	// Each has to be somebody's, and possible with each value.
	own := make([]bool, len(t.Settings))
	seen := map[string]string{}
	var tried []point
	for i, p := range points {
		if i%100 == 0 && r.stopped() {
			return
		}
		has := t.has(r.parts, p.Config)
		first := make([]float64, len(t.Settings))
		for k, s := range t.Settings {
			first[k] = math.NaN()
			if !has[k] {
				continue
			}
			first[k], own[k] = s.Values[0], true
			for i, v := range s.Values {
				q := point{p.Config, slices.Clone(p.paths), p.variant, p.origin}
				if _, err := s.axis.tune(r.parts, &q.Config, s.setting, v); err != nil {
					where := at(path, s.Key)
					if s.Range == "" {
						where = at(where, i)
					}
					r.fail(where, "%v", err)
					return
				}
				q.Evaluate = min(q.Evaluate, q.Steps)
				if s.axis.Label != nil { // sizes
					for j := range q.paths {
						if Axes[j].Key == s.axis.Key {
							q.paths[j] = at(path, s.Key)
						}
					}
					tried = append(tried, q)
				}
			}
		}
		same, err := t.set(r.parts, p.Config, first)
		if err != nil {
			r.fail(path, "%v", err)
			return
		}
		same.Seed = 0
		if before, twice := seen[same.Hash()]; twice && before != p.Setup().Hash() {
			r.fail(path, "two runs of the study differ in what is tuned alone: leave it out of the grid")
			return
		}
		seen[same.Hash()] = p.Setup().Hash()
	}
	for k, s := range t.Settings {
		if !own[k] {
			r.failOnKey(at(path, s.Key), "no %s of the study has a setting %q that is a number", s.axis.Key, s.setting)
			return
		}
	}
	if plan := s.Resolve(nothing); plan.Planned > MaxRuns {
		r.fail(path, "with its tuning the study has %d runs; the limit is %d", plan.Planned, MaxRuns)
		return
	}
	if !r.recorded {
		r.check(tried, path)
	}
}

// checkNotGiven refuses a value in the grid of what is tuned.
func (r *reader) checkNotGiven(s Tuned, v any, path []any) {
	if v == nil {
		return
	}
	if s.setting == "" {
		r.failOnKey(path, "%s is tuned: leave it out here", s.Key)
		return
	}
	for where, e := range items(v, path) {
		choice, err := catalogue.Read(e)
		if err != nil {
			continue // a formula
		}
		if _, given := choice.Settings[s.setting]; given {
			if _, mapping := e.(map[string]any); mapping {
				where = at(where, s.setting)
			}
			r.fail(where, "%s is tuned: leave it out here", s.Key)
		}
	}
}

// valueAt returns what stands at a path.
func valueAt(v any, path []any) any {
	for _, k := range path {
		switch k := k.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[k]
		case int:
			list, _ := v.([]any)
			v = list[k]
		}
	}
	return v
}
