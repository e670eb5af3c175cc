package study

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/train"
	"github.com/pkg/errors"
)

// Spec is a study: what its file says, checked, and the runs that it stands for.
type Spec struct {
	Name    string   // lower-case, hyphenated
	About   string   // what the study is for
	Configs []Config // each run once, in the order of cases, axes and seeds
	Source  []byte   // the text
	// Checkpoint is the number of updates after which the state of a run is saved, so that a
	// run that was interrupted or killed resumes from there; 0: never. It changes no result,
	// and is not part of a Config.
	Checkpoint int
	// Comparison is what the study compares; by default the optimizer if it varies, else the
	// first axis that does.
	Comparison Comparison
	// Tune says which settings are chosen before anything is compared; nil: none. Configs
	// then have them as they are without tuning: see Spec.Resolve.
	Tune *Tune

	parts *parts
}

// Defaults of what a study file may leave out.
const (
	defaultSeeds         = 5
	defaultProbe         = 8
	defaultModel         = "mlp"
	defaultNormalization = "none"
	defaultKeep          = "none"
	defaultDType         = "float32"
	evaluationRuns       = 20 // evaluations in a run, unless budget.evaluate says otherwise
)

// Load reads a study from a file. An error names file, line and column, and what
// would be right. When ctx ends, so does Load, with its error.
func Load(ctx context.Context, path string) (*Spec, error) {
	type read struct {
		text []byte
		err  error
	}
	done := make(chan read, 1)
	go func() { // the file may be a pipe that nobody writes to
		f, err := os.Open(path)
		if err != nil {
			done <- read{nil, err}
			return
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, MaxFileBytes+1))
		done <- read{text, err}
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-done:
		if r.err != nil {
			return nil, errors.Wrap(r.err, "read the study file")
		}
		return Parse(ctx, path, r.text)
	}
}

// Parse reads a study from text; file is what errors call it.
func Parse(ctx context.Context, file string, text []byte) (*Spec, error) {
	root, places, err := document(ctx, file, text)
	if err != nil {
		return nil, err
	}
	r := &reader{ctx: ctx, root: root, places: places, parts: catalogues()}
	return r.read(file, text)
}

// read reads the whole study.
func (r *reader) read(file string, text []byte) (*Spec, error) {
	s := r.spec()
	if r.err != nil {
		return nil, r.located(file)
	}
	s.Source = text
	return s, nil
}

// reader walks through a study's values, and keeps the first error.
type reader struct {
	ctx    context.Context
	root   any
	places *place // where the values stand in a file; nil if they do not
	parts  *parts
	flags  bool // the values are those of flags
	err    error
	// recorded reads a study that has been run: nothing is made or tried, as its parts need
	// not be here.
	recorded bool
	admitted map[[2]string]any  // Go values by kind and name
	targets  map[string]float64 // of recorded tasks that are not here

	made   map[string]tasks.Task // by the text of their choices
	target func(*Config)         // as the study has it; nil: as the task has it
	seeds  int
	runs   int // so far, seeds included, doubles too

	overrides []setValue // by LoadWith

	where *Condition // of the runs that the study has
	order []string   // of the variants of a study in Go
	all   []Config   // of the points, those that where leaves out too
}

// placeError is an error at a place in the study: the keys and indices that lead there.
// With onKey the last key itself is meant, not its value.
type placeError struct {
	path    []any
	onKey   bool
	message string
}

func (e *placeError) Error() string { return e.message }

func (r *reader) fail(path []any, format string, args ...any) {
	if r.err == nil {
		r.err = &placeError{path: path, message: fmt.Sprintf(format, args...)}
	}
}

func (r *reader) failOnKey(path []any, format string, args ...any) {
	if r.err == nil {
		r.err = &placeError{path: path, onKey: true, message: fmt.Sprintf(format, args...)}
	}
}

// stopped reports whether to read on: not after an error, or when the context has ended.
func (r *reader) stopped() bool {
	if r.err == nil && r.ctx != nil {
		r.err = r.ctx.Err()
	}
	return r.err != nil
}

