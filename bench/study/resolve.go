package study

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/gradflow/gradflow/models/train"
)

// nothing finds no record.
func nothing(Config) *record.Record { return nil }

// Resolve returns what follows from the runs that are recorded, as find returns them: the
// runs that choose settings, as far as they are known, and those with the settings chosen.
// It depends on nothing else. Of a study without tuning, the runs are those of the grid.
func (s *Spec) Resolve(find func(Config) *record.Record) *record.Tuning {
	result := &record.Tuning{Complete: true, Chosen: []record.Chosen{}, Warnings: []string{}, Planned: len(s.Configs)}
	if s.Tune == nil {
		result.Final = s.Configs
		for _, c := range s.Configs {
			result.PlannedUpdates += c.Steps
		}
		return result
	}
	r := &resolution{Spec: s, find: find, result: result, seen: map[string]bool{}}
	chosen := map[string][]float64{} // by setup
	tried := map[string]int{}
	for _, group := range r.groups() {
		complete := r.tuneGroup(group)
		result.Complete = result.Complete && complete
		if !complete {
			continue
		}
		for _, u := range group {
			for _, c := range u.setups {
				chosen[c.Hash()], tried[c.Hash()] = u.candidates[u.best], len(u.candidates)
			}
			result.Chosen = append(result.Chosen, r.chosen(u))
		}
	}
	for _, c := range s.Configs {
		setup := c.Setup().Hash()
		values, ok := chosen[setup]
		if !ok {
			result.PlannedUpdates += c.Steps
			continue
		}
		final, err := s.Tune.set(s.catalogues(), c, values)
		if err != nil { // it has been tried
			continue
		}
		result.PlannedUpdates += final.Steps
		result.Add(final, c, tried[setup])
	}
	result.Method = r.method()
	r.warn()
	return result
}

// resolution works out what follows from the records.
type resolution struct {
	*Spec
	find   func(Config) *record.Record
	result *record.Tuning
	seen   map[string]bool // hashes of the runs
	notes  []note
}

// unit is one of the things compared, in one facet or in all: what a setting is chosen for.
type unit struct {
	thing, facet string
	setups       []Config // one in each facet
	has          []bool   // of the tuned settings
	candidates   [][]float64
	extended     int

	finalists []int // candidates that were trained to the end
	outcomes  map[int]outcome
	best      int
}

// outcome is what came of a candidate.
type outcome struct {
	costs  []float64 // by setup: means over the seeds, the lower the better
	losses float64   // mean
	loss   bool      // the costs are losses, and not accuracies times -1
}

// note is something to warn of, in a facet.
type note struct{ what, facet string }

// groups returns the units by facet: each is given equally many settings.
func (r *resolution) groups() (groups [][]*unit) {
	var setups []Config
	seen := map[string]bool{}
	for _, c := range r.Configs {
		if setup := c.Setup(); !seen[setup.Hash()] {
			seen[setup.Hash()] = true
			setups = append(setups, setup)
		}
	}
	by := r.Comparison.By
	if len(by) == 0 {
		by = []string{Compared(setups)}
	}
	var compared []Axis
	for _, key := range by {
		if a, known := AxisOf(key); known {
			compared = append(compared, a)
		}
	}
	things, facets, _ := Things(setups, compared, nil)
	place := map[string]int{}
	for i, c := range setups {
		thing, facet := things[i], facets[i]
		if len(r.Comparison.Variants) > 0 {
			thing = r.Comparison.Variant[c.Hash()]
		}
		if r.Tune.Study {
			facet = ""
		}
		g, known := place[facet]
		if !known {
			g = len(groups)
			place[facet] = g
			groups = append(groups, nil)
		}
		var u *unit
		if at := slices.IndexFunc(groups[g], func(u *unit) bool { return u.thing == thing }); at >= 0 {
			u = groups[g][at]
		} else {
			u = &unit{thing: thing, facet: facet, has: make([]bool, len(r.Tune.Settings)), outcomes: map[int]outcome{}}
			groups[g] = append(groups[g], u)
		}
		u.setups = append(u.setups, c)
		for k, has := range r.Tune.has(r.catalogues(), c) {
			u.has[k] = u.has[k] || has
		}
	}
	for _, group := range groups {
		for _, u := range group {
			u.candidates = r.Tune.combinations(u.has)
		}
	}
	return groups
}

