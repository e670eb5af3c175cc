package kernels

// level is an implementation of all that depends on the processor.
type level struct {
	name    string
	float32 kernels[float32]
	float64 kernels[float64]
}

// kernels is one level's implementation for one element type. Lengths are equal
// and at least one, as the callers have checked.
type kernels[F Float] struct {
	// C = A·B + D by product or, if that is nil, by mul, where a D without data means none.
	// Arguments by pointer don't escape only if the method is called directly.
	product *product[F]
	mul     func(c, a, b, d Matrix[F])

	exp, log1p, tanh, sigmoid, softplus, gaussian, relu, erf, sin func(dst, x []F)

	tanhGrad, sigmoidGrad, softplusGrad, gaussianGrad, reluGrad, erfGrad, sinGrad func(dst, z, dy []F)

	axpy, scale   func(dst, x []F, a F)
	add, hadamard func(dst, a, b []F)

	sum        func(x []F) float64
	squares    func(x []F, center float64) float64    // Σ (x-center)²
	columnSums func(dst []F, x []F, rows, stride int) // dst += Σ rows
	magnitudes func(x []F, above, below F) int        // elements with |x| between the two, as bits
	within     func(x []F, lo, hi F) int              // elements with lo < x < hi
	maxAbs     func(x []F) F

	// The passes of a normalisation over a row: see normalize.go.
	addDifferences   func(x, first []F, sum []float64)
	addSquares       func(x []F, sum, center []float64)
	normalizeColumns func(dst, x, center []F, scale []float64)
	normalizeRow     func(dst, x []F, scale []float64, c, inverse float64)
	addProducts      func(x, g, center []F, product []float64)
	addBoth          func(x, g, center []F, sum, product []float64)
	columnGradient   func(dst, x, g, center []F, scale, sum, product []float64)
	rowProducts      func(x, g []F, scale []float64, c float64) (sum, product float64)
	rowGradient      func(dst, x, g []F, scale []float64, c, inverse, sum, product float64)
	addRowProducts   func(x, g []F, sum []float64, c, inverse float64)

	momentum func(w, g, v []F, lr, mu F)
	nesterov func(w, g, v []F, lr, mu F)
	rmsprop  func(w, g, v []F, lr, rho, rest, eps F)
	adam     func(w, g, m, v []F, rate, beta1, rest1, beta2, rest2, root2, eps F)
	smorms3  func(w, g, mem, g1, g2 []F, lr, eps F)
	rprop    func(w, g, last, step []F, up, down, least, most F)

	peak     func(n int) // does n·peakFLOP operations in registers
	peakFLOP int
}

// levels are the implementations that run here, the best last.
var levels = []*level{&portable}

func best() *level { return levels[len(levels)-1] }

// use returns the kernels for an element type.
func use[F Float]() *kernels[F] {
	var k any
	switch any(F(0)).(type) {
	case float32:
		k = &best().float32
	case float64:
		k = &best().float64
	}
	return k.(*kernels[F])
}

// Name identifies the kernels in use: "avx512", "avx2" or "portable".
func Name() string { return best().name }

func sameLength(n int, others ...int) {
	for _, m := range others {
		if m != n {
			panic("kernels: slices differ in length")
		}
	}
}

// chunk is the most elements that one call of assembly takes: assembly cannot be
// preempted, and the garbage collector should not have to wait for it.
const chunk = 1 << 15
