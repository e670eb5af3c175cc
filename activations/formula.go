package activations

import (
	"fmt"
	"math"
	"slices"

	"github.com/gradflow/gradflow/activations/internal/expression"
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// FormulaError says what is wrong with a formula, and at which column.
type FormulaError = expression.Error

// Formula makes an activation of an expression in z with named parameters, fixed or
// learned:
//
//	f, err := activations.Formula("a*tanh(b*z) + c*z",
//		activations.Parameter{Name: "a", Start: 1.5, Learn: activations.PerLayer},
//		activations.Parameter{Name: "b", Start: 0.7},
//		activations.Parameter{Name: "c", Start: 0.1, Learn: activations.PerUnit})
//
// It has numbers, the constants pi and e, + - * / ^ (of which ^ binds most, so that
// -z^2 is -(z^2)), parentheses, and the functions
//
//	exp expm1 log log1p sqrt pow abs sign max min
//	sin cos atan sinh cosh tanh sech asinh erf erfc
//	sigmoid softplus gaussian relu softsign
//
// The derivatives, by z and by the parameters, are symbolic. max and min of z and a
// constant have the derivative of the constant where both are equal, except that
// min(z, c) has the derivative 1 at c; the derivative of abs at 0 is 0.
//
// Forms that overflow or cancel are replaced:
//
//	log(1 + exp(u))                          softplus(u)
//	log(cosh(u)), log(exp(u) + exp(-u))      |u| + log1p(exp(-2|u|)) - log 2, and + log 2
//	1/(1 + exp(-u))                          sigmoid(u)
//	1/cosh(u), 2/(exp(u) + exp(-u))          sech(u)
//	sinh(u)/cosh(u), also by exponentials    tanh(u)
//	exp(u) - 1, cosh(u) - 1, 1 - sech(u)     by expm1, sinh, tanh
//	1 - cos(u), sqrt(1 + u) - 1, 1 - erf(u)  by sin, u/(sqrt(1 + u) + 1), erfc
//	1 - tanh(u)^2                            sech(u)^2
//
// Others are evaluated as written, in the network's precision: tanh(z) - z loses digits
// near 0. Where an intermediate result overflows though the value does not, [Warnings]
// tells from which z on.
//
// A formula must depend on z, and it and its derivatives must be finite at z = 0, and
// numbers at ±1/2, ±1, ±2 and ±5, for the values that its parameters start from. An
// error of the text is a [*FormulaError].
func Formula(text string, params ...Parameter) (ParametricScalar, error) {
	f := &formula{text: text, params: slices.Clone(params)}
	if err := f.parse(); err != nil {
		return nil, err
	}
	return f, nil
}

type formula struct {
	text    string
	params  []Parameter // all
	learned []Parameter
	starts  []float64 // of the learned parameters
	expression.Compiled
	value, gradient *expression.Program
	partial         []*expression.Program
}

func (f *formula) parse() error {
	b := expression.NewBuilder(formulaFunctions())
	var names []string
	var nodes []*expression.Node
	for _, p := range f.params {
		if b.Reserved(p.Name) {
			return errors.Errorf("formula %q: parameter %s: the name has a meaning of its own, choose another", f.text, p.Name)
		}
		if err := p.check(); err != nil {
			return errors.Wrapf(err, "formula %q", f.text)
		}
		names = append(names, p.Name)
		if p.Learn == Fixed {
			nodes = append(nodes, b.Constant(p.Start))
		} else {
			nodes = append(nodes, b.Parameter(len(f.learned)))
			f.learned = append(f.learned, p)
		}
	}
	if err := distinct(f.params); err != nil {
		return errors.Wrapf(err, "formula %q", f.text)
	}
	root, err := b.Parse(f.text, names, nodes)
	if err != nil {
		return err
	}
	f.starts = starts(f.learned)
	f.Compiled = b.Compile(root, len(f.learned))
	f.value, f.gradient = expression.NewProgram(f.Value), expression.NewProgram(f.Gradient)
	for _, p := range f.Partial {
		f.partial = append(f.partial, expression.NewProgram(p))
	}
	if err := f.try(); err != nil {
		return err
	}
	switch {
	case !root.Has():
		return &FormulaError{Text: f.text, Problem: "does not depend on z"}
	case f.Gradient.IsZero():
		return &FormulaError{Text: f.text, Problem: "has the derivative 0 everywhere: no gradient would pass"}
	}
	return nil
}

// try computes the formula where networks will.
func (f *formula) try() error {
	fail := func(p *expression.Program, z float64, of string) error {
		what, column, found := p.Trouble(z, 1, f.starts)
		if !found {
			return nil
		}
		return &FormulaError{Text: f.text, Column: column, Problem: fmt.Sprintf("%s%s at z = %g", of, what, z)}
	}
	if v := f.F(0); math.IsNaN(v) || math.IsInf(v, 0) {
		return fail(f.value, 0, "")
	}
	for _, z := range []float64{0.5, -0.5, 1, -1, 2, -2, 5, -5} {
		if v := f.F(z); math.IsNaN(v) || math.IsInf(v, 0) && math.Abs(z) <= 1 {
			return fail(f.value, z, "")
		}
	}
	if d := f.Derivative(0); math.IsNaN(d) || math.IsInf(d, 0) {
		return fail(f.gradient, 0, "the derivative is not finite: ")
	}
	for j, p := range f.partial {
		if d := p.At(0, 1, f.starts); math.IsNaN(d) || math.IsInf(d, 0) {
			return fail(p, 0, fmt.Sprintf("the derivative by %s is not finite: ", f.learned[j].Name))
		}
	}
	return nil
}

// Warned is an activation with a warning for its user.
type Warned interface {
	// Warnings returns what can go wrong in networks of float32 or float64, a sentence each.
	Warnings(t tensor.Dtype) []string
}

// Warnings returns what a reports about its use in networks of type t; nothing if it does
// not implement [Warned].
func Warnings(a Activation, t tensor.Dtype) []string {
	if w, ok := a.(Warned); ok {
		return w.Warnings(t)
	}
	return nil
}

// reach is how far from 0 pre-activations are expected to get at the worst.
const reach = 1000

// Warnings implements [Warned]: it names the first z at which a part of the formula, or of
// its derivative, overflows though the result is a number of moderate size.
func (f *formula) Warnings(t tensor.Dtype) []string {
	of := precision(t)
	for size := 1.; size <= reach; size *= 1.25 {
		for _, z := range []float64{size, -size} {
			for _, p := range []struct {
				what    string
				program *expression.Program
				dy      float64
			}{{"value", f.value, 0}, {"derivative", f.gradient, 1}} {
				if part, overflows := p.program.Overflows(z, p.dy, f.starts, of); overflows {
					return []string{fmt.Sprintf("formula %q: in %v its %s is not a number from about z = %.3g on, as %s overflows: write it in another form, or use a formula that is bounded part by part",
						f.text, t, p.what, z, part)}
				}
			}
		}
	}
	return nil
}

// Name is the formula.
func (f *formula) Name() string { return f.text }

func (f *formula) Parameters() []Parameter { return slices.Clone(f.learned) }

func (f *formula) F(z float64) float64 { return f.value.At(z, 0, f.starts) }

func (f *formula) Derivative(z float64) float64 { return f.gradient.At(z, 1, f.starts) }

// RoundingError implements activationtest.Rounding: it bounds the rounding errors of the
// node's value and gradient at z, in a
// network of float32 or float64: a formula is computed as it stands, and what it subtracts
// can cancel.
func (f *formula) RoundingError(z float64, t tensor.Dtype) (value, derivative float64) {
	of := precision(t)
	return f.value.Error(z, 0, f.starts, of), f.gradient.Error(z, 1, f.starts, of)
}

func precision(t tensor.Dtype) expression.Precision {
	if t == tensor.Float32 {
		return expression.Single
	}
	return expression.Double
}

func (f *formula) At(values ...float64) (ParametricScalar, error) {
	learned, err := startingAt(f.learned, values)
	if err != nil {
		return nil, errors.Wrapf(err, "formula %q", f.text)
	}
	other := *f
	other.learned, other.starts = learned, slices.Clone(values)
	return &other, nil
}

func (f *formula) Node(z *G.Node) (*G.Node, error) {
	y, err := ops.Pointwise(f.function(), z)
	return y, errors.Wrapf(err, "formula %q", f.text)
}

// function has the kernels for the values that the parameters start from.
func (f *formula) function() *ops.Function {
	v32, g32 := atStarts[float32](f)
	v64, g64 := atStarts[float64](f)
	return &ops.Function{Name: f.text, F32: v32, Grad32: g32, F64: v64, Grad64: g64}
}

func atStarts[F kernels.Float](f *formula) (value func(dst, z []F), grad func(dst, z, dy []F)) {
	k := kernelsOf[F](f.Compiled, make([]bool, len(f.learned)))
	var params [][]F
	for _, p := range f.learned {
		params = append(params, []F{F(p.Start)})
	}
	return func(dst, z []F) { k.Value(dst, z, len(z), params) },
		func(dst, z, dy []F) { k.Gradient(dst, z, dy, len(z), params) }
}

// kernelsOf returns the kernels of a formula, each made when it is first used.
func kernelsOf[F kernels.Float](c expression.Compiled, perColumn []bool) ops.ParametricKernels[F] {
	var value, gradient *expression.Kernel[F]
	partial := make([]*expression.Kernel[F], len(c.Partial))
	of := func(k **expression.Kernel[F], n *expression.Node) *expression.Kernel[F] {
		if *k == nil {
			*k = expression.NewKernel[F](n, perColumn)
		}
		return *k
	}
	return ops.ParametricKernels[F]{
		Value: func(dst, z []F, cols int, params [][]F) {
			of(&value, c.Value).Run(dst, z, nil, cols, params)
		},
		Gradient: func(dst, z, dy []F, cols int, params [][]F) {
			of(&gradient, c.Gradient).Run(dst, z, dy, cols, params)
		},
		Partial: func(j int, squared bool, dst, z, dy []F, cols int, params [][]F) {
			of(&partial[j], c.Partial[j]).Sum(dst, z, dy, cols, params, squared)
		},
	}
}

func (f *formula) NodeWith(z *G.Node, params ...*G.Node) (*G.Node, error) {
	if len(params) != len(f.learned) {
		return nil, errors.Errorf("formula %q: %d nodes for %d learned parameters", f.text, len(params), len(f.learned))
	}
	if len(params) == 0 {
		return f.Node(z)
	}
	perColumn := make([]bool, len(params))
	for j, p := range params {
		if p == nil || p.Dims() != 1 {
			return nil, errors.Errorf("formula %q: the node of parameter %s is not a vector", f.text, f.learned[j].Name)
		}
		perColumn[j] = p.Shape()[0] != 1
	}
	y, err := ops.Parametric(&ops.ParametricFunction{
		Name: f.text,
		F32:  kernelsOf[float32](f.Compiled, perColumn),
		F64:  kernelsOf[float64](f.Compiled, perColumn),
	}, z, params...)
	return y, errors.Wrapf(err, "formula %q", f.text)
}

// formulaFunctions are those of the catalogue that formulas can use, by their names there.
func formulaFunctions() map[string]*expression.Function {
	table := map[string]*expression.Function{}
	for name, a := range map[string]Scalar{
		"tanh": Tanh(), "sigmoid": Sigmoid(), "softplus": Softplus(), "gaussian": Gaussian(), "relu": ReLU(),
		"erf": Erf(), "sin": Sine(), "atan": Arctan(), "softsign": Softsign(),
	} {
		e := a.(*elementwise)
		table[name] = &expression.Function{Name: name, F: e.f, D: e.df, New: e.function}
	}
	return table
}
