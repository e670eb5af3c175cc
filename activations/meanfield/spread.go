package meanfield

// NormalSpread returns the relative variance of squared singular values, E[mean s⁴]/E[(mean
// s²)²] - 1, of a product of the given number of square matrices of independent normal entries:
// at finite width, what [Isometry] predicts as 1 per layer at infinite width. With a = E[tr
// (JJᵀ)²]/n and v = E[(tr JJᵀ)²]/n², exactly, in each layer
//
//	a' = (1 + 1/n) a + v    v' = v + 2a/n²
//
// It can't exceed width-1, where one direction is left. That of a nonlinear network is close to
// it if f' varies little.
func NormalSpread(width, layers int) float64 {
	n := float64(width)
	a, v := 1., 1.
	for range layers {
		a, v = (1+1/n)*a+v, v+2*a/(n*n)
		a, v = a/v, 1
	}
	return a/v - 1
}

// NormalWidth returns the least width at which the spread of normal weights is within a tenth of
// that of as many layers of infinite width.
func NormalWidth(layers int) int {
	width := 1
	for ; NormalSpread(width, layers) < 0.9*float64(layers); width *= 2 {
	}
	for lo := width / 2; width-lo > 1; {
		if middle := (lo + width) / 2; NormalSpread(middle, layers) < 0.9*float64(layers) {
			lo = middle
		} else {
			width = middle
		}
	}
	return width
}
