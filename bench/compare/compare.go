package compare

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/stats"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/gradflow/gradflow/models/train"
	"github.com/pkg/errors"
)

// Number is a number that is null in JSON if it is infinite or not known.
type Number = record.Number

// Options say what is compared.
type Options struct {
	// By has the keys of the axes whose values are compared, together; nil: the optimizer if
	// it varies, else the first axis that does.
	By []string
	// Name names the thing that a run is of, instead of By's values: a study's variants. A
	// run of no thing is left out. The axes of By are then no facets.
	Name func(record.Config) (thing string, ok bool)
	// Shared are axes of By that make facets all the same, by the values that Origin gives a
	// run: those of a grid that variants use.
	Shared []string
	Origin func(record.Config) record.Config
	// Nuisance has the keys of axes that make neither things nor facets, such as those that
	// were tuned.
	Nuisance []string
	// Baseline is the label of the thing that the others are compared with; "": the first.
	Baseline string
	// Where leaves out what it does not hold of; nil: nothing.
	Where func(record.Config) bool
	// Planned are the configurations of the study, which labels are to tell apart even if
	// not all are recorded yet.
	Planned []record.Config
	// Tried is how many settings were tried for each thing before these runs, by its label,
	// where that is known.
	Tried map[string]int
	// Plain returns what a run's configuration was before its settings were chosen, which
	// things and facets are named by, and of how many they were chosen; nil: none were.
	Plain func(record.Config) (plain record.Config, tried int)
	// Chosen says what settings were chosen on what; "": none were.
	Chosen string
}

// plain is what things and facets are named by.
func (o *Options) plain(c record.Config) record.Config {
	if o.Plain != nil {
		c, _ = o.Plain(c)
	}
	return c
}

// Comparison is what was found. The tags are the keys of its JSON.
type Comparison struct {
	By       []string `json:"by"`               // the axes that are compared
	What     string   `json:"what"`             // what they are called: "initializer", or "variant"
	Score    string   `json:"score"`            // "accuracy" or "loss"
	Part     string   `json:"part"`             // of the data: "test" or "validation"
	Chosen   string   `json:"chosen,omitempty"` // what settings were chosen on what
	Baseline string   `json:"baseline"`         // a thing's label
	Answer   string   `json:"answer"`           // the sentence that the tests allow
	// Interactions say where a thing that is shown to differ does and where it doesn't.
	Interactions []string `json:"interactions"`
	Facets       []Facet  `json:"facets"`
	Things       []Thing  `json:"things"` // best first, by their mean ranks
	// Shares says by what the scores differ; nil if it can't be told.
	Shares   *Shares  `json:"shares_of_variance,omitempty"`
	Seeds    int      `json:"seeds"` // of a cell: the most
	Pairs    int      `json:"pairs"` // of a pooled test: the most
	Warnings []string `json:"warnings"`
	// Detectable is the smallest shift, in standard deviations of paired differences, that
	// a pooled test shows with probability 0.8; null if it can show none.
	Detectable Number `json:"detectable"`
	// Friedman is P of the test that all things are alike, over facets and seeds that all
	// have; CriticalDifference is Nemenyi's, of mean ranks. null with fewer than 2 of either.
	Friedman           Number   `json:"friedman_p"`
	CriticalDifference Number   `json:"critical_difference"`
	Cliques            [][]int  `json:"cliques"` // of things, not shown to differ by it
	Test               string   `json:"test"`    // of each thing's scores against the baseline's
	axes               []string // of the facets
	design             stats.Design
	single             bool // the seeds are enough to test single facets
}

// Facet is one combination of the axes that are not compared.
type Facet struct {
	Label  string            `json:"label"` // "" if there is but one
	Values map[string]string `json:"values"`
	Config record.Config     `json:"config"` // of one of its runs
	Target Number            `json:"target"`
	// Chance is the score that guessing reaches at the very best: see ByChance; null if not
	// known.
	Chance Number `json:"chance"`
}

