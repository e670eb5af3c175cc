package optimizers

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
)

// RMSPropGravesConfig has the settings of [NewRMSPropGraves].
type RMSPropGravesConfig struct {
	Rate     float64 `json:"rate" default:"0.0001" range:"(0,]" doc:"step size"`
	Rho      float64 `json:"rho" default:"0.95" range:"[0,1)" doc:"decay of the means of g and g²"`
	Momentum float64 `json:"momentum" default:"0.9" range:"[0,1)" doc:"share of the last step that is retained"`
	Eps      float64 `json:"eps" default:"0.0001" range:"(0,]" doc:"added to the variance of g, under the root"`
	catalogue.Given
}

// NewRMSPropGraves returns rmsprop-graves.
//
// RMSPropGraves divides the gradient by its running standard deviation:
//
//	n <- rho n + (1-rho) g²                   n = ḡ = D = 0 initially
//	ḡ <- rho ḡ + (1-rho) g
//	D <- momentum D - rate g/√(n - ḡ² + eps)
//	w <- w + D
//
// Source: Graves, "Generating sequences with recurrent neural networks" (2013),
// arXiv:1308.0850, equations 38 to 45.
func NewRMSPropGraves(c RMSPropGravesConfig) (*Optimizer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return New(Rule{
		Name:    "rmsprop-graves",
		Vectors: []float64{0, 0, 0},
		Update: func(b *Block[float64]) {
			n, mean, d := b.State[0], b.State[1], b.State[2]
			for i, g := range b.G {
				n[i] = c.Rho*n[i] + (1-c.Rho)*g*g
				mean[i] = c.Rho*mean[i] + (1-c.Rho)*g
				variance := max(0, n[i]-mean[i]*mean[i]) // rounding must not make it negative
				d[i] = c.Momentum*d[i] - c.Rate*g/math.Sqrt(variance+c.Eps)
				b.To[i] += d[i]
			}
		},
	})
}
