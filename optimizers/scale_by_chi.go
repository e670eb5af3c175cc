package optimizers

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
)

// ScaleByChiConfig has the settings of [NewScaleByChi].
type ScaleByChiConfig struct {
	Power float64 `json:"power" default:"1" range:"(0,1]" doc:"1 compensates the layers above fully; less, in part"`
	Rho   float64 `json:"rho" default:"0.9" range:"[0,1)" doc:"decay of the means of the mean squares"`
	catalogue.Given
}

// NewScaleByChi returns the link scale-by-chi, which undoes what the error suffered on its way
// down: each layer's gradient is divided by the product of the measured χ of the layers above.
//
//	χ(l) = mean δ(l)² / mean δ(l+1)²          δ(l) = ∂L/∂z(l), means over units and examples
//	g(l) <- g(l) (χ(l) χ(l+1) ... χ(L-1))^(-power/2)
//
// which is (rms δ(L) / rms δ(l))^power. L is the last layer, the output. The mean squares are
// running means; the first mean is the first mean square. All parameters of a layer have its
// factor; a layer is what stands before the last slash of a name, and layers come in the order
// of their names. A layer that is measured nowhere, as it has no weight that is a factor of a
// product x·W, or whose δ is 0, has the factor 1.
//
// χ(l) is the factor by which the mean square of the error grows from layer l+1 to l: the mean
// field's (‖W(l+1)‖²/n(l+1)) mean f'(z(l))², as it really was. Unlike [NewScaleByGradient],
// this leaves the share that the layers' inputs have in the size of gradients. It is the
// project's own link, and needs the output gradients of layers (NeedsLayers).
func NewScaleByChi(c ScaleByChiConfig) (*Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	l := newLayerMeans("scale-by-chi", c.Rho)
	return l.link(NeedsLayers, func(ps *Parameters, i int) (sum, count float64) {
		_, deltas := ps.Products(i)
		for _, d := range deltas {
			s := norm(d)
			sum += s * s
			count += float64(len(d))
		}
		return sum, count
	}, func() {
		last := 0.
		for _, m := range l.order {
			if m.value > 0 {
				last = m.value
			}
		}
		for _, m := range l.order {
			m.factor = 1
			if m.value > 0 {
				m.factor = math.Pow(last/m.value, c.Power/2)
			}
		}
	})
}
