// Command outside is a program of another module that adds a part of every kind to gradflow:
// what is tested here is that it needs nothing which only gradflow's own packages can reach.
package main

import (
	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/cmd"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/optimizers"
)

func init() {
	activations.Catalogue.Add(
		catalogue.Row("softened", "(1-share) f(z) + share z of another activation f", newSoftened),
		catalogue.Row("crelu", "[max(z, 0), max(-z, 0)], twice the columns; not element-wise", newCReLU))
	optimizers.Catalogue.Add(catalogue.Row("diagonal-kron", "gradient times the inverse covariance of a layer's inputs", newDiagonalKron))
	optimizers.Links.Add(catalogue.Row("agree", "leaves out gradients whose sign has just changed", newAgree))
	optimizers.Schedules.Add(catalogue.Row("saw", "falls linearly, again and again", newSaw))
	normalization.Catalogue.Add(catalogue.Row("running-scale", "each unit over its running mean size", newRunningScale))
	initializers.Catalogue.Add(catalogue.Row("slope", "N(0, 1/(fan-in·f'(0)²)) of the layer's f", newSlope))
	models.Catalogue.Add(catalogue.Row("gated-skip", "layers a∘f(x·W + b) + (1-a)∘x with a learned a", newGatedSkip))
	models.Losses.Add(catalogue.Row("huber", "square near 0, linear beyond", newHuber))
	tasks.Catalogue.Add(catalogue.Row("waves", "the sum of some sines, with outliers", newWaves))
	probe.Catalogue.Add(catalogue.Row("peak-gradient", "log10 of the largest |∂L/∂z|", newPeakGradient))
}

func main() { cmd.Main() }
