package main

import (
	"math"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/catalogue"
)

type softenedConfig struct {
	Of    activations.Activation `json:"of" doc:"f, element-wise"` // a row of the same catalogue
	Share float64                `json:"share" default:"0.1" range:"[0,1]" doc:"of the line in the sum"`
	catalogue.Given
}

// newSoftened makes the derivative of a saturating f nowhere less than share.
func newSoftened(c softenedConfig) (activations.Activation, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	f, err := activations.ScalarOf(c.Of)
	if err != nil {
		return nil, catalogue.Invalid("of", "%v", err)
	}
	return activations.Elementwise("softened",
		func(z float64) float64 { return (1-c.Share)*f.F(z) + c.Share*z },
		func(z float64) float64 { return (1-c.Share)*f.Derivative(z) + c.Share }), nil
}

// newCReLU makes two columns of each: the positive part of all, then the negative part
// (W. Shang, K. Sohn, D. Almeida, H. Lee: Concatenated rectified linear units, 2016).
func newCReLU(struct{}) (activations.Activation, error) {
	return activations.Rowwise("crelu", 1, 2,
		func(y, z []float64) {
			for i, v := range z {
				y[i], y[len(z)+i] = max(v, 0), max(-v, 0)
				if math.IsNaN(v) {
					y[i], y[len(z)+i] = v, v
				}
			}
		},
		func(dz, z, dy []float64) {
			for i, v := range z {
				switch {
				case v > 0:
					dz[i] = dy[i]
				case v < 0:
					dz[i] = -dy[len(z)+i]
				default:
					dz[i] = v * 0 // NaN stays
				}
			}
		}), nil
}
