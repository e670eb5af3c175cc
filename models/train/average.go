package train

import (
	"github.com/gradflow/gradflow/optimizers"
	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// average has the memory for one parameter's values while it is evaluated.
type average struct {
	name             string
	value, kept, new *tensor.Dense
}

// AtAverage calls f with the parameters at the values that the solver's result is to be judged
// by. They are others than those that it trains at if it is an [optimizers.Averager], such as
// Schedule-Free: the parameters are set to its averages, and back afterwards to the bit, also
// if f panics. Otherwise f is simply called.
//
// Running statistics of a normalisation are left as they are: those of the values trained at.
func (s *Stepper) AtAverage(f func() error) error {
	if !optimizers.IsAverager(s.Solver) {
		return f()
	}
	if err := s.takeAverages(); err != nil {
		return errors.Wrap(err, "train: the solver's averages")
	}
	for i := range s.averages {
		a := &s.averages[i]
		copyData(a.kept, a.value)
		copyData(a.value, a.new)
	}
	defer func() {
		for i := range s.averages {
			copyData(s.averages[i].value, s.averages[i].kept)
		}
	}()
	return f()
}

// takeAverages takes what the parameters are to be set to, before any is.
func (s *Stepper) takeAverages() error {
	if s.averages == nil {
		for _, n := range s.Network.Learnables {
			v := n.Value().(*tensor.Dense)
			like := func() *tensor.Dense { return tensor.New(tensor.Of(v.Dtype()), tensor.WithShape(v.Shape()...)) }
			s.averages = append(s.averages, average{n.Name(), v, like(), like()})
		}
	}
	for i := range s.averages {
		a := &s.averages[i]
		ok, err := s.Solver.(optimizers.Averager).Average(a.name, a.new)
		if err != nil {
			return err
		}
		if !ok {
			copyData(a.new, a.value)
		}
	}
	return nil
}

// Score is the evaluator's score of the solver's result: see [Stepper.AtAverage].
func (s *Stepper) Score(e *Evaluator) (score Score, err error) {
	err = s.AtAverage(func() error {
		score, err = e.Score()
		return err
	})
	return score, err
}

// copyData copies the elements of a tensor of the same type and shape.
func copyData(to, from *tensor.Dense) {
	if to.Dtype() == tensor.Float32 {
		copy(to.Float32s(), from.Float32s())
		return
	}
	copy(to.Float64s(), from.Float64s())
}
