package record

import (
	"encoding/json"
	"math"
	"reflect"

	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/train"
)

// Record is all that is kept of a run.
type Record struct {
	Hash    string // names the run's directory: that of the Config under the record's schema
	Config  Config
	Metrics []Metric
	Layers  *LayerTable // nil without probes
	Learned []Learned   // what activations have learned, at the evaluations; nil if none learns
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
	Schema int          `json:"schema"` // set by Write, as Run
	Run    string       `json:"run"`    // the hash
	Status train.Status `json:"status"` // done or diverged
	Steps  int          `json:"steps"`  // updates done
	Reason string       `json:"reason,omitempty"`
	Layer  string       `json:"layer,omitempty"` // of a diverged run: the first bad layer
	// Final is the last evaluation; Best the best validation score of all. The test set is
	// evaluated once, at the end, and not at all for a diverged run.
	Final        Metric `json:"final"`
	Best         Number `json:"best"`
	TestLoss     Number `json:"test_loss"`
	TestAccuracy Number `json:"test_accuracy"`
	// Chance is the score of the best answer that ignores the inputs, and Judged the number
	// of examples that the test score is of; 0 in older records.
	Chance        float64 `json:"chance,omitempty"`
	Judged        int     `json:"judged,omitempty"`
	Target        Number  `json:"target"`          // validation score that counts as solved
	StepsToTarget Number  `json:"steps_to_target"` // first evaluated step that reached it; null: none did
	// Decades is by how many powers of ten the norm of the gradient of the
	// pre-activations falls from the last layer to the first, at the first and the last
	// probe; null if it is not finite.
	DecadesFirst Number `json:"decades_first"`
	DecadesLast  Number `json:"decades_last"`
	// Course is what became of the signal over the run; nil without probes, and in older
	// records.
	Course *Course `json:"course,omitempty"`
	// ZeroGradient says why the gradient of the pre-activations is exactly 0 in a layer at
	// the first probe, where it is.
	ZeroGradient *ZeroGradient `json:"zero_gradient,omitempty"`
	// DenormalSteps is the number of updates in which the processor met denormal numbers
	// or a result became one (flushed or not); null where it can't tell.
	DenormalSteps Number `json:"denormal_steps"`
	// FlushedSteps is the number of updates in which denormal numbers were flushed to zero:
	// 0 for a run that does not flush, null where the processor can't tell.
	FlushedSteps Number `json:"flushed_steps"`
	Parameters   int    `json:"parameters"`
	// Start is what the parameters' data-dependent starts did, where there are any.
	Start        []models.Start `json:"start,omitempty"`
	LayerNames   []string       `json:"layer_names"`
	LayerColumns []string       `json:"layer_columns"` // of layers.npy: set by Write
	Warnings     []string       `json:"warnings,omitempty"`
	Environment  Environment    `json:"environment"`
	// Files has the size and the checksum of the run's other files, Checksum the SHA-256
	// of this one with Checksum empty. Both are set by Write.
	Files    map[string]File `json:"files"`
	Checksum string          `json:"checksum"`
}

// File is what a file was when it was written.
type File struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Timing is how long a run took.
type Timing struct {
	Schema   int     `json:"schema"` // set by Write, as the others
	Run      string  `json:"run"`    // the hash
	Seconds  float64 `json:"seconds"`
	Checksum string  `json:"checksum"` // of this file with Checksum empty
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

// IsNaN reports whether n is NaN: not reached, or not measured.
func (n Number) IsNaN() bool { return math.IsNaN(float64(n)) }

// decode reads JSON into a struct whose Numbers are NaN where the text lacks them.
func decode(text []byte, into any) error {
	unknown(reflect.ValueOf(into).Elem())
	return json.Unmarshal(text, into)
}

var numberType = reflect.TypeFor[Number]()

func unknown(v reflect.Value) {
	switch {
	case v.Type() == numberType:
		v.SetFloat(math.NaN())
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			unknown(v.Field(i))
		}
	}
}
