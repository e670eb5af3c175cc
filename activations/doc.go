// Package activations says what the nonlinearity f of a layer y = f(z) is.
//
// An [Activation] has a name, its values and derivative in double precision for
// theory, tests and plots, and a symbolic node for networks. The catalogue's are
// computed by vector kernels, their derivatives always from z: where tanh z rounds
// to 1, 1 - tanh²z is 0, but the derivative is not.
//
// A nonlinearity of one's own takes two Go functions:
//
//	swish := activations.Elementwise("swish", f, df)
//
// and is a citizen like the catalogue's: package activationtest tests it, every
// model trains with it. To add one to the catalogue, write a file like gaussian.go
// and a row in catalogue.go.
package activations
