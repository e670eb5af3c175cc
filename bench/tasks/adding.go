package tasks

import (
	"github.com/gradflow/gradflow/models"
	"math/rand/v2"

	"github.com/gradflow/gradflow/catalogue"
)

// AddingConfig sets the length of the adding problem.
type AddingConfig struct {
	Steps   int     `json:"steps" default:"100" range:"[2,10000]" doc:"length T of a sequence"`
	Low     float64 `json:"low" default:"0" range:"[-1,0]" doc:"values are uniform in [low,1): 0 as in Le et al., -1 as in Hochreiter and Schmidhuber"`
	Seed    uint64  `json:"seed" default:"1" doc:"seed of the held-out sets"`
	HeldOut int     `json:"held-out" default:"1000" range:"[1,100000]" doc:"examples in the validation and in the test set"`
	catalogue.Given
}

// NewAdding returns the task "adding": the sum of two numbers that lie far back
// in a sequence. A step has two inputs, a value uniform in [low,1) and a mark,
// which is 1 in two steps, one drawn from each half of the sequence, and 0 in
// the others. The target, in the last step, is the sum of the two marked values.
// Loss: mean squared error. Inputs are not standardised.
//
// Chance is the variance of the sum, (1-low)^2/6: 1/6 = 0.1667 for values in
// [0,1), with the constant answer 1. (Le et al. print 0.1767.) A network that
// sees only the second value gets to half of that.
//
// Hochreiter and Schmidhuber count a sequence as right if the error is below
// 0.04, their values being in [-1,1] and their output 1/2 + sum/4; later papers
// show curves. The target, a root mean square error of 0.04 of the values' range,
// or an error of 0.0016 (1-low)^2, is twice as strict as theirs.
//
// Source: S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural
// Computation 9, 1997, experiment 4, where lengths vary and both marks lie in the
// first half; in this form Q. V. Le, N. Jaitly and G. E. Hinton, "A simple way to
// initialize recurrent networks of rectified linear units", arXiv:1504.00941,
// 2015, and, for the marks, M. Arjovsky, A. Shah and Y. Bengio, "Unitary evolution
// recurrent neural networks", ICML 2016.
func NewAdding(c AddingConfig) (Task, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return loaded.get(c, func() (Task, error) {
		width := 1 - c.Low
		g := Generator{Inputs: 2 * c.Steps, Outputs: 1, Loss: models.MeanSquaredError, Draw: func(r *rand.Rand, x, t []float64) {
			for s := range c.Steps {
				x[2*s] = c.Low + width*r.Float64()
			}
			half := c.Steps / 2
			for _, s := range [2]int{r.IntN(half), half + r.IntN(c.Steps-half)} {
				x[2*s+1] = 1
				t[0] += x[2*s]
			}
		}}
		return endlessSequence("adding", g, c.Steps, 1, width*width/6, 0.0016*width*width, c.Seed, c.HeldOut)
	})
}