// tuneGroup chooses for the units of a facet. It reports whether all runs that it takes are
// there.
func (r *resolution) tuneGroup(group []*unit) bool {
	complete := true
	for _, u := range group {
		complete = r.climb(u) && complete
	}
	if !complete {
		return false
	}
	for round := 0; ; round++ {
		atEdge := false
		for _, u := range group {
			u.best = u.order(u.finalists, u.outcomes)[0]
			if round < MaxExtensions {
				atEdge = r.beyond(u) != nil || atEdge
			}
		}
		if !atEdge {
			break
		}
		for _, u := range group {
			next := r.beyond(u)
			if next == nil {
				next = r.within(u)
			}
			if next == nil {
				continue
			}
			i := len(u.candidates)
			u.candidates = append(u.candidates, next)
			u.finalists = append(u.finalists, i)
			u.extended++
			o, known := r.try(u, i, 0)
			u.outcomes[i] = o
			complete = complete && known
		}
		if !complete {
			return false
		}
	}
	return true
}

// climb goes through the rungs of a unit.
func (r *resolution) climb(u *unit) bool {
	alive := make([]int, len(u.candidates))
	for i := range alive {
		alive[i] = i
	}
	if len(alive) == 1 { // there is nothing to choose
		u.finalists = alive
		u.outcomes[0] = outcome{}
		return true
	}
	rungs := r.Tune.rungs(len(alive), u.setups[0].Steps)
	for i, rung := range rungs {
		alive = alive[:rung.settings]
		steps := rung.steps
		if i == len(rungs)-1 {
			steps = 0
		}
		outcomes := map[int]outcome{}
		complete := true
		for _, c := range alive {
			o, known := r.try(u, c, steps)
			outcomes[c] = o
			complete = complete && known
		}
		if !complete {
			for _, later := range rungs[i+1:] {
				n := later.settings * len(u.setups) * len(r.Tune.Seeds)
				r.result.Planned += n
				r.result.PlannedUpdates += n * later.steps
			}
			return false
		}
		alive = u.order(alive, outcomes)
		u.outcomes = outcomes
	}
	u.finalists = alive
	return true
}

// try returns what came of a candidate after this many steps, 0 for all, and whether all its
// runs are there.
func (r *resolution) try(u *unit, candidate, steps int) (o outcome, known bool) {
	known = true
	for _, c := range u.setups {
		c, err := r.Tune.set(r.catalogues(), c, u.candidates[candidate])
		if err != nil { // it has been tried
			return o, false
		}
		c.Probe, c.Quantities = 0, nil
		if steps > 0 {
			c.Steps, c.Evaluate = steps, min(c.Evaluate, steps)
		}
		var cost, loss float64
		for _, c.Seed = range r.Tune.Seeds {
			record := r.run(c)
			if record == nil {
				known = false
				continue
			}
			x, l, isLoss := costOf(record)
			cost += x / float64(len(r.Tune.Seeds))
			loss += l / float64(len(r.Tune.Seeds))
			o.loss = o.loss || isLoss
		}
		o.costs = append(o.costs, cost)
		o.losses += loss / float64(len(u.setups))
	}
	return o, known
}

// run returns the record of a run that chooses.
func (r *resolution) run(c Config) *record.Record {
	found := r.find(c)
	if hash := c.Hash(); !r.seen[hash] {
		r.seen[hash] = true
		r.result.Runs = append(r.result.Runs, c)
		r.result.Planned++
		r.result.PlannedUpdates += c.Steps
		if found != nil {
			r.result.Cost.Runs++
			r.result.Cost.Updates += found.Summary.Steps
			r.result.Cost.Seconds += found.Timing.Seconds
		}
	}
	return found
}