// Thing is what is compared.
type Thing struct {
	Label string `json:"label"`
	Cells []Cell `json:"cells"` // by facet
	// MeanRank is its rank among the things, 1 the best, as the mean over facets and seeds.
	MeanRank Number `json:"mean_rank"`
	Runs     int    `json:"runs"`
	Diverged int    `json:"diverged"`
	Tried    int    `json:"tried,omitempty"` // settings, in tuning
	// P is of the pooled test against the baseline, after Holm's correction. Verdict is
	// "better", "worse", "not shown", "at chance" if both are wherever they meet, "by facet" if
	// no difference is shown over the facets as a whole, but one of either sign in single ones,
	// or "" of the baseline.
	P       Number `json:"p"`
	Verdict string `json:"verdict,omitempty"`
	// CrossingP is of the test that also sees gains in some facets and losses in others, after
	// Holm's correction: a family of its own, at the level stats.CrossingAlpha. null with one
	// facet, or if the seeds are too few to test single facets.
	CrossingP Number `json:"crossing_p"`
	// StepsP and StepsVerdict are those of the steps to the target, a family of its own.
	StepsP       Number `json:"steps_p"`
	StepsVerdict string `json:"steps_verdict,omitempty"`
	// AlgoPerf is the score of its performance profile of steps to the target.
	AlgoPerf Number `json:"algoperf"`
}

// Cell is a thing in a facet.
type Cell struct {
	Runs     int      `json:"runs"`
	Diverged int      `json:"diverged"`
	Reached  int      `json:"reached"` // runs that reached the target
	Seeds    []uint64 `json:"seeds"`
	Scores   []Number `json:"scores"` // by seed; of a diverged run 0, or null of a loss
	Score    Estimate `json:"score"`
	Steps    Estimate `json:"steps_to_target"` // null beyond the budget
	// Effect is the paired difference of the scores from the baseline's.
	Effect Estimate `json:"effect"`
	Won    int      `json:"won"`  // pairs
	Lost   int      `json:"lost"` // pairs
	// P and Verdict are of the facet alone, if the thing passed its pooled test and the seeds
	// are enough to show anything; after Holm's correction over the facets.
	P       Number `json:"p"`
	Verdict string `json:"verdict,omitempty"`
	// AtChance says that the median is no better than guessing.
	AtChance bool `json:"at_chance,omitempty"`

	steps   []float64
	records []*record.Record
	chance  Number // of the facet
	higher  bool   // scores are better
}

// Estimate is a median, or a shift, with its interval.
type Estimate struct {
	Median     Number `json:"median"`
	Lo         Number `json:"lo"`
	Hi         Number `json:"hi"`
	Confidence Number `json:"confidence"`
}

// Shares are of the variance of the scores.
type Shares struct {
	Compared     Number            `json:"compared"` // by the thing
	Axes         map[string]Number `json:"axes"`     // by each facet's axis
	Interactions Number            `json:"interactions"`
	Seeds        Number            `json:"seeds"`
}

// Records returns the runs of a cell, by seed.
func (cell *Cell) Records() []*record.Record { return cell.records }

// Higher reports whether a higher score is better.
func (c *Comparison) Higher() bool { return c.Score == "accuracy" }

// Study compares the runs of a recorded study as its file says.
func Study(results *record.Results) (*Comparison, error) { return Runs(results.Records, Of(results)) }

// Of returns what a recorded study compares.
func Of(results *record.Results) Options {
	if results.Spec == nil {
		return Options{}
	}
	c := results.Spec.Comparison
	o := Options{By: c.By, Baseline: c.Baseline, Planned: results.Spec.Configs}
	if results.Tuning != nil {
		o.Plain, o.Chosen = results.Tuning.Plain, results.Tuning.Method
	}
	if len(c.Shared) > 0 {
		o.Shared = c.Shared
		o.Origin = func(config record.Config) record.Config {
			origin, ok := c.Origin[config.Setup().Hash()]
			if !ok {
				return config
			}
			origin.Seed = config.Seed
			return origin
		}
	}
	if len(c.Variants) > 0 {
		o.Name = func(config record.Config) (string, bool) {
			name, ok := c.Variant[config.Setup().Hash()]
			return name, ok
		}
	}
	return o
}

