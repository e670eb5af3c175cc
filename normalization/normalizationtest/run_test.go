package normalizationtest_test

import (
	"testing"

	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/normalization/normalizationtest"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// square is a normalisation of one's own, made of Gorgonia's stock operations: each
// example over the root of its mean square.
type square struct{ eps float64 }

func (square) Name() string             { return "mean-square" }
func (square) Site() normalization.Site { return normalization.PreActivation }

func (s square) Normalize(b normalization.Builder, layer string, x *G.Node) (*G.Node, error) {
	squares, err := G.Square(x)
	if err != nil {
		return nil, err
	}
	mean, err := G.Mean(squares, 1)
	if err != nil {
		return nil, err
	}
	eps := G.NewConstant(s.eps)
	if x.Dtype() == tensor.Float32 {
		eps = G.NewConstant(float32(s.eps))
	}
	if mean, err = G.Add(mean, eps); err != nil {
		return nil, err
	}
	root, err := G.Sqrt(mean)
	if err != nil {
		return nil, err
	}
	if root, err = G.Reshape(root, tensor.Shape{x.Shape()[0], 1}); err != nil {
		return nil, err
	}
	return G.BroadcastHadamardDiv(x, root, nil, []byte{1})
}

func TestOwn(t *testing.T) { normalizationtest.Run(t, square{1e-5}, square{1e-2}) }
