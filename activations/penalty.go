package activations

import (
	"math"

	"github.com/gradflow/gradflow/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Penalty is a regulariser: a term that the training loss has for a learned parameter
// of an activation.
type Penalty interface {
	// Check returns an error unless the parameter can start from this value.
	Check(start float64) error
	// Coefficient is what the term is multiplied by.
	Coefficient() float64
	// Node returns the term for the parameter a of one layer, of shape (1) or (units), a
	// scalar. readers are the weights, of shape (units, …), that multiply the layer's y.
	Node(a *G.Node, readers ...*G.Node) (*G.Node, error)
}

// L2 is c·Σ a²: it draws a to 0.
func L2(c float64) Penalty {
	return term{c, "l2", &ops.Penalty{
		Name:       "l2",
		Term:       func(a float64) float64 { return a * a },
		Derivative: func(a float64) float64 { return 2 * a },
		Curvature:  func(float64) float64 { return 2 },
	}}
}

// LogSquared is c·Σ (log |a|)²: it draws a to 1, halving and doubling costing the same,
// and keeps it from 0, where its derivative is infinite.
func LogSquared(c float64) Penalty {
	return term{c, "log", &ops.Penalty{
		Name: "log",
		Term: func(a float64) float64 {
			l := math.Log(math.Abs(a))
			return l * l
		},
		Derivative: func(a float64) float64 { return 2 * math.Log(math.Abs(a)) / a },
		Curvature:  func(a float64) float64 { return 2 / a / a }, // Gauss and Newton's
	}}
}

type term struct {
	coefficient float64
	name        string
	of          *ops.Penalty
}

func (t term) Coefficient() float64 { return t.coefficient }

func (t term) Check(start float64) error {
	if t.name == "log" && start == 0 {
		return errors.New("starts from 0, where the log penalty is infinite")
	}
	return checkCoefficient(t.coefficient)
}

func (t term) Node(a *G.Node, _ ...*G.Node) (*G.Node, error) { return ops.Penalise(t.of, a) }

func checkCoefficient(c float64) error {
	if !(c > 0) || math.IsInf(c, 0) {
		return errors.Errorf("the penalty's coefficient is %g: it must be positive", c)
	}
	return nil
}

// WeightProduct is c·‖diag(a)·W‖, with W the weights that read the layer's y = a·f(z):
// c·|a|·‖W‖ if a is one number. Of a and W only the product has an effect, so a penalty
// on a alone is got round by larger weights. It is for the factor of [Scaled], where W
// reads y itself, and an error elsewhere.
func WeightProduct(c float64) Penalty { return product(c) }

type product float64

func (c product) Coefficient() float64  { return float64(c) }
func (c product) Check(_ float64) error { return checkCoefficient(float64(c)) }

func (c product) Node(a *G.Node, readers ...*G.Node) (*G.Node, error) {
	if len(readers) == 0 {
		return nil, errors.New("no layer multiplies the activation itself by weights, so it has no product with them to penalise: use another penalty")
	}
	var sum *G.Node
	for _, w := range readers {
		n, err := ops.RowScaledNorm(a, w)
		if err == nil && sum != nil {
			n, err = ops.Plus(sum, 1, n)
		}
		if err != nil {
			return nil, err
		}
		sum = n
	}
	return sum, nil
}

// penaltyOf returns the penalty that text asks for.
func penaltyOf(name string, coefficient float64) (Penalty, error) {
	switch {
	case name == "none" && coefficient == 0:
		return nil, nil
	case name == "none":
		return nil, errors.New("a coefficient without a regulariser: want l2, log or product")
	case coefficient == 0:
		return nil, errors.Errorf("the regulariser %s needs a coefficient", name)
	}
	switch name {
	case "l2":
		return L2(coefficient), nil
	case "log":
		return LogSquared(coefficient), nil
	case "product":
		return WeightProduct(coefficient), nil
	}
	return nil, errors.Errorf("regulariser %q: want l2, log or product", name)
}
