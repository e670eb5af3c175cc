package keep

import (
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/pkg/errors"
)

// Keep is a part of a training loop that keeps something of the network as it should be. It
// belongs to one network and its loop.
type Keep interface {
	// Model returns what is to be built instead of a model: the model itself, unless the loss
	// gets more terms.
	Model(models.Model) models.Model
	// Attach adds hooks to the loop of the network that was built. It returns an error that
	// says why where it can't work.
	Attach(*train.Loop) error
}

// Catalogue has the keeps that text can ask for by name.
var Catalogue = catalogue.New("keep",
	catalogue.Row("none", "no intervention", func(struct{}) (Keep, error) { return none{}, nil }),
	catalogue.Row("critical-penalty", "adds a term to the loss that pulls χ of each layer towards 1", NewPenalty),
	catalogue.Row("critical-projection", "rescales weights at intervals so that χ of each layer approaches 1", NewProjection),
	catalogue.Row("homeostasis", "adjusts weights and biases to give each unit's pre-activation a target mean and deviation", NewHomeostasis),
	catalogue.Row("auxiliary-losses", "adds linear readouts with the loss at hidden layers", NewAuxiliary).Cite("lee2015"),
	catalogue.Row("direct-feedback", "sends the error to every hidden layer by a fixed random matrix, instead of back", NewFeedback).Cite("nokland2016"),
)

// none keeps nothing.
type none struct{}

func (none) Model(m models.Model) models.Model { return m }
func (none) Attach(*train.Loop) error          { return nil }

// strength is what all of them have: how much, and when.
type strength struct {
	value    float64
	every    int
	schedule optimizers.Schedule
}

// at is the strength in a step.
func (s strength) at(step int) float64 {
	if s.schedule == nil {
		return s.value
	}
	return s.value * s.schedule.Factor(step)
}

// after calls f at an interval of steps, counted from the first.
func (s strength) after(f func(*train.State) error, memory train.Memory) train.Hook {
	return train.Hook{When: train.Every(s.every), After: f, Memory: memory}
}

// changes returns an error for a solver that does not see it if the parameters are changed.
func changes(what string, l *train.Loop) error {
	if optimizers.IsAverager(l.Solver) {
		return errors.Errorf("%s changes the weights after steps, and the optimizer averages those that it makes itself: choose another of the two", what)
	}
	return nil
}
