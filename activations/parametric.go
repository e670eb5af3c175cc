package activations

import (
	"math"
	"strings"

	"github.com/gradflow/gradflow/activations/internal/expression"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Parametric is an [Activation] with parameters that a network learns: models make
// them parameters of each layer, layer03/a, that start from their values here. Node, and F
// and Derivative of a [Scalar], take them as they start.
type Parametric interface {
	Activation
	// Parameters returns the learned parameters.
	Parameters() []Parameter
	// NodeWith returns the node of y with nodes for the learned parameters: vectors of
	// one element, or one per column of z, and of z's type.
	NodeWith(z *G.Node, params ...*G.Node) (*G.Node, error)
}

// ParametricScalar is a [Scalar] with parameters that a network learns.
type ParametricScalar interface {
	Parametric
	Scalar
	// At returns the activation for other values of the learned parameters, one for each.
	At(values ...float64) (ParametricScalar, error)
}

// Learn says whether a parameter is learned.
type Learn string

const (
	Fixed    Learn = ""      // it keeps its value
	PerLayer Learn = "layer" // one per layer
	PerUnit  Learn = "unit"  // one per unit
)

// Parameter is a parameter of an activation.
type Parameter struct {
	Name    string // a letter, then letters, digits or underscores
	Start   float64
	Learn   Learn
	Penalty Penalty // of a learned parameter; nil: none
}

func (p Parameter) check() error {
	switch {
	case !expression.IsName(p.Name):
		return errors.Errorf("parameter %q: its name must be a letter, then letters, digits or underscores", p.Name)
	case p.Name == "weight" || p.Name == "bias":
		return errors.Errorf("parameter %q: layers have one of that name, choose another", p.Name)
	case math.IsNaN(p.Start) || math.IsInf(p.Start, 0):
		return errors.Errorf("parameter %s: starts from %g, which is not finite", p.Name, p.Start)
	case p.Learn != Fixed && p.Learn != PerLayer && p.Learn != PerUnit:
		return errors.Errorf("parameter %s: learn is %q; want %q, %q, or %q for a fixed one", p.Name, p.Learn, PerLayer, PerUnit, Fixed)
	case p.Learn == Fixed && p.Penalty != nil:
		return errors.Errorf("parameter %s is fixed: a penalty has no effect", p.Name)
	}
	if p.Penalty != nil {
		return errors.Wrapf(p.Penalty.Check(p.Start), "parameter %s", p.Name)
	}
	return nil
}

// distinct returns an error if two parameters have one name.
func distinct(params []Parameter) error {
	seen := map[string]bool{}
	for _, p := range params {
		if seen[p.Name] {
			return errors.Errorf("two parameters named %s", p.Name)
		}
		seen[p.Name] = true
	}
	return nil
}

// starts returns the values that the parameters start from.
func starts(params []Parameter) []float64 {
	values := make([]float64, len(params))
	for i, p := range params {
		values[i] = p.Start
	}
	return values
}

// startingAt returns the parameters with other starts.
func startingAt(params []Parameter, values []float64) ([]Parameter, error) {
	if len(values) != len(params) {
		var names []string
		for _, p := range params {
			names = append(names, p.Name)
		}
		return nil, errors.Errorf("%d values for the parameters %s", len(values), strings.Join(names, ", "))
	}
	list := append([]Parameter(nil), params...)
	for i, v := range values {
		list[i].Start = v
	}
	return list, nil
}
