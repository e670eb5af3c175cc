package remedy

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"time"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/compare"
	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/stats"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/pkg/errors"
)

// Question is the network that is to be kept alive, and what the answer may cost.
type Question struct {
	// Config is the network, with its task, batch and optimizer. Its steps, evaluations and
	// probes are chosen by the budget.
	Config record.Config
	// Budget is the time that the answer may take; 0: one minute. What fits into it is
	// measured, so that another machine tries more or fewer.
	Budget time.Duration
	// Runs, if not 0, is a budget in runs instead of time: the same question then has the
	// same answer, bit for bit, on one kernel.
	Runs int
	// Seeds are the finalists' fresh ones; 0: 10.
	Seeds int
	// Finalists are the remedies that are judged on the test part beside the plain network;
	// 0: 6. With as many as there are, all are judged, which shows what the screening costs.
	Finalists int
}

// Options don't change results.
type Options struct {
	Workers int // 0: one for each core
	// Progress returns what shows the progress of a stage, and what to call when the
	// stage has ended.
	Progress func(stage string) (p study.Progress, end func())
	// Say receives progress messages, one line at a time.
	Say func(line string)
}

// Answer is what was found. The tags are the keys of its JSON.
type Answer struct {
	Activation string        `json:"activation"`
	Depth      int           `json:"depth"`
	Task       string        `json:"task"`
	Config     record.Config `json:"config"` // the plain network
	Answer     string        `json:"answer"`
	Baseline   Finding       `json:"baseline"`
	Remedies   []Finding     `json:"remedies"` // best first: the finalists, then those screened out
	// LeftOut says what was not tried, and why.
	LeftOut []string `json:"left_out"`
	Budget  string   `json:"budget"`
	Steps   int      `json:"steps"` // of a finalist's run
	Seeds   int      `json:"seeds"`
	// Study is the study file that repeats the finalists' runs, Directory where they are.
	Study     string   `json:"study"`
	Directory string   `json:"directory"`
	Warnings  []string `json:"warnings"`
	// Comparison has all that the tests gave.
	Comparison *compare.Comparison `json:"comparison"`
}

// Finding is a remedy and what it does.
type Finding struct {
	Name   string            `json:"name"`
	Kind   string            `json:"kind"`
	Change map[string]string `json:"change"` // axis by axis
	Config record.Config     `json:"config"`
	Tuned  string            `json:"tuned"` // the optimizer with the chosen rate
	Final  bool              `json:"finalist"`
	// Test is the test score over the finalists' seeds; null of what was screened out.
	Test          compare.Estimate `json:"test"`
	Screened      record.Number    `json:"screened"` // validation score of the screening's one run
	StepsToTarget record.Number    `json:"steps_to_target"`
	Reached       int              `json:"reached"`
	P             record.Number    `json:"p"`
	Verdict       string           `json:"verdict"` // better, worse, not shown, baseline, screened out
	// DecadesFirst is by how many powers of ten the gradient falls to layer 1 at initialisation,
	// DecadesDuring the median over training, DecorrelationLog10 log10(1-c) of the last hidden
	// layer at initialisation: medians over seeds; null if not known or infinite.
	DecadesFirst       record.Number `json:"decades_first"`
	DecadesDuring      record.Number `json:"decades_during"`
	DecorrelationLog10 record.Number `json:"decorrelation_log10"`
	// GradientDead and ForwardDead are the shares of training in which less than a thousandth
	// of the signal arrives, backward and forward: see record.Course.
	GradientDead record.Number `json:"gradient_dead"`
	ForwardDead  record.Number `json:"forward_dead"`
	Diverged     int           `json:"diverged"`
	Runs         int           `json:"runs"`
}

// The race's sizes.
const (
	defaultFinalists = 6 // besides the plain network
	rates            = 3
	defaultSeeds     = 10
	screeningSeed    = 1_000_001 // none of the finalists'
	together         = 3         // combinations tried
	minSteps         = 150
	maxSteps         = 1200
	fixedSteps       = 600
	screenShare      = 3 // a screening has steps/3
	fewFinalists     = 3 // as few as there are where the time is short
	costlySteps      = 4 // of the plain network: what takes more is the first to be left out
)