// Runs compares runs. It is an error if there are none, or if an axis is not known.
func Runs(records []*record.Record, o Options) (*Comparison, error) {
	var kept []*record.Record
	for _, r := range records {
		if o.Where == nil || o.Where(r.Config) {
			kept = append(kept, r)
		}
	}
	if len(kept) == 0 {
		return nil, errors.Errorf("compare: none of %s is left to compare", texttab.Count(len(records), "run"))
	}
	g, err := group(kept, o)
	if err != nil {
		return nil, err
	}
	what := strings.Join(g.by, ", ")
	if o.Name != nil {
		what = "variant"
	}
	c := &Comparison{By: g.by, What: what, Score: scoreOf(g.records), Chosen: o.Chosen, axes: g.facetAxes, Interactions: []string{}, Warnings: []string{}, Cliques: [][]int{}}
	c.Part = c.partOf(g.records)
	c.fill(g)
	for i := range c.Things {
		c.Things[i].Tried = o.Tried[c.Things[i].Label]
		for _, cell := range c.Things[i].Cells {
			for _, r := range cell.records {
				if o.Plain != nil {
					_, tried := o.Plain(r.Config)
					c.Things[i].Tried = max(c.Things[i].Tried, tried)
				}
			}
		}
	}
	if err := c.base(o.Baseline); err != nil {
		return nil, err
	}
	c.conclude()
	if g.aside > 0 {
		c.Warnings = append(c.Warnings, fmt.Sprintf("%s left out of the comparison, where only one of the things compared was run", areRuns(g.aside)))
	}
	return c, nil
}

// conclude makes what follows from the cells.
func (c *Comparison) conclude() {
	c.rank()
	c.test()
	c.share()
	c.warn()
	c.Interactions = append(c.Interactions, c.interactions()...)
	c.Answer = c.answer()
}

// grouped are runs by thing and facet, in the order in which they come.
type grouped struct {
	by, facetAxes []string
	things        []string
	facets        []Facet
	cells         map[[2]int][]*record.Record
	records       []*record.Record
	aside         int // runs that stand alone in their facets
}

func group(records []*record.Record, o Options) (*grouped, error) {
	by := o.By
	var configs []record.Config
	for _, r := range records {
		configs = append(configs, o.plain(r.Config))
	}
	for _, c := range o.Planned {
		if o.Where == nil || o.Where(c) {
			configs = append(configs, o.plain(c))
		}
	}
	if len(by) == 0 && o.Name == nil {
		if d := study.Compared(configs); d != "" {
			by = []string{d}
		}
	}
	origins := configs
	if o.Origin != nil {
		origins = make([]record.Config, len(configs))
		for i, c := range configs {
			origins[i] = o.Origin(c)
		}
	}
	var compared []study.Axis
	for _, k := range by {
		if slices.Contains(o.Shared, k) {
			continue
		}
		a, ok := study.AxisOf(k)
		if !ok {
			return nil, errors.Errorf("compare: unknown axis %q; there are %s", k, strings.Join(axisKeys(), ", "))
		}
		compared = append(compared, a)
	}
	thingLabels, facetLabels, facetAxes := study.Things(origins, compared, o.Nuisance)
	if o.Name != nil {
		for i, c := range configs {
			thingLabels[i], _ = o.Name(c)
		}
	}
	g := &grouped{by: by, cells: map[[2]int][]*record.Record{}}
	if alone := alone(thingLabels, facetLabels); alone != nil {
		only := o
		var runs []*record.Record
		var planned []record.Config
		for i, c := range configs {
			switch {
			case alone[facetLabels[i]]:
			case i < len(records):
				runs = append(runs, records[i])
			default:
				planned = append(planned, c)
			}
		}
		if len(runs) > 0 {
			only.By, only.Planned = by, planned
			g, err := group(runs, only)
			if err == nil {
				g.aside = len(records) - len(runs)
			}
			return g, err
		}
	}
	for _, a := range facetAxes {
		g.facetAxes = append(g.facetAxes, a.Key)
	}
	values := make([][]string, len(facetAxes))
	for i, a := range facetAxes {
		values[i] = a.Labels(origins)
	}
	thingAt, facetAt := map[string]int{}, map[string]int{}
	for i, r := range records {
		thing := thingLabels[i]
		if o.Name != nil && thing == "" {
			continue
		}
		if thing == "" {
			thing = "all"
		}
		t, ok := thingAt[thing]
		if !ok {
			t = len(g.things)
			thingAt[thing] = t
			g.things = append(g.things, thing)
		}
		f, ok := facetAt[facetLabels[i]]
		if !ok {
			f = len(g.facets)
			facetAt[facetLabels[i]] = f
			facet := Facet{Label: facetLabels[i], Values: map[string]string{}, Config: r.Config, Target: Number(r.Config.Target), Chance: Number(math.NaN())}
			for k, a := range facetAxes {
				facet.Values[a.Key] = values[k][i]
			}
			g.facets = append(g.facets, facet)
		}
		for _, other := range g.cells[[2]int{t, f}] {
			if other.Config.Seed == r.Config.Seed {
				return nil, errors.Errorf("compare: two runs of %s%s have the seed %d: name the axis in which they differ as compared, or leave one out", thing, inFacet(facetLabels[i]), r.Config.Seed)
			}
		}
		g.cells[[2]int{t, f}] = append(g.cells[[2]int{t, f}], r)
		g.records = append(g.records, r)
	}
	if len(g.records) == 0 {
		return nil, errors.New("compare: no run is of one of the variants")
	}
	return g, nil
}

