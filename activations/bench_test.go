package activations

import (
	"math"
	"testing"
	"time"

	"github.com/gradflow/gradflow/ops"
)

// BenchmarkFormula times value and gradient, in float32, of an activation of the
// catalogue and of a formula of the same content, in turns, and their ratio.
func BenchmarkFormula(b *testing.B) {
	for _, c := range []struct {
		name string
		a    Activation
		text string
	}{
		{"tanh", Tanh(), "tanh(z)"},
		{"scaled-tanh", ScaledTanh(), "1.7159*tanh(2/3*z)"},
		{"softplus", Softplus(), "log(1 + exp(z))"},
		{"gaussian", Gaussian(), "exp(-z^2)"},
		{"gaussian-function", Gaussian(), "gaussian(z)"},
		{"sigmoid", Sigmoid(), "1/(1 + exp(-z))"},
		{"relu", ReLU(), "max(z, 0)"},
		{"silu", SiLU(), "z/(1 + exp(-z))"},
		{"softsign", Softsign(), "z/(1 + abs(z))"},
		{"elu", ELU(1), "max(z, 0) + exp(min(z, 0)) - 1"},
		{"mish", Mish(), "z*tanh(softplus(z))"},
	} {
		f, err := Formula(c.text)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			const n = 64 * 128
			z, dy, y := make([]float32, n), make([]float32, n), make([]float32, n)
			for i := range z {
				z[i], dy[i] = float32(2*math.Sin(float64(i))), 1
			}
			own, text := c.a.(*elementwise).function(), f.(*formula).function()
			least := [2]time.Duration{math.MaxInt64, math.MaxInt64} // what others don't disturb
			for b.Loop() {
				for i, f := range []*ops.Function{own, text} {
					start := time.Now()
					f.F32(y, z)
					f.Grad32(y, z, dy)
					least[i] = min(least[i], time.Since(start))
				}
			}
			b.ReportMetric(float64(least[0].Nanoseconds())/n, "built-in-ns/element")
			b.ReportMetric(float64(least[1].Nanoseconds())/n, "formula-ns/element")
			b.ReportMetric(float64(least[1])/float64(least[0]), "ratio")
		})
	}
}
