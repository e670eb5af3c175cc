package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/bench/compare"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/stats"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/gradflow/gradflow/models/train"
)

// Number is a number that is null in JSON if it is infinite or not known.
type Number = record.Number

// Ranking is what a study found. The tags are the keys of its JSON.
type Ranking struct {
	Study string `json:"study"`
	About string `json:"about,omitempty"`
	// Comparison is the answer: what the study compares, tested; nil if its runs can't be
	// compared, which a warning tells.
	Comparison *compare.Comparison `json:"comparison"`

	Runs     int `json:"runs"`    // recorded
	Planned  int `json:"planned"` // in the study file; 0 if that is missing
	Damaged  int `json:"damaged"` // runs of the study that are left out
	Others   int `json:"others"`  // runs in the directory that are not of the study, and left out
	Diverged int `json:"diverged"`
	// Environments are what the runs were done with: versions, processors and kernels.
	Environments []record.Environment `json:"environments"`
	Problems     []Problem            `json:"problems"` // in the order of the study
	Warnings     []string             `json:"warnings"` // about the records, and about what they can show
}

// Problem is what the setups are compared on.
type Problem struct {
	Label  string        `json:"label"`  // what sets it apart in the study: "softplus, depth 10"
	Config record.Config `json:"config"` // without optimizer, seed and budget
	Budget int           `json:"budget"` // steps after which the scores are compared: the least that a setup was given
	Score  string        `json:"score"`  // "accuracy", higher is better, or "loss", lower is better
	// Baseline is the setup that others are marked against, and Test how: those of the
	// study's comparison, if that is of optimizers; else "".
	Baseline string   `json:"baseline"`
	Test     string   `json:"test"`
	Gradient Gradient `json:"gradient"`
	Findings Findings `json:"findings"`
	Setups   []Setup  `json:"setups"` // ranked, best first

	what string // the setups are: "optimizer"
	// The records of each setup, in the order of Setups and by seed.
	records [][]*record.Record
}

// Setup is an optimizer with its settings on a problem.
type Setup struct {
	Rank      int              `json:"rank"`
	Label     string           `json:"label"`  // "sgd", with what is needed to tell it apart: "sgd(rate=0.1) (4000 steps)"
	Detail    string           `json:"detail"` // the settings in which the study's setups of this name differ
	Optimizer catalogue.Choice `json:"optimizer"`
	Budget    int              `json:"budget"` // steps
	Runs      int              `json:"runs"`
	Diverged  int              `json:"diverged"`
	Seeds     []uint64         `json:"seeds"`
	// Scores are those after the problem's budget, by seed; of a diverged run 0 or, of a
	// loss, null; null too if not known. Score is their median, Last that of the scores
	// after the setup's own budget.
	Scores []Number `json:"scores"`
	Score  Estimate `json:"score"`
	Last   Estimate `json:"last"`
	// StepsToTarget has null for a median or bound that is beyond the budget.
	StepsToTarget Estimate `json:"steps_to_target"`
	Reached       int      `json:"reached"` // runs that reached the target
	// Slower is the median of the steps to the target, divided by the least one on the
	// problem; null if it is beyond the budget.
	Slower Number `json:"times_slower"`
	// P and Verdict are those of the study's comparison with the baseline, on this problem
	// alone if it is one of several, which is tested if the comparison over all passed: "better",
	// "worse", or "no difference shown". null and "" of what is not tested alone.
	P       Number `json:"p"`
	Verdict string `json:"verdict,omitempty"`
	// Decades is by how many powers of ten the gradient of the pre-activations falls from
	// the last layer to the first, at the first and the last probe, as medians over seeds.
	// null if not known or infinite: the first layer has none.
	DecadesFirst Number `json:"decades_first"`
	DecadesLast  Number `json:"decades_last"`
	// Signal says what becomes of the signal, as the page's picture does: "alive", "dies
	// forward"; "" if it was not probed. DecadesTraining is as DecadesFirst, but of each run's
	// median over its probes. DecorrelationFirst and DecorrelationTraining are log10(1 - c)
	// of the examples in the last hidden layer.
	Signal                string `json:"signal,omitempty"`
	DecadesTraining       Number `json:"decades_training"`
	DecorrelationFirst    Number `json:"decorrelation_first"`
	DecorrelationTraining Number `json:"decorrelation_training"`
	// Movement is log10 of the update-to-weight ratio of the first layer less that of the
	// last: the median over seeds of the median over probes. Negative where the first layer
	// is moved less.
	Movement Number `json:"movement"`
	// Update is log10 of the first layer's update-to-weight ratio itself.
	Update Number `json:"update"`
	// AtChance says that the median score is no better than guessing.
	AtChance bool `json:"at_chance,omitempty"`

	listed int  // place in the study's order
	first  bool // it is the baseline of things that are not optimizers
}

