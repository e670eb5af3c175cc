package record

import (
	"encoding/json"
	"math"
	"slices"

	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/train"
)

// Record is all that is kept of a run. What could not be read back is zero.
type Record struct {
	Hash    string
	Config  Config
	Metrics []Metric
	Layers  *LayerTable
	Learned []Learned // what activations have learned, at the evaluations; nil if none learns
	Summary Summary
	Timing  Timing
}

// Metric is a line of metrics.jsonl: the state after some updates.
type Metric struct {
	Step               int    `json:"step"`
	TrainLoss          Number `json:"train_loss"` // mean over the batches since the last line; null at step 0
	ValidationLoss     Number `json:"validation_loss"`
	ValidationAccuracy Number `json:"validation_accuracy"` // null unless the task is a classification
}

// Learned is a line of learned.jsonl: the values that an activation's parameter has in one
// layer after some updates, one for the layer or one for each unit.
type Learned struct {
	Step      int    `json:"step"`
	Layer     string `json:"layer"`
	Parameter string `json:"parameter"`
	Mean      Number `json:"mean"`
	Min       Number `json:"min"`
	Max       Number `json:"max"`
}

// Summary is how a run ended.
type Summary struct {
	Status train.Status `json:"status"` // done or diverged
	Steps  int          `json:"steps"`  // updates done
	Reason string       `json:"reason,omitempty"`
	Layer  string       `json:"layer,omitempty"` // of a diverged run: the first bad layer
	// Final is the last evaluation; Best the best validation score of all. The test set is
	// evaluated once, at the end, and not at all for a diverged run.
	Final         Metric `json:"final"`
	Best          Number `json:"best"`
	TestLoss      Number `json:"test_loss"`
	TestAccuracy  Number `json:"test_accuracy"`
	Target        Number `json:"target"`          // validation score that counts as solved
	StepsToTarget Number `json:"steps_to_target"` // first evaluated step that reached it; null: none did
	// Decades is by how many powers of ten the norm of the gradient of the
	// pre-activations falls from the last layer to the first, at the first and the last
	// probe; null if it is not finite.
	DecadesFirst Number `json:"decades_first"`
	DecadesLast  Number `json:"decades_last"`
	// ZeroGradient says why the gradient of the pre-activations is exactly 0 in a layer at
	// the first probe, where it is.
	ZeroGradient *ZeroGradient `json:"zero_gradient,omitempty"`
	// DenormalSteps is the number of updates in which the processor met denormal numbers
	// or a result became one (flushed or not); null where it can't tell.
	DenormalSteps Number `json:"denormal_steps"`
	Parameters    int    `json:"parameters"`
	// Start is what the parameters' data-dependent starts did, where there are any.
	Start        []models.Start `json:"start,omitempty"`
	LayerNames   []string       `json:"layer_names"`
	LayerColumns []string       `json:"layer_columns"` // of layers.npy
	Warnings     []string       `json:"warnings,omitempty"`
	Environment  Environment    `json:"environment"`
}

// Timing is how long a run took.
type Timing struct {
	Seconds float64 `json:"seconds"`
}

// Number is a float64 that JSON writes as null where it is not finite, and reads back
// as NaN.
type Number float64

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	if f := float64(n); math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *Number) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	return json.Unmarshal(text, (*float64)(n))
}

// IsNaN tells whether n is NaN: not reached, or not measured.
func (n Number) IsNaN() bool { return math.IsNaN(float64(n)) }

// LayerTable is layers.npy: a row for each layer in each probed step, ascending, with
// the columns step (updates before it), layer (counted from 0), and probe.Names.
type LayerTable struct {
	Rows [][]float64
}

// LayerColumns are the names of the columns of layers.npy.
var LayerColumns = append([]string{"step", "layer"}, probe.Names...)

// Column numbers of a LayerTable.
const (
	StepColumn = iota
	LayerColumn
	QuantityColumn // of the first of probe's quantities
)

// Steps returns the probed steps, ascending.
func (t *LayerTable) Steps() []int {
	var steps []int
	for _, row := range t.Rows {
		if s := int(row[StepColumn]); len(steps) == 0 || steps[len(steps)-1] != s {
			steps = append(steps, s)
		}
	}
	return steps
}

// Quantity returns one quantity as a matrix: a row for each probed step, a column
// for each layer.
func (t *LayerTable) Quantity(q probe.Quantity) [][]float64 {
	var m [][]float64
	last := -1
	for _, row := range t.Rows {
		if s := int(row[StepColumn]); s != last {
			m = append(m, nil)
			last = s
		}
		m[len(m)-1] = append(m[len(m)-1], row[QuantityColumn+slices.Index(probe.Names, q.String())])
	}
	return m
}
