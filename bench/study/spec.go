package study

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// Spec is a study: what its file says, checked, and the runs that it stands for.
type Spec struct {
	Name    string   // lower-case, hyphenated
	About   string   // what the study is for
	Configs []Config // each run once, in the order of cases, grid and seeds
	Source  []byte   // the text
}

// Defaults of what a study file may leave out.
const (
	defaultSeeds         = 5
	defaultProbe         = 8
	defaultModel         = "mlp"
	defaultNormalization = "none"
	defaultDType         = "float32"
	evaluationRuns       = 20 // evaluations in a run, unless budget.evaluate says otherwise
)

// Load reads a study from a file. An error names file, line and column, and what
// would be right.
func Load(path string) (*Spec, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, errors.Wrap(err, "read the study file")
	}
	return Parse(path, text)
}

// Parse reads a study from text; file is what errors call it.
func Parse(file string, text []byte) (*Spec, error) {
	var root any
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, syntaxError(file, err)
	}
	r := &reader{root: withExponents(root)}
	s := r.spec()
	if r.err != nil {
		return nil, locate(file, text, r.err)
	}
	s.Source = text
	return s, nil
}

// exponentForm is a number that the YAML library takes for text, as it has neither a
// point nor a sign in the exponent.
var exponentForm = regexp.MustCompile(`^[-+]?[0-9]+[eE][0-9]+$`)

// withExponents turns text such as 1e30 into numbers.
func withExponents(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = withExponents(e)
		}
	case []any:
		for i, e := range v {
			v[i] = withExponents(e)
		}
	case string:
		if exponentForm.MatchString(v) {
			if f, err := strconv.ParseFloat(v, 64); err == nil {
				return f
			}
		}
	}
	return v
}

// axes are the keys of a grid and of a case. Some need not be given: see isSet.
var axes = []string{"model", "depth", "width", "activation", "initializer", "normalization", "optimizer", "dtype", "flush-to-zero", "steps", "batch"}

// reader walks through a study's values, and keeps the first error.
type reader struct {
	root any
	err  *placeError
}

// placeError is an error at a place in the file: the keys and indices that lead
// there. With onKey the last key itself is meant, not its value.
type placeError struct {
	path    []any
	onKey   bool
	message string
}

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

// integer returns the value of a key, or the default if it is missing.
func (r *reader) integer(m map[string]any, path []any, key string, least, def int) int {
	v, ok := m[key]
	if !ok {
		return def
	}
	return r.wholeNumber(v, at(path, key), key, least)
}

func (r *reader) wholeNumber(v any, path []any, what string, least int) int {
	n, ok := whole(v)
	if !ok {
		r.fail(path, "%s must be a whole number, not %v", what, v)
	} else if n < int64(least) || n > math.MaxInt32 {
		r.fail(path, "%s must be at least %d, not %d", what, least, n)
	}
	return int(n)
}

func whole(v any) (int64, bool) {
	switch v := v.(type) {
	case uint64:
		return int64(min(v, math.MaxInt64)), true
	case int64:
		return v, true
	case int:
		return int64(v), true
	}
	return 0, false
}

func (r *reader) text(m map[string]any, path []any, key, def string) string {
	v, ok := m[key]
	if !ok {
		return def
	}
	s, ok := v.(string)
	if !ok {
		r.fail(at(path, key), "%s must be text, not %v", key, v)
	}
	return s
}

var nameForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func (r *reader) spec() *Spec {
	m := r.mapping(r.root, nil, "a study", "name", "about", "task", "budget", "seeds", "target", "probe", "grid", "cases")
	if r.err != nil {
		return nil
	}
	s := &Spec{Name: r.text(m, nil, "name", ""), About: strings.TrimSpace(r.text(m, nil, "about", ""))}
	if _, ok := m["name"]; !ok {
		r.fail(nil, "the study has no name: add one such as `name: rates`")
	} else if !nameForm.MatchString(s.Name) {
		r.fail(at(nil, "name"), "name %q: want lower-case words with hyphens, as it names a directory", s.Name)
	}
	base := Config{Model: Choice{Name: defaultModel}, Normalization: Choice{Name: defaultNormalization}, DType: defaultDType, Probe: r.integer(m, nil, "probe", 0, defaultProbe)}
	r.budget(m, &base)
	r.task(m, &base)
	seeds := r.seeds(m)
	grid := map[string]any{}
	if v, ok := m["grid"]; ok {
		grid = r.mapping(v, at(nil, "grid"), "the grid", axes...)
	}
	points := r.cases(m, grid, base)
	if r.err != nil {
		return nil
	}
	seen := map[string]bool{}
	for _, c := range points {
		for _, seed := range seeds {
			c.Seed = seed
			if hash := c.Hash(); !seen[hash] {
				seen[hash] = true
				s.Configs = append(s.Configs, c)
			}
		}
	}
	return s
}

