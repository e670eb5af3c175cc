package activationtest_test

import (
	"math"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/activationtest"
	"github.com/gradflow/gradflow/internal/suite"
	G "gorgonia.org/gorgonia"
)

// isru is z/√(1+z²), whose square overflows.
func isru(z float64) float64 { return z / math.Sqrt(1+z*z) }

func isruSlope(z float64) float64 { return 1 / (math.Hypot(1, z) * (1 + z*z)) }

// wrapped is tanh with another node.
type wrapped struct {
	activations.Scalar
	node func(z *G.Node) (*G.Node, error)
}

func (w wrapped) Node(z *G.Node) (*G.Node, error) { return w.node(z) }

// node is an activation of a node alone.
type node struct {
	name string
	make func(z *G.Node) (*G.Node, error)
}

func (n node) Name() string                    { return n.name }
func (n node) Node(z *G.Node) (*G.Node, error) { return n.make(z) }

// unsized hides that an activation changes the width.
type unsized struct{ activations.Activation }

func halves() activations.Activation {
	return activations.Rowwise("halves", 2, 1,
		func(y, z []float64) { copy(y, z) },
		func(dz, z, dy []float64) { clear(dz); copy(dz, dy) })
}

func centred(y, z []float64) {
	mean := 0.
	for _, v := range z {
		mean += v / float64(len(z))
	}
	for i, v := range z {
		y[i] = v - mean
	}
}

// faulty are activations with one fault each, by the check that has to find it and what
// it has to say.
var faulty = []struct {
	check, says string
	make        func() activations.Activation
}{
	{"name", `"Bad Name!" is neither`, func() activations.Activation {
		return activations.Elementwise("Bad Name!", math.Tanh, func(z float64) float64 { return 1 / math.Pow(math.Cosh(z), 2) })
	}},
	{"name", "empty", func() activations.Activation {
		return activations.Elementwise("", func(z float64) float64 { return z }, func(float64) float64 { return 1 })
	}},
	{"derivative", "wrong values, the worst", func() activations.Activation {
		return activations.Elementwise("wrong", math.Sin, func(z float64) float64 { return math.Cos(z) + 1e-6 })
	}},
	{"at_NaN", "Derivative(NaN) = 0, want NaN", func() activations.Activation {
		return activations.Elementwise("rectifier", func(z float64) float64 { return max(z, 0) }, func(z float64) float64 {
			if z > 0 {
				return 1
			}
			return 0
		})
	}},
	{"no_jump", "an intermediate result overflows", func() activations.Activation {
		return activations.Elementwise("isru", isru, isruSlope)
	}},
	{"shape", "has the shape (3)", func() activations.Activation {
		return wrapped{activations.Tanh(), func(z *G.Node) (*G.Node, error) {
			if z.Dims() < 2 {
				return activations.Tanh().Node(z)
			}
			return G.Sum(z, 1)
		}}
	}},
	{"shape", "is nil", func() activations.Activation {
		return wrapped{activations.Tanh(), func(z *G.Node) (*G.Node, error) { return nil, nil }}
	}},
	// of what is not element-wise
	{"gradient", "wrong values, the worst", func() activations.Activation { // the mean is forgotten
		return activations.Rowwise("wrong-gradient", 1, 1, centred, func(dz, z, dy []float64) { copy(dz, dy) })
	}},
	{"shape", "implements activations.Resizer", func() activations.Activation {
		return unsized{halves()}
	}},
	{"rows_apart", "row 0 alone", func() activations.Activation {
		return node{"batch-sum", func(z *G.Node) (*G.Node, error) {
			sum, err := G.Sum(z)
			if err != nil {
				return nil, err
			}
			return G.Add(z, sum)
		}}
	}},
	{"extremes", "does not show", func() activations.Activation {
		return activations.Rowwise("hides-nan", 1, 1,
			func(y, z []float64) {
				for i, v := range z {
					if y[i] = v; math.IsNaN(v) {
						y[i] = 0
					}
				}
			}, func(dz, z, dy []float64) { copy(dz, dy) })
	}},
	{"extremes", "is NaN", func() activations.Activation { // without the largest taken off
		return activations.Rowwise("naive-softmax", 1, 1,
			func(y, z []float64) {
				sum := 0.
				for _, v := range z {
					sum += math.Exp(v)
				}
				for i, v := range z {
					y[i] = math.Exp(v) / sum
				}
			}, func(dz, z, dy []float64) { clear(dz) })
	}},
	{"values", "wrong value", func() activations.Activation {
		return wrapped{activations.Tanh(), activations.ScaledTanh().Node}
	}},
}

// The suite finds each fault, in a process of its own, and says what is wrong in few lines.
func TestSuiteFindsFaults(t *testing.T) {
	planted := make([]suite.Planted, len(faulty))
	for i, f := range faulty {
		planted[i] = suite.Planted{Check: f.check, Says: f.says, Run: func(t *testing.T) { activationtest.Run(t, f.make()) }}
	}
	suite.Find(t, planted)
}

// TestWidening: an activation that makes two columns of each takes any number of them.
func TestWidening(t *testing.T) {
	activationtest.Run(t, activations.Rowwise("both", 1, 2,
		func(y, z []float64) {
			for i, v := range z {
				y[i], y[len(z)+i] = math.Sin(v), math.Tanh(v)
			}
		},
		func(dz, z, dy []float64) {
			for i, v := range z {
				dz[i] = dy[i]*math.Cos(v) + dy[len(z)+i]*(1-math.Tanh(v)*math.Tanh(v))
			}
		}))
}
