package speed

import (
	"time"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// stock has Gorgonia's own operations for activations.
var stock = map[string]func(*G.Node) (*G.Node, error){
	"identity": func(z *G.Node) (*G.Node, error) { return z, nil },
	"tanh":     G.Tanh,
	"sigmoid":  G.Sigmoid,
	"softplus": G.Softplus,
	"relu":     G.Rectify,
}

// stockSolver returns Gorgonia's own solver with the given settings, nil where it has
// none that does the same.
func stockSolver(c catalogue.Choice) G.Solver {
	full, err := optimizers.Catalogue.Complete(c)
	if err != nil {
		return nil
	}
	rate, _ := full.Settings["rate"].(float64)
	switch {
	case c.Name == "sgd" && len(c.Settings) <= 1:
		return G.NewVanillaSolver(G.WithLearnRate(rate))
	case c.Name == "rmsprop" && len(c.Settings) <= 1:
		return G.NewRMSPropSolver(G.WithLearnRate(rate), G.WithRho(0.99))
	case c.Name == "adam" && len(c.Settings) <= 1:
		return G.NewAdamSolver(G.WithLearnRate(rate))
	}
	return nil
}

// tape makes the step of the same network of stock operations on the TapeMachine, with
// Gorgonia's solver where it has the same one, and this project's otherwise.
func tape(c Config) (*step, error) {
	if stock[c.Activation.Name] == nil || len(c.Activation.Settings) > 0 {
		return nil, errors.Errorf("activation %v has no operation of Gorgonia's own to compare with: try tanh, sigmoid, softplus, relu or identity", c.Activation)
	}
	solver := stockSolver(c.Optimizer)
	if solver == nil {
		var err error
		if solver, err = optimizers.Catalogue.Make(c.Optimizer); err != nil {
			return nil, err
		}
		if needs := optimizers.NeedsOf(solver); needs != 0 {
			return nil, errors.Errorf("optimizer %v needs %v, which this comparison does not give", c.Optimizer, needs)
		}
	}
	begin := time.Now()
	loss, params, err := stockNetwork(c)
	if err != nil {
		return nil, err
	}
	if _, err := G.Grad(loss, params...); err != nil {
		return nil, errors.Wrap(err, "stock gradients")
	}
	machine := G.NewTapeMachine(loss.Graph(), G.BindDualValues(params...))
	build := time.Since(begin)
	forwardLoss, _, err := stockNetwork(c)
	if err != nil {
		return nil, err
	}
	forward := G.NewTapeMachine(forwardLoss.Graph())
	model := G.NodesToValueGrads(params)
	run := func(m interface {
		RunAll() error
		Reset()
	}) func() error {
		return func() error {
			m.Reset()
			return m.RunAll()
		}
	}
	met := false
	s := &step{
		forward:   c.inMode(run(forward), nil),
		gradients: c.inMode(run(machine), &met),
		build:     build,
	}
	update := c.inMode(func() error { return solver.Step(model) }, &met)
	s.update = func() error {
		err := update()
		if met {
			s.denormal++
		}
		met = false
		return err
	}
	return s, nil
}

// stockNetwork builds the network of stock operations, with the same first weights.
func stockNetwork(c Config) (loss *G.Node, params G.Nodes, err error) {
	g, dt := G.NewGraph(), dtype(c)
	matrix := func(name string, init initializers.Initializer, rows, cols int) *G.Node {
		v := tensor.New(tensor.Of(dt), tensor.WithShape(rows, cols))
		if init != nil {
			w, initErr := initializers.Values(init, 1, name, rows, cols)
			if initErr != nil {
				err = initErr
				return nil
			}
			for i, x := range w {
				set(v, i, x)
			}
		}
		return G.NewMatrix(g, dt, G.WithName(name), G.WithShape(rows, cols), G.WithValue(v))
	}
	must := func(n *G.Node, e error) *G.Node {
		if err == nil {
			err = e
		}
		return n
	}
	x, t := matrix("input", nil, c.Batch, Inputs), matrix("target", nil, c.Batch, Classes)
	fill(x.Value().(*tensor.Dense), t.Value().(*tensor.Dense))
	affine := func(x *G.Node, name string, units int) *G.Node {
		w := matrix(name+"/weight", initializers.GlorotNormal(1), x.Shape()[1], units)
		b := matrix(name+"/bias", nil, 1, units)
		if err != nil {
			return nil
		}
		params = append(params, w, b)
		z := must(G.Mul(x, w))
		if err != nil {
			return nil
		}
		return must(G.BroadcastAdd(z, b, nil, []byte{0}))
	}
	h := x
	for i := range c.Depth {
		h = affine(h, models.LayerName(i), c.Width)
		if err == nil {
			h = must(stock[c.Activation.Name](h))
		}
		if err != nil {
			return nil, nil, errors.Wrap(err, "stock network")
		}
	}
	y := affine(h, "output", Classes)
	if err != nil {
		return nil, nil, errors.Wrap(err, "stock network")
	}
	for _, f := range []func(*G.Node) (*G.Node, error){
		func(n *G.Node) (*G.Node, error) { return G.SoftMax(n) },
		G.Log,
		func(n *G.Node) (*G.Node, error) { return G.HadamardProd(t, n) },
		func(n *G.Node) (*G.Node, error) { return G.Sum(n) },
		G.Neg,
	} {
		if y, err = f(y); err != nil {
			return nil, nil, errors.Wrap(err, "stock loss")
		}
	}
	var size *G.Node
	if dt == tensor.Float32 {
		size = G.NewConstant(float32(c.Batch))
	} else {
		size = G.NewConstant(float64(c.Batch))
	}
	loss, err = G.Div(y, size)
	return loss, params, errors.Wrap(err, "stock loss")
}
