package initializers

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// Orthogonal makes W a random orthogonal matrix times gain (0 means 1): with
// orthonormal columns if fan-in ≥ fan-out, with orthonormal rows otherwise. It is Q
// of the QR decomposition of a Gaussian matrix with R's diagonal made positive,
// without which Q is not uniformly distributed (A. Saxe, J. McClelland, S. Ganguli:
// Exact solutions to the nonlinear dynamics of learning in deep linear neural
// networks, 2014; F. Mezzadri: How to generate random matrices from the classical
// compact groups, 2007).
func Orthogonal(gain float64) Initializer { return &orthogonal{gain} }

type orthogonal struct{ gain float64 }

// Variances implements [Variances]: the squares of an orthonormal column or row, of which
// there are as many as the smaller side has, add up to gain².
func (o *orthogonal) Variances(fanIn, fanOut int) (weight, bias float64) {
	return square(o.gain) / float64(max(fanIn, fanOut)), 0
}

func (*orthogonal) Name() string { return "orthogonal" }

func (o *orthogonal) Fill(w []float64, fanIn, fanOut int, r *rand.Rand) {
	gain := o.gain
	if gain == 0 {
		gain = 1
	}
	rows, cols := max(fanIn, fanOut), min(fanIn, fanOut)
	gauss := mat.NewDense(rows, cols, nil)
	for i := range rows {
		for j := range cols {
			gauss.Set(i, j, r.NormFloat64())
		}
	}
	var qr mat.QR
	qr.Factorize(gauss)
	var q, upper mat.Dense
	qr.QTo(&q)
	qr.RTo(&upper)
	for j := range cols {
		sign := gain
		if upper.At(j, j) < 0 {
			sign = -gain
		}
		for i := range rows {
			v := sign * q.At(i, j)
			if fanIn >= fanOut {
				w[i*fanOut+j] = v
			} else {
				w[j*fanOut+i] = v
			}
		}
	}
}
