package models

import (
	"math"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Autoencoder is a deep autoencoder: an odd number Depth of layers, named layer01,
// layer02, …, that narrow from Width units to Code in the middle one, by equal factors, and
// widen again; and a linear output layer. The code is linear unless NonlinearCode.
//
// Source: G. Hinton, R. Salakhutdinov: Reducing the dimensionality of data with neural
// networks, 2006; as a test of optimizers, J. Martens: Deep learning via Hessian-free
// optimization, 2010.
type Autoencoder struct {
	Depth         int // hidden layers
	Width         int // units of the first and the last
	Code          int // units of the middle one
	NonlinearCode bool
	Activation    activations.Activation
	Initializer   initializers.Initializer    // of all weights
	Normalization normalization.Normalization // of the hidden layers; nil: none
}

// Widths returns the number of units of each hidden layer.
func (m Autoencoder) Widths() []int {
	widths := make([]int, m.Depth)
	half := m.Depth / 2
	for i := range half + 1 {
		share := 1.
		if half > 0 {
			share = float64(i) / float64(half)
		}
		n := int(math.Round(float64(m.Width) * math.Pow(float64(m.Code)/float64(m.Width), share)))
		widths[i], widths[m.Depth-1-i] = n, n
	}
	return widths
}

func (m Autoencoder) check() error {
	switch {
	case m.Depth < 1 || m.Depth%2 == 0:
		return errors.Errorf("an autoencoder of depth %d: want an odd number of layers, the middle one is the code", m.Depth)
	case m.Code < 1 || m.Width < m.Code:
		return errors.Errorf("an autoencoder of width %d with a code of %d: want a code of at least 1, no wider than the layers around it", m.Width, m.Code)
	}
	return nil
}

// Layout implements [Model].
func (m Autoencoder) Layout(b *Builder, x *G.Node) (*G.Node, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	if s := b.Shape(); s.Inputs != s.Outputs {
		return nil, errors.Errorf("an autoencoder for %d inputs and %d outputs: its task is to give back the inputs, such as autoencoding", s.Inputs, s.Outputs)
	}
	var err error
	for i, units := range m.Widths() {
		f := m.Activation
		if !m.NonlinearCode && i == m.Depth/2 {
			f = activations.Identity()
		}
		if x, err = b.Dense(LayerName(i), x, units, f, m.Initializer, m.Normalization); err != nil {
			return nil, err
		}
	}
	return b.Output(x, m.Initializer)
}

// autoencoder is the architecture of [Autoencoder]s.
type autoencoder struct {
	Code          int  `json:"code" default:"8" range:"[1,)" doc:"units of the code layer"`
	NonlinearCode bool `json:"nonlinear-code" default:"false" doc:"apply the nonlinearity to the code layer, too"`
}

func (a autoencoder) Model(p Plan) (Model, error) {
	m := Autoencoder{p.Depth, p.Width, a.Code, a.NonlinearCode, p.Activation, p.Initializer, p.Normalization}
	return m, m.check()
}