// alone returns the facets that have but one of several things, such as the longer runs of
// one optimizer: there is nothing to compare in them. It returns nil if there are none, or
// no others.
func alone(things, facets []string) map[string]bool {
	first := map[string]string{}
	several := map[string]bool{}
	for i, f := range facets {
		if things[i] == "" {
			continue
		}
		if t, ok := first[f]; !ok {
			first[f] = things[i]
		} else if t != things[i] {
			several[f] = true
		}
	}
	if len(several) == 0 || len(several) == len(first) {
		return nil
	}
	lone := map[string]bool{}
	for f := range first {
		lone[f] = !several[f]
	}
	return lone
}

func areRuns(n int) string {
	if n == 1 {
		return "1 run is"
	}
	return fmt.Sprintf("%d runs are", n)
}

func inFacet(label string) string {
	if label == "" {
		return ""
	}
	return " in " + label
}

func axisKeys() []string {
	var keys []string
	for _, a := range study.Axes {
		keys = append(keys, a.Key)
	}
	return keys
}

// scoreOf reports whether all tasks are classifications: only those have an accuracy.
func scoreOf(records []*record.Record) string {
	for _, r := range records {
		if diverged(r) {
			continue
		}
		if !classified(r) {
			return "loss"
		}
	}
	if slices.ContainsFunc(records, classified) {
		return "accuracy"
	}
	return "loss"
}

// classified reports whether a run has an accuracy.
func classified(r *record.Record) bool {
	return !r.Summary.Final.ValidationAccuracy.IsNaN() || !r.Summary.TestAccuracy.IsNaN()
}

func diverged(r *record.Record) bool { return r.Summary.Status != train.Done }

// partOf is the test part if every run that ended has a score of it.
func (c *Comparison) partOf(records []*record.Record) string {
	for _, r := range records {
		if !diverged(r) && c.testScore(r).IsNaN() {
			return "validation"
		}
	}
	return "test"
}

func (c *Comparison) testScore(r *record.Record) Number {
	if c.Higher() {
		return r.Summary.TestAccuracy
	}
	return r.Summary.TestLoss
}

// score is a run's; a diverged run has the worst.
func (c *Comparison) score(r *record.Record) float64 {
	v := r.Summary.Final.ValidationLoss
	switch {
	case diverged(r):
		v = Number(math.NaN())
	case c.Part == "test":
		v = c.testScore(r)
	case c.Higher():
		v = r.Summary.Final.ValidationAccuracy
	}
	switch {
	case !v.IsNaN():
		return float64(v)
	case c.Higher():
		return 0
	}
	return math.Inf(1)
}

func estimate(x []float64) Estimate {
	v := stats.MedianInterval(x)
	return Estimate{Number(stats.Median(x)), Number(v.Lo), Number(v.Hi), Number(v.Confidence)}
}

