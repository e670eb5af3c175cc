package tasks

import (
	"github.com/gradflow/gradflow/models"
	"math/rand/v2"

	"github.com/gradflow/gradflow/catalogue"
)

// CopyMemoryConfig sets the size of the copy memory problem.
type CopyMemoryConfig struct {
	Delay   int    `json:"delay" default:"100" range:"[1,10000]" doc:"steps T from the end of the symbols to their recall"`
	Length  int    `json:"length" default:"10" range:"[1,1000]" doc:"symbols to remember"`
	Symbols int    `json:"symbols" default:"8" range:"[2,256]" doc:"number of different symbols"`
	Every   bool   `json:"every" default:"false" doc:"ask for an answer in every step, the blank before the recall, as the source does"`
	Seed    uint64 `json:"seed" default:"1" doc:"seed of the held-out sets"`
	HeldOut int    `json:"held-out" default:"1000" range:"[1,100000]" doc:"examples in the validation and in the test set"`
	catalogue.Given
}

// NewCopyMemory returns the task "copy-memory": repeat the symbols of long ago.
// With T = delay, L = length and K = symbols, a sequence of T + 2L steps is
//
//	L random symbols,  T-1 blanks,  a delimiter,  L blanks,
//
// one-hot rows of K+2 (the symbols, the blank, the delimiter) that are not
// standardised. In the last L steps the network gives back the symbols in their
// order, as one of K classes each. If every is set it answers in all steps, with
// the blank as a further class, as in the source. Loss: step cross-entropy.
//
// Chance is an accuracy of 1/K, and of (T + L + L/K)/(T + 2L) if every is set. The
// cross-entropy of the answer that remembers nothing is ln K, and L ln K/(T + 2L)
// if every is set: the source's baseline. (The latter is the former times the
// share of the steps that need memory, and so is any network's that gets the
// blanks right.)
//
// The source shows curves that fall from the baseline towards 0. The target, 99%
// of the recalled symbols, is a convention of this project.
//
// With few symbols, L ln K < 15 say, training repeats the held-out sequences.
//
// Source: S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural
// Computation 9, 1997; in this form M. Arjovsky, A. Shah and Y. Bengio, "Unitary
// evolution recurrent neural networks", ICML 2016, with T of 100 to 500.
func NewCopyMemory(c CopyMemoryConfig) (Task, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return loaded.get(c, func() (Task, error) {
		steps, width := c.Delay+2*c.Length, c.Symbols+2
		targetSteps, classes := c.Length, c.Symbols
		if c.Every {
			targetSteps, classes = steps, c.Symbols+1
		}
		g := Generator{Inputs: steps * width, Outputs: targetSteps * classes, Loss: models.StepCrossEntropy,
			Draw: func(r *rand.Rand, x, t []float64) {
				recall := t[(targetSteps-c.Length)*classes:]
				for s := range c.Length {
					symbol := r.IntN(c.Symbols)
					x[s*width+symbol] = 1
					recall[s*classes+symbol] = 1
				}
				for s := c.Length; s < steps; s++ {
					x[s*width+c.Symbols] = 1
				}
				delimiter := x[(c.Length+c.Delay-1)*width:]
				delimiter[c.Symbols], delimiter[c.Symbols+1] = 0, 1
				for s := range targetSteps - c.Length {
					t[s*classes+c.Symbols] = 1
				}
			}}
		// The share of the answers that are recalled symbols, and not blanks.
		share := float64(c.Length) / float64(targetSteps)
		chance := 1 - share*(1-1/float64(c.Symbols))
		return endlessSequence("copy-memory", g, steps, targetSteps, chance, 1-0.01*share, c.Seed, c.HeldOut)
	})
}