// candidate is a remedy on its way through the race.
type candidate struct {
	name   string
	kinds  []Kind
	change map[string]any
	config record.Config // complete, with the network's optimizer
	best   record.Config // with the chosen rate
	score  float64
	loss   float64
	// seconds is what a step took, evaluations included.
	seconds float64
}

// Find answers a question. dir is where the studies are; started again with the same
// question and budget in runs, it resumes.
func Find(ctx context.Context, q Question, dir string, o Options) (*Answer, error) {
	if q.Budget == 0 {
		q.Budget = time.Minute
	}
	if q.Seeds == 0 {
		q.Seeds = defaultSeeds
	}
	if q.Finalists == 0 {
		q.Finalists = defaultFinalists
	}
	if q.Budget < 0 || q.Runs < 0 || q.Seeds < 1 || q.Finalists < 1 {
		return nil, errors.Errorf("a budget of %v, %d runs, %d seeds and %d finalists: must not be negative", q.Budget, q.Runs, q.Seeds, q.Finalists)
	}
	f := &finder{q: q, o: o, dir: dir, begin: time.Now(), answer: &Answer{
		Activation: activations.Catalogue.Label(q.Config.Activation), Depth: q.Config.Depth, Task: tasks.Catalogue.Label(q.Config.Task), Seeds: q.Seeds, LeftOut: []string{}, Warnings: []string{},
	}}
	if f.o.Say == nil {
		f.o.Say = func(string) {}
	}
	if err := f.find(ctx); err != nil {
		return nil, err
	}
	return f.answer, nil
}

type finder struct {
	q      Question
	o      Options
	dir    string
	answer *Answer
	steps  int
	keep   int // finalists
	begin  time.Time
}

func (f *finder) find(ctx context.Context) error {
	plain := &candidate{name: "plain", change: map[string]any{}}
	var err error
	if plain.config, err = f.complete(ctx, plain.change); err != nil {
		return errors.Wrap(err, "the network")
	}
	f.answer.Config = plain.config
	list, err := f.candidates(ctx)
	if err != nil {
		return err
	}
	if list, err = f.plan(ctx, plain, list); err != nil {
		return err
	}
	// One factor at a time.
	screened := append([]*candidate{plain}, list...)
	if err := f.screen(ctx, "1-screening", screened); err != nil {
		return err
	}
	combined, err := f.combine(ctx, screened[1:])
	if err != nil {
		return err
	}
	if len(combined) > 0 {
		if err := f.screen(ctx, "2-together", combined); err != nil {
			return err
		}
	}
	rest := append(slices.Clone(screened[1:]), combined...)
	slices.SortStableFunc(rest, f.order)
	last, out := f.best(rest)
	last, out = f.budgetLeft(plain, last, out)
	return f.judge(ctx, plain, last, out)
}

// ofAKind is how many finalists may be of one kind, or combinations: the answer is to show
// what each kind does, not the same thing six times.
const ofAKind = 2

// best divides sorted candidates into the finalists and the rest.
func (f *finder) best(sorted []*candidate) (last, out []*candidate) {
	taken := map[string]int{}
	for _, c := range sorted {
		kind := string(c.kinds[0])
		if len(c.kinds) > 1 {
			kind = "together"
		}
		if len(last) == f.keep || f.q.Finalists <= defaultFinalists && taken[kind] == ofAKind {
			out = append(out, c)
			continue
		}
		taken[kind]++
		last = append(last, c)
	}
	return last, out
}

