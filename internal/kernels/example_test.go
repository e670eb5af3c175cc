package kernels_test

import (
	"fmt"

	"github.com/gradflow/gradflow/internal/kernels"
)

// A layer y = tanh(x·W + 1·b) and its gradients, for a batch of two, three inputs
// and two units.
func Example() {
	const batch, in, out = 2, 3, 2
	x := kernels.Dense(batch, in, []float32{1, 0, -1, .5, 2, 0})
	w := kernels.Dense(in, out, []float32{.5, -1, .25, 0, 1, 1})
	b := []float32{.1, -.1}
	z, y := make([]float32, batch*out), make([]float32, batch*out)

	kernels.MulBias(kernels.Dense(batch, out, z), x, w, b)
	kernels.Tanh(y, z)

	dy := []float32{1, 0, 0, 1}
	dz, dw, db, dx := make([]float32, batch*out), make([]float32, in*out), make([]float32, out), make([]float32, batch*in)
	kernels.TanhGrad(dz, z, dy)
	dZ := kernels.Dense(batch, out, dz)
	kernels.Mul(kernels.Dense(in, out, dw), x.T(), dZ, false)
	kernels.ColumnSums(db, dZ)
	kernels.Mul(kernels.Dense(batch, in, dx), dZ, w.T(), false)
	fmt.Printf("z  %.4f\ny  %.4f\ndW %.4f\ndb %.4f\ndx %.4f\n", z, y, dw, db, dx)
	// Output:
	// z  [-0.4000 -2.1000 0.8500 -0.6000]
	// y  [-0.3799 -0.9705 0.6911 -0.5370]
	// dW [0.8556 0.3558 0.0000 1.4232 -0.8556 0.0000]
	// db [0.8556 0.7116]
	// dx [0.4278 0.2139 0.8556 -0.7116 0.0000 0.7116]
}

// The derivative of a saturated tanh is tiny, not zero.
func ExampleTanhGrad() {
	z, dy := []float32{0, 10, 40}, []float32{1, 1, 1}
	kernels.TanhGrad(dy, z, dy)
	fmt.Printf("%.6g\n", dy)
	// Output: [1 8.24461e-09 7.21941e-35]
}
