package models

import (
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Loss names what a network is trained to make small: a choice of [Losses], as text, such as
// "cross-entropy".
type Loss string

const (
	// CrossEntropy is the mean over the batch of -Σ t log softmax(y).
	CrossEntropy Loss = "cross-entropy"
	// MeanSquaredError is the mean over batch and outputs of (y - t)².
	MeanSquaredError Loss = "mean-squared-error"
	// StepCrossEntropy is the cross-entropy of the answers of a sequence: its mean over the
	// batch and over the target steps.
	StepCrossEntropy Loss = "step-cross-entropy"
)

// Objective is what a [Loss] names: how it is computed in training and in evaluation.
type Objective interface {
	// Node returns the loss, a scalar with a symbolic gradient, of the outputs y and the
	// targets t, both of shape (batch, outputs): the mean of Of over the batch. It is an
	// error if networks of shape s can't have it.
	Node(y, t *G.Node, s Shape) (*G.Node, error)
	// Of returns the loss of one example with the outputs y and targets t.
	Of(y, t []float64, s Shape) float64
}

// Classifier is an [Objective] of which an example has answers that are right or wrong, so
// that a network is scored by its accuracy. Others are scored by the loss.
type Classifier interface {
	Objective
	// Answers returns the number of answers of an example.
	Answers(s Shape) int
	// Right returns how many of the answers in y are those in t. An answer that is NaN is
	// wrong.
	Right(y, t []float64, s Shape) int
}

// Losses has the losses that text can ask for by name.
var Losses = catalogue.New("loss",
	catalogue.Row(string(CrossEntropy), "-Σ t log softmax(y), of classes", func(struct{}) (Objective, error) { return crossEntropy{}, nil }),
	catalogue.Row(string(MeanSquaredError), "mean of (y - t)²", func(struct{}) (Objective, error) { return meanSquaredError{}, nil }),
	catalogue.Row(string(StepCrossEntropy), "cross-entropy of the answers of a sequence", func(struct{}) (Objective, error) { return stepCrossEntropy{}, nil }),
)

// HigherIsBetter reports whether a network with this loss is scored by its accuracy, and not by
// an error.
func (l Loss) HigherIsBetter() bool {
	o, err := l.Objective()
	if err != nil {
		return false
	}
	_, ok := o.(Classifier)
	return ok
}

// Objective returns what l names, or an error that offers the nearest names.
func (l Loss) Objective() (Objective, error) {
	if l == "" {
		return nil, errors.New("no loss: name one, such as cross-entropy")
	}
	choice, err := Losses.Read(string(l))
	if err != nil {
		return nil, err
	}
	o, err := Losses.Make(choice)
	if err == nil && o == nil {
		err = errors.Errorf("loss %s is nil", l)
	}
	return o, err
}

type crossEntropy struct{}

func (crossEntropy) Node(y, t *G.Node, _ Shape) (*G.Node, error) { return ops.CrossEntropy(y, t) }
func (crossEntropy) Of(y, t []float64, _ Shape) float64          { return ops.CrossEntropyOf(y, t) }
func (crossEntropy) Answers(Shape) int                           { return 1 }
func (crossEntropy) Right(y, t []float64, _ Shape) int           { return right(y, t, 1) }

type meanSquaredError struct{}

func (meanSquaredError) Node(y, t *G.Node, _ Shape) (*G.Node, error) {
	return ops.MeanSquaredError(y, t)
}
func (meanSquaredError) Of(y, t []float64, _ Shape) float64 { return ops.MeanSquaredErrorOf(y, t) }

type stepCrossEntropy struct{}

func (stepCrossEntropy) Node(y, t *G.Node, s Shape) (*G.Node, error) {
	if s.Steps == 0 {
		return nil, errors.Errorf("loss %s is that of a sequence, which the task is not: use %s", StepCrossEntropy, CrossEntropy)
	}
	return ops.StepCrossEntropy(y, t, s.TargetSteps)
}

func (stepCrossEntropy) Of(y, t []float64, s Shape) float64 {
	var loss float64
	for width := len(y) / s.TargetSteps; len(y) > 0; y, t = y[width:], t[width:] {
		loss += ops.CrossEntropyOf(y[:width], t[:width]) / float64(s.TargetSteps)
	}
	return loss
}

func (stepCrossEntropy) Answers(s Shape) int               { return s.TargetSteps }
func (stepCrossEntropy) Right(y, t []float64, s Shape) int { return right(y, t, s.TargetSteps) }

// right counts the answers whose largest output, of which none is NaN, is where the
// target's is.
func right(y, t []float64, answers int) int {
	count := 0
	for width := len(y) / answers; len(y) > 0; y, t = y[width:], t[width:] {
		if hit(y[:width], t[:width]) {
			count++
		}
	}
	return count
}

func hit(y, t []float64) bool {
	for _, v := range y {
		if v != v {
			return false
		}
	}
	return argmax(y) == argmax(t)
}

func argmax(x []float64) int {
	top := 0
	for i, v := range x {
		if v > x[top] {
			top = i
		}
	}
	return top
}