// budgetLeft gives the finalists as many steps as there is time for, by what theirs took in
// the screening. Where there is not time for all, the last are screened out.
func (f *finder) budgetLeft(plain *candidate, last, out []*candidate) ([]*candidate, []*candidate) {
	if f.q.Runs > 0 {
		return last, out
	}
	left := 0.95*(f.q.Budget-time.Since(f.begin)).Seconds() - 1 // the report's
	fit := func() float64 {
		step := plain.seconds
		for _, c := range last {
			step += c.seconds
		}
		return left * float64(f.workers()) / (step * float64(f.q.Seeds))
	}
	for fit() < minSteps && len(last) > fewFinalists {
		out = append(out, last[len(last)-1])
		last = last[:len(last)-1]
	}
	slices.SortStableFunc(out, f.order)
	n := fit()
	if n < minSteps {
		took := f.q.Budget.Seconds() - left + left*minSteps/n
		if left <= 0 {
			took = time.Since(f.begin).Seconds() + 1
		}
		f.tooShort(took)
	}
	f.steps = int(math.Max(minSteps, math.Min(maxSteps, n))) / 10 * 10
	f.answer.Steps = f.steps
	return last, out
}

// tooShort warns that the budget is exceeded, once.
func (f *finder) tooShort(seconds float64) {
	if len(f.answer.Warnings) > 0 {
		return
	}
	w := fmt.Sprintf("%v is too short for this network: it takes about %v", f.q.Budget, (time.Duration(seconds) * time.Second).Round(time.Second))
	f.answer.Warnings = append(f.answer.Warnings, w)
	f.o.Say(w)
}

func (f *finder) workers() int {
	if f.o.Workers > 0 {
		return f.o.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// order puts the better score first, of equal ones that with the lower loss.
func (f *finder) order(a, b *candidate) int {
	return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.loss, b.loss))
}

// complete returns the network with a change, checked and with all defaults.
func (f *finder) complete(ctx context.Context, change map[string]any) (record.Config, error) {
	spec, err := f.study(ctx, "check", study.Settings{Cases: []study.Grid{f.grid(change)}}, []uint64{1}, 1)
	if err != nil {
		return record.Config{}, err
	}
	return spec.Configs[0], nil
}

// grid has the axes of the network with a change.
func (f *finder) grid(change map[string]any) study.Grid {
	c := f.q.Config
	width, _ := study.AxisOf("width")
	g := study.Grid{
		"depth": c.Depth, "width": width.Value(c), "model": c.Model, "activation": c.Activation, "initializer": c.Initializer,
		"normalization": c.Normalization, "optimizer": c.Optimizer, "dtype": c.DType,
	}
	if c.Keep.Name != "" {
		g["keep"] = c.Keep
	}
	maps.Copy(g, change)
	return g
}

// study makes a study of networks, of the cases or variants of s.
func (f *finder) study(ctx context.Context, name string, s study.Settings, seeds []uint64, steps int) (*study.Spec, error) {
	probes := 4
	s.Name, s.Task, s.Batch = "remedy-"+name, f.q.Config.Task, f.q.Config.Batch
	s.Steps, s.Evaluate, s.Seeds, s.Probe = steps, max(1, steps/10), seeds, &probes
	spec, err := study.New(ctx, s)
	if err != nil {
		return nil, errors.New(place.ReplaceAllString(err.Error(), ""))
	}
	return spec, nil
}

// place is where in a study of the network a fault is, which says nothing to who asked.
var place = regexp.MustCompile(`^(study remedy-[\w-]+: )?(cases\[\d+\]\.\w+: )?(models: )?(layer\d+: )?`)

// candidates are the remedies that apply; the others are left out with the reason.
func (f *finder) candidates(ctx context.Context) ([]*candidate, error) {
	var list []*candidate
	for _, e := range Catalogue.Entries() {
		r, err := Catalogue.Make(catalogue.Choice{Name: e.Name})
		if err != nil {
			return nil, err
		}
		name := nameOf(e.Name)
		change := r.Change(f.q.Config)
		if change == nil {
			continue
		}
		c := &candidate{name: name, kinds: []Kind{r.Kind}, change: change}
		if c.config, err = f.complete(ctx, change); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			f.leaveOut("%s: %v", name, err)
			continue
		}
		if c.config.Setup().Hash() == f.answer.Config.Setup().Hash() {
			continue // the network has it already
		}
		list = append(list, c)
	}
	return list, nil
}