// Estimate is a median over seeds with its interval.
type Estimate struct {
	Median Number `json:"median"`
	Lo     Number `json:"lo"`
	Hi     Number `json:"hi"`
	// Confidence is 0.95, or less with fewer than 6 seeds.
	Confidence Number `json:"confidence"`
}

func estimate(x []float64) Estimate {
	v := stats.MedianInterval(x)
	return Estimate{Number(stats.Median(x)), Number(v.Lo), Number(v.Hi), Number(v.Confidence)}
}

// Rank compares the setups of a study.
func Rank(results *record.Results) *Ranking {
	r := &Ranking{Runs: len(results.Records), Damaged: len(results.Damaged), Others: len(results.Others), Problems: []Problem{}, Warnings: slices.Clone(results.Warnings)}
	if results.Spec == nil {
		r.Study = filepath.Base(results.Dir)
	} else {
		r.Study, r.About, r.Planned = results.Spec.Name, results.Spec.About, len(results.Spec.Configs)
	}
	if r.Runs < r.Planned {
		r.warn("the study has %s, of which %d are recorded", texttab.Count(r.Planned, "run"), r.Runs)
	}
	if len(results.Records) > 0 {
		var err error
		if r.Comparison, err = compare.Study(results); err != nil {
			r.warn("nothing is compared: %v", err)
		}
	}
	r.Problems = append(r.Problems, r.problems(results)...)
	for _, p := range r.Problems {
		for _, s := range p.Setups {
			r.Diverged += s.Diverged
		}
	}
	r.mark()
	for i := range r.Problems {
		r.Problems[i].Findings = r.Problems[i].findings(len(r.Problems) > 1)
	}
	r.collectWarnings(results.Records)
	r.Environments = environments(results.Records)
	return r
}

// problems are the facets of the study's comparison, with the things compared as their
// setups; where optimizers are compared, or nothing is, they are what optimizers are compared
// on, of which some may have been given more steps than others.
func (r *Ranking) problems(results *record.Results) (list []Problem) {
	c := r.Comparison
	if c != nil && !slices.Equal(c.By, []string{"optimizer"}) && len(c.Things) > 1 {
		for f, facet := range c.Facets {
			var runs [][]*record.Record
			var labels []string
			for t := range c.Things {
				if own := c.Things[t].Cells[f].Records(); len(own) > 0 {
					runs, labels = append(runs, own), append(labels, c.Things[t].Label)
				}
			}
			label := facet.Label
			if label == "" {
				label = problemLabels([]record.Config{facet.Config.Problem()})[0]
			}
			p := newProblem(label, runs, func(k int) (label, detail string) { return labels[k], "" })
			p.what = c.What
			// Their networks differ: the gradient at the start is the baseline's.
			of := max(0, slices.Index(labels, c.Baseline))
			p.Gradient = gradientAtStart(runs[of : of+1])
			p.Gradient.of = labels[of]
			for k := range p.Setups {
				p.Setups[k].first = p.Setups[k].Label == c.Baseline
			}
			list = append(list, p)
		}
		return list
	}
	groups, optimizers := group(results.Records)
	var problems []record.Config
	for _, g := range groups {
		problems = append(problems, g[0][0].Config.Problem())
	}
	for i, label := range problemLabels(problems) {
		list = append(list, newProblem(label, groups[i], func(k int) (label, detail string) {
			return optimizerLabel(groups[i][k][0].Config.Optimizer, optimizers)
		}))
	}
	return list
}

