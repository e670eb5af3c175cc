package study

import (
	"math"
	"slices"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/models"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// zeroGradient finds out why the gradient of the pre-activations is exactly 0 in some layer
// at a run's start: nil if it is in none. It looks at the same network in float64, on the
// same batch: whether there is a gradient there, whether f' is 0 at every pre-activation
// of the highest layer without one, and whether one comes through when all parameters but
// biases that are 0 get other values. first is the run's first sample.
func (s *parts) zeroGradient(c Config, layers []string, first *probe.Sample) *record.ZeroGradient {
	at := -1
	for i := range layers {
		if math.IsInf(first.At(i, probe.PreActivationGradient), -1) && first.At(i, probe.NonFinite) == 0 {
			at = i
		}
	}
	if at < 0 {
		return nil
	}
	z := &record.ZeroGradient{Layer: layers[at], Cause: record.NotDetermined, Gradient: record.Number(math.NaN())}
	if err := s.explain(z, c, at); err != nil {
		z.Problem = err.Error()
	}
	return z
}

// explain looks for the cause in layer at.
func (s *parts) explain(z *record.ZeroGradient, c Config, at int) error {
	c.DType, c.FlushToZero, c.Probe = "float64", false, 0
	a, err := s.assemble(c)
	if err != nil {
		return err
	}
	look, err := newLook(a)
	if err != nil {
		return err
	}
	if err := look.run(); err != nil {
		return err
	}
	above := math.NaN()
	if at+1 < len(look.gradients) {
		above = look.gradients[at+1]
	}
	switch gradient := look.gradients[at]; {
	case !math.IsInf(gradient, -1):
		z.Cause, z.Gradient = record.Underflow, record.Number(gradient)
	case look.blocked[at]:
		z.Cause = record.FlatFunction
	case above < nearlyNothing && !math.IsInf(above, -1):
		z.Cause, z.Gradient = record.Underflow, record.Number(above)
	default:
		if z.Parameters, err = look.zeroParameters(); err != nil {
			return err
		}
		if len(z.Parameters) > 0 {
			z.Cause = record.ZeroParameters
		}
	}
	return nil
}

// nearlyNothing is log10 of a norm below which the next layer's may be too small for
// float64, whose smallest number is 5e-324.
const nearlyNothing = -290

// look is a look at the gradients of one batch.
type look struct {
	*Assembly
	network *models.Network
	run     func() error

	gradients []float64 // log10 of the layers' norms
	blocked   []bool    // f' is 0 at all of a layer's pre-activations
}

func newLook(a *Assembly) (*look, error) {
	n, err := a.Training()
	if err != nil {
		return nil, err
	}
	l := &look{Assembly: a, network: n, gradients: make([]float64, len(n.Layers)), blocked: make([]bool, len(n.Layers))}
	x, t := n.Input.Value().(*tensor.Dense), n.Target.Value().(*tensor.Dense)
	if err := a.Task.Train().Batches(a.Config.Seed, a.Config.Batch).Next64(x.Float64s(), t.Float64s()); err != nil {
		return nil, err
	}
	m, err := n.TrainingMachine()
	if err != nil {
		return nil, err
	}
	f, scalar := a.Activation.(activations.Scalar)
	for i, layer := range n.Layers {
		d := layer.PreActivation.Deriv()
		if d == nil {
			return nil, errors.Errorf("%s has no gradient", layer.Name)
		}
		err := m.Observe(layer.PreActivation, func(v G.Value) {
			l.blocked[i] = scalar && layer.Function == f.Name() &&
				!slices.ContainsFunc(v.(*tensor.Dense).Float64s(), func(z float64) bool { return f.Derivative(z) != 0 })
		})
		if err == nil {
			err = m.Observe(d, func(v G.Value) { l.gradients[i] = probe.Norm(v) })
		}
		if err != nil {
			return nil, err
		}
	}
	l.run = m.RunObserved
	return l, nil
}

// zeroParameters returns the parameters, biases left out, that are 0 and let no gradient
// through: with others in the place of all of them every layer has one, but not if one of
// those named is 0. It returns none if there are layers without a gradient all the same.
func (l *look) zeroParameters() (names []string, err error) {
	biases := map[string]bool{}
	for _, x := range l.network.Layers {
		if x.Bias != nil {
			biases[x.Bias.Name()] = true
		}
	}
	var zero []string
	for _, name := range l.Parameters.Names() {
		x := l.Parameters.Tensor(name).Float64s()
		if !biases[name] && !slices.ContainsFunc(x, func(v float64) bool { return v != 0 }) {
			zero = append(zero, name)
		}
	}
	fill := func(name string, on bool) {
		for i, x := 0, l.Parameters.Tensor(name).Float64s(); i < len(x); i++ {
			if x[i] = 0; on { // in no order that cancels
				x[i] = 0.1 + 0.05*math.Sin(float64(1+i*i))
			}
		}
	}
	for _, name := range zero {
		fill(name, true)
	}
	defer func() {
		for _, name := range zero {
			fill(name, false)
		}
	}()
	through := func() (bool, error) {
		err := l.run()
		return !slices.ContainsFunc(l.gradients, func(g float64) bool { return math.IsInf(g, -1) }), err
	}
	if ok, err := through(); err != nil || !ok {
		return nil, err
	}
	for _, name := range zero {
		fill(name, false)
		ok, err := through()
		if err != nil {
			return nil, err
		}
		if fill(name, true); !ok {
			names = append(names, name)
		}
	}
	if len(names) == 0 { // each lets one through if the others do
		return zero, nil
	}
	return names, nil
}