func (f *finder) leaveOut(format string, args ...any) {
	f.answer.LeftOut = append(f.answer.LeftOut, fmt.Sprintf(format, args...))
}

// plan chooses what fits into the budget: steps, finalists, and candidates in the order of
// the catalogue.
func (f *finder) plan(ctx context.Context, plain *candidate, list []*candidate) ([]*candidate, error) {
	f.keep = min(f.q.Finalists, len(list)+together)
	runs := func(candidates, keep int) int {
		return (candidates+1+together)*rates + (keep+1)*f.q.Seeds
	}
	drop := func(n int, why string) {
		for _, c := range list[n:] {
			f.leaveOut("%s: %s", c.name, why)
		}
		list = list[:n]
	}
	if f.q.Runs > 0 {
		f.steps = fixedSteps
		f.answer.Budget = fmt.Sprintf("%d runs", f.q.Runs)
		n := len(list)
		for n > 1 && runs(n, f.keep) > f.q.Runs {
			if n > 8 || f.keep <= 2 {
				n--
			} else {
				f.keep--
				n = min(len(list), n+1)
			}
		}
		if runs(n, f.keep) > f.q.Runs {
			return nil, errors.Errorf("a budget of %d runs is too small: it takes %d", f.q.Runs, runs(n, f.keep))
		}
		drop(n, "no runs left in the budget")
		f.answer.Steps = f.steps
		return list, nil
	}
	f.answer.Budget = f.q.Budget.String()
	plainTime, times, err := f.times(ctx, plain, list)
	if err != nil {
		return nil, err
	}
	// The report and the probes take a tenth.
	available := (f.q.Budget - time.Since(f.begin)).Seconds() * float64(f.workers()) * 0.9
	// cost is what the race takes with a number of steps, in seconds of one core.
	cost := func(keep int, steps float64) float64 {
		screening := plainTime * rates
		for _, c := range list {
			screening += times[c] * float64(len(tries(c.config.Optimizer)))
		}
		mean := screening / float64(rates*(len(list)+1)) // what ends among the finalists is near the mean
		screening += together * rates * mean
		return (screening/screenShare + float64((keep+1)*f.q.Seeds)*mean) * steps
	}
	// What costs the most goes first, then what stands last in the catalogue.
	list = slices.DeleteFunc(list, func(c *candidate) bool {
		costly := times[c] > costlySteps*plainTime && cost(f.keep, 2*minSteps) > available
		if costly {
			f.leaveOut("%s: no time left in the budget; a step takes %.0f times as long as the plain network's", c.name, times[c]/plainTime)
		}
		return costly
	})
	for cost(f.keep, minSteps) > available && (len(list) > 6 || f.keep > fewFinalists) {
		if n := len(list); n > 8 || f.keep <= fewFinalists {
			drop(n-1, "no time left in the budget")
		} else {
			f.keep--
		}
	}
	n := available / cost(f.keep, 1)
	f.steps = int(math.Max(minSteps, math.Min(maxSteps, n))) / 10 * 10
	if n < minSteps {
		f.tooShort(f.q.Budget.Seconds() * cost(f.keep, minSteps) / available)
	}
	f.answer.Steps = f.steps
	return list, nil
}

// times measures what a step of the plain network and of each candidate takes with its share
// of the evaluations, in seconds.
func (f *finder) times(ctx context.Context, plain *candidate, list []*candidate) (float64, map[*candidate]float64, error) {
	all := append([]*candidate{plain}, list...)
	var cases []study.Grid
	for _, c := range all {
		cases = append(cases, f.grid(c.change))
	}
	// Of few steps: what runs need to start, such as the search for a shape, counts in the screening.
	spec, err := f.study(ctx, "times", study.Settings{Cases: cases}, []uint64{screeningSeed}, minSteps)
	if err != nil {
		return 0, nil, err
	}
	// The order of the configurations is that of the cases.
	e, err := spec.Estimate(ctx, spec.Configs, f.q.Budget/15)
	if err != nil {
		return 0, nil, err
	}
	times := map[*candidate]float64{}
	for i, c := range all {
		times[c] = e.Seconds[i] / minSteps
	}
	return times[plain], times, nil
}

