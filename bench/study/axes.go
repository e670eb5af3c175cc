package study

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/keep"
	"github.com/gradflow/gradflow/normalization"
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
)

// Axis is a part of a configuration that a study says, as one value or as a list: an axis
// of its grid.
type Axis struct {
	Key     string          // in a study file, in the name of a benchmark, and of the flag
	Kind    string          // what its values are: "activation", "whole number", …
	Doc     string          // one line
	Default string          // what a study has that does not say; "" if it must
	Words   func() []string // values that the shell can offer; nil if there are none

	// Value is that of a configuration: of those that have equal ones, JSON is equal.
	Value func(Config) any
	// Label is how a report writes the value; nil for a Choice, for which Named writes it with
	// some of its settings: those in which it differs from others.
	Label func(Config) string
	Named func(c Config, settings ...string) string
	// Once tells that a study has one value for all its runs, which is not in the grid but
	// under a key of its own, or in the budget.
	Once bool
	// Training tells that the value says how a network is trained, and nothing of the network:
	// one that is only looked at has none.
	Training bool

	given func(Config) bool // the configuration has a value without the grid; nil: always
	// tune sets the value, a number, or a setting of the choice; has is false if the choice
	// has no such number. nil: the axis can't be tuned.
	tune func(p *parts, c *Config, setting string, value float64) (has bool, err error)
	// read reads one value, which stands for several if settings of a choice are lists, and
	// returns what sets each.
	read func(r *reader, v any, path []any) []func(*Config)
}

// Axes is the table of all axes, in the order in which labels name them; in a study's
// runs the first changes the least often. A new axis is a row here.
var Axes = []Axis{
	taskAxis(),
	choiceAxis("activation", "", "f in the layers f(x·W + b)", func(p *parts) **catalogue.Catalogue[activations.Activation] { return &p.activations },
		func(c *Config) *Choice { return &c.Activation }),
	countAxis(Depth, "hidden layers", func(c *Config) *int { return &c.Depth }, "depth %d"),
	widthAxis(),
	choiceAxis("model", defaultModel, "architecture", func(p *parts) **catalogue.Catalogue[models.Architecture] { return &p.models },
		func(c *Config) *Choice { return &c.Model }),
	choiceAxis("initializer", "", "first values of the weights", func(p *parts) **catalogue.Catalogue[initializers.Initializer] { return &p.initializers },
		func(c *Config) *Choice { return &c.Initializer }),
	choiceAxis("normalization", defaultNormalization, "normalisation in the hidden layers", func(p *parts) **catalogue.Catalogue[normalization.Normalization] { return &p.normalizations },
		func(c *Config) *Choice { return &c.Normalization }),
	choiceAxis("optimizer", "", "what updates the parameters", func(p *parts) **catalogue.Catalogue[gorgonia.Solver] { return &p.optimizers },
		func(c *Config) *Choice { return &c.Optimizer }).training(),
	keepAxis().training(),
	{
		Key: "dtype", Kind: "float type", Default: defaultDType, Doc: "type of the network's numbers: float32 or float64",
		Words: func() []string { return dtypes },
		Value: func(c Config) any { return c.DType },
		Label: func(c Config) string { return c.DType },
		read: func(r *reader, v any, path []any) []func(*Config) {
			s, _ := v.(string)
			if s != dtypes[0] && s != dtypes[1] {
				r.fail(path, "%s must be %s, not %s", r.name("dtype"), strings.Join(dtypes, " or "), r.shown(v, path))
			}
			return one(func(c *Config) {
				c.DType = s
				c.FlushToZero = c.FlushByDefault()
			})
		},
	},
	{
		Key: "flush-to-zero", Kind: "true or false", Default: "true for float32", Training: true, Doc: "whether the processor takes denormal numbers for 0: never for float64",
		Words: func() []string { return []string{"true", "false"} },
		Value: func(c Config) any { return c.FlushToZero == c.FlushByDefault() }, // float types differ for themselves
		Label: func(c Config) string {
			if c.FlushToZero {
				return "flush to zero"
			}
			return "denormals kept"
		},
		read: func(r *reader, v any, path []any) []func(*Config) {
			flush, ok := v.(bool)
			if !ok {
				r.fail(path, "%s must be true or false, not %s", r.name("flush-to-zero"), r.shown(v, path))
			} else if flush && !kernels.SupportsFlushToZero() {
				r.fail(path, "the %s kernels in use here can't flush to zero: leave %s out", kernels.Name(), r.name("flush-to-zero"))
			}
			return one(func(c *Config) { c.FlushToZero = flush })
		},
	},
	countAxis(Batch, "examples in a step", func(c *Config) *int { return &c.Batch }, "batch %d").budget(),
	countAxis(Steps, "updates of the parameters", func(c *Config) *int { return &c.Steps }, "%d steps").budget().training(),
	{
		Key: "target", Kind: "number", Default: "the task's", Doc: "validation score that counts as solved", Once: true,
		Value: func(c Config) any { return c.Target },
		Label: func(c Config) string { return fmt.Sprintf("target %g", c.Target) },
		read: func(r *reader, v any, path []any) []func(*Config) {
			target, ok := number(v)
			if !ok {
				r.fail(path, "%s must be a validation score, not %s", r.name("target"), r.shown(v, path))
			}
			return one(func(c *Config) { c.Target = target })
		},
	},
	countAxis(Evaluate, "updates between evaluations", func(c *Config) *int { return &c.Evaluate }, "evaluated every %d").once("a twentieth of the steps"),
	countAxis(Probes, "steps with measurements of the layers in each factor of ten, fewer by default where they would take more than 3% of the time; 0: none", func(c *Config) *int { return &c.Probe }, "%d probes a decade").once(strconv.Itoa(defaultProbe)),
	{
		Key: "quantities", Kind: "list of names", Default: "none", Doc: "costly quantities to measure of the layers besides the others", Once: true,
		Words: probe.OnRequest,
		Value: func(c Config) any { return c.Quantities },
		Label: func(c Config) string { return "with " + strings.Join(c.Quantities, ", ") },
		read: func(r *reader, v any, path []any) []func(*Config) {
			list, ok := v.([]any)
			if text, single := v.(string); single { // as a flag has it
				for _, name := range strings.Split(text, ",") {
					list = append(list, strings.TrimSpace(name))
				}
				ok = true
			}
			known := probe.OnRequest()
			var names []string
			for _, name := range list {
				s, _ := name.(string)
				if !slices.Contains(known, s) && !r.recorded {
					ok = false
				}
				names = append(names, s)
			}
			if !ok {
				r.fail(path, "%s must be a list of %s, not %s; others are always measured", r.name("quantities"), strings.Join(known, ", "), r.shown(v, path))
			}
			slices.Sort(names)
			names = slices.Compact(names)
			return one(func(c *Config) { c.Quantities = names })
		},
	},
}

