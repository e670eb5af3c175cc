package activations

import "math"

// Softmax is e^z_i / Σ_j e^z_j of each example's pre-activations: they compete, and the
// outputs are positive and sum to 1. It saturates where one of them leads by far. With n
// units the outputs are about 1/n, so that the signal shrinks with the width.
func Softmax() Activation {
	return Rowwise("softmax", 1, 1, softmax, func(dz, z, dy []float64) {
		softmax(dz, z)
		mean := 0. // Σ y dy
		for i, y := range dz {
			mean += y * dy[i]
		}
		for i, y := range dz {
			dz[i] = y * (dy[i] - mean)
		}
	})
}

func softmax(y, z []float64) {
	largest := math.Inf(-1)
	for _, v := range z {
		largest = max(largest, v)
	}
	sum := 0.
	for i, v := range z {
		y[i] = math.Exp(v - largest)
		sum += y[i]
	}
	for i := range y {
		y[i] /= sum
	}
}