func steps(n int) string {
	if n == 1 {
		return "1 step"
	}
	return fmt.Sprintf("%d steps", n)
}

// tries returns an optimizer at three rates, a half-decade apart; one try if it has no rate.
func tries(o catalogue.Choice) []any {
	center, ok := o.Settings["rate"].(float64)
	if !ok {
		return []any{o}
	}
	if c, known := centers[o.Name]; known && isDefault(o) {
		center = c
	}
	var list []any
	for _, factor := range []float64{1 / math.Sqrt(10), 1, math.Sqrt(10)} {
		at := catalogue.Choice{Name: o.Name, Settings: maps.Clone(o.Settings)}
		at.Settings["rate"] = digits2(center * factor)
		list = append(list, at)
	}
	return list
}

// centers are the rates around which deep networks are tried, where that is not the
// optimizer's default.
var centers = map[string]float64{"rmsprop": 0.001, "irprop-minus": 0.001, "sgd": 0.1}

// digits2 rounds to two significant digits.
func digits2(x float64) float64 {
	scale := math.Pow(10, math.Floor(math.Log10(x))-1)
	return math.Round(x/scale) * scale
}

// screen runs candidates on one seed at three rates, and keeps the best rate of each.
func (f *finder) screen(ctx context.Context, stage string, list []*candidate) error {
	f.o.Say(fmt.Sprintf("%s: %d networks at up to %d rates, 1 seed, %s", stage, len(list), rates, steps(max(50, f.steps/screenShare))))
	var cases []study.Grid
	for _, c := range list {
		g := f.grid(c.change)
		g["optimizer"] = tries(c.config.Optimizer)
		cases = append(cases, g)
	}
	spec, err := f.study(ctx, stage, study.Settings{About: "Screening: each remedy at three rates, one seed, few steps.", Cases: cases}, []uint64{screeningSeed}, max(50, f.steps/screenShare))
	if err != nil {
		return err
	}
	results, err := f.run(ctx, stage, spec)
	if err != nil {
		return err
	}
	byHash := map[string]*record.Record{}
	for _, r := range results.Records {
		byHash[r.Hash] = r
	}
	for _, c := range list {
		c.score, c.loss = math.Inf(-1), math.Inf(1)
		for _, o := range tries(c.config.Optimizer) {
			config := spec.Configs[0]
			at := c.config
			at.Optimizer = o.(catalogue.Choice)
			at.Steps, at.Evaluate, at.Probe, at.Seed, at.Target, at.Batch = config.Steps, config.Evaluate, config.Probe, config.Seed, config.Target, config.Batch
			r := byHash[at.Hash()]
			if r == nil {
				return errors.Errorf("%s: the run of %s at %s is not recorded", stage, c.name, at.Optimizer)
			}
			score, loss := screeningScore(r)
			if score > c.score || score == c.score && loss < c.loss {
				c.score, c.loss, c.best = score, loss, at
				c.seconds = r.Timing.Seconds / float64(max(1, r.Summary.Steps))
			}
		}
	}
	return nil
}

// screeningScore is a run's last validation score, higher is better, and its loss.
func screeningScore(r *record.Record) (score, loss float64) {
	loss = float64(r.Summary.Final.ValidationLoss)
	if math.IsNaN(loss) || r.Summary.Status != train.Done {
		return math.Inf(-1), math.Inf(1)
	}
	score = float64(r.Summary.Final.ValidationAccuracy)
	if math.IsNaN(score) {
		score = -loss
	}
	return score, loss
}

