package record

import (
	"math"

	"github.com/gradflow/gradflow/bench/probe"
)

// Course is what became of the signal over a run, by its probes. A probe stands for the
// steps up to the next one.
type Course struct {
	// GradientDead is the share of training in which less than a thousandth of the gradient
	// of the pre-activations arrives at layer 1, and GradientArrives the first probed step
	// from which on more does, to the end; null if it never does.
	GradientDead    Number `json:"gradient_dead"`
	GradientArrives Number `json:"gradient_arrives"`
	// ForwardDead and ForwardArrives are the same of the forward signal: of 1 - c of the
	// examples in the last hidden layer, a thousandth or more of it.
	ForwardDead    Number `json:"forward_dead"`
	ForwardArrives Number `json:"forward_arrives"`
	// Saturates is the first probed step at which more than half of some hidden layer's
	// units are saturated, and SaturatedLayer that layer, counted from 1; null and 0 if none
	// ever is.
	Saturates      Number `json:"saturates"`
	SaturatedLayer int    `json:"saturated_layer,omitempty"`
}

// arrives is the log10 of the share of a signal that counts as arriving.
const arrives = -3

// CourseOf reads the course from a run's layers, of this many steps; nil without layers. What
// was not measured is null.
func CourseOf(t *LayerTable, steps int) *Course {
	if t == nil {
		return nil
	}
	at := t.Steps()
	if len(at) == 0 {
		return nil
	}
	nan := Number(math.NaN())
	c := &Course{nan, nan, nan, nan, nan, 0}
	c.GradientDead, c.GradientArrives = follow(at, steps, t.Quantity(probe.PreActivationGradient), func(layers []float64) float64 {
		return layers[0] - layers[len(layers)-1]
	})
	c.ForwardDead, c.ForwardArrives = follow(at, steps, t.Quantity(probe.Decorrelation), func(layers []float64) float64 {
		return layers[max(0, len(layers)-2)]
	})
	for i, layers := range t.Quantity(probe.Saturated) {
		for l, share := range layers[:len(layers)-1] {
			if share > 0.5 {
				c.Saturates, c.SaturatedLayer = Number(at[i]), l+1
				return c
			}
		}
	}
	return c
}

// follow returns the share of training in which what of returns of the layers, as log10, is
// below what arrives, and the first step from which on it never is.
func follow(at []int, steps int, rows [][]float64, of func(layers []float64) float64) (dead, from Number) {
	nan := Number(math.NaN())
	if len(rows) != len(at) {
		return nan, nan
	}
	lost, whole := 0., 0.
	from = nan
	for i, layers := range rows {
		end := steps
		if i+1 < len(at) {
			end = at[i+1]
		}
		width := float64(max(1, end-at[i]))
		switch v := of(layers); {
		case math.IsNaN(v): // not finite: nothing is known of these steps
			continue
		case v < arrives:
			lost += width
			from = nan
		case from.IsNaN():
			from = Number(at[i])
		}
		whole += width
	}
	if whole == 0 {
		return nan, nan
	}
	return Number(lost / whole), from
}