// fill makes the things and their cells.
func (c *Comparison) fill(g *grouped) {
	c.Facets = g.facets
	for t, label := range g.things {
		thing := Thing{Label: label, Cells: make([]Cell, len(g.facets)), P: Number(math.NaN()), StepsP: Number(math.NaN()), CrossingP: Number(math.NaN())}
		for f := range g.facets {
			runs := g.cells[[2]int{t, f}]
			slices.SortStableFunc(runs, func(a, b *record.Record) int { return cmp.Compare(a.Config.Seed, b.Config.Seed) })
			thing.Cells[f] = c.cell(runs)
			thing.Runs += len(runs)
			thing.Diverged += thing.Cells[f].Diverged
			c.Seeds = max(c.Seeds, len(runs))
			for _, r := range runs {
				if chance := ByChance(r); !chance.IsNaN() && !diverged(r) && classified(r) == c.Higher() {
					c.Facets[f].Chance = chance
				}
			}
		}
		c.Things = append(c.Things, thing)
	}
	for t := range c.Things {
		for f := range c.Things[t].Cells {
			cell, chance := &c.Things[t].Cells[f], c.Facets[f].Chance
			cell.chance, cell.higher = chance, c.Higher()
			cell.AtChance = cell.Runs > 0 && (c.Higher() && cell.Score.Median <= chance || !c.Higher() && cell.Score.Median >= chance) // NaN is neither
		}
	}
}

// ByChance is the score that guessing reaches at the very best: that of the best answer that
// ignores the inputs, and two standard errors of as many examples, for a loss those of
// squares of normal errors. It is NaN if not recorded.
func ByChance(r *record.Record) Number {
	chance, n := r.Summary.Chance, float64(r.Summary.Judged)
	switch {
	case n == 0:
		return Number(math.NaN())
	case !classified(r):
		return Number(chance * (1 - 2*math.Sqrt(2/n)))
	}
	return Number(chance + 2*math.Sqrt(chance*(1-chance)/n))
}

func (c *Comparison) cell(runs []*record.Record) Cell {
	nan := Number(math.NaN())
	cell := Cell{Runs: len(runs), P: nan, Effect: Estimate{nan, nan, nan, nan}, records: runs, Seeds: []uint64{}, Scores: []Number{}}
	var scores []float64
	for _, r := range runs {
		if diverged(r) {
			cell.Diverged++
		}
		steps := float64(r.Summary.StepsToTarget)
		if math.IsNaN(steps) {
			steps = math.Inf(1)
		} else {
			cell.Reached++
		}
		scores = append(scores, c.score(r))
		cell.Scores = append(cell.Scores, Number(c.score(r)))
		cell.Seeds = append(cell.Seeds, r.Config.Seed)
		cell.steps = append(cell.steps, steps)
	}
	cell.Score, cell.Steps = estimate(scores), estimate(cell.steps)
	return cell
}

// base finds the baseline and puts it first.
func (c *Comparison) base(label string) error {
	at := 0
	if label != "" {
		at = slices.IndexFunc(c.Things, func(t Thing) bool { return t.Label == label })
	}
	if at < 0 {
		var labels []string
		for _, t := range c.Things {
			labels = append(labels, t.Label)
		}
		return errors.Errorf("compare: unknown baseline %q; there are %s", label, strings.Join(labels, ", "))
	}
	c.Baseline = c.Things[at].Label
	return nil
}

// BaselineThing returns the baseline.
func (c *Comparison) BaselineThing() *Thing {
	return &c.Things[slices.IndexFunc(c.Things, func(t Thing) bool { return t.Label == c.Baseline })]
}

// pairs returns what two cells have of the same seeds.
func pairs(a, b *Cell, of func(c *Cell, i int) float64) (x, y []float64) {
	for i, seed := range a.Seeds {
		if j := slices.Index(b.Seeds, seed); j >= 0 {
			x, y = append(x, of(a, i)), append(y, of(b, j))
		}
	}
	return x, y
}

// testedAt is the score that tests see. What is no better than guessing counts as guessing:
// two runs at chance are a tie, as two are that miss the target, and their noise does not
// drown what others have learned. A diverged run is worse still.
func testedAt(c *Cell, i int) float64 {
	s, chance := scoreAt(c, i), float64(c.chance)
	switch {
	case math.IsNaN(chance) || c.diverged(i):
		return s
	case c.higher:
		return max(s, chance)
	}
	return min(s, chance)
}

func scoreAt(c *Cell, i int) float64 {
	if s := float64(c.Scores[i]); !math.IsNaN(s) {
		return s
	}
	return math.Inf(1) // of a loss that diverged
}

