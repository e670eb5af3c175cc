package initializers

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
)

// FromBelow is an initialiser that goes on with data as [FromData] does, but with what is
// measured in the layer that it reads, if there is one.
type FromBelow interface {
	FromData
	// FitBelow changes w, which Fill has set, of shape (fanIn, fanOut). slopes has the mean of
	// f'(z)² over a batch for each unit of the layer below. What is returned is kept in the
	// run's record: finite numbers by name.
	FitBelow(w []float64, fanIn, fanOut int, slopes []float64) (map[string]float64, error)
}

// ChiConfig are the settings of [Chi].
type ChiConfig struct {
	// Target is what χ becomes.
	Target float64 `json:"target" omit:"default" default:"1" range:"(0,]" doc:"factor of the squared gradient in each layer"`
	// Tolerance and Tries are those of LSUV in the first layer.
	Tolerance float64 `json:"tolerance" default:"0.1" range:"(0,1)" doc:"first layer: tolerance of the variance, around 1"`
	Tries     int     `json:"tries" default:"10" range:"[1,]" doc:"first layer: limit on how often it is scaled"`
	catalogue.Given
}

// Chi is layer-sequential unit χ, for the gradient what [LSUV] is for the signal: W is a random
// orthogonal matrix at first; then, layer by layer, it is scaled so that the factor of the
// squared gradient from the layer to the one below, measured on a batch,
//
//	χ = 1/n Σ_i s_i Σ_j W_ij²,  s_i = mean of f'(z_i)² over the batch,  n the units of the layer
//
// is target. It takes the errors of a layer as independent of each other and of W, as
// mean-field theory does. The first layer has no layer below, and is scaled to pre-activations of
// variance 1, as by LSUV; the output layer has χ = target as well.
//
// It sets the gradient and lets the signal go where it goes: for tanh pre-activations shrink
// slowly with depth; for the Gaussian they settle at a variance of 1.207. A factor a of a·f would
// enter χ and the signal by the same product with W, so that both can't be set by a and W:
// Gaussian-Poincaré and DKS shift and stretch f for that. Sigmoid, which has a slope of .25 at
// most, gets weights so large that it saturates. Measured in 20 layers of 64 units, the factor from
// layer to layer was 1.01 for tanh, 1.00 for the Gaussian and 1.23 for softplus, of which the
// error comes along the mean that all examples share; with LSUV 1.17, .80 and .33.
//
// It is for plain layers x·W + b of element-wise f without parameters; with a norm before f the
// scale of W would have no effect, and with shortcuts χ is not that of one path: both are
// refused.
func Chi(c ChiConfig) (FromBelow, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	first, err := LSUV(LSUVConfig{Tolerance: c.Tolerance, Tries: c.Tries})
	if err != nil {
		return nil, err
	}
	return &chi{first, c.Target}, nil
}

type chi struct {
	FromData
	target float64
}

func (*chi) Name() string { return "chi" }

func (c *chi) FitBelow(w []float64, fanIn, fanOut int, slopes []float64) (map[string]float64, error) {
	if len(slopes) != fanIn || len(w) != fanIn*fanOut {
		return nil, errors.Errorf("%d slopes and %d weights for %d inputs and %d units", len(slopes), len(w), fanIn, fanOut)
	}
	var before float64
	for i, s := range slopes {
		for _, v := range w[i*fanOut : (i+1)*fanOut] {
			before += s * v * v
		}
	}
	before /= float64(fanOut)
	factor := math.Sqrt(c.target / before)
	if !(before > 0) || !(factor > 0) || math.IsInf(factor, 0) {
		return nil, errors.Errorf("the layer below passes %g of the squared gradient over the batch: no factor of the weights makes it %g", before, c.target)
	}
	for i := range w {
		w[i] *= factor
	}
	return map[string]float64{"chi_before": before, "factor": factor}, nil
}
