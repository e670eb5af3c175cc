package activations

import (
	"math"

	"github.com/gradflow/gradflow/activations/internal/expression"
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Scaled is a·f(z), with a fixed or learned factor: a's name is "a" unless it has
// another one. If f has learned parameters, they come before a.
//
// For the signal at initialisation, a and the deviation of the weights after it enter only as
// their product; but an optimizer's steps differ, as does the effect of a penalty.
func Scaled(f Scalar, a Parameter) (ParametricScalar, error) {
	if a.Name == "" {
		a.Name = "a"
	}
	if f == nil {
		return nil, errors.New("scaled: the activation is nil")
	}
	if err := settable(f); err != nil {
		return nil, errors.Wrap(err, "scaled")
	}
	s := &scaled{f: f, a: a, learned: parametersOf(f)}
	if a.Learn != Fixed {
		s.learned = append(s.learned, a)
	}
	err := a.check()
	if err == nil {
		err = distinct(append(parametersOf(f), a))
	}
	if err != nil {
		return nil, errors.Wrap(err, s.Name())
	}
	return s, nil
}

type scaled struct {
	f       Scalar
	a       Parameter
	learned []Parameter
}

// settable returns an error if f has learned parameters that [ParametricScalar] can't set.
func settable(f Scalar) error {
	p, learns := f.(Parametric)
	if _, ok := f.(ParametricScalar); learns && !ok && len(p.Parameters()) > 0 {
		return errors.Errorf("activation %s has learned parameters, but no method At for other values of them", f.Name())
	}
	return nil
}

// parametersOf returns the learned parameters of f.
func parametersOf(f Scalar) []Parameter {
	if p, ok := f.(ParametricScalar); ok {
		return p.Parameters()
	}
	return nil
}

func (s *scaled) Name() string { return "scaled(" + s.f.Name() + ")" }

func (s *scaled) F(z float64) float64 { return s.a.Start * s.f.F(z) }

func (s *scaled) Derivative(z float64) float64 { return s.a.Start * s.f.Derivative(z) }

// RoundingError is f's, scaled.
func (s *scaled) RoundingError(z float64, t tensor.Dtype) (value, derivative float64) {
	if r, ok := s.f.(interface {
		RoundingError(z float64, t tensor.Dtype) (value, derivative float64)
	}); ok {
		value, derivative = r.RoundingError(z, t)
	}
	a := math.Abs(s.a.Start)
	return a * value, a * derivative
}

func (s *scaled) Parameters() []Parameter { return append([]Parameter(nil), s.learned...) }

func (s *scaled) At(values ...float64) (ParametricScalar, error) {
	learned, err := startingAt(s.learned, values)
	if err != nil {
		return nil, errors.Wrap(err, s.Name())
	}
	other := *s
	other.learned = learned
	if s.a.Learn != Fixed {
		last := len(values) - 1
		other.a = learned[last]
		values = values[:last]
	}
	if f, ok := s.f.(ParametricScalar); ok {
		if other.f, err = f.At(values...); err != nil {
			return nil, errors.Wrap(err, s.Name())
		}
	}
	return &other, nil
}

// Node implements [Activation], as f and a multiplication.
func (s *scaled) Node(z *G.Node) (*G.Node, error) {
	y, err := s.f.Node(z)
	if err == nil {
		y, err = ops.Pointwise(factor(s.a.Start), y)
	}
	return y, errors.Wrap(err, s.Name())
}

func factor(a float64) *ops.Function {
	return &ops.Function{Name: "factor", F32: times[float32](a), F64: times[float64](a), Grad32: timesGradient[float32](a), Grad64: timesGradient[float64](a)}
}

func times[F kernels.Float](a float64) func(dst, z []F) {
	return func(dst, z []F) { kernels.Scale(dst, z, F(a)) }
}

func timesGradient[F kernels.Float](a float64) func(dst, z, dy []F) {
	return func(dst, _, dy []F) { kernels.Scale(dst, dy, F(a)) }
}

// NodeWith implements [Parametric].
func (s *scaled) NodeWith(z *G.Node, params ...*G.Node) (*G.Node, error) {
	if len(params) != len(s.learned) {
		return nil, errors.Errorf("%s: %d nodes for %d learned parameters", s.Name(), len(params), len(s.learned))
	}
	inner := params
	if s.a.Learn != Fixed {
		inner = params[:len(params)-1]
	}
	var y *G.Node
	var err error
	if f, ok := s.f.(ParametricScalar); ok {
		y, err = f.NodeWith(z, inner...)
	} else {
		y, err = s.f.Node(z)
	}
	switch {
	case err != nil:
	case s.a.Learn == Fixed:
		y, err = ops.Pointwise(factor(s.a.Start), y)
	default:
		y, err = multiplied(y, params[len(params)-1])
	}
	return y, errors.Wrap(err, s.Name())
}

// multiplied is a·y for a vector a.
func multiplied(y, a *G.Node) (*G.Node, error) {
	b := expression.NewBuilder(nil)
	product, err := b.Parse("a*z", []string{"a"}, []*expression.Node{b.Parameter(0)})
	if err != nil { // not reached
		return nil, err
	}
	c := b.Compile(product, 1)
	perColumn := []bool{a != nil && a.Dims() == 1 && a.Shape()[0] != 1}
	return ops.Parametric(&ops.ParametricFunction{Name: "factor", F32: kernelsOf[float32](c, perColumn), F64: kernelsOf[float64](c, perColumn)}, y, a)
}
