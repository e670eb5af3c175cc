package tasks

import (
	"github.com/gradflow/gradflow/models"
	"github.com/pkg/errors"
)

// Sequence is a task whose input row is a sequence of Steps vectors of
// StepInputs values each, first step first: Inputs = Steps * StepInputs, and
// value d of step s is x[s*StepInputs+d]. A feed-forward network may read the
// whole row at once; a recurrent one reads a step at a time.
//
// A network answers in the last TargetSteps steps: in the last one only
// (many-to-one) or in several, up to all of them (many-to-many). The target row
// holds the answers one after the other, Outputs / TargetSteps values each. With
// [StepCrossEntropy] each is the one-hot row of a class.
type Sequence interface {
	Task
	Steps() int       // length of the sequence, T
	StepInputs() int  // width of a step
	TargetSteps() int // answers asked for, 1 to Steps
}

// sequence adds the division into steps to a task.
type sequence struct {
	Task
	name               string
	steps, targetSteps int
}

var _ Sequence = (*sequence)(nil)

func (s *sequence) Name() string     { return s.name }
func (s *sequence) Steps() int       { return s.steps }
func (s *sequence) StepInputs() int  { return s.Inputs() / s.steps }
func (s *sequence) TargetSteps() int { return s.targetSteps }

// AsSequence says how the rows of a task divide into steps. The task keeps its
// sets and shares them; name is that of the new one.
func AsSequence(name string, t Task, steps, targetSteps int) (Sequence, error) {
	_, hasFolds := t.(Folded)
	switch {
	case hasFolds:
		return nil, errors.Errorf("tasks: task %s has folds, of which a sequence would see only the first", t.Name())
	case steps < 1 || t.Inputs()%steps != 0:
		return nil, errors.Errorf("tasks: %d inputs of task %s do not make %d steps", t.Inputs(), t.Name(), steps)
	case targetSteps < 1 || targetSteps > steps || t.Outputs()%targetSteps != 0:
		return nil, errors.Errorf("tasks: %d outputs of task %s do not make the answers in %d of %d steps",
			t.Outputs(), t.Name(), targetSteps, steps)
	case t.Loss() == models.CrossEntropy && targetSteps != 1:
		return nil, errors.Errorf("tasks: task %s has one class per example and cannot answer in %d steps; its loss would be %s",
			t.Name(), targetSteps, models.StepCrossEntropy)
	}
	return &sequence{Task: t, name: name, steps: steps, targetSteps: targetSteps}, nil
}

// endlessSequence is [Endless] for sequences.
func endlessSequence(name string, g Generator, steps, targetSteps int, chance, target float64, seed uint64, heldOut int) (Task, error) {
	t, err := Endless(name, g, chance, target, seed, heldOut)
	if err != nil {
		return nil, err
	}
	return AsSequence(name, t, steps, targetSteps)
}