// mark gives the setups the verdicts of the study's comparison. There are no others: a
// report has one set of tests.
func (r *Ranking) mark() {
	c := r.Comparison
	if c == nil {
		return
	}
	type place struct {
		thing *compare.Thing
		cell  *compare.Cell
	}
	places := map[*record.Record]place{}
	for t := range c.Things {
		thing := &c.Things[t]
		for f := range thing.Cells {
			for _, run := range thing.Cells[f].Records() {
				places[run] = place{thing, &thing.Cells[f]}
			}
		}
	}
	for i := range r.Problems {
		p := &r.Problems[i]
		marks := make([]place, len(p.Setups))
		for k := range p.Setups {
			if at := places[p.records[k][0]]; at.thing != nil {
				marks[k] = at
				if at.thing.Label == c.Baseline {
					p.Baseline, p.Test = p.Setups[k].Label, c.Test
				}
			}
		}
		for k, at := range marks {
			s := &p.Setups[k]
			if p.Baseline == "" || at.thing == nil || s.Label == p.Baseline {
				continue
			}
			s.P, s.Verdict = at.cell.P, at.cell.Verdict
			if len(c.Facets) == 1 {
				s.P, s.Verdict = at.thing.P, at.thing.Verdict
			}
			if s.Verdict == "not shown" {
				s.Verdict = "no difference shown"
			}
		}
	}
}

func (r *Ranking) warn(format string, args ...any) {
	if w := fmt.Sprintf(format, args...); !slices.Contains(r.Warnings, w) {
		r.Warnings = append(r.Warnings, w)
	}
}

// collectWarnings adds what limits the conclusions, and what the runs have to tell.
func (r *Ranking) collectWarnings(records []*record.Record) {
	for _, p := range r.Problems {
		for _, s := range p.Setups {
			if w := stats.MedianInterval(make([]float64, s.Runs)).Warning; w != "" && s.Runs > 1 {
				r.warn("intervals are of %s", w)
			}
			if s.Runs != p.Setups[0].Runs {
				r.warn("%s: the setups have different numbers of runs", p.Label)
			}
			if slices.ContainsFunc(s.Scores, Number.IsNaN) {
				r.warn("%s, %s: the score of a run after %s is not known, and is left out", p.Label, s.Label, texttab.Count(p.Budget, "step"))
			}
		}
	}
	told := map[string][]string{}
	var order []string
	for _, record := range records {
		name := record.Config.Optimizer.Name
		for _, w := range record.Summary.Warnings {
			if told[w] == nil {
				order = append(order, w)
			}
			if !slices.Contains(told[w], name) {
				told[w] = append(told[w], name)
			}
		}
	}
	for _, w := range order {
		r.warn("%s: %s", texttab.List(told[w]), w)
	}
	if seen := environments(records); len(seen) > 1 {
		r.warn("the runs were done in %d different environments: their last bits, and with them whole runs, may differ for that alone", len(seen))
	}
}

// environments returns the different ones, in the order of the records.
func environments(records []*record.Record) []record.Environment {
	var seen []record.Environment
	for _, r := range records {
		if !slices.Contains(seen, r.Summary.Environment) {
			seen = append(seen, r.Summary.Environment)
		}
	}
	return seen
}

// group sorts the records by problem and setup, each in the order of its first record,
// and those of a setup by seed. It also returns lists of the optimizers that have the
// problem and the number of steps in common.
func group(records []*record.Record) (problems [][][]*record.Record, optimizers [][]catalogue.Choice) {
	problemOf, setupOf, listOf := map[string]int{}, map[string]int{}, map[string]int{}
	for _, r := range records {
		c := r.Config
		p, ok := problemOf[key(c.Problem())]
		if !ok {
			p = len(problems)
			problemOf[key(c.Problem())] = p
			problems = append(problems, nil)
		}
		s, ok := setupOf[key(c.Setup())]
		if !ok {
			s = len(problems[p])
			setupOf[key(c.Setup())] = s
			problems[p] = append(problems[p], nil)
			list := fmt.Sprint(p, c.Steps)
			if _, ok := listOf[list]; !ok {
				listOf[list] = len(optimizers)
				optimizers = append(optimizers, nil)
			}
			optimizers[listOf[list]] = append(optimizers[listOf[list]], c.Optimizer)
		}
		problems[p][s] = append(problems[p][s], r)
	}
	for _, p := range problems {
		for _, s := range p {
			slices.SortStableFunc(s, func(a, b *record.Record) int { return cmp.Compare(a.Config.Seed, b.Config.Seed) })
		}
	}
	return problems, optimizers
}