// costOf returns a run's score on the validation part at its end, so that the lower is the
// better, and its loss there. Nothing is worse than to diverge.
func costOf(r *record.Record) (cost, loss float64, isLoss bool) {
	last := r.Summary.Final
	isLoss = last.ValidationAccuracy.IsNaN()
	if len(r.Metrics) > 0 {
		isLoss = r.Metrics[0].ValidationAccuracy.IsNaN()
	}
	cost, loss = -float64(last.ValidationAccuracy), float64(last.ValidationLoss)
	if isLoss {
		cost = loss
	}
	if r.Summary.Status != train.Done || math.IsNaN(cost) {
		cost = math.Inf(1)
	}
	if r.Summary.Status != train.Done || math.IsNaN(loss) {
		loss = math.Inf(1)
	}
	return cost, loss, isLoss
}

// order sorts candidates, the best first: by the mean of their ranks over the facets, by
// their losses, and by when they came.
func (u *unit) order(candidates []int, outcomes map[int]outcome) []int {
	ranks := map[int]float64{}
	for f := range u.setups {
		for _, a := range candidates {
			for _, b := range candidates {
				if x := outcomes[a].costs; len(x) == 0 {
					continue
				}
				switch cmp.Compare(outcomes[a].costs[f], outcomes[b].costs[f]) {
				case 1:
					ranks[a]++
				case 0:
					ranks[a] += 0.5
				}
			}
		}
	}
	sorted := slices.Clone(candidates)
	slices.SortFunc(sorted, func(a, b int) int {
		return cmp.Or(cmp.Compare(ranks[a], ranks[b]), cmp.Compare(outcomes[a].losses, outcomes[b].losses), cmp.Compare(a, b))
	})
	return sorted
}

// cost is the mean over the facets.
func (o outcome) cost() float64 {
	sum := 0.
	for _, c := range o.costs {
		sum += c / float64(len(o.costs))
	}
	return sum
}

// tried returns the values of a setting that were tried, ascending.
func (u *unit) tried(k int) (values []float64) {
	for _, c := range u.candidates {
		if !slices.Contains(values, c[k]) {
			values = append(values, c[k])
		}
	}
	slices.Sort(values)
	return values
}

// edge reports whether the best value of a setting is the least (-1) or the greatest (1) that
// was tried, and better than all others: 0 if not.
func (u *unit) edge(k int) int {
	if !u.has[k] {
		return 0
	}
	values, best := u.tried(k), u.candidates[u.best][k]
	if len(values) < 2 {
		return 0
	}
	for _, f := range u.finalists {
		if u.candidates[f][k] != best && u.outcomes[f].cost() <= u.outcomes[u.best].cost() {
			return 0
		}
	}
	switch best {
	case values[0]:
		return -1
	case values[len(values)-1]:
		return 1
	}
	return 0
}

// with returns the best combination with another value of a setting; nil if that can't be,
// or was tried.
func (r *resolution) with(u *unit, k int, value float64) []float64 {
	c := slices.Clone(u.candidates[u.best])
	c[k] = value
	if math.IsInf(value, 0) || slices.ContainsFunc(u.candidates, func(d []float64) bool { return equal(c, d) }) {
		return nil
	}
	tried := map[string]bool{}
	for _, d := range u.candidates {
		if same, err := r.Tune.set(r.catalogues(), u.setups[0], d); err == nil {
			tried[same.Hash()] = true
		}
	}
	for _, s := range u.setups {
		set, err := r.Tune.set(r.catalogues(), s, c)
		if err != nil || tried[set.Hash()] { // whole numbers are rounded
			return nil
		}
	}
	return c
}

