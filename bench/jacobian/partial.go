package jacobian

import (
	"math"
	"math/rand/v2"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/ops"
	"github.com/gradflow/gradflow/vm"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Norm is the partial Jacobian norm of a layer.
type Norm struct {
	Name  string
	Log10 record.Number // null where it is 0
}

// Partial estimates the partial Jacobian norms of a float64 network for its batch,
//
//	J_l = E 1/n_L Σ_ij (∂z^L_i/∂z^l_j)²
//
// from each hidden layer to the last, by random rows v ~ N(0, I) in place of the units of the
// last: E‖v·∂z^L/∂z^l‖² is the sum of the squares (Hutchinson). Each costs one backward pass.
// The mean is over the examples of the batch, x. A network for training may have a batch norm,
// whose examples depend on each other; they all count.
//
// Source: D. Doshi, T. He, A. Gromov: Critical Initialization of Wide and Deep Neural Networks
// using Partial Jacobians, arXiv 2111.12143, equation 3, for l₀ = l and the last layer.
func Partial(n *models.Network, x []float64, vectors int) ([]Norm, error) {
	list, err := sites(n, true)
	if err != nil {
		return nil, errors.Wrap(err, "jacobian")
	}
	input := n.Input.Value().(*tensor.Dense)
	switch {
	case vectors < 1:
		return nil, errors.Errorf("jacobian: %d random vectors", vectors)
	case input.Dtype() != tensor.Float64:
		return nil, errors.Errorf("jacobian: the network is %v, want float64", input.Dtype())
	case len(x) != len(input.Float64s()):
		return nil, errors.Errorf("jacobian: a batch of %d numbers for inputs of shape %v", len(x), input.Shape())
	}
	copy(input.Float64s(), x)
	last := list[len(list)-1].node
	units := last.Shape()[1]
	v := tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(last.Shape()...), tensor.WithEngine(G.StandardEngine{}))
	seed := G.NewMatrix(n.Graph, tensor.Float64, G.WithName("jacobian/rows"), G.WithShape(last.Shape()...), G.WithValue(v))
	// Each pass goes on from rows of norm 1, so that nothing leaves the range of float64.
	norms := make([][]float64, len(list)) // ln of the squared norm, by site and vector
	carried := 0.
	for i := len(list) - 2; i >= 0; i-- {
		back, err := ops.Pullback(seed, list[i+1].node, list[i].node)
		if err != nil {
			return nil, errors.Wrap(err, "jacobian")
		}
		if seed, err = ops.Orthonormalize(back, func(rows []float64, _ int) {
			carried += rescale(rows)
			norms[i] = append(norms[i], carried)
		}); err != nil {
			return nil, errors.Wrap(err, "jacobian")
		}
	}
	if len(list) > 1 {
		m, err := vm.Compile(n.Graph, seed)
		if err != nil {
			return nil, errors.Wrap(err, "jacobian")
		}
		defer m.Close()
		random := rand.New(rand.NewPCG(2, uint64(units)))
		for range vectors {
			for i := range v.Float64s() {
				v.Float64s()[i] = random.NormFloat64()
			}
			carried = 0
			if err := m.RunAll(); err != nil {
				return nil, errors.Wrap(err, "jacobian")
			}
			m.Reset()
		}
	}
	var result []Norm
	for i, s := range list {
		log := 0. // the last layer's own is the identity
		if i < len(list)-1 {
			log = meanOfLogs(norms[i]) - math.Log(float64(last.Shape().TotalSize()))
		}
		if s.name != "" {
			result = append(result, Norm{s.name, record.Number(log / math.Ln10)})
		}
	}
	return result, nil
}

// rescale divides x by its norm and returns ln of the square of that; -Inf leaves zeros.
func rescale(x []float64) float64 {
	largest := 0.
	for _, v := range x {
		largest = max(largest, math.Abs(v))
	}
	if largest == 0 {
		return math.Inf(-1)
	}
	sum := 0.
	for i, v := range x {
		x[i] = v / largest
		sum += x[i] * x[i]
	}
	root := math.Sqrt(sum)
	for i := range x {
		x[i] /= root
	}
	return 2*math.Log(largest) + math.Log(sum)
}

// meanOfLogs is ln of the mean of e^l.
func meanOfLogs(logs []float64) float64 {
	most := math.Inf(-1)
	for _, l := range logs {
		most = max(most, l)
	}
	if math.IsInf(most, -1) {
		return most
	}
	sum := 0.
	for _, l := range logs {
		sum += math.Exp(l - most)
	}
	return most + math.Log(sum/float64(len(logs)))
}
