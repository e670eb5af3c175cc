package main

import (
	"math"
	"math/rand/v2"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/pkg/errors"
)

// newSlope makes up for the slope of a layer's nonlinearity at 0.
func newSlope(struct{}) (initializers.Initializer, error) { return slope{gained{1}}, nil }

// slope is adapted to each layer, by what For returns.
type slope struct{ gained }

// For implements initializers.Adaptable.
func (s slope) For(f activations.Activation) (initializers.Initializer, error) {
	if f == nil {
		return s.gained, nil
	}
	scalar, err := activations.ScalarOf(f)
	if err != nil {
		return nil, errors.Wrap(err, "slope")
	}
	d := scalar.Derivative(0)
	if d == 0 {
		return nil, errors.Errorf("slope: %s is flat at 0", f.Name())
	}
	return gained{1 / math.Abs(d)}, nil
}

type gained struct{ gain float64 }

func (gained) Name() string { return "slope" }

func (s gained) Fill(w []float64, fanIn, _ int, r *rand.Rand) {
	for i := range w {
		w[i] = s.gain / math.Sqrt(float64(fanIn)) * r.NormFloat64()
	}
}

// Variances implements initializers.Variances.
func (s gained) Variances(fanIn, _ int) (weight, bias float64) {
	return s.gain * s.gain / float64(fanIn), 0
}