// diverged reports whether a run diverged; without its record, by its score.
func (cell *Cell) diverged(i int) bool {
	if cell.records == nil {
		return cell.Diverged > 0 && (cell.Scores[i].IsNaN() || cell.higher && cell.Scores[i] == 0)
	}
	return diverged(cell.records[i])
}

// stepsAt is NaN where the runs' steps are not known.
func stepsAt(c *Cell, i int) float64 {
	if c.steps == nil {
		return math.NaN()
	}
	return c.steps[i]
}

// rank gives the things their mean ranks over facets and seeds that all have, and sorts
// them.
func (c *Comparison) rank() {
	var rows, steps [][]float64
	for f := range c.Facets {
		for i, seed := range c.Things[0].Cells[f].Seeds {
			row, cost := []float64{}, []float64{}
			for t := range c.Things {
				cell := &c.Things[t].Cells[f]
				j := i
				if t > 0 {
					j = slices.Index(cell.Seeds, seed)
				}
				if j < 0 {
					break
				}
				row, cost = append(row, testedAt(cell, j)), append(cost, stepsAt(cell, j))
			}
			if len(row) == len(c.Things) {
				rows, steps = append(rows, row), append(steps, cost)
			}
		}
	}
	ranking := stats.Friedman(rows, c.Higher())
	c.Friedman, c.CriticalDifference = Number(ranking.P), Number(ranking.CD)
	profiles := stats.Performances(steps, 4)
	order := make([]int, len(c.Things))
	for i := range c.Things {
		order[i] = i
		c.Things[i].MeanRank, c.Things[i].AlgoPerf = Number(math.NaN()), Number(math.NaN())
		if len(rows) > 0 {
			c.Things[i].MeanRank, c.Things[i].AlgoPerf = Number(ranking.Mean[i]), Number(profiles[i].Score)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if r := cmp.Compare(c.Things[a].MeanRank, c.Things[b].MeanRank); r != 0 && len(rows) > 0 {
			return r
		}
		return 0
	})
	var sorted []Thing
	place := make([]int, len(order))
	for to, from := range order {
		sorted = append(sorted, c.Things[from])
		place[from] = to
	}
	c.Things = sorted
	for _, clique := range ranking.Cliques {
		var moved []int
		for _, i := range clique {
			moved = append(moved, place[i])
		}
		slices.Sort(moved)
		c.Cliques = append(c.Cliques, moved)
	}
}

