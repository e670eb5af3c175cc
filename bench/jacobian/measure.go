package jacobian

import (
	"context"
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

// Exact is the width up to which all singular values are computed.
const Exact = 512

// vectors is the number of random directions for wider networks.
const vectors = 64

// blocks is the number of blocks of a network after which rows are made orthonormal again:
// deeper ones are divided into as many.
const blocks = 200

// Network lays out a float64 network, not for training, for batches of a size. All that it
// returns for different sizes have the same parameters.
type Network func(batch int) (*models.Network, error)

// Result has the spectra of a network for the examples that it was measured with.
type Result struct {
	// Layers are those from each hidden layer's pre-activation to the last one's, from the
	// first layer on; those of models whose pre-activations are not on every path, such as
	// residual ones, are from what is.
	Layers []Layer `json:"layers"`
	// Hidden is the first of Layers: from the first hidden layer to the last.
	Hidden Spectrum `json:"hidden"`
	// InputOutput is that from the input to the output.
	InputOutput Spectrum `json:"input_output"`
}

// Layer is where a spectrum begins.
type Layer struct {
	Name string `json:"layer"`
	Spectrum
}

// Measure measures the Jacobians at some examples, each an input row. Spectra from every
// layer take longer; without every they are only from the first layer.
func Measure(ctx context.Context, network Network, examples [][]float64, every bool) (*Result, error) {
	if len(examples) == 0 {
		return nil, errors.New("jacobian: no examples")
	}
	var r *Result
	var hidden, through []Spectrum
	for i, x := range examples {
		h, err := chain(ctx, network, x, true, every && i == 0)
		if err != nil {
			return nil, errors.Wrap(err, "jacobian")
		}
		t, err := chain(ctx, network, x, false, false)
		if err != nil {
			return nil, errors.Wrap(err, "jacobian")
		}
		if r == nil {
			r = &Result{Layers: h}
		}
		hidden, through = append(hidden, h[0].Spectrum), append(through, t[0].Spectrum)
	}
	r.Hidden, r.InputOutput = mean(hidden), mean(through)
	r.Layers[0].Spectrum = r.Hidden
	return r, nil
}

// ErrNoChain is the error of networks whose layers do not form a chain, as recurrent ones.
var ErrNoChain = errors.New("its layers do not form a chain, as in recurrent networks: the Jacobian can't be measured layer by layer")

// Layers returns the spectra from every hidden layer to the last one at one example.
func Layers(ctx context.Context, network Network, x []float64) ([]Layer, error) {
	list, err := chain(ctx, network, x, true, true)
	return list, errors.Wrap(err, "jacobian")
}

// site is a node that every path goes through.
type site struct {
	name string
	node *G.Node
}

// sites returns those between the ends that a spectrum is of. The first and the last layers
// are hidden ones; or else they are the input and the output.
func sites(n *models.Network, hidden bool) ([]site, error) {
	cuts, err := ops.Cuts(n.Input, n.Output)
	if err != nil {
		return nil, err
	}
	on := map[*G.Node]int{}
	for i, c := range cuts {
		on[c] = i
	}
	if !hidden {
		return thin(cuts, map[*G.Node]string{}, 0, len(cuts)-1), nil
	}
	layers := n.Layers[:max(0, len(n.Layers)-1)]
	if len(layers) == 0 {
		return nil, errors.New("the network has no hidden layers")
	}
	// Of each layer its pre-activation, if it is on every path, else the last node before it
	// that is.
	names := map[*G.Node]string{}
	first, last := -1, -1
	for _, l := range layers {
		at, ok := on[l.PreActivation]
		if !ok {
			if at, err = before(cuts, l.PreActivation); err != nil {
				return nil, errors.Wrap(err, l.Name)
			}
		}
		if at == 0 && !ok { // the input: the layer is reached on several ways
			continue
		}
		if first < 0 {
			first = at
		}
		if last = at; !ok { // to the end of its block
			last = min(at+1, len(cuts)-2)
		}
		if names[cuts[at]] == "" {
			names[cuts[at]] = l.Name
		}
	}
	list := thin(cuts, names, max(0, first), max(0, last))
	for _, s := range list {
		if first < 0 || first >= last && len(layers) > 1 || s.node.Shape()[0] != n.Shape.Batch {
			return nil, ErrNoChain
		}
	}
	return list, nil
}

// before returns the last of cuts that n is computed from.
func before(cuts G.Nodes, n *G.Node) (int, error) {
	own, err := ops.Cuts(cuts[0], n)
	if err != nil {
		return 0, err
	}
	known := map[*G.Node]bool{}
	for _, c := range own {
		known[c] = true
	}
	for i := len(cuts) - 1; i >= 0; i-- {
		if known[cuts[i]] {
			return i, nil
		}
	}
	return 0, nil
}

// thin returns cuts from first to last: the named ones, or at most as many as blocks.
func thin(cuts G.Nodes, names map[*G.Node]string, first, last int) []site {
	named := 0
	for _, c := range cuts[first : last+1] {
		if names[c] != "" {
			named++
		}
	}
	every := max(1, (last-first+blocks-1)/blocks)
	if named > 0 {
		every = max(1, (named+blocks-1)/blocks)
	}
	var list []site
	count := 0
	for i := first; i <= last; i++ {
		name := names[cuts[i]]
		matrix := cuts[i].Dims() == 2
		switch {
		case i == first || i == last:
		case !matrix, named > 0 && name == "":
			continue
		default:
			if count++; count%every != 0 {
				continue
			}
		}
		list = append(list, site{name, cuts[i]})
	}
	return list
}

// chain returns the spectra of one example, to the last site from the first, or from every
// one.
func chain(ctx context.Context, network Network, x []float64, hidden, every bool) ([]Layer, error) {
	probe, err := network(1) // for the sizes
	if err != nil {
		return nil, err
	}
	list, err := sites(probe, hidden)
	if err != nil {
		return nil, err
	}
	outputs := list[len(list)-1].node.Shape()[1]
	directions := outputs
	for _, s := range list {
		directions = min(directions, s.node.Shape()[1])
	}
	rows := outputs
	sampled := outputs > Exact
	if sampled {
		rows = min(vectors, outputs)
	}
	n, err := network(rows)
	if err != nil {
		return nil, err
	}
	if len(x) != n.Shape.Inputs {
		return nil, errors.Errorf("an example of %d numbers for a network of %d inputs", len(x), n.Shape.Inputs)
	}
	if list, err = sites(n, hidden); err != nil {
		return nil, err
	}
	input := n.Input.Value().(*tensor.Dense)
	if input.Dtype() != tensor.Float64 {
		return nil, errors.Errorf("the network is %v, want float64", input.Dtype())
	}
	for r := range rows {
		copy(input.Float64s()[r*len(x):], x)
	}
	start := tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(rows, outputs), tensor.WithEngine(G.StandardEngine{}))
	if sampled {
		random := rand.New(rand.NewPCG(1, uint64(outputs)))
		for i := range start.Float64s() {
			start.Float64s()[i] = random.NormFloat64()
		}
	} else {
		for r := range rows {
			start.Float64s()[r*outputs+r] = 1
		}
	}
	seed := G.NewMatrix(n.Graph, tensor.Float64, G.WithName("jacobian/seed"), G.WithShape(rows, outputs), G.WithValue(start))
	if sampled {
		return sampledChain(n, list, seed, directions, rows)
	}
	t := identity(rows)
	var spectra []Layer
	for i := len(list) - 2; i >= 0; i-- {
		back, err := ops.Pullback(seed, list[i+1].node, list[i].node)
		if err != nil {
			return nil, err
		}
		name := list[i].name
		wanted := i == 0 || every && name != ""
		if seed, err = ops.Orthonormalize(back, func(m []float64, cols int) {
			t.reduce(m[:len(t.log)*cols], cols)
			clear(m[len(t.log)*cols:])
			if wanted && ctx.Err() == nil {
				spectra = append(spectra, Layer{name, describe(t.singularValues(), directions)})
			}
		}); err != nil {
			return nil, err
		}
	}
	if len(list) == 1 { // one layer: the identity
		return []Layer{{list[0].name, describe(make([]float64, directions), directions)}}, nil
	}
	m, err := vm.Compile(n.Graph, seed)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if err := m.RunAll(); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	for i, j := 0, len(spectra)-1; i < j; i, j = i+1, j-1 {
		spectra[i], spectra[j] = spectra[j], spectra[i]
	}
	return spectra, nil
}

