package keep

import (
	"math"
	"slices"

	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/ops"
	"github.com/gradflow/gradflow/vm"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Signal measures the layers of a network that is trained, on the first examples of the batch
// that it has as its input, with the parameters as they are: it has a network of its own, which
// shares these, so that measuring changes nothing.
//
// Where a function of the layer is not element-wise, its slope is estimated with random signs v
// as mean (Jᵀv)², J being the Jacobian of one example; for f of each element that is mean f'².
type Signal struct {
	Layers []Layer // of which χ is known, from the input to the output
	Units  []Units // that see x·W + b, from the input to the output

	training *models.Network
	network  *models.Network
	machine  *vm.Machine
}

// Layer is a hidden layer whose output the next hidden layer's weights multiply.
type Layer struct {
	Name   string
	Slope  float64       // mean f'(z)²
	Chi    float64       // ‖W‖² Slope / n of the n columns of Weight
	Next   string        // the layer above
	Weight *tensor.Dense // W of the layer above, of the trained network

	slopes *G.Node
}

// Units are those of a hidden layer z = x·W + b whose z no normalisation changes.
type Units struct {
	Name            string
	Mean, Deviation []float64     // of each unit's z over the examples
	Weight, Bias    *tensor.Dense // of the trained network; no bias: nil

	z *G.Node
}

// NewSignal makes the network that measures a trained one with this many examples, or with a
// whole batch if that is less.
func NewSignal(n *models.Network, examples int) (*Signal, error) {
	if n == nil || examples < 1 {
		return nil, errors.Errorf("keep: %d examples of network %v: want at least 1 of a network", examples, n)
	}
	again, err := n.Again(min(examples, n.Shape.Batch))
	if err != nil {
		return nil, errors.Wrap(err, "keep")
	}
	s := &Signal{training: n, network: again}
	hidden := slices.DeleteFunc(slices.Clone(again.Layers), func(l models.Layer) bool { return l.Function == "" })
	for _, l := range hidden {
		for _, w := range again.Readers(l.Activation) {
			i := slices.IndexFunc(hidden, func(above models.Layer) bool { return above.Weight == w })
			if i < 0 {
				continue // the output's, a gate's, or made by a normalisation
			}
			slopes, err := again.Pullback(signs(again, l.Activation), l.Activation, l.PreActivation)
			if err != nil {
				return nil, errors.Wrapf(err, "keep: %s", l.Name)
			}
			s.Layers = append(s.Layers, Layer{Name: l.Name, Next: hidden[i].Name, Weight: n.Parameters.Tensor(w.Name()), slopes: slopes})
			break
		}
		if path, err := ops.Cuts(l.Weight, l.PreActivation); err == nil && len(path) == 2 && l.PreActivation.Shape()[1] == l.Weight.Shape()[1] {
			units := l.Weight.Shape()[1]
			u := Units{Name: l.Name, Mean: make([]float64, units), Deviation: make([]float64, units), Weight: n.Parameters.Tensor(l.Weight.Name()), z: l.PreActivation}
			if l.Bias != nil {
				u.Bias = n.Parameters.Tensor(l.Bias.Name())
			}
			s.Units = append(s.Units, u)
		}
	}
	var wanted G.Nodes
	for _, l := range s.Layers {
		wanted = append(wanted, l.slopes)
	}
	for _, u := range s.Units {
		wanted = append(wanted, u.z)
	}
	if len(wanted) == 0 {
		return s, nil
	}
	s.machine, err = vm.Compile(again.Graph, wanted...)
	return s, errors.Wrap(err, "keep")
}

// signs are 1 and -1 in the shape of a node, in an order without a pattern, the same each time.
func signs(n *models.Network, like *G.Node) *G.Node {
	v := tensor.New(tensor.Of(like.Dtype()), tensor.WithShape(like.Shape()...))
	bits := uint64(0x9e3779b97f4a7c15)
	for i := range v.Shape().TotalSize() {
		bits ^= bits << 13
		bits ^= bits >> 7
		bits ^= bits << 17
		sign := 1 - 2*float64(bits>>63)
		if like.Dtype() == tensor.Float32 {
			v.Float32s()[i] = float32(sign)
		} else {
			v.Float64s()[i] = sign
		}
	}
	return G.NewMatrix(n.Graph, like.Dtype(), G.WithName("keep/signs/"+like.Name()), G.WithShape(like.Shape()...), G.WithValue(v))
}

// Measure measures all layers on the trained network's present input.
func (s *Signal) Measure() error {
	if s.machine == nil {
		return nil
	}
	s.copyInput(s.network.Input, s.training.Input)
	for name, in := range s.network.Inputs {
		s.copyInput(in, s.training.Inputs[name])
	}
	if err := s.machine.RunAll(); err != nil {
		return errors.Wrap(err, "keep")
	}
	for i := range s.Layers {
		l := &s.Layers[i]
		l.Slope = meanSquare(l.slopes.Value().(*tensor.Dense))
		l.Chi = meanSquare(l.Weight) * float64(l.Weight.Shape()[0]) * l.Slope
	}
	for i := range s.Units {
		s.Units[i].measure()
	}
	return nil
}

// copyInput copies the first rows.
func (s *Signal) copyInput(to, from *G.Node) {
	a, b := to.Value().(*tensor.Dense), from.Value().(*tensor.Dense)
	if a.Dtype() == tensor.Float32 {
		copy(a.Float32s(), b.Float32s())
		return
	}
	copy(a.Float64s(), b.Float64s())
}

// meanSquare is the mean square of the elements, in float64: ‖W‖²/n is it times the rows.
func meanSquare(t *tensor.Dense) float64 {
	sum, n := 0., t.Shape().TotalSize()
	if t.Dtype() == tensor.Float32 {
		sum = kernels.SquaredSum(t.Float32s())
	} else {
		sum = kernels.SquaredSum(t.Float64s())
	}
	return sum / float64(n)
}

func (u *Units) measure() {
	if z := u.z.Value().(*tensor.Dense); z.Dtype() == tensor.Float32 {
		columns(z.Float32s(), u.Mean, u.Deviation)
	} else {
		columns(z.Float64s(), u.Mean, u.Deviation)
	}
}

// columns sets mean and deviation of each column, in two passes.
func columns[F float32 | float64](z []F, mean, deviation []float64) {
	n := len(mean)
	rows := float64(len(z) / n)
	clear(mean)
	clear(deviation)
	for at := 0; at < len(z); at += n {
		for j, v := range z[at : at+n] {
			mean[j] += float64(v)
		}
	}
	for j := range mean {
		mean[j] /= rows
	}
	for at := 0; at < len(z); at += n {
		for j, v := range z[at : at+n] {
			d := float64(v) - mean[j]
			deviation[j] += d * d
		}
	}
	for j := range deviation {
		deviation[j] = math.Sqrt(deviation[j] / rows)
	}
}