// test compares each thing with the baseline.
func (c *Comparison) test() {
	base := c.BaselineThing()
	for t := range c.Things {
		n := 0
		for f := range c.Facets {
			x, _ := pairs(&c.Things[t].Cells[f], &base.Cells[f], scoreAt)
			n += len(x)
		}
		if &c.Things[t] != base {
			c.Pairs = max(c.Pairs, n)
		}
	}
	c.design = stats.NewDesign(c.Pairs, len(c.Things)-1)
	c.Test = "pooled signed-rank"
	single := stats.SignedRank
	if len(c.Facets) == 1 {
		// The numbers of seeds and of things decide on the test, not the data.
		c.Test, single = c.design.Test, c.design.Compare
	}
	c.single = len(c.Facets) == 1 || stats.SmallestSignedRank(c.Seeds)*float64(len(c.Facets)) <= stats.Alpha
	// Accuracies have one scale: their differences are ranked together. Losses and steps may
	// have one in each facet.
	family := func(oneScale bool, of func(c *Cell, i int) float64) (results []stats.Result, corrected []float64) {
		var p []float64
		for t := range c.Things {
			thing := &c.Things[t]
			r := stats.Result{P: math.NaN()}
			if thing != base {
				var strata []stats.Stratum
				n := 0
				for f := range c.Facets {
					x, y := pairs(&thing.Cells[f], &base.Cells[f], of)
					strata = append(strata, stats.Stratum{X: x, Y: y})
					n += len(x)
				}
				switch {
				case n == 0:
				case len(strata) == 1:
					r = single(strata[0].X, strata[0].Y)
				case oneScale:
					r = stats.Pooled([]stats.Stratum{together(strata)})
				default:
					r = stats.Pooled(strata)
				}
			}
			results, p = append(results, r), append(p, r.P)
		}
		return results, stats.Holm(p)
	}
	scores, p := family(c.Higher(), testedAt)
	crossing := c.crossing(base)
	steps, q := family(false, stepsAt)
	for t := range c.Things {
		thing := &c.Things[t]
		if thing == base {
			continue
		}
		thing.P, thing.Verdict = Number(p[t]), verdict(p[t], scores[t].Sign, c.Higher())
		thing.StepsP = Number(q[t])
		thing.CrossingP = Number(crossing[t])
		differs := crossing[t] <= stats.CrossingAlpha // false for NaN
		switch verdict(q[t], steps[t].Sign, false) {
		case "better":
			thing.StepsVerdict = "faster"
		case "worse":
			thing.StepsVerdict = "slower"
		case "not shown":
			thing.StepsVerdict = "not shown"
		}
		var results []stats.Result
		var values []float64
		for f := range c.Facets {
			cell := &thing.Cells[f]
			x, y := pairs(cell, &base.Cells[f], scoreAt)
			e := stats.Paired(x, y)
			cell.Effect = Estimate{Number(e.Shift), Number(e.Interval.Lo), Number(e.Interval.Hi), Number(e.Interval.Confidence)}
			x, y = pairs(cell, &base.Cells[f], testedAt)
			tested := stats.Paired(x, y)
			cell.Won, cell.Lost = tested.Won, tested.Lost
			if !c.Higher() {
				cell.Won, cell.Lost = tested.Lost, tested.Won
			}
			r := stats.Result{P: math.NaN()}
			if (p[t] <= stats.Alpha || differs) && len(x) > 0 && c.single {
				r = single(x, y)
			}
			results, values = append(results, r), append(values, r.P)
		}
		for f, v := range stats.Holm(values) {
			cell := &thing.Cells[f]
			if cell.P = Number(v); !math.IsNaN(v) {
				cell.Verdict = verdict(v, results[f].Sign, c.Higher())
			}
		}
		if thing.Verdict == "not shown" && differs {
			if thing.in("better") > 0 || thing.in("worse") > 0 {
				thing.Verdict = "by facet"
			} else {
				thing.forget()
			}
		}
		c.guessed(thing, base)
	}
	c.Detectable = Number(stats.Detectable(c.Pairs, len(c.Things)-1))
}

// crossing tests each thing for differences from the baseline that need not be of one sign over
// the facets.
func (c *Comparison) crossing(base *Thing) []float64 {
	p := make([]float64, len(c.Things))
	for t := range c.Things {
		if p[t] = math.NaN(); &c.Things[t] == base || len(c.Facets) == 1 || !c.single {
			continue
		}
		var strata []stats.Stratum
		for f := range c.Facets {
			x, y := pairs(&c.Things[t].Cells[f], &base.Cells[f], testedAt)
			strata = append(strata, stats.Stratum{X: x, Y: y})
		}
		p[t] = stats.Combined(strata)
	}
	return stats.Holm(p)
}

// in is the number of facets with a verdict.
func (t *Thing) in(verdict string) (n int) {
	for _, cell := range t.Cells {
		if cell.Verdict == verdict {
			n++
		}
	}
	return n
}

// forget takes back the tests of single facets.
func (t *Thing) forget() {
	for f := range t.Cells {
		t.Cells[f].P, t.Cells[f].Verdict = Number(math.NaN()), ""
	}
}

func together(strata []stats.Stratum) (all stats.Stratum) {
	for _, s := range strata {
		all.X, all.Y = append(all.X, s.X...), append(all.Y, s.Y...)
	}
	return all
}

// guessed takes back what is said of two that both guess: neither of them has learned.
func (c *Comparison) guessed(thing, base *Thing) {
	everywhere, any := true, false
	for f := range c.Facets {
		cell, other := &thing.Cells[f], &base.Cells[f]
		switch {
		case cell.Runs == 0 || other.Runs == 0:
		case cell.AtChance && other.AtChance:
			any = true
			if cell.Verdict != "" {
				cell.Verdict, cell.P = "at chance", Number(math.NaN())
			}
		default:
			everywhere = false
		}
	}
	if any && everywhere {
		thing.Verdict, thing.P = "at chance", Number(math.NaN())
	}
}

func verdict(p float64, sign int, higher bool) string {
	switch {
	case math.IsNaN(p):
		return ""
	case !(p <= stats.Alpha):
		return "not shown"
	case (sign > 0) == higher:
		return "better"
	}
	return "worse"
}

