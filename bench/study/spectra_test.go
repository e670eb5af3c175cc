package study_test

import (
	"context"
	"math"
	"testing"

	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/study"
)

// TestSpectra: the Jacobian's spectrum is a quantity like others, of every layer and at every
// probed step, for networks with and without shortcuts and norms; unknown where it is not
// defined.
func TestSpectra(t *testing.T) {
	s := parse(t, `name: spectra
task: digits
budget: {steps: 3, batch: 16}
seeds: 1
probe: 2
quantities: [jacobian-largest, jacobian-smallest, jacobian-mean-square, jacobian-relative-variance, partial-jacobian]
cases:
  - {depth: 4, width: 12, activation: tanh, initializer: orthogonal, optimizer: sgd}
  - {depth: 4, width: 12, activation: tanh, initializer: orthogonal, optimizer: sgd, normalization: layer-norm}
  - {depth: 4, width: 12, activation: tanh, initializer: orthogonal, optimizer: sgd, model: residual}
  - {depth: 4, width: 12, activation: tanh, initializer: orthogonal, optimizer: sgd, normalization: batch-norm}
`)
	for i, c := range s.Configs {
		r, err := study.Execute(context.Background(), c, nil)
		if err != nil {
			t.Fatal(err)
		}
		rows := func(q probe.Quantity) [][]float64 { return r.Layers.Quantity(q) }
		if len(rows(probe.PartialJacobian)) < 2 {
			t.Fatalf("%d measurements", len(rows(probe.PartialJacobian)))
		}
		for k, partial := range rows(probe.PartialJacobian) {
			largest, smallest, mean, variance := rows(probe.JacobianLargest)[k][0], rows(probe.JacobianSmallest)[k][0], rows(probe.JacobianMeanSquare)[k][0], rows(probe.JacobianVariance)[k][0]
			if math.IsNaN(partial[0]) || !math.IsNaN(partial[4]) {
				t.Errorf("case %d: partial norms %v, want those of the hidden layers", i, partial)
			}
			if i == 3 { // batch norm couples examples
				if !math.IsNaN(largest) {
					t.Errorf("batch norm has a spectrum, 10^%g", largest)
				}
				continue
			}
			if !(smallest <= mean/2 && mean/2 <= largest && variance >= 0) {
				t.Errorf("case %d: singular values from 10^%g to 10^%g, mean square 10^%g, relative variance %g", i, smallest, largest, mean, variance)
			}
			if !(math.Abs(mean-partial[0]) < .4) { // one example beside sixteen
				t.Errorf("case %d: mean square 10^%g, partial norm 10^%g", i, mean, partial[0])
			}
		}
	}
}
