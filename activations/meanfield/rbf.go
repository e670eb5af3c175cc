package meanfield

import (
	"math"

	"github.com/pkg/errors"
)

// RBFNetwork is a network of radial basis functions as theory describes it: wide layers
//
//	y_j = exp(-z_j),  z_j = b ‖x - c_j‖²,  c_j ~ N(0, V)
//
// behind a first one that is as it was measured.
type RBFNetwork struct {
	Layers []RBFLayer // from the second on
	Output *Variances // the linear layer after them, which becomes the last site; nil: none
}

// RBFLayer is a layer of an [RBFNetwork].
type RBFLayer struct {
	Units          int
	Width          float64 // b
	CenterVariance float64 // V, of each coordinate
}

// RBFSignal is what a layer of radial basis functions sends to the next, averaged over the
// examples of a batch.
type RBFSignal struct {
	Units    int
	Square   float64 // E ‖y‖²
	Variance float64 // of ‖y‖² from example to example
	Distance float64 // E ‖y_a - y_b‖² of two examples
	Fourth   float64 // E Σ y_j⁴
}

// RBFSignalOf returns the signal of a layer's outputs, a row for each example.
func RBFSignalOf(y [][]float64) RBFSignal {
	var s RBFSignal
	count := float64(len(y))
	if count == 0 {
		return s
	}
	s.Units = len(y[0])
	squares, mean := make([]float64, len(y)), make([]float64, s.Units)
	for i, row := range y {
		for j, v := range row {
			squares[i] += v * v
			s.Fourth += v * v * v * v / count
			mean[j] += v / count
		}
		s.Square += squares[i] / count
	}
	for i, row := range y {
		s.Variance += (squares[i] - s.Square) * (squares[i] - s.Square) / (count - 1)
		for j, v := range row {
			s.Distance += 2 * (v - mean[j]) * (v - mean[j]) / (count - 1)
		}
	}
	return s
}

// Signal follows a signal, the first layer's, forward through the layers, and the gradient back.
// The first of the sites is the first layer's; its Square, Deviation and Apart, which are as they
// were measured, are NaN.
//
// In a layer of n inputs the squared distances of an example x from the centers are normal over
// units, of mean X + nV, X = ‖x‖², and variance 2nV² + 4VX. Two examples differ there in X, which
// all units share, and in 2(x_a - x_b)·c, which they do not. With m = b(X + nV) and s², v the
// variances of z over units and of z_a - z_b, both normal, y is log-normal:
//
//	E‖y‖²          n' e^(-2m + 2s² + 2β²Var X),  β = b - 4b²V
//	E‖y_a - y_b‖²  2n' e^(-2m + 2s² + β²Var X) (e^(β²Var X) - e^(-v/2))
//	Var ‖y‖²       n'² e^(-4m + 4s² + 4β²Var X) (e^(4β²Var X) - 1) + n' e^(-4m + 8s²) (1 - e^(-2v))
//
// Back through δ_i = -2b y_i Σ_j δ'_j (x_i - c_ji) the gradient has two parts: one along x, for
// the sum S of δ', which all inputs share, and one along the centers.
//
//	‖δ‖² = 4b² (t² Σy⁴ S'² + t V X ‖δ'‖²),  S² = 4b² (t² X² S'² + t V X ‖δ'‖²)
//
// t = 1/(1 + 2bV), as the centers of the units that answer are nearer to x.
func (n RBFNetwork) Signal(in RBFSignal) ([]Site, error) {
	if in.Units < 1 || !(in.Square > 0) {
		return nil, errors.New("meanfield: no signal enters the layers of radial basis functions")
	}
	signals, sites := []RBFSignal{in}, []Site{{Square: math.NaN(), Deviation: math.NaN(), Apart: math.NaN()}}
	for _, l := range n.Layers {
		if !(l.Width > 0) || !(l.CenterVariance > 0) || l.Units < 1 {
			return nil, errors.Errorf("meanfield: a layer of %d radial basis functions of width %g around centers of variance %g", l.Units, l.Width, l.CenterVariance)
		}
		x, b, v, inputs, units := signals[len(signals)-1], l.Width, l.CenterVariance, float64(signals[len(signals)-1].Units), float64(l.Units)
		mean := b * (x.Square + inputs*v)
		within := b * b * (2*inputs*v*v + 4*v*x.Square)
		between := 4 * b * b * v * x.Distance
		shared := b * b * x.Variance
		square := mean*mean + within + shared
		sites = append(sites, Site{Square: square, Deviation: math.Sqrt(within + shared), Apart: (shared + between/2) / square})
		beta := b - 4*b*b*v
		shared = beta * beta * x.Variance
		e := math.Exp(-2*mean + 2*within)
		signals = append(signals, RBFSignal{
			Units:    l.Units,
			Square:   units * e * math.Exp(2*shared),
			Distance: 2 * units * e * math.Exp(shared) * (math.Expm1(shared) - math.Expm1(-between/2)),
			Variance: units*units*e*e*math.Exp(4*shared)*math.Expm1(4*shared) - units*e*e*math.Exp(4*within)*math.Expm1(-2*between),
			Fourth:   units * e * e * math.Exp(4*within+8*shared),
		})
	}
	last := signals[len(signals)-1]
	square := 1.
	if o := n.Output; o != nil {
		each := o.Weight / float64(last.Units)
		q := each*last.Square + o.Bias
		sites = append(sites, Site{Square: q, Deviation: math.Sqrt(q), Apart: each * last.Distance / 2 / q, Gradient: 1})
		square = o.Weight
	}
	// Of the gradient of random readouts the units' parts have random signs.
	g := square * last.Square / float64(last.Units)
	sum := g
	for i := len(signals) - 1; ; i-- {
		sites[i].Gradient = g
		if i == 0 {
			break
		}
		l, x := n.Layers[i-1], signals[i-1]
		b, v := l.Width, l.CenterVariance
		t := 1 / (1 + 2*b*v)
		along, across := 4*b*b*t*t*sum, 4*b*b*t*v*x.Square*g
		g, sum = along*x.Fourth+across, along*x.Square*x.Square+across
	}
	for i := range sites {
		sites[i].Chi = math.NaN()
		if i+1 < len(sites) {
			sites[i].Chi = sites[i].Gradient / sites[i+1].Gradient
		}
	}
	return sites, nil
}