// optimizerLabel names an optimizer in the whole study: by its catalogue name alone
// unless a list has several of that name. detail has the settings that differ.
func optimizerLabel(c catalogue.Choice, optimizers [][]catalogue.Choice) (label, detail string) {
	var all []catalogue.Choice
	alone := true
	for _, list := range optimizers {
		alone = alone && len(catalogue.Differing(list, c.Name)) == 0
		all = append(all, list...)
	}
	names := catalogue.Differing(all, c.Name)
	full := c.Only(names).String()
	if detail = full[len(c.Name):]; detail != "" {
		detail = detail[1 : len(detail)-1] // without the parentheses
	}
	if alone {
		return c.Name, detail
	}
	return full, detail
}

func newProblem(label string, records [][]*record.Record, name func(k int) (label, detail string)) Problem {
	p := Problem{what: "optimizer", Label: label, Config: records[0][0].Config.Problem(), Score: scoreName(records), Budget: math.MaxInt}
	for _, runs := range records {
		p.Budget = min(p.Budget, runs[0].Config.Steps)
	}
	for k, runs := range records {
		l, detail := name(k)
		if steps := runs[0].Config.Steps; steps > p.Budget {
			l += " (" + texttab.Count(steps, "step") + ")"
		}
		p.Setups = append(p.Setups, p.newSetup(l, detail, runs))
	}
	p.rank(records)
	p.Gradient = gradientAtStart(p.records)
	return p
}

// scoreName tells from the records whether the task is a classification: only then is
// there an accuracy.
func scoreName(records [][]*record.Record) string {
	for _, runs := range records {
		for _, r := range runs {
			if !r.Summary.Final.ValidationAccuracy.IsNaN() {
				return "accuracy"
			}
		}
	}
	return "loss"
}

// scoreAfter returns a run's score after some steps, of which it may have done more; NaN
// if not known.
func (p *Problem) scoreAfter(r *record.Record, steps int) float64 {
	if diverged(r) && r.Summary.Steps <= steps {
		return p.worst()
	}
	metric := r.Summary.Final
	if r.Config.Steps > steps {
		i := len(r.Metrics) - 1
		for i >= 0 && r.Metrics[i].Step > steps {
			i--
		}
		if i < 0 {
			return math.NaN()
		}
		metric = r.Metrics[i]
	}
	v := metric.ValidationLoss
	if p.Score == "accuracy" {
		v = metric.ValidationAccuracy
	}
	if v.IsNaN() { // the network gives no numbers, though its loss in training did
		return p.worst()
	}
	return float64(v)
}

// worst is the score of a diverged run.
func (p *Problem) worst() float64 {
	if p.Score == "accuracy" {
		return 0
	}
	return math.Inf(1)
}

// higher reports whether a higher score is better.
func (p *Problem) higher() bool { return p.Score == "accuracy" }

func diverged(r *record.Record) bool { return r.Summary.Status != train.Done }

func (p *Problem) newSetup(label, detail string, runs []*record.Record) Setup {
	c := runs[0].Config
	s := Setup{Label: label, Detail: detail, Optimizer: c.Optimizer, Budget: c.Steps, Runs: len(runs), P: Number(math.NaN())}
	var scores, last, steps, decadesFirst, decadesLast, movement, update []float64
	for _, r := range runs {
		if diverged(r) {
			s.Diverged++
		}
		score := p.scoreAfter(r, p.Budget)
		s.Seeds, s.Scores = append(s.Seeds, r.Config.Seed), append(s.Scores, Number(score))
		scores, last = appendNumber(scores, score), append(last, p.scoreAfter(r, c.Steps))
		to := math.Inf(1)
		if n := r.Summary.StepsToTarget; !n.IsNaN() {
			to = float64(n)
			s.Reached++
		}
		steps = append(steps, to)
		a, b := decades(r)
		decadesFirst, decadesLast = appendNumber(decadesFirst, a), appendNumber(decadesLast, b)
		m, u := movements(r)
		movement, update = appendNumber(movement, m), appendNumber(update, u)
	}
	s.Score, s.Last, s.StepsToTarget = estimate(scores), estimate(last), estimate(steps)
	chance := compare.ByChance(runs[0]) // NaN is neither above nor below
	s.AtChance = p.higher() && s.Score.Median <= chance || !p.higher() && s.Score.Median >= chance
	s.DecadesFirst, s.DecadesLast = Number(stats.Median(decadesFirst)), Number(stats.Median(decadesLast))
	s.Movement, s.Update = Number(stats.Median(movement)), Number(stats.Median(update))
	s.signal(signalOf(runs))
	return s
}