// run runs a study and returns its records.
func (f *finder) run(ctx context.Context, stage string, spec *study.Spec) (*record.Results, error) {
	var progress study.Progress
	end := func() {}
	if f.o.Progress != nil {
		progress, end = f.o.Progress(stage)
	}
	dir := filepath.Join(f.dir, stage)
	outcome, err := study.Run(ctx, spec, dir, study.Options{Workers: f.o.Workers, Progress: progress})
	end()
	switch {
	case err != nil:
		return nil, err
	case outcome.Interrupted || ctx.Err() != nil:
		return nil, context.Canceled
	}
	return study.Open(ctx, dir)
}

// combine puts the best of different kinds together: of starts and shapes, norms, and
// shortcuts, each of which did better than the plain network in the screening.
func (f *finder) combine(ctx context.Context, screened []*candidate) ([]*candidate, error) {
	sorted := slices.Clone(screened)
	slices.SortStableFunc(sorted, f.order)
	var best []*candidate
	used := map[Kind]bool{}
	for _, c := range sorted {
		kind := c.kinds[0]
		if kind == Shape { // it has a start of its own
			kind = Start
		}
		if !used[kind] && kind != Optimizer {
			used[kind] = true
			best = append(best, c)
		}
	}
	var list []*candidate
	for i := range best {
		for j := i + 1; j < len(best) && len(list) < together; j++ {
			a, b := best[i], best[j]
			change := maps.Clone(a.change)
			overlap := false
			for k, v := range b.change {
				_, taken := change[k]
				overlap = overlap || taken
				change[k] = v
			}
			if overlap {
				continue
			}
			c := &candidate{name: a.name + " + " + b.name, kinds: []Kind{a.kinds[0], b.kinds[0]}, change: change}
			var err error
			if c.config, err = f.complete(ctx, change); err != nil {
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				f.leaveOut("%s: %v", c.name, err)
				continue
			}
			list = append(list, c)
		}
	}
	return list, nil
}

// judge runs the finalists on fresh seeds and writes the answer.
func (f *finder) judge(ctx context.Context, plain *candidate, last, out []*candidate) error {
	f.o.Say(fmt.Sprintf("3-finalists: %d networks, %d seeds, %s", len(last)+1, f.q.Seeds, steps(f.steps)))
	all := append([]*candidate{plain}, last...)
	finalists := study.Settings{
		About: fmt.Sprintf("What keeps a network of %s alive, %d deep? The finalists, at the rates of the screening.", f.answer.Activation, f.answer.Depth),
		Grid:  f.grid(nil), Baseline: plain.name,
	}
	for _, c := range all {
		axes := maps.Clone(study.Grid(c.change))
		axes["optimizer"] = c.best.Optimizer
		finalists.Variants = append(finalists.Variants, study.Variant{Name: c.name, Axes: axes})
	}
	seeds := make([]uint64, f.q.Seeds)
	for i := range seeds {
		seeds[i] = uint64(i + 1)
	}
	spec, err := f.study(ctx, "3-finalists", finalists, seeds, f.steps)
	if err != nil {
		return err
	}
	results, err := f.run(ctx, "3-finalists", spec)
	if err != nil {
		return err
	}
	for _, config := range spec.Configs {
		name := spec.Comparison.Variant[config.Setup().Hash()]
		all[slices.IndexFunc(all, func(c *candidate) bool { return c.name == name })].config = config
	}
	comparison, err := compare.Study(results)
	if err != nil {
		return err
	}
	comparison.By, comparison.What = []string{"remedy"}, "remedy"
	f.answer.Comparison, f.answer.Study, f.answer.Directory = comparison, string(spec.Source), filepath.Join(f.dir, "3-finalists")
	for _, t := range comparison.Things {
		i := slices.IndexFunc(all, func(c *candidate) bool { return c.name == t.Label })
		finding := f.finding(all[i])
		cell := &t.Cells[0]
		finding.Final, finding.Test, finding.StepsToTarget, finding.Reached = true, cell.Score, cell.Steps.Median, cell.Reached
		finding.P, finding.Verdict, finding.Diverged, finding.Runs = t.P, t.Verdict, t.Diverged, t.Runs
		finding.signal(cell.Records())
		if t.Label == plain.name {
			finding.Verdict = "baseline"
			f.answer.Baseline = finding
			continue
		}
		f.answer.Remedies = append(f.answer.Remedies, finding)
	}
	slices.SortStableFunc(f.answer.Remedies, func(a, b Finding) int {
		by := cmp.Compare(b.Test.Median, a.Test.Median)
		if !comparison.Higher() {
			by = -by
		}
		return by
	})
	for _, c := range out {
		finding := f.finding(c)
		finding.Verdict = "screened out"
		f.answer.Remedies = append(f.answer.Remedies, finding)
	}
	f.answer.Warnings = append(f.answer.Warnings, comparison.Warnings...)
	f.answer.Answer = f.sentence(comparison)
	return nil
}

