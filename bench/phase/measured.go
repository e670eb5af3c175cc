package phase

import (
	"context"
	"math"
	"slices"

	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/stats"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/train"
	"github.com/pkg/errors"
)

// Question asks up to which depth networks train, by the variance that their weights start
// with.
type Question struct {
	// Config has the task, the activation, the width, the batch, the optimizer and the float
	// type of all networks, which are plain ones.
	Config     study.Config
	Variances  []float64 // of the weights times the fan-in, above 0
	Bias       float64   // variance of the biases
	Depths     []int
	Steps      int // updates of each network
	Seeds      int // networks of each variance and depth
	Activation string
}

// start is the initialiser with a variance of the weights.
func (q Question) start(weight float64) (catalogue.Choice, error) {
	return initializers.Catalogue.Complete(catalogue.Choice{Name: "gaussian", Settings: map[string]any{"weight-variance": weight, "bias-variance": q.Bias}})
}

// Study is the study that answers the question: shallow networks come first. It is an error
// if there are fewer than two depths or none of the variances, or if one is given twice.
func (q Question) Study(ctx context.Context) (*study.Spec, error) {
	depths, variances := slices.Sorted(slices.Values(q.Depths)), slices.Sorted(slices.Values(q.Variances))
	if len(depths) < 2 || len(variances) < 1 {
		return nil, errors.Errorf("%d depths and %d variances: want at least two depths and one variance", len(depths), len(variances))
	}
	if len(slices.Compact(slices.Clone(depths))) < len(depths) || len(slices.Compact(slices.Clone(variances))) < len(variances) {
		return nil, errors.New("a depth or a variance is given twice")
	}
	var starts []catalogue.Choice
	for _, v := range variances {
		start, err := q.start(v)
		if err != nil {
			return nil, err
		}
		starts = append(starts, start)
	}
	c := q.Config
	width, _ := study.AxisOf(study.Width.Key)
	return study.New(ctx, study.Settings{
		Name: "trainable-depth", About: "Up to which depth do networks train, by the variance of their first weights?",
		Task: c.Task, Steps: q.Steps, Batch: c.Batch, Seeds: q.Seeds, Probe: new(0),
		Grid: study.Grid{
			"depth": depths, "width": width.Value(c), "activation": c.Activation, "dtype": c.DType,
			"optimizer": c.Optimizer, "initializer": starts,
		},
		Compare: []string{"initializer"},
	})
}

// Measured is what came of the networks, beside theory.
type Measured struct {
	Study    string  `json:"study"`
	Networks int     `json:"networks"` // of the study
	Trained  int     `json:"trained"`  // of those: fewer if time was up
	Chance   float64 `json:"chance"`   // test accuracy of the best answer that ignores the inputs
	// Best is the highest median test accuracy, and Threshold half way from chance to it: a
	// network with more trains. NaN if nothing is above chance.
	Best      record.Number `json:"best"`
	Threshold record.Number `json:"threshold"`
	Depths    []int         `json:"depths"` // ascending
	Columns   []Column      `json:"variances"`

	Activation string  `json:"activation"`
	Bias       float64 `json:"bias_variance"`

	field *meanfield.Field
}

// Column has the networks of one variance.
type Column struct {
	Variance float64 `json:"weight_variance"`
	Cells    []Cell  `json:"cells"` // by depth
	// Trainable is the largest depth whose median is above the threshold, 0 if none is, and
	// Lo and Hi the least and the most of those that each seed has by itself. Open says that
	// Trainable is the largest depth of all: networks may train beyond it.
	Trainable int  `json:"trainable_depth"`
	Lo        int  `json:"trainable_depth_lo"`
	Hi        int  `json:"trainable_depth_hi"`
	Open      bool `json:"open"`
	// SixXi is six times the smaller ξ of theory, and Fading the depth at which its signal has
	// fallen to a thousandth: see [Fading]. Null: there is none, or it is infinite.
	SixXi  record.Number `json:"six_xi"`
	Fading record.Number `json:"fading_depth"`
}

// Cell has the networks of one variance and depth.
type Cell struct {
	Depth    int           `json:"depth"`
	Median   record.Number `json:"median"`   // of the test accuracies; null: none is trained
	Scores   []float64     `json:"scores"`   // by seed; of a diverged network, chance
	Diverged int           `json:"diverged"` // networks
}

