package normalizationtest_test

import (
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/internal/suite"
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

// meanAbsolute is x/mean|x| of each example.
type meanAbsolute struct{}

func (meanAbsolute) Name() string             { return "mean-absolute" }
func (meanAbsolute) Site() normalization.Site { return normalization.PreActivation }

func (meanAbsolute) Normalize(b normalization.Builder, layer string, x *G.Node) (*G.Node, error) {
	size, err := G.Abs(x)
	if err != nil {
		return nil, err
	}
	mean, err := G.Mean(size, 1)
	if err != nil {
		return nil, err
	}
	eps := G.NewConstant(1e-8)
	if x.Dtype() == tensor.Float32 {
		eps = G.NewConstant(float32(1e-8))
	}
	if mean, err = G.Add(mean, eps); err != nil {
		return nil, err
	}
	if mean, err = G.Reshape(mean, tensor.Shape{x.Shape()[0], 1}); err != nil {
		return nil, err
	}
	return G.BroadcastHadamardDiv(x, mean, nil, []byte{1})
}

func TestMeanAbsolute(t *testing.T) { normalizationtest.Run(t, meanAbsolute{}) }

// made is a normalisation of one function.
type made struct {
	name string
	node func(b normalization.Builder, layer string, x *G.Node) (*G.Node, error)
}

func (m made) Name() string           { return m.name }
func (made) Site() normalization.Site { return normalization.PreActivation }
func (m made) Normalize(b normalization.Builder, layer string, x *G.Node) (*G.Node, error) {
	return m.node(b, layer, x)
}

func TestSuiteFindsFaults(t *testing.T) {
	planted := func(check, says, name string, node func(b normalization.Builder, layer string, x *G.Node) (*G.Node, error)) suite.Planted {
		return suite.Planted{Check: check, Says: says, Run: func(t *testing.T) { normalizationtest.Run(t, made{name, node}) }}
	}
	rms := square{1e-5}
	suite.Find(t, []suite.Planted{
		{Check: "nil", Says: "the normalisation is nil", Run: func(t *testing.T) {
			t.Run("nil", func(t *testing.T) { normalizationtest.Run(t, nil) })
		}},
		planted("name", "not lower-case", "Bad Name!", rms.Normalize),
		planted("node", "made no node", "no-node", func(normalization.Builder, string, *G.Node) (*G.Node, error) { return nil, nil }),
		planted("node", "made shape", "sums", func(_ normalization.Builder, _ string, x *G.Node) (*G.Node, error) { return G.Sum(x, 1) }),
		planted("invariance", "nothing is normalised", "identity", func(_ normalization.Builder, _ string, x *G.Node) (*G.Node, error) { return x, nil }),
		planted("invariance", "nothing is normalised", "cube", func(_ normalization.Builder, _ string, x *G.Node) (*G.Node, error) { return G.Cube(x) }),
		planted("invariance", "by signs", "tanh", func(_ normalization.Builder, _ string, x *G.Node) (*G.Node, error) { return G.Tanh(x) }),
		planted("nothing_varies", "where all numbers are 0", "no-eps", square{0}.Normalize),
		planted("gradients", "the worst", "stopped", func(b normalization.Builder, layer string, x *G.Node) (*G.Node, error) {
			y, err := rms.Normalize(b, layer, x)
			if err != nil {
				return nil, err
			}
			return activations.Elementwise("stopped", func(z float64) float64 { return z }, func(float64) float64 { return 0.5 }).Node(y)
		}),
		planted("evaluation", "in evaluation", "batch-only", func(b normalization.Builder, layer string, x *G.Node) (*G.Node, error) {
			if !b.Training() {
				return x, nil
			}
			return rms.Normalize(b, layer, x)
		}),
		planted("distinct", "alone", "one-for-all", func(b normalization.Builder, _ string, x *G.Node) (*G.Node, error) {
			y, err := rms.Normalize(b, "", x)
			if err != nil {
				return nil, err
			}
			shared++ // each one is larger than the one before
			factor := float64(shared)
			return activations.Elementwise("times", func(z float64) float64 { return factor * z }, func(float64) float64 { return factor }).Node(y)
		}),
		planted("repeated", "then", "counts", func(b normalization.Builder, layer string, x *G.Node) (*G.Node, error) {
			y, err := rms.Normalize(b, layer, x)
			if err != nil {
				return nil, err
			}
			calls := 0.
			return activations.Elementwise("counts", func(z float64) float64 { calls++; return z * (1 + 1e-9*calls) }, func(float64) float64 { return 1 }).Node(y)
		}),
	})
}

var shared int
