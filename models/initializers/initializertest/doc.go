// Package initializertest tests anyone's initializers.Initializer:
//
//	func TestMine(t *testing.T) {
//		initializertest.Run(t, mine, activations.Tanh())
//	}
//
// It checks that
//
//   - the name is lower-case and hyphenated;
//   - weights of all shapes, a single one, a row and a column among them, are set, every one
//     of them and nothing else, to finite numbers, whatever was there before;
//   - they depend on the random numbers that are given and on nothing else: the same twice,
//     also side by side in several goroutines, and others from other ones, unless the
//     initialiser draws none;
//   - the weights of a layer do not change when a layer is added, and are the float64 ones
//     rounded in float32;
//   - what [initializers.Variances] claims is the mean square of the weights that are drawn,
//     within five standard errors, and of the biases of an [initializers.Biased], of which
//     all are set;
//   - an [initializers.Adaptable] can be adapted to no nonlinearity, for output layers, and
//     the adapted one passes all this;
//   - an [initializers.FromData] reports finite numbers, and refuses data that it can't fit
//     instead of setting weights that are not finite.
package initializertest
