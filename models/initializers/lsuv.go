package initializers

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
	"gonum.org/v1/gonum/stat"
)

// LSUVConfig are the settings of [LSUV].
type LSUVConfig struct {
	// Tolerance is how far from 1 the variance may stay.
	Tolerance float64 `json:"tolerance" default:"0.1" range:"(0,1)" doc:"tolerance of the variance, around 1"`
	// Tries is the largest number of times that a layer is scaled.
	Tries int `json:"tries" default:"10" range:"[1,]" doc:"limit on how often a layer is scaled"`
	catalogue.Given
}

// LSUV is layer-sequential unit variance: W is a random orthogonal matrix at first;
// then, layer by layer, it is divided by the deviation of the layer's pre-activations
// over a batch until their variance is 1 within the tolerance (D. Mishkin, J. Matas: All
// you need is a good init, 2016). The variance is that about the mean, over the batch and
// all units, before a normalisation of the pre-activations. Where weights are normalised,
// their gain follows. Reported are the variances before and after and the number of times.
// It is an error if the variance is not 1 within the tolerance when the tries are used up.
func LSUV(c LSUVConfig) (FromData, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return &lsuv{Orthogonal(1), c}, nil
}

type lsuv struct {
	Initializer
	c LSUVConfig
}

func (*lsuv) Name() string { return "lsuv" }

func (l *lsuv) Fit(w []float64, evaluate func() ([]float64, error)) (map[string]float64, error) {
	report := map[string]float64{}
	for try := 0; ; try++ {
		z, err := evaluate()
		if err != nil {
			return nil, err
		}
		variance := stat.PopVariance(z, nil)
		if !(variance > 0) || math.IsInf(variance, 0) {
			return nil, errors.Errorf("the pre-activations have the variance %g over the batch: no factor makes it 1", variance)
		}
		if try == 0 {
			report["variance_before"] = variance
		}
		report["variance_after"], report["tries"] = variance, float64(try)
		if math.Abs(variance-1) <= l.c.Tolerance {
			return report, nil
		}
		if try == l.c.Tries {
			return nil, errors.Errorf("the variance of the pre-activations was %.4g and is %.4g after the weights were scaled %d times, not 1 within %g: allow more tries or a larger tolerance, unless scaling the weights has no effect on it", report["variance_before"], variance, try, l.c.Tolerance)
		}
		for i := range w {
			w[i] /= math.Sqrt(variance)
		}
	}
}