// located returns the error with its line and column.
func (r *reader) located(file string) error {
	var e *placeError
	if !errors.As(r.err, &e) {
		return r.err
	}
	if o := r.override(e.path); o != nil {
		return errors.Errorf("--set %s: %s", o.text, e.message)
	}
	message := e.message
	if len(r.overrides) > 0 { // without them the file was read
		var set string
		for i, o := range r.overrides {
			if i == 0 || o.text != r.overrides[i-1].text {
				set += " --set " + o.text
			}
		}
		message = "with" + set + ": " + message
	}
	if r.places == nil {
		if at := pathText(e.path); at != "" {
			message = at + ": " + message
		}
		return errors.Errorf("%s: %s", file, message)
	}
	p, whole := r.places.find(e.path)
	if whole && e.onKey && p.keyLine > 0 {
		return &SpecError{file, p.keyLine, p.keyColumn, message}
	}
	return &SpecError{file, p.line, p.column, message}
}

// name is what messages call a key: the flag, if the values are those of flags.
func (r *reader) name(key string) string {
	if r.flags {
		return "--" + key
	}
	return key
}

// override is what set the value at path, or nil.
func (r *reader) override(path []any) *setValue {
	for i, o := range slices.Backward(r.overrides) {
		if len(path) >= len(o.path) && slices.Equal(path[:len(o.path)], o.path) {
			return &r.overrides[i]
		}
	}
	return nil
}

// shown is how a value is written where it was read from.
func (r *reader) shown(v any, path []any) string {
	if r.places != nil && r.override(path) == nil {
		if p, whole := r.places.find(path); whole && p.written != "" {
			return p.written
		}
	}
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		return strconv.Quote(brief(v))
	case map[string]any:
		return "a mapping"
	case []any:
		return "a list"
	}
	return fmt.Sprint(v)
}

// items are the elements of a list with their paths, or the value that stands alone.
func items(v any, path []any) iter.Seq2[[]any, any] {
	return func(yield func([]any, any) bool) {
		list, isList := v.([]any)
		if !isList {
			yield(path, v)
		}
		for i, e := range list {
			if !yield(at(path, i), e) {
				return
			}
		}
	}
}

func at(path []any, more ...any) []any { return append(slices.Clone(path), more...) }

// mapping returns a mapping with no other keys than the given ones.
func (r *reader) mapping(v any, path []any, what string, keys ...string) map[string]any {
	m, ok := v.(map[string]any)
	if !ok {
		r.fail(path, "%s must be a mapping with the keys %s", what, strings.Join(keys, ", "))
		return nil
	}
	for _, k := range sortedKeys(m) {
		if !slices.Contains(keys, k) {
			r.failOnKey(at(path, k), "unknown key %q in %s%s", k, what, nearest(k, keys))
		}
	}
	return m
}

func sortedKeys(m map[string]any) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func nearest(name string, names []string) string {
	if near := catalogue.Nearest(name, names); len(near) > 0 {
		return fmt.Sprintf("; did you mean %s?", strings.Join(near, " or "))
	}
	return fmt.Sprintf("; it has %s", strings.Join(names, ", "))
}

// count reads a whole number within its range.
func (r *reader) count(c Count, v any, path []any) int {
	c.Key = r.name(c.Key)
	n, ok := whole(v)
	if !ok {
		r.fail(path, "%s must be a whole number, not %s", c.Key, r.shown(v, path))
		return 0
	}
	switch {
	case n < float64(c.Least):
		r.fail(path, "%s must be at least %d, not %s", c.Key, c.Least, r.shown(v, path))
		return 0
	case n > float64(c.Most):
		r.fail(path, "%s", c.tooMany(r.shown(v, path), n))
		return 0
	}
	return int(n)
}

// whole returns a whole number, however it was written: 2.0 and 1e1 are some.
func whole(v any) (float64, bool) {
	f, ok := number(v)
	return f, ok && f == math.Trunc(f)
}

// number returns a finite number.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, !math.IsNaN(v) && !math.IsInf(v, 0)
	case uint64:
		return float64(v), true
	case int64:
		return float64(v), true
	}
	return 0, false
}

func (r *reader) text(m map[string]any, key string) string {
	v, ok := m[key]
	if !ok {
		return ""
	}
	s, ok := v.(string)
	if !ok {
		path := at(nil, key)
		r.fail(path, "%s must be text, not %s: quote it if it is meant as text", key, r.shown(v, path))
	}
	return s
}

var nameForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// gridKeys are the keys of a grid and of a case.
func gridKeys() (keys []string) {
	for _, a := range Axes {
		if !a.Once {
			keys = append(keys, a.Key)
		}
	}
	return keys
}

// studyKeys are the keys of a study, in the order in which one is written.
var studyKeys = []string{"name", "about", "parts", "compare", "variants", "baseline", "where", "task", "budget", "seeds", "tune", "target", "probe", "quantities", "grid", "cases"}

