package export

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/pkg/errors"
)

// Kind is the type of a column's values.
type Kind int

// Kinds of columns. Each can lack a value.
const (
	Text    Kind = iota // string
	Integer             // int64
	Float               // float64
)

func (k Kind) String() string { return [...]string{"text", "integer", "number"}[k] }

// Column is one of a table's.
type Column struct {
	Name string // lower-case, with underscores
	Kind Kind
	Doc  string // what it is, and its unit
}

// Table is what can be exported as rows.
type Table struct {
	Name string
	Doc  string
	// Columns depend on the runs: in those of layers, on the quantities measured.
	Columns func(runs []*record.Record) []Column
	// rows calls yield with the values of each row of a run, in the order of the columns:
	// string, int64, float64, or nil for what is not known.
	rows func(r *record.Record, columns []Column, yield func([]any) error) error
}

// Tables are all that there are.
var Tables = []Table{
	{"runs", "a row for each run", func([]*record.Record) []Column { return columnsOf(runColumns) }, eachRun},
	{"curves", "a row for each evaluation of each run", func([]*record.Record) []Column { return columnsOf(curveColumns) }, eachEvaluation},
	{"layers", "a row for each layer of each probed step of each run", layerColumns, eachLayer},
}

// TableNamed returns a table by its name.
func TableNamed(name string) (Table, error) {
	var names []string
	for _, t := range Tables {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return Table{}, errors.Errorf("no table is named %q; there are %s", name, strings.Join(names, ", "))
}

// Rows calls yield with each row of the runs. The slice is reused.
func (t Table) Rows(runs []*record.Record, yield func([]any) error) error {
	columns := t.Columns(runs)
	for _, r := range runs {
		if err := t.rows(r, columns, yield); err != nil {
			return err
		}
	}
	return nil
}

// column is a column with what it has of a T.
type column[T any] struct {
	Column
	of func(T) any
}

func columnsOf[T any](list []column[T]) []Column {
	columns := make([]Column, len(list))
	for i, c := range list {
		columns[i] = c.Column
	}
	return columns
}

// runColumns are those of the table of runs.
var runColumns = slices.Concat(
	[]column[*record.Record]{text("run", "hash of the configuration and its seed: names the run", func(r *record.Record) string { return r.Hash })},
	axisColumns(),
	[]column[*record.Record]{
		integer("seed", "of the first weights and of the order of the examples", func(r *record.Record) int64 { return int64(r.Config.Seed) }),
		text("status", "done or diverged", func(r *record.Record) string { return string(r.Summary.Status) }),
		integer("updates", "of the parameters, done", func(r *record.Record) int64 { return int64(r.Summary.Steps) }),
		text("reason", "why it diverged", func(r *record.Record) string { return r.Summary.Reason }),
		text("bad_layer", "of a run that diverged, the first layer that is not finite", func(r *record.Record) string { return r.Summary.Layer }),
		measured("test_accuracy", "share of the test part that is right; unknown unless the task is a classification", func(r *record.Record) record.Number { return r.Summary.TestAccuracy }),
		measured("test_loss", "mean loss on the test part, nats for cross-entropy", func(r *record.Record) record.Number { return r.Summary.TestLoss }),
		measured("validation_accuracy", "at the end: a share", func(r *record.Record) record.Number { return r.Summary.Final.ValidationAccuracy }),
		measured("validation_loss", "at the end", func(r *record.Record) record.Number { return r.Summary.Final.ValidationLoss }),
		measured("train_loss", "mean since the last evaluation before the end", func(r *record.Record) record.Number { return r.Summary.Final.TrainLoss }),
		measured("best_validation", "best validation score of all evaluations", func(r *record.Record) record.Number { return r.Summary.Best }),
		measured("chance", "score of the best answer that ignores the inputs", func(r *record.Record) record.Number {
			if r.Summary.Judged == 0 { // older records don't have it
				return record.Number(math.NaN())
			}
			return record.Number(r.Summary.Chance)
		}),
		measured("steps_to_target", "first evaluated step at which the validation score reached the target", func(r *record.Record) record.Number { return r.Summary.StepsToTarget }),
		measured("decades_first", "powers of ten by which the norm of the gradient falls from the last layer to the first, at the first probe", func(r *record.Record) record.Number { return r.Summary.DecadesFirst }),
		measured("decades_last", "the same at the last probe", func(r *record.Record) record.Number { return r.Summary.DecadesLast }),
		course("gradient_dead", "share of training in which under a thousandth of the gradient arrives at layer 1", func(c *record.Course) record.Number { return c.GradientDead }),
		course("gradient_arrives", "first probed step from which on more arrives, to the end", func(c *record.Course) record.Number { return c.GradientArrives }),
		course("forward_dead", "share of training in which under a thousandth of the examples' decorrelation 1 - c arrives at the last hidden layer", func(c *record.Course) record.Number { return c.ForwardDead }),
		course("forward_arrives", "first probed step from which on more arrives, to the end", func(c *record.Course) record.Number { return c.ForwardArrives }),
		measured("denormal_steps", "updates in which the processor met denormal numbers", func(r *record.Record) record.Number { return r.Summary.DenormalSteps }),
		measured("flushed_steps", "updates in which denormal numbers were flushed to zero", func(r *record.Record) record.Number { return r.Summary.FlushedSteps }),
		integer("parameters", "numbers that are learned", func(r *record.Record) int64 { return int64(r.Summary.Parameters) }),
		measured("seconds", "wall time of the run", func(r *record.Record) record.Number { return record.Number(r.Timing.Seconds) }),
		text("env_kernel", "vector kernels that it ran on", func(r *record.Record) string { return r.Summary.Environment.Kernel }),
		text("env_cpu", "processor", func(r *record.Record) string { return r.Summary.Environment.CPU }),
		text("env_platform", "system and architecture", func(r *record.Record) string { return r.Summary.Environment.Platform }),
		text("env_go", "version of Go", func(r *record.Record) string { return r.Summary.Environment.Go }),
		text("env_gradflow", "version or revision of gradflow", func(r *record.Record) string { return r.Summary.Environment.Gradflow }),
		text("env_gorgonia", "version of Gorgonia", func(r *record.Record) string { return r.Summary.Environment.Gorgonia }),
		text("env_tensor", "version of Gorgonia's tensor", func(r *record.Record) string { return r.Summary.Environment.Tensor }),
	})

// axisColumns has a column for each axis of a study.
func axisColumns() (columns []column[*record.Record]) {
	for _, a := range study.Axes {
		c := column[*record.Record]{Column{columnName(a.Key), Text, a.Doc}, nil}
		switch a.Value(record.Config{}).(type) {
		case int, int64:
			c.Kind = Integer
		case float64:
			c.Kind = Float
		}
		if a.Key == study.Width.Key { // one number for most networks, text for the others
			c.Kind = Text
			c.of = func(r *record.Record) any { return r.Config.Units() }
			columns = append(columns, c)
			continue
		}
		c.of = func(r *record.Record) any {
			switch v := a.Value(r.Config).(type) {
			case int:
				return int64(v)
			case float64:
				return known(v)
			case string:
				return some(v)
			case record.Choice:
				return some(v.String())
			case []string:
				return some(strings.Join(v, ","))
			case bool:
				return some(a.Label(r.Config))
			default:
				return some(fmt.Sprint(v))
			}
		}
		columns = append(columns, c)
	}
	return columns
}

func columnName(s string) string { return strings.ReplaceAll(s, "-", "_") }

func some(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// known returns nil for what is not a number: not measured, or not reached.
func known(x float64) any {
	if math.IsNaN(x) {
		return nil
	}
	return x
}

func text(name, doc string, of func(*record.Record) string) column[*record.Record] {
	return column[*record.Record]{Column{name, Text, doc}, func(r *record.Record) any { return some(of(r)) }}
}

func integer(name, doc string, of func(*record.Record) int64) column[*record.Record] {
	return column[*record.Record]{Column{name, Integer, doc}, func(r *record.Record) any { return of(r) }}
}

func measured(name, doc string, of func(*record.Record) record.Number) column[*record.Record] {
	return column[*record.Record]{Column{name, Float, doc}, func(r *record.Record) any { return known(float64(of(r))) }}
}

func course(name, doc string, of func(*record.Course) record.Number) column[*record.Record] {
	return measured(name, doc, func(r *record.Record) record.Number {
		if r.Summary.Course == nil {
			return record.Number(math.NaN())
		}
		return of(r.Summary.Course)
	})
}

func eachRun(r *record.Record, _ []Column, yield func([]any) error) error {
	row := make([]any, len(runColumns))
	for i, c := range runColumns {
		row[i] = c.of(r)
	}
	return yield(row)
}

// evaluation is an evaluation of a run.
type evaluation struct {
	run    *record.Record
	metric record.Metric
}

var curveColumns = []column[evaluation]{
	{Column{"run", Text, "hash of the configuration and its seed: names the run"}, func(e evaluation) any { return e.run.Hash }},
	{Column{"step", Integer, "updates before it"}, func(e evaluation) any { return int64(e.metric.Step) }},
	{Column{"train_loss", Float, "mean over the batches since the last evaluation"}, func(e evaluation) any { return known(float64(e.metric.TrainLoss)) }},
	{Column{"validation_loss", Float, "mean loss on the validation part"}, func(e evaluation) any { return known(float64(e.metric.ValidationLoss)) }},
	{Column{"validation_accuracy", Float, "a share; unknown unless the task is a classification"}, func(e evaluation) any { return known(float64(e.metric.ValidationAccuracy)) }},
}

func eachEvaluation(r *record.Record, _ []Column, yield func([]any) error) error {
	row := make([]any, len(curveColumns))
	for _, m := range r.Metrics {
		for i, c := range curveColumns {
			row[i] = c.of(evaluation{r, m})
		}
		if err := yield(row); err != nil {
			return err
		}
	}
	return nil
}

// layerColumns are the run, the step, the layer, and each quantity that some run has.
func layerColumns(runs []*record.Record) []Column {
	columns := []Column{
		{"run", Text, "hash of the configuration and its seed: names the run"},
		{"step", Integer, "updates before it"},
		{"layer", Text, "name of the layer, from the input on"},
	}
	for _, r := range runs {
		for _, q := range quantities(r) {
			name := columnName(q)
			if !slices.ContainsFunc(columns, func(c Column) bool { return c.Name == name }) {
				columns = append(columns, Column{name, Float, doc(q)})
			}
		}
	}
	return columns
}

// quantities are the names of those that a run's layers have.
func quantities(r *record.Record) (names []string) {
	if r.Layers == nil {
		return nil
	}
	columns := r.Layers.Columns
	if columns == nil {
		columns = record.LayerColumns
	}
	for _, c := range columns {
		if c != record.StepColumn && c != record.LayerColumn {
			names = append(names, c)
		}
	}
	return names
}

// doc is what a quantity is.
func doc(quantity string) string {
	if row, err := probe.Catalogue.Lookup(quantity); err == nil {
		return row.Doc
	}
	return "a quantity that is not linked into this program"
}

func eachLayer(r *record.Record, columns []Column, yield func([]any) error) error {
	if r.Layers == nil {
		return nil
	}
	step, layer := r.Layers.Column(record.StepColumn), r.Layers.Column(record.LayerColumn)
	from := make([]int, len(columns))
	for i, c := range columns {
		from[i] = -1
		for _, q := range quantities(r) {
			if columnName(q) == c.Name {
				from[i] = r.Layers.Column(q)
			}
		}
	}
	row := make([]any, len(columns))
	for _, values := range r.Layers.Rows {
		row[0], row[1], row[2] = r.Hash, int64(values[step]), layerName(r, int(values[layer]))
		for i := 3; i < len(row); i++ {
			if row[i] = nil; from[i] >= 0 {
				row[i] = known(values[from[i]])
			}
		}
		if err := yield(row); err != nil {
			return err
		}
	}
	return nil
}

// layerName is the name that the summary has of a layer.
func layerName(r *record.Record, i int) string {
	if i >= 0 && i < len(r.Summary.LayerNames) {
		return r.Summary.LayerNames[i]
	}
	return fmt.Sprintf("layer%02d", i+1)
}