// signal takes what the page's picture shows; nil is of runs without probes.
func (s *Setup) signal(at *signal) {
	nan := Number(math.NaN())
	s.DecadesTraining, s.DecorrelationFirst, s.DecorrelationTraining = nan, nan, nan
	if at == nil {
		return
	}
	words, _ := at.verdict()
	s.Signal = strings.TrimLeft(words, "✓✕ ")
	if len(at.gradient) > 0 {
		s.DecadesTraining = Number(-at.gradientTraining[0])
	}
	if n := len(at.forward); n > 0 {
		s.DecorrelationFirst, s.DecorrelationTraining = Number(at.forward[n-1]), Number(at.forwardTraining[n-1])
	}
}

// differentBudgets reports whether setups were given different numbers of steps.
func (p *Problem) differentBudgets() bool {
	return slices.ContainsFunc(p.Setups, func(s Setup) bool { return s.Budget != p.Budget })
}

// extends reports whether an optimizer of the same name was also given fewer steps: the setup is
// there to see when it reaches the target.
func (p *Problem) extends(s Setup) bool {
	return slices.ContainsFunc(p.Setups, func(o Setup) bool { return o.Budget < s.Budget && o.Optimizer.Name == s.Optimizer.Name })
}

// extended reports whether the same optimizer was also given more steps.
func (p *Problem) extended(s Setup) bool {
	return slices.ContainsFunc(p.Setups, func(o Setup) bool { return o.Budget > s.Budget && key(o.Optimizer) == key(s.Optimizer) })
}

// rank sorts the setups and their records, best first.
func (p *Problem) rank(records [][]*record.Record) {
	order := make([]int, len(p.Setups))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := p.Setups[i], p.Setups[j]
		byScore := cmp.Compare(a.Score.Median, b.Score.Median)
		if p.higher() {
			byScore = -byScore
		}
		return cmp.Or(byScore, cmp.Compare(a.StepsToTarget.Median, b.StepsToTarget.Median))
	})
	fastest := math.Inf(1)
	for _, s := range p.Setups {
		fastest = min(fastest, float64(s.StepsToTarget.Median))
	}
	old := p.Setups
	p.Setups = nil
	for place, i := range order {
		s := old[i]
		s.Rank, s.listed = place+1, i
		s.Slower = s.StepsToTarget.Median / Number(max(fastest, 1)) // step 0 may reach it
		if math.IsInf(float64(s.StepsToTarget.Median), 0) {
			s.Slower = Number(math.Inf(1))
		} else {
			s.Slower = max(s.Slower, 1)
		}
		p.Setups = append(p.Setups, s)
		p.records = append(p.records, records[i])
	}
}

// family is what setups of one name have in common: sgd of sgd(rate=0.1).
func (s Setup) family() string {
	name, _, _ := strings.Cut(s.Label, "(")
	return strings.TrimSpace(name)
}

// leaders returns the indices of the setups that prose tells of, and that pictures show
// first: all, or the best of each optimizer's name if they are more than 8.
func (p *Problem) leaders() []int {
	var all, best []int
	var names []string
	for i, s := range p.Setups {
		all = append(all, i)
		if !slices.Contains(names, s.family()) {
			names, best = append(names, s.family()), append(best, i)
		}
	}
	if len(all) <= 8 {
		return all
	}
	return best
}

// WriteJSON writes the ranking as indented JSON; the keys are documented at Ranking and
// its parts.
func (r *Ranking) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
