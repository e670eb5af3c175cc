package meanfield

import "math"

// Phase is the fate of gradients, and of the difference between two examples, with depth.
type Phase int

const (
	// NoPhase: the variance of the pre-activations has no fixed point.
	NoPhase Phase = iota
	// Ordered: χ₁ < 1. Gradients vanish, and examples become alike.
	Ordered
	// Critical: χ₁ = 1, to a millionth.
	Critical
	// Chaotic: χ₁ > 1. Gradients explode, and examples become unlike.
	Chaotic
)

var phases = [...]string{"none", "ordered", "critical", "chaotic"}

func (p Phase) String() string { return phases[p] }

// PhaseOf returns the phase of χ₁.
func PhaseOf(chi1 float64) Phase {
	switch {
	case math.IsNaN(chi1):
		return NoPhase
	case math.Abs(chi1-1) <= 1e-6:
		return Critical
	case chi1 < 1:
		return Ordered
	}
	return Chaotic
}

// Theory is what mean-field theory predicts for wide networks of a nonlinearity with given
// variances of the initial parameters.
type Theory struct {
	Variances
	FixedPoints []FixedPoint // of the q-map, ascending; none if it is neutral
	Outcome     Outcome

	// Q is the variance q* to which the pre-activations converge from inputs of mean square 1,
	// NaN if it diverges. If the map is neutral, it is that of the first layer.
	Q float64
	// QSlope is the slope of the q-map at Q.
	QSlope float64
	// Chi1 is the factor of the squared norm of the gradient in each layer backwards, σ_w²
	// E[f'(√q* z)²], and the slope of the c-map at 1.
	Chi1  float64
	Phase Phase
	// Correlation is the limit with depth of the correlation of two examples' pre-activations;
	// NaN without a positive q*.
	Correlation float64
	// XiGradient is the number of layers in which the squared gradient changes by the
	// factor e, 1/|ln χ₁|; infinite at criticality.
	XiGradient float64
	// XiCorrelation is the number of layers in which the distance between the correlation and
	// its fixed point falls by the factor e, 1/|ln χ| with the slope χ of the c-map there;
	// infinite at criticality, NaN without a positive q*.
	XiCorrelation float64
}

// TrainableDepth is the depth up to which gradient descent trains a network, 6 times the smaller
// ξ (S. Schoenholz et al.: Deep information propagation, 2017, who measured the factor); NaN if
// there is no fixed point, infinite at criticality.
func (t *Theory) TrainableDepth() float64 {
	xi := t.XiGradient
	if t.XiCorrelation < xi {
		xi = t.XiCorrelation
	}
	return 6 * xi
}

// Theory computes the theory of networks with the variances v.
func (m *Field) Theory(v Variances) (*Theory, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	nan := math.NaN()
	t := &Theory{Variances: v, Outcome: Diverges, Q: nan, QSlope: nan, Chi1: nan, Correlation: nan, XiGradient: nan, XiCorrelation: nan}
	first := v.Weight + v.Bias
	var neutral bool
	if t.FixedPoints, neutral = m.FixedPoints(v); neutral {
		t.Outcome, t.Q, t.QSlope = Neutral, first, 1
	} else if p := m.reached(v, first, t.FixedPoints); p != nil {
		t.Outcome, t.Q, t.QSlope = Converges, p.Q, p.Slope
	} else {
		return t, nil
	}
	t.Chi1 = v.Weight * m.tangent()
	if t.Q > 0 {
		t.Chi1 = v.Weight * m.SquaredSlope(t.Q).Value
	}
	t.Phase = PhaseOf(t.Chi1)
	t.XiGradient = xi(t.Chi1)
	if t.Q > 0 {
		t.Correlation, t.XiCorrelation = 1, t.XiGradient
		if t.Phase == Chaotic {
			c := m.CMap(v, t.Q)
			if t.Correlation = c.fixedPoint(); t.Correlation < 1 {
				t.XiCorrelation = xi(c.Slope(t.Correlation))
			}
		}
	}
	return t, nil
}

// xi returns 1/|ln χ|, infinite where χ is 1 but for rounding.
func xi(chi float64) float64 {
	if math.Abs(chi-1) < 1e-12 {
		return math.Inf(1)
	}
	return 1 / math.Abs(math.Log(chi))
}

// Layer is what theory predicts for one layer.
type Layer struct {
	Q   float64 // variance of its pre-activations
	Chi float64 // the factor of the squared gradient on its way back through it
}

// Propagate follows the variance of the pre-activations from layer to layer, starting at q in
// the first.
func (m *Field) Propagate(v Variances, q float64, layers int) []Layer {
	list := make([]Layer, layers)
	for i := range list {
		list[i] = Layer{q, v.Weight * m.SquaredSlope(q).Value}
		q = m.QMap(v, q)
	}
	return list
}
