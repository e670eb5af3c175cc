package initializers

import (
	"math"
	"math/rand/v2"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
)

// LooksLinearConfig are the settings of [LooksLinear].
type LooksLinearConfig struct {
	// Gain is a factor of the weights.
	Gain float64 `json:"gain" omit:"default" default:"1" range:"(0,]" doc:"factor of the weights"`
	catalogue.Given
}

// OfLayers is an optional interface of an [Initializer] that starts weights otherwise where they
// multiply another layer's f(z), and nothing else, than where they multiply inputs or sums.
type OfLayers interface {
	Initializer
	// OfLayers returns the initialiser for weights that multiply a layer's f(z).
	OfLayers() Initializer
}

// LooksLinear is the mirrored start. Units come in pairs, j and j + ⌈n/2⌉, whose weights are
// W₀ and -W₀, with W₀ orthogonal, so that their pre-activations are z and -z; and the
// layer above gives the two opposite weights. What it receives of a pair is thus f's odd part,
//
//	V₀ g(z),  g(z) = f(z) - f(-z),  and of the error  V₀ᵀ δ·g'(z)
//
// For ReLU, softplus, GELU and SiLU g(z) = z: the network starts as a linear, orthogonal one,
// exactly, and loses neither directions nor gradients at any depth. For other f their constant and
// even parts, which make examples alike, are gone, and what is left is critical: W₀ is scaled by
// 1/g'(0), with which the gradient is kept where pre-activations are small, and those of a g that
// saturates become so, slowly, with depth. f that are even, such as the Gaussian,
// have no odd part: they are refused. Of an odd number of units the one in the middle has no
// partner, and weights like those of [Orthogonal]. The first layer is mirrored in its units only,
// and the output layer in its inputs only; so are layers that read sums with shortcuts, or what
// a normalisation has made of f(z), in their units only. Biases are 0.
//
// Weights of a pair are not independent, and theory, which has their variance, does not cover them
// ([Structured]).
//
// Source: D. Balduzzi et al.: The shattered gradients problem, 2017 (arXiv 1702.08591), which
// mirrors concatenated rectifiers: checked in a summary of it. The form for any f and its gain are
// ours.
func LooksLinear(c LooksLinearConfig) (Adaptable, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return &looksLinear{mirrored{gain: c.Gain, above: c.Gain}}, nil
}

// looksLinear is the start before f is known.
type looksLinear struct{ mirrored }

func (l *looksLinear) For(f activations.Activation) (Initializer, error) {
	if f == nil {
		return l.mirrored, nil
	}
	scalar, err := activations.ScalarOf(f)
	if err != nil {
		return nil, err
	}
	const h = 1e-5
	slope := (scalar.F(h) - scalar.F(-h)) / h
	if !(math.Abs(slope) > 1e-6) || math.IsInf(slope, 0) {
		return nil, errors.Errorf("f(z) - f(-z) of %s, which mirrored weights make of it, has the slope %.3g at 0, and there is no signal: choose another start, or move f as formula(f=exp(-(z+0.7)^2)) does", f.Name(), slope)
	}
	return mirrored{gain: l.gain, above: l.gain / slope, units: true}, nil
}

// mirrored are weights with opposite pairs of rows (the inputs) and columns (the units).
type mirrored struct {
	gain, above   float64 // of weights that multiply inputs, and a layer's f(z)
	inputs, units bool    // come in pairs
}

func (mirrored) Name() string { return "looks-linear" }

// Structure implements [Structured].
func (mirrored) Structure() string { return "pairs of units mirror each other" }

func (m mirrored) OfLayers() Initializer {
	m.inputs, m.gain = true, m.above
	return m
}

func (m mirrored) Fill(w []float64, fanIn, fanOut int, r *rand.Rand) {
	rows, cols := fanIn, fanOut // of W₀, with the one that has no partner
	if m.inputs {
		rows -= fanIn / 2
	}
	if m.units {
		cols -= fanOut / 2
	}
	part := make([]float64, rows*cols)
	Orthogonal(m.gain).Fill(part, rows, cols, r)
	for i := range fanIn {
		for j := range fanOut {
			row, col, sign := i, j, 1.
			if i >= rows {
				row, sign = i-rows, -sign
			}
			if j >= cols {
				col, sign = j-cols, -sign
			}
			w[i*fanOut+j] = sign * part[row*cols+col]
		}
	}
}
