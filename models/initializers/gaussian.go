package initializers

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
)

// GaussianConfig are the settings of [Gaussian].
type GaussianConfig struct {
	WeightVariance float64 `json:"weight-variance" default:"1" range:"(0,)" doc:"variance of the weights times fan-in, σ_w²"`
	BiasVariance   float64 `json:"bias-variance" default:"0" range:"[0,)" doc:"variance of the biases, σ_b²"`
	catalogue.Given
}

// Gaussian draws W from N(0, σ_w²/fan-in) and b from N(0, σ_b²): any point of the phase
// diagram (S. Schoenholz et al.: Deep information propagation, 2017). Settings that are 0
// and not in Given have their defaults.
func Gaussian(c GaussianConfig) (Initializer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	w := &scaled{"gaussian", func(in, _ float64) float64 { return c.WeightVariance / in }, false}
	return withBiases(w, "gaussian", c.BiasVariance), nil
}

// OrthogonalConfig are the settings of [OrthogonalWith].
type OrthogonalConfig struct {
	Gain         float64 `json:"gain" default:"1" range:"(0,)" doc:"factor of the weights, σ_w"`
	BiasVariance float64 `json:"bias-variance" omit:"default" default:"0" range:"[0,)" doc:"variance of the biases, σ_b²"`
	catalogue.Given
}

// OrthogonalWith is [Orthogonal] with biases from N(0, σ_b²).
func OrthogonalWith(c OrthogonalConfig) (Initializer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return withBiases(&orthogonal{c.Gain}, "orthogonal", c.BiasVariance), nil
}

// withBiases adds normal biases to an initialiser of weights, unless their variance is 0.
func withBiases(weights Variances, name string, variance float64) Initializer {
	if variance == 0 {
		return weights
	}
	return &biased{named{weights, name}, math.Sqrt(variance)}
}
