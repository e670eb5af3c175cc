package meanfield_test

import (
	"math"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/meanfield"
)

func sigmoid(z float64) float64 { return activations.Sigmoid().F(z) }

// smooth rectifiers, of which the documentation says why they have no critical point.
var (
	normalCDF = func(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }
	normalPDF = func(z float64) float64 { return math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) }

	gelu = of("gelu", func(z float64) float64 { return z * normalCDF(z) }, func(z float64) float64 { return normalCDF(z) + z*normalPDF(z) })
	silu = of("silu", func(z float64) float64 { return z * sigmoid(z) }, func(z float64) float64 { return sigmoid(z) * (1 + z*sigmoid(-z)) })
	mish = of("mish",
		func(z float64) float64 { return z * math.Tanh(activations.Softplus().F(z)) },
		func(z float64) float64 {
			w := math.Tanh(activations.Softplus().F(z))
			return w + z*sigmoid(z)*(1-w*w)
		})
)

// TestReasons checks what the documentation says of nonlinearities without a critical
// point.
func TestReasons(t *testing.T) {
	m := field(t, activations.Softplus())
	for q := 1e-9; q < 1e8; q *= 3 {
		if v, d := m.SquaredMean(q).Value, m.SquaredSlope(q).Value; !(v > q*d) {
			t.Errorf("softplus: E[f²] = %g is not above q E[f'²] = %g at q = %g", v, q*d, q)
		}
	}
	for _, f := range []meanfield.Function{gelu, silu, mish} {
		name := f.(activations.Activation).Name()
		m := field(t, f)
		for _, bias := range []float64{0, 0.05} {
			if c, err := m.Critical(bias); err == nil {
				t.Errorf("%s has the critical point %+v", name, *c)
			} else {
				t.Log(name, err)
			}
		}
		if c, err := m.Critical(0.3); name == "gelu" && (err != nil || !(c.Weight > 1.9 && c.Weight < 2)) {
			t.Errorf("gelu at bias variance 0.3: %v, %v", c, err)
		}
		found := false
		for w := 1.; w < 5; w *= 1.02 {
			list, _ := m.FixedPoints(meanfield.Variances{Weight: w})
			for _, p := range list {
				if chi := w * m.SquaredSlope(p.Q).Value; p.Q > 0 && chi >= 1 {
					found = true
					if p.Stable {
						t.Errorf("%s at weight variance %g: the fixed point %g with χ₁ = %g is stable", name, w, p.Q, chi)
					}
				}
			}
		}
		if !found {
			t.Errorf("%s has no fixed points with χ₁ ≥ 1", name)
		}
	}
}
