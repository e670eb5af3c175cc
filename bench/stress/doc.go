// Package stress implements the unit tests for stochastic optimization: about two thousand
// small problems, each with one known difficulty, that an optimizer passes or fails in a
// hundred steps. Passing them is not enough for a good optimizer, but failing many of a
// kind tells what it can't do.
//
//	landscape:  line  quadratic bowl  |x|  plateau  cliff  ridge  Gaussian  Laplacian …,
//	            alone, one after the other, or joined in 2 or 10 dimensions, which may be
//	            rotated, and given a curl
//	slope:      normal 1, steep 10, flat 0.1, saddle (uphill at first)
//	noise:      none, Gaussian, log-normal factors, gradients left out, Cauchy
//	drift:      none, or every 10 steps another scale, noise or place
//
// An optimizer is run 10 times for 100 steps. What counts is by how much the expected
// value f fell from the start to the end, as the function is at the end; the median of
// the 10, in units of what the best of 34 rates (from 1e-10 to 1) of plain gradient
// descent reaches, is the value
//
//	v = (f - f0)/(f_reference - f0)
//
// and [Verdict] says what it means. A test on which no rate of plain gradient descent
// gets below the start has no reference, and is left out.
//
// All repetitions are seeded by the test's name: every optimizer and every rate meets the
// same noise and the same drift, and the results are the same to the last bit with any
// number of workers.
//
// Source: T. Schaul, I. Antonoglou, D. Silver: Unit tests for stochastic optimization
// (2014), arXiv:1312.6055; formulas and the list of tests are those of the authors'
// program optimBench, which differs from the paper here and there. What differs here from
// optimBench: probability and density of mask-out and Gaussian noise are the named ones;
// the curl is a pure one; drift restarts in each repetition; both values in a fall
// are those of the function as it is at the end; the tests in 2 and in 10 dimensions are
// the same list; combinations of drift and noise that its figures leave out are left out.
package stress
