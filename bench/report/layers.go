package report

import (
	"fmt"
	"math"

	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/stats"
)

// measured returns a quantity of a run as a matrix, a row for each probed step and a
// column for each layer, with NaN where values in the layer were not finite: what was
// computed of the others then tells nothing. It is nil without probes.
func measured(r *record.Record, q probe.Quantity) [][]float64 {
	if r.Layers == nil || len(r.Layers.Rows) == 0 {
		return nil
	}
	m, bad := r.Layers.Quantity(q), r.Layers.Quantity(probe.NonFinite)
	if m == nil {
		return nil
	}
	for i, row := range bad {
		for j, n := range row {
			if n > 0 {
				m[i][j] = math.NaN()
			}
		}
	}
	return m
}

// decades returns by how many powers of ten the gradient of the pre-activations falls from
// the last layer to the first at the first and the last probe; NaN if not known.
func decades(r *record.Record) (first, last float64) {
	m := measured(r, probe.PreActivationGradient)
	if m == nil {
		return float64(r.Summary.DecadesFirst), float64(r.Summary.DecadesLast)
	}
	fall := func(row []float64) float64 { return row[len(row)-1] - row[0] }
	return fall(m[0]), fall(m[len(m)-1])
}

// movements returns the medians over probes of the difference of the first and the last
// layer's log10 update-to-weight ratio, and of the first layer's; NaN if not known. Steps
// that move neither layer don't count in the difference.
func movements(r *record.Record) (difference, update float64) {
	var differences, updates []float64
	for _, row := range measured(r, probe.Update) {
		differences = appendNumber(differences, row[0]-row[len(row)-1])
		updates = appendNumber(updates, row[0])
	}
	return stats.Median(differences), stats.Median(updates)
}

func appendNumber(x []float64, v float64) []float64 {
	if math.IsNaN(v) {
		return x
	}
	return append(x, v)
}

// Gradient is that of the pre-activations at the first probe: of the initial weights, the
// same for all optimizers.
type Gradient struct {
	// Profile has log10 of the norm in each layer, the first layer first: the median over
	// runs; null where it is exactly 0 or not known.
	Profile []Number `json:"profile"`
	// Decades is by how much it falls from the last layer to the first.
	Decades Number `json:"decades"`
	// Faded is the number of layers, from the first on, with less than a thousandth of the
	// last layer's.
	Faded int `json:"faded"`
	// Zero says why the gradient is exactly 0 in a layer, as the first of the runs in which
	// it is found; null if it is in none, or if it was not checked.
	Zero *record.ZeroGradient `json:"zero,omitempty"`

	of        string   // the setup, where their networks differ; "": all
	layers    []string // their names
	dtype     string
	different bool // runs found different causes
}

// fading is by how many decades the gradient of a faded layer is below the last layer's.
const fading = 3

func gradientAtStart(records [][]*record.Record) Gradient {
	var layers [][]float64 // a sample for each layer
	g := Gradient{Profile: []Number{}, Decades: Number(math.NaN())}
	for _, runs := range records {
		for _, r := range runs {
			m := measured(r, probe.PreActivationGradient)
			if m == nil {
				continue
			}
			for i, v := range m[0] {
				if i == len(layers) {
					layers = append(layers, nil)
				}
				layers[i] = appendNumber(layers[i], v)
			}
			g.layers, g.dtype = r.Summary.LayerNames, r.Config.DType
			if z := r.Summary.ZeroGradient; z != nil {
				g.different = g.different || g.Zero != nil && g.Zero.Cause != z.Cause
				if g.Zero == nil {
					g.Zero = z
				}
			}
		}
	}
	for _, sample := range layers {
		g.Profile = append(g.Profile, Number(stats.Median(sample)))
	}
	if n := len(g.Profile); n > 0 {
		last := g.Profile[n-1]
		g.Decades = last - g.Profile[0]
		for g.Faded < n && last-g.Profile[g.Faded] >= fading {
			g.Faded++
		}
	}
	return g
}

// layer names layer i in prose: "layer 3", "time step 3" of the one recurrent layer, or what
// the network calls it.
func (g *Gradient) layer(i int) string {
	switch unit := g.unit(); {
	case i == len(g.Profile)-1:
		return "the output layer"
	case unit == "":
		return g.layers[i]
	default:
		return fmt.Sprintf("%s %d", unit, i+1)
	}
}

func (g *Gradient) unit() string { return probe.Unit(g.layers) }

// upTo names the first n layers.
func (g *Gradient) upTo(n int) string {
	switch unit := g.unit(); {
	case n == 1:
		return "in " + g.layer(0)
	case n == len(g.Profile):
		return "in all layers"
	case unit == "":
		return "in " + g.layers[0] + " to " + g.layers[n-1]
	default:
		return fmt.Sprintf("in %ss 1 to %d", unit, n)
	}
}
