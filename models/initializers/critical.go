package initializers

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
)

// CriticalConfig are the settings of [Critical].
type CriticalConfig struct {
	// BiasVariance is σ_b².
	BiasVariance float64 `json:"bias-variance" default:"0" range:"[0,]" doc:"variance of the biases, σ_b²"`
	// Orthogonal makes W orthogonal instead of normal.
	Orthogonal bool `json:"orthogonal" default:"false" doc:"orthogonal weights instead of normal ones"`
}

// Critical draws W from N(0, σ_w²/fan-in) and b from N(0, σ_b²), with the σ_w² that
// puts the layer's nonlinearity on the critical line, where the gradient keeps its size
// (see package meanfield), or makes W σ_w times a random orthogonal matrix, as which the
// network is near to an isometry (J. Pennington, S. Schoenholz, S. Ganguli: Resurrecting
// the sigmoid in deep learning through dynamical isometry, 2017). A layer without a
// nonlinearity has σ_w² = 1 and no bias. It is an error if there is no critical σ_w²,
// as for softplus.
func Critical(c CriticalConfig) (Adaptable, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return &adaptable{name: "critical", with: func(m *meanfield.Field) (Initializer, error) {
		point, err := m.Critical(c.BiasVariance)
		if none := (*meanfield.NoCritical)(nil); errors.As(err, &none) {
			return nil, fmt.Errorf("%w; shape the activation, as dks does, or use another initialiser", err)
		}
		if err != nil {
			return nil, err
		}
		gain := math.Sqrt(point.Weight)
		var weights Variances = &scaled{"critical", lecun(gain), false}
		if c.Orthogonal {
			weights = &orthogonal{gain}
		}
		if c.BiasVariance == 0 {
			return &named{weights, "critical"}, nil
		}
		return &biased{named{weights, "critical"}, math.Sqrt(c.BiasVariance)}, nil
	}}, nil
}

// named is an initialiser by another name.
type named struct {
	of   Variances
	name string
}

func (n *named) Name() string { return n.name }

func (n *named) Fill(w []float64, fanIn, fanOut int, r *rand.Rand) { n.of.Fill(w, fanIn, fanOut, r) }

func (n *named) Variances(fanIn, fanOut int) (weight, bias float64) {
	return n.of.Variances(fanIn, fanOut)
}

// biased is one with normal biases.
type biased struct {
	named
	deviation float64
}

// Variances implements [Variances].
func (i *biased) Variances(fanIn, fanOut int) (weight, bias float64) {
	weight, _ = i.named.Variances(fanIn, fanOut)
	return weight, i.deviation * i.deviation
}

func (i *biased) FillBias(b []float64, r *rand.Rand) {
	for k := range b {
		b[k] = i.deviation * r.NormFloat64()
	}
}

// Gain draws W from N(0, g²/fan-in) with the gain g = 1/√E[f(z)²] of the layer's
// nonlinearity, z ~ N(0, 1): layers whose pre-activations are of mean square 1 then
// give the next ones the same. For ReLU that is He's √2. A layer without a nonlinearity
// has g = 1.
func Gain() Adaptable {
	return &adaptable{name: "gain", with: func(m *meanfield.Field) (Initializer, error) {
		return &scaled{"gain", lecun(1 / math.Sqrt(m.SquaredMean(1).Value)), false}, nil
	}}
}