// finding has what is known of a candidate from the screening.
func (f *finder) finding(c *candidate) Finding {
	nan := record.Number(math.NaN())
	g := Finding{Name: c.name, Change: map[string]string{}, Config: c.config, Tuned: optimizers.Catalogue.Label(c.best.Optimizer, "rate"),
		Test: compare.Estimate{Median: nan, Lo: nan, Hi: nan, Confidence: nan}, Screened: record.Number(c.score),
		StepsToTarget: nan, P: nan, DecadesFirst: nan, DecadesDuring: nan, DecorrelationLog10: nan, GradientDead: nan, ForwardDead: nan}
	for _, k := range c.kinds {
		if g.Kind != "" {
			g.Kind += " + "
		}
		g.Kind += string(k)
	}
	for k, v := range c.change {
		g.Change[k] = fmt.Sprint(v)
	}
	return g
}

// signal takes the medians over runs of what their probes saw.
func (f *Finding) signal(runs []*record.Record) {
	var first, during, apart, dead, forward []float64
	for _, r := range runs {
		first = append(first, float64(r.Summary.DecadesFirst))
		if c := r.Summary.Course; c != nil {
			dead, forward = append(dead, float64(c.GradientDead)), append(forward, float64(c.ForwardDead))
		}
		if r.Layers == nil {
			continue
		}
		var decades []float64
		for _, layers := range r.Layers.Quantity(probe.PreActivationGradient) {
			decades = append(decades, layers[len(layers)-1]-layers[0])
		}
		during = append(during, stats.Median(known(decades)))
		if rows := r.Layers.Quantity(probe.Decorrelation); len(rows) > 0 && len(rows[0]) > 1 {
			apart = append(apart, rows[0][len(rows[0])-2]) // the last hidden layer
		}
	}
	f.GradientDead, f.ForwardDead = record.Number(stats.Median(known(dead))), record.Number(stats.Median(known(forward)))
	f.DecadesFirst, f.DecadesDuring, f.DecorrelationLog10 = record.Number(stats.Median(known(first))), record.Number(stats.Median(known(during))), record.Number(stats.Median(known(apart)))
}

// known leaves out NaN.
func known(x []float64) []float64 {
	return slices.DeleteFunc(x, math.IsNaN)
}

// sentence is the answer, with what the best did.
func (f *finder) sentence(c *compare.Comparison) string {
	if len(f.answer.Remedies) == 0 || !f.answer.Remedies[0].Final {
		return c.Answer
	}
	best, plain := f.answer.Remedies[0], f.answer.Baseline
	score := func(x record.Number) string { return fmt.Sprintf("%.3g", float64(x)) }
	s := c.Answer
	if best.Verdict == "better" {
		s += fmt.Sprintf(" Highest is %s: median %s %s %s, the plain network has %s.", best.Name, c.Part, c.Score, score(best.Test.Median), score(plain.Test.Median))
	}
	return s
}
