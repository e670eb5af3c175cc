package kernels

// Exp sets dst to e^x. dst may be x, here and below.
func Exp[F Float](dst, x []F) { apply(use[F]().exp, dst, x) }

// Log1p sets dst to log(1+x).
func Log1p[F Float](dst, x []F) { apply(use[F]().log1p, dst, x) }

// Tanh sets dst to the hyperbolic tangent of x.
func Tanh[F Float](dst, x []F) { apply(use[F]().tanh, dst, x) }

// Sigmoid sets dst to 1/(1+e^-x).
func Sigmoid[F Float](dst, x []F) { apply(use[F]().sigmoid, dst, x) }

// Softplus sets dst to log(1+e^x).
func Softplus[F Float](dst, x []F) { apply(use[F]().softplus, dst, x) }

// Gaussian sets dst to e^(-x²).
func Gaussian[F Float](dst, x []F) { apply(use[F]().gaussian, dst, x) }

// ReLU sets dst to x where x > 0 or NaN, to +0 elsewhere.
func ReLU[F Float](dst, x []F) { apply(use[F]().relu, dst, x) }

// Erf sets dst to the error function of x.
func Erf[F Float](dst, x []F) { apply(use[F]().erf, dst, x) }

// Sin sets dst to the sine of x.
func Sin[F Float](dst, x []F) { apply(use[F]().sin, dst, x) }

// TanhGrad sets dst to dy·(1 - tanh² z). dst may be dy or z, here and below.
func TanhGrad[F Float](dst, z, dy []F) { apply2(use[F]().tanhGrad, dst, z, dy) }

// SigmoidGrad sets dst to dy·s(z)·(1 - s(z)), s(z) = 1/(1+e^-z).
func SigmoidGrad[F Float](dst, z, dy []F) { apply2(use[F]().sigmoidGrad, dst, z, dy) }

// SoftplusGrad sets dst to dy/(1+e^-z).
func SoftplusGrad[F Float](dst, z, dy []F) { apply2(use[F]().softplusGrad, dst, z, dy) }

// GaussianGrad sets dst to -dy·2z·e^(-z²).
func GaussianGrad[F Float](dst, z, dy []F) { apply2(use[F]().gaussianGrad, dst, z, dy) }

// ReLUGrad sets dst to dy where z > 0, to NaN where z is NaN, and to +0 elsewhere.
func ReLUGrad[F Float](dst, z, dy []F) { apply2(use[F]().reluGrad, dst, z, dy) }

// ErfGrad sets dst to dy·2/√π·e^(-z²).
func ErfGrad[F Float](dst, z, dy []F) { apply2(use[F]().erfGrad, dst, z, dy) }

// SinGrad sets dst to dy·cos z.
func SinGrad[F Float](dst, z, dy []F) { apply2(use[F]().sinGrad, dst, z, dy) }

// Add sets dst to a + b.
func Add[F Float](dst, a, b []F) { apply2(use[F]().add, dst, a, b) }

// Hadamard sets dst to the element-wise product of a and b.
func Hadamard[F Float](dst, a, b []F) { apply2(use[F]().hadamard, dst, a, b) }

// Axpy adds a·x to dst.
func Axpy[F Float](dst, x []F, a F) { applyScalar(use[F]().axpy, dst, x, a) }

// Scale sets dst to a·x.
func Scale[F Float](dst, x []F, a F) { applyScalar(use[F]().scale, dst, x, a) }

func apply[F Float](f func(dst, x []F), dst, x []F) {
	sameLength(len(dst), len(x))
	raceWrite(dst)
	raceRead(x)
	for len(dst) > 0 {
		n := min(len(dst), chunk)
		f(dst[:n], x[:n])
		dst, x = dst[n:], x[n:]
	}
}

func apply2[F Float](f func(dst, a, b []F), dst, a, b []F) {
	sameLength(len(dst), len(a), len(b))
	raceWrite(dst)
	raceRead(a)
	raceRead(b)
	for len(dst) > 0 {
		n := min(len(dst), chunk)
		f(dst[:n], a[:n], b[:n])
		dst, a, b = dst[n:], a[n:], b[n:]
	}
}

func applyScalar[F Float](f func(dst, x []F, a F), dst, x []F, a F) {
	sameLength(len(dst), len(x))
	raceWrite(dst)
	raceRead(x)
	for len(dst) > 0 {
		n := min(len(dst), chunk)
		f(dst[:n], x[:n], a)
		dst, x = dst[n:], x[n:]
	}
}
