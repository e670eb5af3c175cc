package record

import (
	"fmt"
	"strings"
)

// ZeroGradient says why the gradient of the pre-activations is exactly 0 in a layer at the
// start, as far as it was checked.
type ZeroGradient struct {
	// Layer is the highest layer with a gradient of 0, of which Cause tells. What is below
	// it may have none for the same reason: nothing arrives.
	Layer string `json:"layer"`
	Cause Cause  `json:"cause"`
	// Gradient is log10 of the norm that the gradient of the layer has in float64, with the
	// same first weights and batch, or, if that is 0 too, of the layer's above.
	Gradient Number `json:"log10_gradient"`
	// Parameters are those that start at 0 and let no gradient through, for ZeroParameters.
	Parameters []string `json:"parameters,omitempty"`
	Problem    string   `json:"problem,omitempty"` // why it could not be checked
}

// Cause is why a gradient is 0.
type Cause string

const (
	// Underflow: in float64 the gradient is not 0, or in float64 too the layer above has one
	// that is nearly too small.
	Underflow Cause = "underflow"
	// FlatFunction: f' is 0 at all pre-activations of the layer.
	FlatFunction Cause = "flat-function"
	// ZeroParameters: parameters start at 0; with other values there is a gradient.
	ZeroParameters Cause = "zero-parameters"
	// NotDetermined: none of these.
	NotDetermined Cause = "not-determined"
)

// Sentence says the cause in words that follow "the gradient is exactly 0: ". dtype is the
// run's.
func (z *ZeroGradient) Sentence(dtype string) string {
	if z == nil {
		return "the cause was not checked"
	}
	switch z.Cause {
	case Underflow:
		if dtype == "float64" {
			return fmt.Sprintf("it underflows, the last that arrives has norm 1e%.0f", float64(z.Gradient))
		}
		return fmt.Sprintf("it is too small for %s; in float64, in %s, its norm is 1e%.0f", dtype, z.Layer, float64(z.Gradient))
	case FlatFunction:
		return fmt.Sprintf("it is blocked in %s, where f' is 0 at every pre-activation", z.Layer)
	case ZeroParameters:
		return fmt.Sprintf("it is so by construction, as %s at 0", startAt(z.Parameters))
	}
	return "float64, f' and the parameters don't tell why; the cause was not determined"
}

func startAt(names []string) string {
	switch n := len(names); {
	case n == 1:
		return names[0] + " starts"
	case n <= 3:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1] + " start"
	default:
		return fmt.Sprintf("%s and %d more parameters start", names[0], n-1)
	}
}
