package activationtest_test

import (
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/activationtest"
	"github.com/pkg/errors"
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

// faulty are activations with one fault each, by the check that has to find it and what
// it has to say.
var faulty = []struct {
	check, says string
	make        func() activations.Scalar
}{
	{"name", `"Bad Name!" is neither`, func() activations.Scalar {
		return activations.Elementwise("Bad Name!", math.Tanh, func(z float64) float64 { return 1 / math.Pow(math.Cosh(z), 2) })
	}},
	{"name", "empty", func() activations.Scalar {
		return activations.Elementwise("", func(z float64) float64 { return z }, func(float64) float64 { return 1 })
	}},
	{"derivative", "wrong values, the worst", func() activations.Scalar {
		return activations.Elementwise("wrong", math.Sin, func(z float64) float64 { return math.Cos(z) + 1e-6 })
	}},
	{"at_NaN", "Derivative(NaN) = 0, want NaN", func() activations.Scalar {
		return activations.Elementwise("rectifier", func(z float64) float64 { return max(z, 0) }, func(z float64) float64 {
			if z > 0 {
				return 1
			}
			return 0
		})
	}},
	{"no_jump", "an intermediate result overflows", func() activations.Scalar {
		return activations.Elementwise("isru", isru, isruSlope)
	}},
	{"shape", "has the shape (3)", func() activations.Scalar {
		return wrapped{activations.Tanh(), func(z *G.Node) (*G.Node, error) {
			if z.Dims() < 2 {
				return activations.Tanh().Node(z)
			}
			return G.Sum(z, 1)
		}}
	}},
	{"shape", "is nil", func() activations.Scalar {
		return wrapped{activations.Tanh(), func(z *G.Node) (*G.Node, error) { return nil, nil }}
	}},
	{"values", "wrong value", func() activations.Scalar {
		return wrapped{activations.Tanh(), activations.ScaledTanh().Node}
	}},
}

// The suite finds each fault, in a process of its own, and says what is wrong in few lines.
func TestSuiteFindsFaults(t *testing.T) {
	for i, f := range faulty {
		if os.Getenv("ACTIVATIONTEST_FAULT") == string(rune('a'+i)) {
			activationtest.Run(t, f.make())
			return
		}
	}
	for i, f := range faulty {
		c := exec.Command(os.Args[0], "-test.run=^TestSuiteFindsFaults$")
		c.Env = append(os.Environ(), "ACTIVATIONTEST_FAULT="+string(rune('a'+i)))
		out, err := c.CombinedOutput()
		var exit *exec.ExitError
		text := string(out)
		if !errors.As(err, &exit) || !strings.Contains(text, "/"+f.check+" (") || !strings.Contains(text, f.says) || strings.Contains(text, "goroutine ") {
			t.Errorf("%s (%s) was not found: %v\n%.800s", f.check, f.says, err, text)
		}
		if lines := strings.Count(text, "\n"); lines > 100 {
			t.Errorf("%s takes %d lines", f.check, lines)
		}
	}
}
