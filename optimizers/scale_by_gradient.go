package optimizers

import (
	"math"
	"path"

	"github.com/gradflow/gradflow/catalogue"
)

// ScaleByGradientConfig has the settings of [NewScaleByGradient].
type ScaleByGradientConfig struct {
	Power float64 `json:"power" default:"1" range:"(0,1]" doc:"1 equalises all layers; less brings them closer"`
	Rho   float64 `json:"rho" default:"0.9" range:"[0,1)" doc:"decay of the means of the layers' mean squares"`
	catalogue.Given
}

// NewScaleByGradient returns the link scale-by-gradient, which makes the gradients of all
// layers equally large: with s the root of the running mean of the mean square of all
// elements of a layer's gradients, and S the largest s of all layers,
//
//	g <- g (S/s)^power                        0 where s is 0
//
// A layer is what stands before the last slash of a name. Within a layer the ratio of the
// weights' gradient to that of the biases stays, which [NewScaleByNorm] undoes. The first mean
// is the first mean square. This is the project's own link.
func NewScaleByGradient(c ScaleByGradientConfig) (*Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	l := newLayerMeans("scale-by-gradient", c.Rho)
	return l.link(0, func(ps *Parameters, i int) (sum, count float64) {
		return ps.SquaredNorm(i), float64(ps.Size(i))
	}, func() {
		largest := 0.
		for _, m := range l.order {
			largest = max(largest, m.value)
		}
		for _, m := range l.order {
			m.factor = 1
			if m.value > 0 {
				m.factor = math.Pow(largest/m.value, c.Power/2)
			}
		}
	})
}

// layerMeans has a running mean for each layer, and the factor of its gradients that follows
// from them all.
type layerMeans struct {
	name  string
	rho   float64
	of    map[string]*layerMean // by a parameter's name
	order []*layerMean          // of the layers, from the input to the output
}

type layerMean struct {
	layer         string
	sum, count    float64 // of the step
	value, factor float64
	numbers       []float64 // state: the mean and the steps, kept with the layer's first parameter
}

func newLayerMeans(name string, rho float64) *layerMeans {
	return &layerMeans{name: name, rho: rho, of: make(map[string]*layerMean)}
}

// link returns the link that multiplies by the layers' factors. measure tells what a parameter
// adds to its layer's sum, and to what that is divided by; factors sets the factors.
func (l *layerMeans) link(needs Needs, measure func(ps *Parameters, i int) (sum, count float64), factors func()) (*Link, error) {
	const mean, steps = 0, 1 // numbers of a parameter
	change32 := byLayer[float32](l)
	if needs != 0 {
		change32 = nil
	}
	return NewLink(Transform{
		Name:    l.name,
		Needs:   needs,
		Numbers: 2,
		Names: func(names []string) error { // in order
			clear(l.of)
			l.order = l.order[:0]
			for _, name := range names {
				layer := path.Dir(name)
				if n := len(l.order); n == 0 || l.order[n-1].layer != layer {
					l.order = append(l.order, &layerMean{layer: layer, factor: 1})
				}
				l.of[name] = l.order[len(l.order)-1]
			}
			return nil
		},
		Measure: func(ps *Parameters, step int) error {
			for _, m := range l.order {
				m.sum, m.count, m.numbers = 0, 0, nil
			}
			for i := range ps.Len() {
				m := l.of[ps.Name(i)]
				if m.numbers == nil {
					m.numbers = ps.Numbers(i)
				}
				sum, count := measure(ps, i)
				m.sum += sum
				m.count += count
			}
			for _, m := range l.order {
				if m.value = 0; m.numbers == nil {
					continue // none of its parameters is stepped
				}
				n := m.numbers
				// A second gradient of the same step is not measured.
				if m.count > 0 && n[steps] != float64(step+1) {
					share := 1 - l.rho
					if n[steps] == 0 {
						share = 1
					}
					mix(&n[mean], m.sum/m.count, share)
					n[steps] = float64(step + 1)
				}
				m.value = n[mean]
			}
			factors()
			return nil
		},
		Change:   byLayer[float64](l),
		Change32: change32,
	})
}

func byLayer[F Float](l *layerMeans) func(*Block[F], int) {
	return func(b *Block[F], _ int) { scale(b.G, l.of[b.Name].factor) }
}