func (r *reader) budget(m map[string]any, c *Config) {
	path := at(nil, "budget")
	v, ok := m["budget"]
	if !ok {
		r.fail(nil, "the study has no budget: add one such as `budget: {steps: 400, batch: 64}`")
		return
	}
	b := r.mapping(v, path, "the budget", "steps", "batch", "evaluate")
	for _, key := range []string{"steps", "batch"} {
		if _, ok := b[key]; !ok {
			r.fail(path, "the budget has no %s", key)
		}
	}
	c.Steps = r.integer(b, path, "steps", 1, 0)
	c.Batch = r.integer(b, path, "batch", 1, 0)
	c.Evaluate = r.integer(b, path, "evaluate", 1, max(1, c.Steps/evaluationRuns))
}

func (r *reader) task(m map[string]any, c *Config) {
	path := at(nil, "task")
	v, ok := m["task"]
	if !ok {
		r.fail(nil, "the study has no task: add one such as `task: digits`")
		return
	}
	choice, ok := choose(r, tasks.Catalogue, v, path)
	if !ok {
		return
	}
	c.Task = choice
	task, err := tasks.Catalogue.Make(choice)
	if err != nil { // not reached: choose has made one
		r.fail(path, "%v", err)
		return
	}
	c.Target = task.Target()
	if v, ok := m["target"]; ok {
		target, isNumber := number(v)
		if !isNumber || math.IsNaN(target) || math.IsInf(target, 0) {
			r.fail(at(nil, "target"), "target must be a validation score, not %v", v)
		}
		c.Target = target
	}
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case uint64:
		return float64(v), true
	case int64:
		return float64(v), true
	}
	return 0, false
}

// seeds returns 1 to n, or the listed ones.
func (r *reader) seeds(m map[string]any) []uint64 {
	path := at(nil, "seeds")
	var seeds []uint64
	switch v := m["seeds"].(type) {
	case nil:
		if _, given := m["seeds"]; given {
			r.fail(path, "seeds is empty: give a number of seeds or a list")
		}
		for i := range defaultSeeds {
			seeds = append(seeds, uint64(i+1))
		}
	case []any:
		if len(v) == 0 {
			r.fail(path, "the list of seeds is empty")
		}
		for i, e := range v {
			n := r.wholeNumber(e, at(path, i), "a seed", 0)
			if slices.Contains(seeds, uint64(n)) {
				r.fail(at(path, i), "seed %d is listed twice", n)
			}
			seeds = append(seeds, uint64(n))
		}
	default:
		for i := range r.wholeNumber(v, path, "the number of seeds", 1) {
			seeds = append(seeds, uint64(i+1))
		}
	}
	return seeds
}

// cases expands the grid, once for each case, whose axes replace the grid's.
func (r *reader) cases(m map[string]any, grid map[string]any, base Config) []Config {
	gridPath := at(nil, "grid")
	v, ok := m["cases"]
	if !ok {
		if _, ok := m["grid"]; !ok {
			r.fail(nil, "the study has neither a grid nor cases: there is nothing to run")
		}
		return r.expand(base, grid, func(string) []any { return gridPath }, gridPath)
	}
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		r.fail(at(nil, "cases"), "cases must be a list of partial grids")
		return nil
	}
	var points []Config
	for i, e := range list {
		path := at(nil, "cases", i)
		own := r.mapping(e, path, "a case", axes...)
		merged := map[string]any{}
		for k, v := range grid {
			merged[k] = v
		}
		for k, v := range own {
			merged[k] = v
		}
		points = append(points, r.expand(base, merged, func(axis string) []any {
			if _, ok := own[axis]; ok {
				return path
			}
			return gridPath
		}, path)...)
	}
	return points
}

// expand returns all combinations of the axes' values, set in base. where is the path
// of the mapping that an axis comes from.
func (r *reader) expand(base Config, grid map[string]any, where func(axis string) []any, path []any) []Config {
	points := []Config{base}
	for _, axis := range axes {
		v, ok := grid[axis]
		if !ok && isSet(base, axis) {
			continue
		}
		if !ok {
			r.fail(path, "no %s is given, neither in the grid nor in the case", axis)
			return nil
		}
		values, valuePath := []any{v}, at(where(axis), axis)
		list, isList := v.([]any)
		if isList {
			values = list
		}
		if len(values) == 0 || v == nil {
			r.fail(valuePath, "%s is empty: give a value or a list of values", axis)
			return nil
		}
		var next []Config
		for _, p := range points {
			for i, v := range values {
				itemPath := valuePath
				if isList {
					itemPath = at(valuePath, i)
				}
				next = append(next, r.set(p, axis, v, itemPath)...)
				if r.err != nil {
					return nil
				}
			}
		}
		points = next
	}
	r.combinations(points, grid, where, path)
	return points
}

