package tasks

import (
	"github.com/gradflow/gradflow/models"
	"math"
	"math/rand/v2"

	"github.com/gradflow/gradflow/catalogue"
)

// TeacherConfig describes the network that a student is to imitate.
type TeacherConfig struct {
	Inputs  int     `json:"inputs" default:"16" doc:"inputs, 1 to 256"`
	Outputs int     `json:"outputs" default:"1" doc:"outputs, at least 1"`
	Depth   int     `json:"depth" default:"4" doc:"hidden layers of the teacher, at least 1"`
	Width   int     `json:"width" default:"16" doc:"units in each hidden layer of the teacher, 1 to 256"`
	Gain    float64 `json:"gain" default:"2" doc:"standard deviation of the teacher's weights times the square root of the fan-in; the larger, the less linear"`
	Seed    uint64  `json:"seed" default:"1" doc:"seed of the teacher and of the held-out sets"`
	HeldOut int     `json:"held-out" default:"2000" doc:"examples in the validation and in the test set, at least 1"`
	catalogue.Given
}

// NewTeacherStudent returns the task "teacher-student": imitate a random deep
// tanh network on standard normal inputs x, of which there is no end. With L =
// depth,
//
//	h_0 = x,  h_l = tanh(W_l h_(l-1) + b_l),  y = (V h_L - m)/s,
//	W_l, V ~ N(0, gain^2/fan-in),  b_l ~ N(0, 0.05).
//
// m and s are the mean and standard deviation of every output over 10000
// reference examples. Loss: mean squared error, hence the share of the variance
// that the student does not explain: chance is 1. With the defaults the best
// linear student explains 0.44; depth and gain make the teacher less linear.
//
// The literature reports learning curves and their plateaus and has no
// threshold. The target 0.1, nine tenths of the variance, is a convention of
// this project.
//
// Source: D. Saad and S. A. Solla, "On-line learning in soft committee
// machines", Physical Review E 52, 1995; deep random tanh teachers as in
// B. Poole, S. Lahiri, M. Raghu, J. Sohl-Dickstein and S. Ganguli, "Exponential
// expressivity in deep neural networks through transient chaos", 2016.
func NewTeacherStudent(c TeacherConfig) (Task, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	for _, s := range []struct {
		name        string
		value, most int
	}{{"inputs", c.Inputs, maxWidth}, {"outputs", c.Outputs, maxWidth}, {"depth", c.Depth, 1000},
		{"width", c.Width, maxWidth}, {"held-out", c.HeldOut, 1 << 17}} {
		if s.value < 1 || s.value > s.most {
			return nil, catalogue.Invalid(s.name, "is %d; it must be 1 to %d", s.value, s.most)
		}
	}
	if !(c.Gain > 0 && c.Gain <= 1e6) {
		return nil, catalogue.Invalid("gain", "is %v; it must be positive and at most 1e6", c.Gain)
	}
	in, width := float64(c.Inputs), float64(c.Width)
	products := in*width + float64(c.Depth-1)*width*width + width*float64(c.Outputs) + productsOfTanh*width*float64(c.Depth)
	if examples := float64(referenceExamples + 2*c.HeldOut); products*examples > maxTeacherProducts {
		return nil, catalogue.Invalid("depth", "%d and width %d: the reference and the held-out examples would take %.3g multiplications, of which there may be %.3g; lower depth, width or held-out",
			c.Depth, c.Width, products*examples, float64(maxTeacherProducts))
	}
	return loaded.get(c, func() (Task, error) { return newTeacher(c) })
}

const (
	// referenceExamples is how many examples the outputs are standardised with.
	referenceExamples = 10000
	// maxTeacherProducts is some seconds of work.
	maxTeacherProducts = 4e9
	productsOfTanh     = 20 // take as long as one tanh
)

// maxWidth bounds the teacher's rows, which are held on the stack.
const maxWidth = 256

// teacher is a tanh network. Its last layer is linear.
type teacher struct{ layers []denseLayer }

// denseLayer maps x to w x + b; w has one row per unit.
type denseLayer struct{ w, b []float64 }

func newTeacher(c TeacherConfig) (Task, error) {
	r := newRand(domainTask, c.Seed, 0)
	net := teacher{}
	in := c.Inputs
	for range c.Depth {
		net.layers = append(net.layers, randomLayer(r, in, c.Width, c.Gain, math.Sqrt(0.05)))
		in = c.Width
	}
	net.layers = append(net.layers, randomLayer(r, in, c.Outputs, c.Gain, 0))
	if err := net.standardise(c); err != nil {
		return nil, err
	}
	g := Generator{Inputs: c.Inputs, Outputs: c.Outputs, Loss: models.MeanSquaredError, Draw: net.draw}
	return Endless("teacher-student", g, 1, 0.1, c.Seed, c.HeldOut)
}

func randomLayer(r *rand.Rand, in, out int, gain, bias float64) denseLayer {
	l := denseLayer{make([]float64, in*out), make([]float64, out)}
	for i := range l.w {
		l.w[i] = gain / math.Sqrt(float64(in)) * r.NormFloat64()
	}
	for i := range l.b {
		l.b[i] = bias * r.NormFloat64()
	}
	return l
}

// standardise scales the output layer so that every output has mean 0 and
// variance 1 over a reference sample.
func (net teacher) standardise(c TeacherConfig) error {
	const n = referenceExamples
	reference := Data[float64]{Inputs: c.Outputs, X: make([]float64, n*c.Outputs), Labels: make([]int, n),
		Unit: 1e-300} // the deviation that a constant gets
	x := make([]float64, c.Inputs)
	r := newRand(domainTask, c.Seed, 1)
	for i := range n {
		net.draw(r, x, reference.X[i*c.Outputs:(i+1)*c.Outputs])
	}
	s := standardisation(reference)
	last := net.layers[len(net.layers)-1]
	in := len(last.w) / c.Outputs
	for k := range last.b {
		if !(s.std[k] > 1e-9*math.Abs(s.mean[k])) { // else only rounding errors are left of x
			return catalogue.Invalid("gain", "is %v, with which output %d of a teacher of depth %d is constant; raise it", c.Gain, k, c.Depth)
		}
		last.b[k] = (last.b[k] - s.mean[k]) / s.std[k]
		for j := range in {
			last.w[k*in+j] /= s.std[k]
		}
	}
	return nil
}

// draw draws an input and asks the teacher.
func (net teacher) draw(r *rand.Rand, x, t []float64) {
	for j := range x {
		x[j] = r.NormFloat64()
	}
	var rows [2][maxWidth]float64
	h := x
	for l, layer := range net.layers[:len(net.layers)-1] {
		out := rows[l%2][:len(layer.b)]
		layer.apply(out, h)
		for i, z := range out {
			out[i] = math.Tanh(z)
		}
		h = out
	}
	net.layers[len(net.layers)-1].apply(t, h)
}

func (l denseLayer) apply(out, in []float64) {
	for i := range out {
		z := l.b[i]
		for j, w := range l.w[i*len(in) : (i+1)*len(in)] {
			z += w * in[j]
		}
		out[i] = z
	}
}