// Measure reads the networks that are trained. It is an error if the task has no accuracy or
// nothing is trained yet.
func Measure(q Question, field *meanfield.Field, results *record.Results) (*Measured, error) {
	m := &Measured{Study: results.Dir, Depths: slices.Sorted(slices.Values(q.Depths)), Activation: q.Activation, Bias: q.Bias, field: field, Chance: math.NaN()}
	if results.Spec != nil {
		m.Networks = len(results.Spec.Configs)
	}
	var starts []string
	for _, v := range slices.Sorted(slices.Values(q.Variances)) {
		start, err := q.start(v)
		if err != nil {
			return nil, err
		}
		starts = append(starts, start.String())
		column := Column{Variance: v}
		for _, depth := range m.Depths {
			column.Cells = append(column.Cells, Cell{Depth: depth, Scores: []float64{}})
		}
		m.Columns = append(m.Columns, column)
	}
	for _, r := range results.Records {
		if r.Summary.Final.ValidationAccuracy.IsNaN() && r.Summary.TestAccuracy.IsNaN() && r.Summary.Status == train.Done {
			return nil, errors.Errorf("%s has no accuracy to tell what trains", r.Config.Task)
		}
		at, row := slices.Index(starts, r.Config.Initializer.String()), slices.Index(m.Depths, r.Config.Depth)
		if at < 0 || row < 0 {
			continue
		}
		cell := &m.Columns[at].Cells[row]
		score := float64(r.Summary.TestAccuracy)
		m.Chance = r.Summary.Chance
		if r.Summary.Status != train.Done || math.IsNaN(score) {
			cell.Diverged++
			score = r.Summary.Chance
		}
		cell.Scores = append(cell.Scores, score)
		m.Trained++
	}
	if m.Trained == 0 {
		return nil, errors.New("no network is trained yet")
	}
	m.judge()
	return m, nil
}

// judge finds the threshold and the trainable depths.
func (m *Measured) judge() {
	best := math.Inf(-1)
	for i := range m.Columns {
		for k := range m.Columns[i].Cells {
			c := &m.Columns[i].Cells[k]
			c.Median = record.Number(stats.Median(c.Scores))
			if !c.Median.IsNaN() {
				best = max(best, float64(c.Median))
			}
		}
	}
	m.Best, m.Threshold = record.Number(best), record.Number((best+m.Chance)/2)
	if !(best > m.Chance) {
		m.Threshold = record.Number(math.NaN())
	}
	for i := range m.Columns {
		c := &m.Columns[i]
		deepest := func(score func(Cell) float64) (depth int) {
			for _, cell := range c.Cells {
				if score(cell) > float64(m.Threshold) {
					depth = cell.Depth
				}
			}
			return depth
		}
		c.Trainable = deepest(func(c Cell) float64 { return float64(c.Median) })
		c.Open = c.Trainable == m.Depths[len(m.Depths)-1]
		c.Lo, c.Hi = c.Trainable, c.Trainable
		seeds := 0
		for _, cell := range c.Cells {
			seeds = max(seeds, len(cell.Scores))
		}
		for seed := range seeds {
			d := deepest(func(c Cell) float64 {
				if seed < len(c.Scores) {
					return c.Scores[seed]
				}
				return math.NaN()
			})
			c.Lo, c.Hi = min(c.Lo, d), max(c.Hi, d)
		}
		v := meanfield.Variances{Weight: c.Variance, Bias: m.Bias}
		c.SixXi, c.Fading = record.Number(math.NaN()), record.Number(math.NaN())
		if t, err := m.field.Theory(v); err == nil {
			c.SixXi = record.Number(t.TrainableDepth())
		}
		if depth, ok := Fading(m.field, v, 4*m.Depths[len(m.Depths)-1]); ok {
			c.Fading = record.Number(depth)
		}
	}
}

// thousandth is what is left of a signal that has faded.
const thousandth = 1e-3

// Fading returns the number of layers after which theory has a thousandth left of a signal:
// of the gradient's norm, or of what the inputs say of how alike two examples are, the
// difference between the correlations of two that are half correlated in the inputs and of two
// that are not at all. It is false if more than most layers keep the signal, or if theory has
// none.
func Fading(f *meanfield.Field, v meanfield.Variances, most int) (depth int, ok bool) {
	layers := make([]meanfield.Variances, most)
	for i := range layers {
		layers[i] = v
	}
	half, err := f.Signal(meanfield.Network{Layers: layers}, meanfield.Signal{Square: 1, Apart: 0.5})
	if err != nil || len(half) == 0 {
		return 0, false
	}
	none, err := f.Signal(meanfield.Network{Layers: layers}, meanfield.Signal{Square: 1, Apart: 1})
	if err != nil || len(none) < len(half) {
		return 0, false
	}
	first, gradient := none[0].Apart-half[0].Apart, 0.0 // log10 of the gradient's square
	for i, s := range half {
		if none[i].Apart-s.Apart < thousandth*first || gradient < 2*math.Log10(thousandth) {
			return i, true
		}
		gradient += math.Log10(s.Chi)
	}
	return 0, false
}