// combinations tries each combination of a model with what it is made of, small.
func (r *reader) combinations(points []Config, grid map[string]any, where func(axis string) []any, path []any) {
	// The mistake is shown at the most particular axis of those that are given.
	for _, axis := range []string{"activation", "model", "normalization"} {
		if _, ok := grid[axis]; ok {
			path = at(where(axis), axis)
		}
	}
	tried := map[string]bool{}
	for _, c := range points {
		c.Batch = min(c.Batch, 2)
		c.Optimizer, c.Steps, c.Evaluate, c.DType, c.FlushToZero = Choice{}, 0, 0, "", false
		if key := c.Hash(); !tried[key] {
			tried[key] = true
			if err := buildable(c); err != nil {
				r.fail(path, "%v", err)
				return
			}
		}
	}
}

// buildable returns why a configuration's network can't be built for training. It builds
// the smallest of its kind.
func buildable(c Config) error {
	task, err := tasks.Catalogue.Make(c.Task)
	if err != nil {
		return err
	}
	m, err := newModel(c)
	if err != nil {
		return err
	}
	m = smallest(c, m)
	p, err := models.NewParameters(tensor.Float32, 0)
	if err != nil {
		return err
	}
	_, err = models.Build(m, shapeOf(task, c.Batch), p, true)
	return err
}

// smallest returns the model of the least depth from 2, and of width 2 if that can be, that
// the architecture allows: beyond that, sizes make no difference to what can be built.
func smallest(c Config, m models.Model) models.Model {
	for _, width := range []int{min(c.Width, 2), c.Width} {
		for depth := min(c.Depth, 2); depth < c.Depth; depth++ {
			small := c
			small.Depth, small.Width = depth, width
			if m, err := newModel(small); err == nil {
				return m
			}
		}
	}
	return m
}

// isSet tells whether a configuration has a value for an axis that the grid may leave
// out: a default, or that of the budget.
func isSet(c Config, axis string) bool {
	switch axis {
	case "model", "normalization", "dtype", "flush-to-zero":
		return true
	case "steps":
		return c.Steps > 0
	case "batch":
		return c.Batch > 0
	}
	return false
}

// set returns the configuration with an axis set to a value: several of them if
// settings of a choice are lists.
func (r *reader) set(c Config, axis string, v any, path []any) []Config {
	var many []Config
	each := func(choices []Choice, field func(*Config) *Choice) []Config {
		for _, choice := range choices {
			d := c
			*field(&d) = choice
			many = append(many, d)
		}
		return many
	}
	switch axis {
	case "depth":
		c.Depth = r.wholeNumber(v, path, axis, 0)
	case "width":
		c.Width = r.wholeNumber(v, path, axis, 1)
	case "steps":
		c.Steps = r.wholeNumber(v, path, axis, 1)
	case "batch":
		c.Batch = r.wholeNumber(v, path, axis, 1)
	case "dtype":
		if c.DType, _ = v.(string); c.DType != "float32" && c.DType != "float64" {
			r.fail(path, "dtype must be float32 or float64, not %v", v)
		}
	case "flush-to-zero":
		var ok bool
		if c.FlushToZero, ok = v.(bool); !ok {
			r.fail(path, "flush-to-zero must be true or false, not %v", v)
		} else if c.FlushToZero && !kernels.SupportsFlushToZero() {
			r.fail(path, "the %s kernels in use here can't flush to zero: leave it out", kernels.Name())
		}
	case "model":
		return each(choices(r, models.Catalogue, v, path), func(c *Config) *Choice { return &c.Model })
	case "normalization":
		return each(choices(r, normalization.Catalogue, v, path), func(c *Config) *Choice { return &c.Normalization })
	case "activation":
		return each(choices(r, activations.Catalogue, v, path), func(c *Config) *Choice { return &c.Activation })
	case "initializer":
		return each(choices(r, initializers.Catalogue, v, path), func(c *Config) *Choice { return &c.Initializer })
	case "optimizer":
		return each(choices(r, optimizers.Catalogue, v, path), func(c *Config) *Choice { return &c.Optimizer })
	}
	return []Config{c}
}

// choices returns the choices that a value stands for, complete: a setting given as a
// list, where the setting itself is none, stands for one choice with each.
func choices[T any](r *reader, c *catalogue.Catalogue[T], v any, path []any) []Choice {
	m, ok := v.(map[string]any)
	if !ok {
		if choice, ok := choose(r, c, v, path); ok {
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
		choice, ok := choose(r, c, one, path)
		if !ok {
			return nil
		}
		result = append(result, choice)
	}
	return result
}

// choose reads, completes and tries one choice.
func choose[T any](r *reader, c *catalogue.Catalogue[T], v any, path []any) (Choice, bool) {
	choice, err := c.Read(v)
	if err == nil {
		choice, err = c.Complete(choice)
	}
	if err == nil {
		_, err = c.Make(choice)
	}
	if err == nil {
		return choice, true
	}
	var e *catalogue.Error
	switch {
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