var dtypes = []string{"float32", "float64"}

// AxisOf returns the axis with a key.
func AxisOf(key string) (Axis, bool) {
	for _, a := range Axes {
		if a.Key == key {
			return a, true
		}
	}
	return Axis{}, false
}

// ReadText sets a configuration's value from text, as a flag gives it. The error names
// the flag --Key.
func (a Axis) ReadText(c *Config, text string) error {
	r := &reader{parts: catalogues(), flags: true}
	set := a.read(r, a.OfText(text), nil)
	if r.err != nil {
		return r.err
	}
	set[0](c)
	return nil
}

// OfText is the value that text stands for in a [Grid]: a number, true or false, or text.
func (a Axis) OfText(text string) any {
	if a.Label == nil { // a choice
		return text
	}
	var p place
	v, _, err := (&reading{}).plain(strings.TrimSpace(text), &p)
	if err != nil || v == nil {
		return text
	}
	return v
}

// Defaults is a configuration of what a study has that does not say.
func Defaults() Config {
	c := Config{Model: Choice{Name: defaultModel}, Normalization: Choice{Name: defaultNormalization}, DType: defaultDType, Probe: defaultProbe}
	c.FlushToZero = c.FlushByDefault()
	return c
}

func one(set func(*Config)) []func(*Config) { return []func(*Config){set} }

// countAxis is an axis of whole numbers, which a label writes with a format.
func countAxis(count Count, doc string, field func(*Config) *int, label string) Axis {
	return Axis{
		Key: count.Key, Kind: "whole number", Doc: doc,
		Value: func(c Config) any { return *field(&c) },
		Label: func(c Config) string {
			if n := *field(&c); n == 1 {
				return strings.TrimSuffix(fmt.Sprintf(label, n), "s") // 1 step
			}
			return fmt.Sprintf(label, *field(&c))
		},
		given: func(Config) bool { return false },
		read: func(r *reader, v any, path []any) []func(*Config) {
			n := r.count(count, v, path)
			return one(func(c *Config) { *field(c) = n })
		},
		tune: func(_ *parts, c *Config, setting string, value float64) (has bool, err error) {
			if setting != "" {
				return false, nil
			}
			*field(c) = int(math.Round(max(math.MinInt32, min(value, math.MaxInt32))))
			return true, count.Check(*field(c))
		},
	}
}

// budget makes an axis of one that the budget gives, where it does.
func (a Axis) budget() Axis {
	value := a.Value
	a.given = func(c Config) bool { return value(c) != 0 }
	return a
}

// once makes a key of an axis, with a default.
func (a Axis) once(def string) Axis {
	a.Once, a.Default, a.tune = true, def, nil
	return a
}