// share divides the variance of the scores.
func (c *Comparison) share() {
	var levels [][]int
	var y []float64
	codes := make([]map[string]int, len(c.axes))
	for i := range codes {
		codes[i] = map[string]int{}
	}
	for t := range c.Things {
		for f := range c.Facets {
			row := []int{t}
			for i, a := range c.axes {
				v := c.Facets[f].Values[a]
				if _, ok := codes[i][v]; !ok {
					codes[i][v] = len(codes[i])
				}
				row = append(row, codes[i][v])
			}
			cell := &c.Things[t].Cells[f]
			for k := range cell.Scores {
				levels, y = append(levels, row), append(y, scoreAt(cell, k))
			}
		}
	}
	s, ok := stats.VarianceShares(levels, y)
	if !ok {
		return
	}
	c.Shares = &Shares{Compared: Number(s.Axes[0]), Axes: map[string]Number{}, Interactions: Number(s.Interactions), Seeds: Number(s.Seeds)}
	for i, a := range c.axes {
		c.Shares.Axes[a] = Number(s.Axes[i+1])
	}
}

// CanShow reports whether the seeds are enough for any difference to be shown.
func (c *Comparison) CanShow() bool {
	if len(c.Facets) == 1 {
		return c.design.Warning == ""
	}
	return stats.SmallestSignedRank(c.Pairs)*float64(len(c.Things)-1) <= stats.Alpha
}

// warn adds what limits the conclusions.
func (c *Comparison) warn() {
	say := func(format string, args ...any) {
		if w := fmt.Sprintf(format, args...); !slices.Contains(c.Warnings, w) {
			c.Warnings = append(c.Warnings, w)
		}
	}
	things := len(c.Things) - 1
	switch {
	case things == 0 || c.CanShow():
	case len(c.Facets) == 1:
		say("too few runs: %s", c.design.Warning)
	default:
		say("%s: %s in %s cannot show a difference: the smallest P, corrected for %s, is %.2g; %s",
			"too few runs", texttab.Count(c.Seeds, "seed"), texttab.Count(len(c.Facets), "facet"), texttab.Count(things, "comparison"),
			min(1, stats.SmallestSignedRank(c.Pairs)*float64(things)), enough(c.Seeds, len(c.Facets), things))
	}
	if w := stats.MedianInterval(make([]float64, c.Seeds)).Warning; w != "" {
		say("intervals are of %s", w)
	}
	missing := 0
	for _, t := range c.Things {
		for _, cell := range t.Cells {
			if cell.Runs == 0 {
				missing++
			} else if cell.Runs != c.Seeds {
				say("cells have different numbers of runs: only seeds that both have are compared")
			}
		}
	}
	if missing > 0 {
		say("%s without runs", texttab.Count(missing, "cell"))
	}
	if tried := c.unequal(); tried != "" {
		say("%s", tried)
	}
}

// unequal says that some things were given more settings to choose from than others.
func (c *Comparison) unequal() string {
	names := map[string]int{} // settings tried of each
	var order []string
	known := !slices.ContainsFunc(c.Things, func(t Thing) bool { return t.Tried == 0 })
	for _, t := range c.Things {
		name := t.Label
		if !known { // its settings stand here as things
			name, _, _ = strings.Cut(name, "(")
		}
		if names[name] == 0 {
			order = append(order, name)
		}
		names[name] += max(1, t.Tried)
	}
	least, most := order[0], order[0]
	for _, n := range order {
		if names[n] < names[least] {
			least = n
		}
		if names[n] > names[most] {
			most = n
		}
	}
	if names[least] == names[most] {
		return ""
	}
	if known {
		return fmt.Sprintf("unequal tuning: %s was chosen from %d settings, %s from %d", most, names[most], least, names[least])
	}
	return fmt.Sprintf("unequal tuning: %s has %s, %s has %s; choosing the best of many on the scores that are compared favours it by chance",
		most, texttab.Count(names[most], "setting"), least, texttab.Count(names[least], "setting"))
}

// enough says how many seeds would do.
func enough(seeds, facets, things int) string {
	n := seeds
	for stats.SmallestSignedRank(n*facets)*float64(max(1, things)) > stats.Alpha {
		n++
	}
	return fmt.Sprintf("it takes %s", texttab.Count(n, "seed"))
}