func (r *reader) spec() *Spec {
	m := r.mapping(r.root, nil, "a study", studyKeys...)
	if r.err != nil {
		return nil
	}
	s := &Spec{Name: r.text(m, "name"), About: strings.TrimSpace(r.text(m, "about")), parts: r.parts}
	if _, ok := m["name"]; !ok {
		r.fail(nil, "the study has no name: add one such as `name: rates`")
	} else if !nameForm.MatchString(s.Name) {
		r.fail(at(nil, "name"), "name %q: want lower-case words with hyphens, as it names a directory", s.Name)
	}
	base := Defaults()
	r.recordedParts(m)
	s.Checkpoint = r.budget(m, &base)
	base.Probe = probes(base.Steps)
	r.once(&base, m, nil, "task", "target", "probe", "quantities")
	seeds := r.seedList(m, nil, 1, defaultSeeds)
	s.Tune = r.tune(m, seeds)
	r.seeds = len(seeds)
	grid := map[string]any{}
	if v, ok := m["grid"]; ok {
		grid = r.mapping(v, at(nil, "grid"), "the grid", gridKeys()...)
	}
	if r.err != nil {
		return nil
	}
	var variants []Variant
	s.Comparison, variants = r.comparison(m)
	if r.err != nil {
		return nil
	}
	if len(variants) == 0 {
		variants = []Variant{{}} // nothing is replaced
	}
	var points []point
	for _, v := range variants {
		points = append(points, r.cases(m, grid, base, v)...)
		if r.err != nil {
			return nil
		}
	}
	if err := r.where.Check(r.all); err != nil {
		r.fail(at(nil, "where"), "%v", err)
		return nil
	}
	if len(s.Comparison.Variants) > 0 {
		if r.nameVariants(points, &s.Comparison); r.err != nil {
			return nil
		}
	}
	seen := map[string]bool{}
	for i, c := range points {
		if i%100 == 0 && r.stopped() {
			return nil
		}
		for _, seed := range seeds {
			c.Seed = seed
			if hash := c.Hash(); !seen[hash] {
				seen[hash] = true
				s.Configs = append(s.Configs, c.Config)
			}
		}
	}
	r.checkBaseline(s.Comparison, s.Configs)
	r.checkTune(s, m, points)
	return s
}

// probes is the default number of measurements in a factor of ten of a run's steps: as many as
// take up to 3% of its time, at most defaultProbe and at least 1. A step that is measured takes
// 2.3 times as long (BenchmarkProbe of package probe).
func probes(steps int) int {
	const costs, share = 1.3, .03
	for p := defaultProbe; p > 1; p-- {
		measured, when := 1, train.LogSpaced(p) // the last
		for step := range min(steps, 10_000) {
			if when(step) {
				measured++
			}
		}
		if costs*float64(measured) <= share*float64(steps) {
			return p
		}
	}
	return 1
}

// once sets the axes that keys of a mapping give a single value for.
func (r *reader) once(c *Config, m map[string]any, path []any, keys ...string) {
	for _, key := range keys {
		v, ok := m[key]
		if !ok {
			continue
		}
		a, _ := AxisOf(key)
		sets := a.read(r, v, at(path, key))
		switch {
		case r.err != nil:
			return
		case len(sets) > 1:
			r.fail(at(path, key), "%s has one value here: give several in the grid", key)
		default:
			sets[0](c)
			if key == "target" {
				r.target = sets[0]
			}
		}
	}
}

// budget reads the budget and returns the updates between checkpoints.
func (r *reader) budget(m map[string]any, c *Config) (checkpoint int) {
	path := at(nil, "budget")
	v, ok := m["budget"]
	if !ok {
		r.fail(nil, "the study has no budget: add one such as `budget: {steps: 400, batch: 64}`")
		return 0
	}
	b := r.mapping(v, path, "the budget", "steps", "batch", "evaluate", "checkpoint")
	for _, key := range []string{"steps", "batch"} {
		if _, ok := b[key]; !ok {
			r.fail(path, "the budget has no %s", key)
		}
	}
	r.once(c, b, path, "steps", "batch", "evaluate")
	if c.Evaluate == 0 {
		c.Evaluate = max(1, c.Steps/evaluationRuns)
	}
	if v, ok := b[Checkpoint.Key]; ok {
		checkpoint = r.count(Checkpoint, v, at(path, Checkpoint.Key))
	}
	return checkpoint
}