// sampledChain follows random rows g, g_i ~ N(0, I), to h = g·J: the mean of |h|² is the sum
// of s², and that of (h_i·h_j)², of different rows, the sum of s⁴.
func sampledChain(n *models.Network, list []site, seed *G.Node, directions, rows int) ([]Layer, error) {
	back, err := ops.Pullback(seed, list[len(list)-1].node, list[0].node)
	if err != nil {
		return nil, err
	}
	m, err := vm.Compile(n.Graph, back)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if err := m.RunAll(); err != nil {
		return nil, err
	}
	h, cols := back.Value().(*tensor.Dense).Float64s(), back.Shape()[1]
	largest := 0.
	for _, v := range h {
		largest = max(largest, math.Abs(v))
	}
	sum2, sum4, pairs := 0., 0., 0
	for i := range rows {
		for j := range i + 1 {
			dot := 0.
			for k := range cols {
				dot += h[i*cols+k] / largest * (h[j*cols+k] / largest)
			}
			if i == j {
				sum2 += dot / float64(rows)
			} else {
				sum4 += dot * dot
				pairs++
			}
		}
	}
	sum4 /= float64(pairs)
	d := float64(directions)
	nan := math.NaN()
	return []Layer{{list[0].name, Spectrum{
		Max: record.Number(nan), Median: record.Number(nan), Min: record.Number(nan), Directions: directions, Vectors: rows, Examples: 1,
		MeanSquare:       record.Number((math.Log(sum2/d) + 2*math.Log(largest)) / math.Ln10),
		RelativeVariance: record.Number(d*sum4/(sum2*sum2) - 1),
	}}}, nil
}