// beyond returns a combination beyond the edge of a range that won; nil if none did, or
// there is nothing beyond.
func (r *resolution) beyond(u *unit) []float64 {
	for k, s := range r.Tune.Settings {
		side := u.edge(k)
		if s.Range == "" || side == 0 {
			continue
		}
		values := u.tried(k)
		end, next := values[0], values[1]
		if side > 0 {
			end, next = values[len(values)-1], values[len(values)-2]
		}
		value := end + (end - next)
		if s.Range == "log-uniform" {
			value = end * (end / next)
		}
		if c := r.with(u, k, threeDigits(value)); c != nil {
			return c
		}
	}
	return nil
}

// within returns a combination between the best and the better of its neighbours; nil if
// there is none.
func (r *resolution) within(u *unit) []float64 {
	for k, s := range r.Tune.Settings {
		if s.Range == "" || !u.has[k] {
			continue
		}
		values := u.tried(k)
		at := slices.Index(values, u.candidates[u.best][k])
		var sides []float64
		for _, i := range []int{at - 1, at + 1} {
			if i >= 0 && i < len(values) {
				sides = append(sides, values[i])
			}
		}
		// What was given up before the end is the worse side.
		slices.SortStableFunc(sides, func(a, b float64) int { return cmp.Compare(u.costAt(k, a), u.costAt(k, b)) })
		for _, side := range sides {
			value := (values[at] + side) / 2
			if s.Range == "log-uniform" {
				value = math.Sqrt(values[at]) * math.Sqrt(side)
			}
			if c := r.with(u, k, threeDigits(value)); c != nil {
				return c
			}
		}
	}
	return nil
}

// costAt is the least cost with a value of a setting.
func (u *unit) costAt(k int, value float64) float64 {
	least := math.Inf(1)
	for _, f := range u.finalists {
		if u.candidates[f][k] == value {
			least = min(least, u.outcomes[f].cost())
		}
	}
	return least
}

// chosen describes what was chosen for a unit.
func (r *resolution) chosen(u *unit) record.Chosen {
	best := u.outcomes[u.best]
	c := record.Chosen{Thing: u.thing, Facet: u.facet, Settings: map[string]float64{}, Tried: len(u.candidates), Extended: u.extended, Score: record.Number(math.NaN())}
	if len(best.costs) > 0 {
		if c.Score = record.Number(0 - best.cost()); best.loss {
			c.Score = record.Number(best.cost())
		}
	}
	same := true
	for _, f := range u.finalists {
		same = same && u.outcomes[f].cost() == best.cost()
	}
	for k, s := range r.Tune.Settings {
		if !u.has[k] {
			c.Lacks = append(c.Lacks, s.Key)
			r.notes = append(r.notes, note{fmt.Sprintf("%s has no %s, which is tuned for others", u.thing, s.Key), u.facet})
			continue
		}
		value := u.candidates[u.best][k]
		c.Settings[s.Key] = value
		if worse, known := u.worse(k); known {
			if c.Sensitivity == nil {
				c.Sensitivity = map[string]record.Number{}
			}
			c.Sensitivity[s.Key] = record.Number(worse)
		}
		if u.edge(k) != 0 {
			// An end that can't be passed, such as a momentum of 0, is a choice like others.
			values := u.tried(k)
			if s.Range == "" || r.beyond(u) != nil {
				c.AtEdge = append(c.AtEdge, s.Key)
				r.notes = append(r.notes, note{fmt.Sprintf("the best %s of %s is at the edge of the range that was tried, %g to %g: give a wider one", s.Key, u.thing, values[0], values[len(values)-1]), u.facet})
			}
		}
	}
	if same && len(u.finalists) > 1 {
		what := "all have one score"
		if math.IsInf(best.cost(), 1) {
			what = "all runs diverged"
		}
		r.notes = append(r.notes, note{fmt.Sprintf("no setting of %s is better than another: %s", u.thing, what), u.facet})
	}
	return c
}