// task makes the task of a choice, once.
func (r *reader) task(c Choice) (tasks.Task, error) {
	key := c.String()
	if t := r.made[key]; t != nil {
		return t, nil
	}
	t, err := r.parts.tasks.Make(c)
	if err != nil {
		return nil, err
	}
	if r.made == nil {
		r.made = map[string]tasks.Task{}
	}
	r.made[key] = t
	return t, nil
}

// seedList returns the seeds that the key seeds of a mapping asks for: the first n, or the
// listed ones.
func (r *reader) seedList(m map[string]any, of []any, first uint64, n int) []uint64 {
	path := at(of, "seeds")
	v, given := m["seeds"]
	switch list := v.(type) {
	case nil:
		if given {
			r.fail(path, "seeds is empty: give a number of seeds or a list")
		}
	case []any:
		if len(list) == 0 {
			r.fail(path, "the list of seeds is empty")
		} else if len(list) > Seeds.Most {
			r.fail(path, "%s", Seeds.tooMany(strconv.Itoa(len(list)), float64(len(list))))
			return nil
		}
		seen := map[uint64]bool{}
		var seeds []uint64
		for i, e := range list {
			seed, ok := e.(uint64)
			if f, isWhole := whole(e); !ok && isWhole && f >= 0 && f < 1<<53 {
				seed, ok = uint64(f), true
			}
			switch {
			case !ok:
				r.fail(at(path, i), "a seed must be a whole number from 0, not %s", r.shown(e, at(path, i)))
			case seen[seed]:
				r.fail(at(path, i), "seed %d is listed twice", seed)
			}
			seen[seed] = true
			seeds = append(seeds, seed)
		}
		return seeds
	default:
		n = r.count(Seeds, v, path)
	}
	seeds := make([]uint64, n)
	for i := range seeds {
		seeds[i] = first + uint64(i)
	}
	return seeds
}

// point is a combination of the axes' values, and where they stand.
type point struct {
	Config
	paths   [][]any // by the axis's place in the table; nil where the grid has none
	variant string  // "" of a study without
	origin  Config  // with the grid's values where the variant uses them
}

// path returns where the value of the first of the axes stands that the grid gives.
func (p point) path(keys ...string) []any {
	for _, key := range keys {
		for i, a := range Axes {
			if a.Key == key && p.paths[i] != nil {
				return p.paths[i]
			}
		}
	}
	return nil
}

// cases expands the grid, once for each case, whose axes replace the grid's; those of the
// variant replace both.
func (r *reader) cases(m map[string]any, grid map[string]any, base Config, variant Variant) []point {
	gridPath := at(nil, "grid")
	v, ok := m["cases"]
	if !ok {
		if _, ok := m["grid"]; !ok {
			r.fail(nil, "the study has neither a grid nor cases: there is nothing to run")
			return nil
		}
		return r.expand(base, grid, variant, func(string) []any { return gridPath }, gridPath)
	}
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		r.fail(at(nil, "cases"), "cases must be a list of partial grids")
		return nil
	}
	var points []point
	for i, e := range list {
		path := at(nil, "cases", i)
		own := r.mapping(e, path, "a case", gridKeys()...)
		merged := map[string]any{}
		for k, v := range grid {
			merged[k] = v
		}
		for k, v := range own {
			merged[k] = v
		}
		points = append(points, r.expand(base, merged, variant, func(axis string) []any {
			if _, ok := own[axis]; ok {
				return path
			}
			return gridPath
		}, path)...)
		if r.stopped() {
			return nil
		}
	}
	return points
}

