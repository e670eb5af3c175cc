package train

import (
	"math"

	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/vm"
	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// Score is how a network does on a set of examples.
type Score struct {
	Loss     float64
	Accuracy float64 // share of examples, or of their answers, whose largest output is the target's; NaN if the loss is not a models.Classifier
}

// Evaluator applies a network to a fixed set of examples, in batches.
type Evaluator struct {
	// FlushToZero is as in Stepper; NewEvaluator sets it.
	FlushToZero bool

	network *models.Network
	machine *vm.Machine
	x, t    any // []float32 or []float64
	rows    int
}

// NewEvaluator makes an evaluator of a network built for evaluation, with any batch
// size, on inputs x and targets t, row-major and in the network's element type
// ([]float32 or []float64). It only reads them.
func NewEvaluator(n *models.Network, x, t any) (*Evaluator, error) {
	if n == nil {
		return nil, errors.New("train: the network to be evaluated is nil")
	}
	m, err := n.EvaluationMachine()
	if err != nil {
		return nil, errors.Wrap(err, "train")
	}
	e := &Evaluator{FlushToZero: true, network: n, machine: m, x: x, t: t}
	var ok bool
	if n.Parameters.DType() == tensor.Float32 {
		e.rows, ok = rows[float32](n, x, t)
	} else {
		e.rows, ok = rows[float64](n, x, t)
	}
	if !ok {
		return nil, errors.Errorf("train: examples of types %T and %T do not fit a network of %v with %d inputs and %d outputs",
			x, t, n.Parameters.DType(), n.Shape.Inputs, n.Shape.Outputs)
	}
	return e, nil
}

func rows[F kernels.Float](n *models.Network, x, t any) (int, bool) {
	xs, ok1 := x.([]F)
	ts, ok2 := t.([]F)
	count := len(xs) / n.Shape.Inputs
	return count, ok1 && ok2 && count > 0 && len(xs) == count*n.Shape.Inputs && len(ts) == count*n.Shape.Outputs
}

// Score evaluates the network with the parameters that it has now. What a solver has reached
// may be elsewhere: see [Stepper.Score].
func (e *Evaluator) Score() (Score, error) {
	mode := kernels.Enter(flushes(e.FlushToZero, e.network))
	defer mode.Leave()
	if e.network.Parameters.DType() == tensor.Float32 {
		return score[float32](e, (*tensor.Dense).Float32s)
	}
	return score[float64](e, (*tensor.Dense).Float64s)
}

func score[F kernels.Float](e *Evaluator, data func(*tensor.Dense) []F) (Score, error) {
	n, s := e.network, e.network.Shape
	x, t := e.x.([]F), e.t.([]F)
	input := data(n.Input.Value().(*tensor.Dense))
	var loss float64
	right, answers := 0, 0
	classifier, classifies := n.Objective.(models.Classifier)
	if classifies {
		answers = classifier.Answers(s)
	}
	row, target := make([]float64, s.Outputs), make([]float64, s.Outputs)
	for i := 0; i < e.rows; i += s.Batch {
		count := min(s.Batch, e.rows-i)
		copy(input, x[i*s.Inputs:(i+count)*s.Inputs])
		clear(input[count*s.Inputs:])
		if err := e.machine.RunAll(); err != nil {
			return Score{}, errors.Wrap(err, "train: evaluation")
		}
		y := data(n.Output.Value().(*tensor.Dense))
		for k := range count {
			for j := range row {
				row[j], target[j] = float64(y[k*s.Outputs+j]), float64(t[(i+k)*s.Outputs+j])
			}
			loss += n.Objective.Of(row, target, s)
			if classifies {
				right += classifier.Right(row, target, s)
			}
		}
	}
	result := Score{Loss: loss / float64(e.rows), Accuracy: math.NaN()}
	if classifies {
		result.Accuracy = float64(right) / float64(e.rows*answers)
	}
	return result, nil
}