// training makes an axis of one that says how a network is trained.
func (a Axis) training() Axis {
	a.Training = true
	return a
}

// choiceAxis is an axis of choices from a catalogue; def is the name of the default, ""
// if there is none.
func choiceAxis[T any](key, def, doc string, from func(*parts) **catalogue.Catalogue[T], field func(*Config) *Choice) Axis {
	return Axis{
		Key: key, Kind: key, Doc: doc, Default: def,
		Words: func() []string { return (*from(catalogues())).Names() },
		Value: func(c Config) any { return *field(&c) },
		Named: func(c Config, settings ...string) string {
			return (*from(catalogues())).Label(*field(&c), settings...)
		},
		given: func(c Config) bool { return field(&c).Name != "" },
		read: func(r *reader, v any, path []any) (sets []func(*Config)) {
			if v = admit(r, from(r.parts), key, v, path); r.err != nil {
				return nil
			}
			for _, choice := range choices(r, *from(r.parts), key, v, path) {
				sets = append(sets, func(c *Config) { *field(c) = choice })
			}
			return sets
		},
		tune: func(p *parts, c *Config, setting string, value float64) (bool, error) {
			catalogue := *from(p)
			choice, has := withNumber(catalogue, *field(c), setting, value)
			if !has {
				return false, nil
			}
			choice, err := catalogue.Complete(choice)
			if err == nil {
				_, err = catalogue.Make(choice)
			}
			*field(c) = choice
			return true, err
		},
	}
}

// widthAxis is that of widths: one for all layers, or text that says those of each.
func widthAxis() Axis {
	number := countAxis(Width, "units of each hidden layer: a number; where they differ a list, \"64,32,16\", or numbers to repeat, \"16,4 alternating\"",
		func(c *Config) *int { return &c.Width }, "width %d")
	a := number
	a.Kind = "whole number or text"
	a.Value = func(c Config) any {
		if c.Widths != "" {
			return c.Widths
		}
		return c.Width
	}
	a.Label = func(c Config) string { return "width " + c.Units() }
	a.read = func(r *reader, v any, path []any) []func(*Config) {
		text, ok := v.(string)
		if !ok || !strings.ContainsAny(text, ", ") {
			sets := number.read(r, v, path)
			return one(func(c *Config) { sets[0](c); c.Widths = "" })
		}
		widths, err := models.ParseWidths(text)
		if err != nil {
			r.fail(path, "%s: %v", r.name(Width.Key), err)
		} else if n := widths.Max(); n > Width.Most {
			r.fail(path, "%s: %s", r.name(Width.Key), Width.tooMany(strconv.Itoa(n), float64(n)))
		}
		return one(func(c *Config) { c.Width, c.Widths = widths.Max(), widths.String() })
	}
	return a
}

// keepAxis is that of what the training loop keeps, which is left out of a configuration where
// it is none.
func keepAxis() Axis {
	a := choiceAxis("keep", defaultKeep, "what the training loop keeps of the signal", func(p *parts) **catalogue.Catalogue[keep.Keep] { return &p.keeps },
		func(c *Config) *Choice { return &c.Keep })
	read, named := a.read, a.Named
	a.Value = func(c Config) any { return keptBy(c) }
	a.Named = func(c Config, settings ...string) string {
		c.Keep = keptBy(c)
		return named(c, settings...)
	}
	a.given = nil
	tune := a.tune
	a.tune = func(p *parts, c *Config, setting string, value float64) (bool, error) {
		if c.Keep.Name == "" {
			return false, nil
		}
		return tune(p, c, setting, value)
	}
	a.read = func(r *reader, v any, path []any) (sets []func(*Config)) {
		for _, set := range read(r, v, path) {
			sets = append(sets, func(c *Config) {
				if set(c); c.Keep.Name == defaultKeep {
					c.Keep = Choice{}
				}
			})
		}
		return sets
	}
	return a
}

// taskAxis is that of tasks, which have a target of their own.
func taskAxis() Axis {
	a := choiceAxis("task", "", "data, and what is learned of them", func(p *parts) **catalogue.Catalogue[tasks.Task] { return &p.tasks },
		func(c *Config) *Choice { return &c.Task })
	a.tune = nil // what is learned is no setting of who learns it
	read := a.read
	a.read = func(r *reader, v any, path []any) (sets []func(*Config)) {
		for _, set := range read(r, v, path) {
			var c Config
			set(&c)
			target, recorded := r.targets[c.Task.Name]
			if !recorded {
				task, err := r.task(c.Task)
				if err != nil {
					if r.flags {
						err = errors.Wrap(err, r.name("task"))
					}
					r.fail(path, "%v", err)
					return nil
				}
				target = task.Target()
			}
			sets = append(sets, func(c *Config) { set(c); c.Target = target })
		}
		return sets
	}
	return a
}