// expand returns all combinations of the axes' values, set in base. where is the path
// of the mapping that an axis comes from, if not from the variant.
func (r *reader) expand(base Config, grid map[string]any, variant Variant, where func(axis string) []any, path []any) []point {
	without := grid
	grid = variant.with(grid)
	points := []point{{base, make([][]any, len(Axes)), variant.Name, base}}
	for k, a := range Axes {
		if a.Once {
			continue
		}
		v, ok := grid[a.Key]
		if !ok {
			switch {
			case a.given == nil || a.given(base):
				continue
			case a.Key == "task":
				r.fail(nil, "the study has no task: add one such as `task: digits`")
			default:
				r.fail(path, "no %s is given, neither in the grid nor in the case", a.Key)
			}
			return nil
		}
		valuePath := at(variant.path(a.Key, where), a.Key)
		if list, isList := v.([]any); isList && len(list) == 0 || v == nil {
			r.fail(valuePath, "%s is empty: give a value or a list of values", a.Key)
			return nil
		}
		type change struct {
			set, origin func(*Config)
			path        []any
		}
		var changes []change
		if own := grid[a.Key]; variant.Name != "" && refers(own, a.Key) {
			for _, u := range r.uses(a, own, without[a.Key], valuePath, at(where(a.Key), a.Key)) {
				changes = append(changes, change{u[0], u[1], valuePath})
			}
			if r.stopped() {
				return nil
			}
		} else {
			for itemPath, v := range items(v, valuePath) {
				for _, set := range a.read(r, v, itemPath) {
					changes = append(changes, change{set, set, itemPath})
				}
				if r.stopped() {
					return nil
				}
			}
		}
		if runs := float64(r.runs) + float64(len(points))*float64(len(changes))*float64(r.seeds); runs > MaxRuns {
			r.fail(valuePath, "with the %d values of %s and %d seeds the study has %.4g runs or more; the limit is %d", len(changes), a.Key, r.seeds, runs, MaxRuns)
			return nil
		}
		next := make([]point, 0, len(points)*len(changes))
		for _, p := range points {
			for _, c := range changes {
				q := point{p.Config, slices.Clone(p.paths), p.variant, p.origin}
				c.set(&q.Config)
				c.origin(&q.origin)
				q.paths[k] = c.path
				if r.target != nil {
					r.target(&q.Config)
					r.target(&q.origin)
				}
				next = append(next, q)
			}
		}
		points = next
	}
	if r.where != nil {
		for _, p := range points {
			r.all = append(r.all, p.Config)
		}
		points = slices.DeleteFunc(points, func(p point) bool { return !r.where.Holds(p.Config) })
	}
	r.runs += len(points) * r.seeds
	if !r.recorded {
		r.check(points, path)
	}
	return points
}

// choices returns the choices that a value stands for, complete: a setting given as a
// list, where the setting itself is none, stands for one choice with each.
func choices[T any](r *reader, c *catalogue.Catalogue[T], key string, v any, path []any) []Choice {
	m, ok := v.(map[string]any)
	if !ok {
		if choice, ok := choose(r, c, key, v, path); ok {
			return []Choice{choice}
		}
		return nil
	}
	variants := []map[string]any{m}
	name, _ := m["name"].(string)
	for _, s := range c.Given(name, m) {
		list, ok := m[s.Name].([]any)
		if !ok || strings.HasPrefix(s.Type, "list") {
			continue
		}
		if len(list) == 0 {
			r.fail(at(path, s.Name), "%s is empty: give a value or a list of values", s.Name)
			return nil
		}
		if len(variants)*len(list) > MaxRuns {
			r.fail(at(path, s.Name), "with the %d values of %s there are more than %d choices", len(list), s.Name, MaxRuns)
			return nil
		}
		var next []map[string]any
		for _, old := range variants {
			for _, e := range list {
				one := map[string]any{}
				for k, v := range old {
					one[k] = v
				}
				one[s.Name] = e
				next = append(next, one)
			}
		}
		variants = next
	}
	var result []Choice
	for _, one := range variants {
		if r.stopped() {
			return nil
		}
		choice, ok := choose(r, c, key, one, path)
		if !ok {
			return nil
		}
		result = append(result, choice)
	}
	return result
}

// choose reads, completes and tries one choice.
func choose[T any](r *reader, c *catalogue.Catalogue[T], key string, v any, path []any) (Choice, bool) {
	choice, err := c.Read(v)
	if err == nil {
		choice, err = c.Complete(choice)
	}
	if err == nil && !r.recorded {
		_, err = c.Make(choice)
	}
	if err == nil {
		return choice, true
	}
	var e *catalogue.Error
	switch {
	case r.flags:
		r.fail(nil, "--%s: %s", key, strings.TrimPrefix(err.Error(), "name: "))
	case errors.As(err, &e) && e.Path == "name":
		if _, bare := v.(string); !bare {
			path = at(path, "name")
		}
		r.fail(path, "%s", strings.TrimPrefix(err.Error(), "name: "))
	case e != nil && e.Path != "":
		r.failOnKey(at(path, settingPath(e.Path)...), "%v", err)
	default:
		r.fail(path, "%v", err)
	}
	return Choice{}, false
}

var settingStep = regexp.MustCompile(`[^.\[\]]+|\[\d+\]`)

// settingPath turns "links[2].limit" into its parts.
func settingPath(path string) []any {
	var parts []any
	for _, s := range settingStep.FindAllString(path, -1) {
		var i int
		if n, _ := fmt.Sscanf(s, "[%d]", &i); n == 1 {
			parts = append(parts, i)
		} else {
			parts = append(parts, s)
		}
	}
	return parts
}
