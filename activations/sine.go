package activations

import (
	"math"

	"github.com/gradflow/gradflow/internal/kernels"
)

// Sine is sin z: f'(z) = cos z. It saturates nowhere, but its derivative changes sign
// (V. Sitzmann et al.: Implicit neural representations with periodic activation
// functions, 2020).
func Sine() Scalar {
	return vectorised("sine", math.Sin, math.Cos,
		kernels.Sin[float32], kernels.SinGrad[float32],
		kernels.Sin[float64], kernels.SinGrad[float64])
}
