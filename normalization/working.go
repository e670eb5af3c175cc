package normalization

import (
	"math"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// pending is a normalisation whose γ and β are chosen when its network is known.
type pending struct {
	Normalization
	choose func(Network) (gamma, beta float64, err error)
	with   func(gamma, beta float64) Normalization
}

func (n pending) For(net Network) (Normalization, error) {
	gamma, beta, err := n.choose(net)
	if err != nil {
		return nil, err
	}
	return n.with(gamma, beta), nil
}

// Unshapes implements [activations.Unshaping].
func (n pending) Unshapes() string {
	return n.Name() + " is to choose a gamma and beta for the nonlinearity, which it would be shaped without"
}

// Groups implements [Grouped] for those over units.
func (n pending) Groups() int {
	if g, ok := n.Normalization.(Grouped); ok {
		return g.Groups()
	}
	return 1
}

func (pending) Normalize(Builder, string, *G.Node) (*G.Node, error) {
	return nil, errors.New("its working point depends on the network: use what normalization.For returns")
}

// checkWorkingPoint returns an error unless a norm can choose its γ and β.
func checkWorkingPoint(p Placement, gamma, beta float64) error {
	if p != Before {
		return catalogue.Invalid("working-point", "is that of an activation that follows: it needs the placement before")
	}
	if gamma != 1 || beta != 0 {
		return catalogue.Invalid("working-point", "chooses gamma and beta: leave these out")
	}
	return nil
}

// steepEnough reports whether f is at least half as steep around γn + β, in the root mean square,
// as it is anywhere for this γ.
func steepEnough(field *meanfield.Field, gamma, beta, steepest float64) bool {
	return field.SlopeAt(gamma, beta) >= steepest/4
}

const betas = 32 // on each side of 0, 1/8 apart

// steepest returns the largest E[f'(γn + β)²] for a γ.
func steepest(field *meanfield.Field, gamma float64) float64 {
	var largest float64
	for i := -betas; i <= betas; i++ {
		largest = max(largest, field.SlopeAt(gamma, float64(i)/8))
	}
	return largest
}

// fieldOf returns the mean field of what follows a norm.
func fieldOf(n Network) (activations.Scalar, *meanfield.Field, error) {
	f, err := activations.ScalarOf(n.Activation)
	if err != nil {
		return nil, nil, errors.Wrap(err, "working point")
	}
	field, err := meanfield.New(f)
	return f, field, errors.Wrap(err, "working point")
}

// WorkingPointOfUnits returns the γ and β from which an activation f starts critical behind a norm
// over the units of each example: a layer, group or RMS norm of units z = x·W with independent
// weights. Such a norm does not take away what f adds to all units alike, E[f], as the
// weights make a sum of mean 0 over units of it. So its factor of the squared gradient,
//
//	χ = γ² E[f'(γn + β)²] / E[f(γn + β)²],  n standard normal
//
// has E[f²] where that of a norm over the batch ([WorkingPoint]) has Var f, and can be below 1,
// where examples become equal. With β = 0 it is the largest γ of 1, 2^(-1/4), … for which
// |χ - 1| ≤ 1/L in a network of L layers, and
//
//	C''(1) = γ⁴ E[f''(γn + β)²] / E[f(γn + β)²] ≤ 4/L
//
// by which the correlation c of two examples changes over all layers by no more than a few times
// (1 - c)². An f that is not 0 where it is nearly linear has no such point. Of the points with
// χ = 1, and γ from 1/4 to 4, it gets that of the least C”(1), for which it is used where it is
// small: γ = .595 and β = -1.81 for the Gaussian, in its tail. There examples still become
// alike, by a power of the depth. On digits, with 20 layers of 64 Gaussians and 300 steps of Adam at
// .001, layer norm had a median of .175 over 6 seeds at γ = 1 and β = 0, .700 at this point, .861
// with orthogonal weights as well, .754 with this β alone, .100 with this γ alone, and .100 where
// the Gaussian is nearly linear, at γ = .3 and β = .75; batch norm has .951 there. Deeper than that it
// takes batch norm, or an f with E[f] = 0.
//
// As in [WorkingPoint], points where E[f'(γn + β)²] is less than a quarter of its largest value for
// that γ are left out.
func WorkingPointOfUnits(n Network) (gamma, beta float64, err error) {
	f, err := activations.ScalarOf(n.Activation)
	if err != nil {
		return 0, 0, errors.Wrap(err, "working point")
	}
	depth := float64(max(1, n.Depth))
	scale := func(k int) float64 { return math.Exp2(-float64(k) / 4) }
	const smallest = 40
	for k := range smallest + 1 { // f that are 0 where they are steep
		gamma := scale(k)
		chi, _ := unitsDegree(f, gamma, 0)
		if math.Abs(chi-1) <= 1/depth && steepOfUnits(f, gamma, 0, steepestOfUnits(f, gamma)) && bend(f, gamma, 0) <= 4/depth {
			return gamma, 0, nil
		}
	}
	least := math.Inf(1)
	for i := range 2*8 + 1 { // γ = 1, 2^(1/4), 2^(-1/4), …, 4, 1/4
		k := (i + 1) / 2
		if i%2 == 1 {
			k = -k
		}
		g := scale(k)
		most := steepestOfUnits(f, g)
		try := func(b float64) {
			if steepOfUnits(f, g, b, most) {
				if c := bend(f, g, b); c < .9*least {
					gamma, beta, least = g, b, c
				}
			}
		}
		excess := func(b float64) float64 { chi, _ := unitsDegree(f, g, b); return chi - 1 }
		for i := -betas; i <= betas; i++ {
			b, next := float64(i)/8, float64(i+1)/8
			at := excess(b)
			if math.Abs(at) <= 1e-9 {
				try(b)
				continue
			}
			if i == betas || !(at*excess(next) < 0) {
				continue
			}
			for range 40 { // χ passes 1 between the two
				middle := (b + next) / 2
				if at*excess(middle) > 0 {
					b = middle
				} else {
					next = middle
				}
			}
			try(next)
		}
	}
	if math.IsInf(least, 1) {
		return 0, 0, errors.Errorf("working point: %s has no gamma from 1/4 to 4 and beta from -4 to 4 at which a norm over the units keeps the squared gradient; batch-norm takes E[f] away, and may have one", n.Activation.Name())
	}
	return gamma, beta, nil
}

// unitsDegree returns χ of a norm over units, Σ k a_k²/Σ a_k², and E[f'(γn + β)²], by sums over a
// grid: the error is that of rounding for smooth f, and 1e-4 where there are kinks.
func unitsDegree(f activations.Scalar, gamma, beta float64) (chi, slope float64) {
	const step, end = 1. / 16, 8
	var square float64
	for n := -end + step/2; n < end; n += step { // kinks at 0 are between the points
		p := math.Exp(-n*n/2) * step / math.Sqrt(2*math.Pi)
		y, d := f.F(gamma*n+beta), f.Derivative(gamma*n+beta)
		square += p * y * y
		slope += p * d * d
	}
	return gamma * gamma * slope / square, slope
}

func steepOfUnits(f activations.Scalar, gamma, beta, steepest float64) bool {
	_, slope := unitsDegree(f, gamma, beta)
	return slope >= steepest/4
}

func steepestOfUnits(f activations.Scalar, gamma float64) float64 {
	var largest float64
	for i := -betas; i <= betas; i++ {
		_, slope := unitsDegree(f, gamma, float64(i)/8)
		largest = max(largest, slope)
	}
	return largest
}

// bend returns C”(1) = Σ k(k-1) a_k² / Σ a_k², from the Hermite coefficients of f'; that of a kink
// is infinite, and cut off at the number of coefficients there are.
func bend(f activations.Scalar, gamma, beta float64) float64 {
	b, rest := meanfield.Hermite(func(n float64) float64 { return gamma * f.Derivative(gamma*n+beta) }, 1)
	sum := float64(len(b)) * max(0, rest)
	for k, v := range b {
		sum += float64(k) * v * v
	}
	return sum / meanfield.Expectation(func(n float64) float64 { y := f.F(gamma*n + beta); return y * y }).Value
}
