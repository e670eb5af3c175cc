package optimizers

import (
	"fmt"
	"math"
	"testing"

	"gorgonia.org/gorgonia"
)

// The step of 50 layers of 64x64 weights and 64 biases.
func BenchmarkStep(b *testing.B) {
	for _, text := range []string{"sgd", "rmsprop", "adam", "smorms3", "irprop-minus", "rmsprop(centered=true)", "adagrad", "lamb", "vsgd-l", "vsgd-fd", "muon",
		"chain(before=[clip-global-norm],optimizer=sgd)"} {
		for _, typ := range types {
			b.Run(fmt.Sprintf("optimizer=%s/type=%v", text, typ.dt), func(b *testing.B) {
				var params []gorgonia.ValueGrad
				curvature := map[string]gorgonia.Value{}
				n := 0
				for layer := range 50 {
					for name, shape := range map[string][]int{"weight": {64, 64}, "bias": {64}} {
						size := 64 * 64
						if name == "bias" {
							size = 64
						}
						x := make([]float64, size)
						for i := range x {
							x[i] = math.Sin(float64(i))
						}
						p := newParameter(fmt.Sprintf("layer%02d/%s", layer, name), typ.dt, x, shape...)
						set(p.grad, x)
						params, n = append(params, p), n+size
						curvature[p.name] = newValue(typ.dt, x, shape...)
					}
				}
				batch := StepInfo{
					Gradient:  func() (float64, error) { return 0, nil },
					Curvature: func(name string) gorgonia.Value { return curvature[name] },
				}
				o := mustMake(b, text).(InformedSolver)
				if err := o.StepWith(params, batch); err != nil { // makes the state
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := o.StepWith(params, batch); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/weight")
			})
		}
	}
}
