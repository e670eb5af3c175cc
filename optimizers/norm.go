package optimizers

import (
	"math"

	"github.com/gradflow/gradflow/internal/kernels"
)

// norm is the Euclidean norm of x, also where squares of float64 underflow.
func norm[F kernels.Float](x []F) float64 {
	sum := kernels.SquaredSum(x)
	if sum > 1e-280 {
		return math.Sqrt(sum)
	}
	largest := F(0)
	for _, v := range x {
		largest = max(largest, v, -v)
	}
	if largest == 0 {
		return 0
	}
	sum = 0
	for _, v := range x {
		r := float64(v) / float64(largest)
		sum += r * r
	}
	return float64(largest) * math.Sqrt(sum)
}