// worse is by how much the cost rises at a third or three times the value of a setting, the
// worse of both, on straight lines between values tried beside the best ones of the others.
func (u *unit) worse(k int) (rise float64, known bool) {
	type point struct{ x, cost float64 }
	var points []point
	best := u.candidates[u.best]
	for _, f := range u.finalists {
		c := slices.Clone(u.candidates[f])
		x := c[k]
		c[k] = best[k]
		if x > 0 && equal(c, best) {
			points = append(points, point{math.Log(x), u.outcomes[f].cost()})
		}
	}
	slices.SortFunc(points, func(a, b point) int { return cmp.Compare(a.x, b.x) })
	for _, side := range []float64{-math.Log(3), math.Log(3)} {
		at := math.Log(best[k]) + side
		for _, p := range points {
			if math.Abs(p.x-at) < 1e-9 { // rounded
				at = p.x
			}
		}
		for i := 1; i < len(points); i++ {
			a, b := points[i-1], points[i]
			if !(a.x <= at && at <= b.x) {
				continue
			}
			f := (at - a.x) / (b.x - a.x)
			cost := (1-f)*a.cost + f*b.cost
			switch {
			case f == 0:
				cost = a.cost
			case f == 1:
				cost = b.cost
			case math.IsInf(a.cost, 1) || math.IsInf(b.cost, 1):
				cost = math.Inf(1)
			}
			rise, known = max(rise, cost-u.outcomes[u.best].cost()), true
			break
		}
	}
	return rise, known
}

// method says what was chosen on what.
func (r *resolution) method() string {
	least, most := math.MaxInt, 0
	for _, c := range r.result.Chosen {
		least, most = min(least, c.Tried), max(most, c.Tried)
	}
	var keys []string
	for _, s := range r.Tune.Settings {
		keys = append(keys, s.Key)
	}
	tried := "settings"
	switch {
	case most == 0:
	case least == most:
		tried = texttab.Count(most, "setting")
	default:
		tried = fmt.Sprintf("%d to %d settings", least, most)
	}
	per := "in each facet"
	if r.Tune.Study {
		per = "for all facets"
	}
	return fmt.Sprintf("%s chosen %s from %s, on the validation part by %s of their own",
		strings.Join(keys, " and "), per, tried, texttab.Count(len(r.Tune.Seeds), "seed"))
}

// warn adds the warnings, those of a kind together.
func (r *resolution) warn() {
	const shown = 3
	var order []string
	facets := map[string][]string{}
	for _, n := range r.notes {
		if _, known := facets[n.what]; !known {
			order = append(order, n.what)
		}
		facets[n.what] = append(facets[n.what], n.facet)
	}
	for _, what := range order {
		in := facets[what]
		where := ""
		if in[0] != "" {
			where = " (" + strings.Join(in[:min(len(in), shown)], "; ")
			if n := len(in) - shown; n > 0 {
				where += fmt.Sprintf("; and %d more", n)
			}
			where += ")"
		}
		r.result.Warnings = append(r.result.Warnings, what+where)
	}
}

// Choose does the runs that choose a study's settings, on all cores, and records none: for
// benchmarks. The error is that of a run, or of ctx.
func (s *Spec) Choose(ctx context.Context) (*record.Tuning, error) {
	var mu sync.Mutex
	records := map[string]*record.Record{}
	for {
		tuning := s.Resolve(func(c Config) *record.Record { return records[c.Hash()] })
		if tuning.Complete {
			return tuning, nil
		}
		var wg sync.WaitGroup
		var failed error
		free := make(chan struct{}, runtime.GOMAXPROCS(0))
		var missing []Config
		for _, c := range tuning.Runs {
			if records[c.Hash()] == nil {
				missing = append(missing, c)
			}
		}
		for _, c := range missing {
			free <- struct{}{}
			wg.Go(func() {
				defer func() { <-free }()
				r, err := s.Execute(ctx, c, nil)
				if err == nil && r == nil {
					err = context.Cause(ctx)
				}
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					failed = err
					return
				}
				r.Layers, r.Learned = nil, nil
				records[c.Hash()] = r
			})
		}
		wg.Wait()
		if failed != nil {
			return nil, failed
		}
	}
}
