// Package activations defines the nonlinearities f of layers y = f(z).
//
// An [Activation] has a name and a symbolic node for networks. A [Scalar], which is one
// function of each element, has its values and derivative in double precision, too, for
// theory, tests and plots. What is not element-wise, such as a softmax or a maxout
// ([Resizer]), trains in every model and has no mean-field theory. The catalogue's are
// computed by vector kernels; derivatives are always computed from z: where tanh z rounds
// to 1, 1 - tanh²z is 0, but the derivative is not.
//
// To define your own nonlinearity, give two Go functions, or an expression:
//
//	swish := activations.Elementwise("swish", f, df)
//	bent, err := activations.Formula("a*tanh(b*z) + c*z", …)
//
// It works like a built-in one: package activationtest tests it, and every
// model can train with it. To add one to the catalogue, write a file like gaussian.go
// and a row in catalogue.go.
//
// # Parameters
//
// The parameters of a [Formula], and the factor of [Scaled], are fixed or learned. A learned
// parameter belongs to each layer, like its weights, with one value per layer or per unit.
// It has a name, layer03/a, and an exact gradient; the optimizer trains it, and a [Penalty]
// can regularise it in the training loss. Go code gets the same by implementing
// [Parametric].
//
// # The catalogue
//
// s is the sigmoid, Φ and φ are the normal distribution and its density. Saturated is
// where |f'| is less than a tenth of its largest value (see [Saturation]).
//
//	name         f(z)                        f'(z)                        range          saturated
//	identity     z                           1                            all            nowhere
//	tanh         tanh z                      1/cosh²z                     -1 … 1         |z| > 1.82
//	scaled-tanh  1.7159 tanh(2z/3)           1.1439/cosh²(2z/3)           -1.72 … 1.72   |z| > 2.73
//	sigmoid      1/(1 + e^-z)                s(z) s(-z)                   0 … 1          |z| > 3.64
//	hard-tanh    z in [-1, 1], else ±1       1 in (-1, 1), else 0         -1 … 1         |z| > 1, wholly
//	softsign     z/(1 + |z|)                 1/(1 + |z|)²                 -1 … 1         |z| > 2.16, as a power
//	arctan       arctan z                    1/(1 + z²)                   -π/2 … π/2     |z| > 3, as a power
//	erf          2/√π ∫₀ᶻ e^(-t²) dt         2/√π e^(-z²)                 -1 … 1         |z| > 1.52
//	sine         sin z                       cos z                        -1 … 1         within 0.1 of odd multiples of π/2
//	softplus     log(1 + e^z)                s(z)                         0 … ∞          z < -2.20
//	gaussian     e^(-z²)                     -2z e^(-z²)                  0 … 1          |z| > 1.95, |z| < 0.043
//	relu         max(z, 0)                   1 for z > 0, else 0          0 … ∞          z < 0, wholly
//	leaky-relu   z, slope·z for z < 0        1, slope for z ≤ 0           all            z < 0 if |slope| < 0.1
//	elu          z, alpha(e^z - 1) for z < 0 1, alpha e^z for z ≤ 0       -alpha … ∞     z < -2.30 (alpha = 1)
//	selu         1.0507 elu, alpha = 1.6733  1.0507 elu'                  -1.76 … ∞      z < -2.30
//	gelu         z Φ(z)                      Φ(z) + z φ(z)                -0.17 … ∞      z < -1.73, and about -0.75
//	gelu-tanh    z s(2u), u = √(2/π)(z + 0.044715z³)
//	                                         s(2u)(1 + 2u' z s(-2u))      -0.17 … ∞      z < -1.74, and about -0.75
//	silu         z s(z)                      s(z)(1 + z s(-z))            -0.28 … ∞      z < -0.88
//	mish         z tanh(log(1 + e^z))        tanh p + z s(z)/cosh²p, p = log(1 + e^z)
//	                                                                      -0.31 … ∞      z < -2.54, and about -1.19
//	scaled       a f(z)                      a f'(z)                      a times f's    as f
//	formula      as written                  symbolic
//
// dks, tat and tailored-relu transform another activation for a network's depth: see
// [DKS], [TAT] and [TailoredReLU].
package activations
