package models_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/models"
	"gorgonia.org/tensor"
)

// BenchmarkRecurrent measures the pass forward and back of a recurrent layer of 64 units
// over 100 steps of a batch of 32, in float32. "of-products" is the time that the same
// products take on the kernels, one after the other, as a share of that of the pass;
// "of-peak" that which they would take at the processor's peak.
func BenchmarkRecurrent(b *testing.B) {
	const units, batch, steps = 64, 32, 100
	for _, cell := range []struct {
		name  string
		gates int
	}{{"rnn", 1}, {"lstm", 4}, {"gru", 3}} {
		for _, inputs := range []int{2, 64} {
			b.Run(fmt.Sprintf("%s/inputs=%d", cell.name, inputs), func(b *testing.B) {
				s := models.Shape{Inputs: steps * inputs, Outputs: 1, Batch: batch, Loss: models.MeanSquaredError, Steps: steps, TargetSteps: 1}
				n := build(b, architecture(b, cell.name, plan(1, units, activations.Tanh())), s, parameters(b, tensor.Float32, 1), true)
				fill(n)
				m, err := n.TrainingMachine()
				if err != nil {
					b.Fatal(err)
				}
				pass := math.Inf(1) // the least, as that of the products
				for b.Loop() {
					start := time.Now()
					if err := m.RunAll(); err != nil {
						b.Fatal(err)
					}
					pass = min(pass, time.Since(start).Seconds())
				}
				columns := cell.gates * units
				flop := 3*2*float64(steps*batch*units*columns) + 2*2*float64(steps*batch*inputs*columns)
				b.ReportMetric(products(steps, batch, units, inputs, columns)/pass, "of-products")
				b.ReportMetric(flop/kernels.PeakGFLOPS[float32]()/1e9/pass, "of-peak")
			})
		}
	}
}

// products returns the seconds that the products of a pass take.
func products(steps, batch, units, inputs, columns int) float64 {
	matrix := func(rows, cols int) kernels.Matrix[float32] {
		return kernels.Dense(rows, cols, make([]float32, rows*cols))
	}
	x, w, p := matrix(steps*batch, inputs), matrix(inputs, columns), matrix(steps*batch, columns)
	h, u, z := matrix(batch, units), matrix(units, columns), matrix(batch, columns)
	least := math.Inf(1)
	for range 20 {
		start := time.Now()
		kernels.Mul(p, x, w, false)
		kernels.Mul(w, x.T(), p, false)
		for range steps {
			kernels.Mul(z, h, u, true)
			kernels.Mul(h, z, u.T(), false)
			kernels.Mul(u, h.T(), z, true)
		}
		least = min(least, time.Since(start).Seconds())
	}
	return least
}
