package optimizers_test

import (
	"fmt"
	"log"
	"math"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/optimizers"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func parameters() []gorgonia.ValueGrad {
	var all []gorgonia.ValueGrad
	for i := range 2 {
		name := fmt.Sprintf("layer%02d/weight", i)
		all = append(all, &parameter{name, gorgonia.NewF64(0), gorgonia.NewF64(0)})
	}
	return all
}

// backward gives one parameter a gradient of 1e-9, as depth does, and one of 1.
func backward(params []gorgonia.ValueGrad) {
	for i, g := range []gorgonia.F64{1e-9, 1} {
		*params[i].(*parameter).grad.(*gorgonia.F64) = g
	}
}

type parameter struct {
	name        string
	value, grad gorgonia.Value
}

func (p *parameter) Name() string                  { return p.name }
func (p *parameter) Value() gorgonia.Value         { return p.value }
func (p *parameter) Grad() (gorgonia.Value, error) { return p.grad, nil }

// What ten steps do to a layer whose gradient vanished, beside one whose did not.
func Example() {
	for _, text := range []string{"sgd(rate=0.1)", "rmsprop", "rmsprop(eps=1e-16)", "smorms3", "irprop-minus"} {
		choice, err := catalogue.Parse(text)
		if err != nil {
			log.Fatal(err)
		}
		solver, err := optimizers.Catalogue.Make(choice)
		if err != nil {
			log.Fatal(err)
		}
		params := parameters()
		for range 10 {
			backward(params)
			if err := solver.Step(params); err != nil {
				log.Fatal(err)
			}
		}
		fmt.Printf("%-18s %8.1e %8.1e\n", text, params[0].Value().Data(), params[1].Value().Data())
	}
	// Output:
	// sgd(rate=0.1)      -1.0e-09 -1.0e+00
	// rmsprop            -9.8e-03 -5.1e-01
	// rmsprop(eps=1e-16) -5.1e-01 -5.1e-01
	// smorms3            -1.1e-02 -1.1e-02
	// irprop-minus       -2.6e-01 -2.6e-01
}

func ExampleNewSMORMS3() {
	g := gorgonia.NewGraph()
	w := gorgonia.NewVector(g, tensor.Float64, gorgonia.WithName("w"), gorgonia.WithShape(2),
		gorgonia.WithValue(tensor.New(tensor.WithBacking([]float64{1, -1}))))
	loss := gorgonia.Must(gorgonia.Sum(gorgonia.Must(gorgonia.Square(w))))
	if _, err := gorgonia.Grad(loss, w); err != nil {
		log.Fatal(err)
	}
	machine := gorgonia.NewTapeMachine(g)
	defer machine.Close()

	solver, err := optimizers.NewSMORMS3(optimizers.SMORMS3Config{Rate: 0.01})
	if err != nil {
		log.Fatal(err)
	}
	for range 500 {
		if err := machine.RunAll(); err != nil {
			log.Fatal(err)
		}
		if err := solver.Step(gorgonia.NodesToValueGrads(gorgonia.Nodes{w})); err != nil {
			log.Fatal(err)
		}
		machine.Reset()
	}
	for _, x := range w.Value().Data().([]float64) {
		fmt.Printf("%.3f\n", math.Abs(x))
	}
	// Output:
	// 0.000
	// 0.000
}

// Each layer its own rule, and a schedule behind all.
func ExampleNewChain() {
	sgd, err := optimizers.NewSGD(optimizers.SGDConfig{Rate: 1})
	if err != nil {
		log.Fatal(err)
	}
	signs, err := optimizers.NewSignSGD(optimizers.SignSGDConfig{Rate: 0.5})
	if err != nil {
		log.Fatal(err)
	}
	layers, err := optimizers.NewPartition(optimizers.PartitionConfig{Rules: []optimizers.PartitionRule{
		{Pattern: "layer00/*", Optimizer: signs},
		{Pattern: "*/*", Optimizer: sgd},
	}})
	if err != nil {
		log.Fatal(err)
	}
	cosine, err := optimizers.NewCosine(optimizers.CosineConfig{Steps: 2})
	if err != nil {
		log.Fatal(err)
	}
	schedule, err := optimizers.NewScheduled(optimizers.ScheduledConfig{Schedule: cosine})
	if err != nil {
		log.Fatal(err)
	}
	solver, err := optimizers.NewChain(optimizers.ChainConfig{Optimizer: layers, After: []*optimizers.Link{schedule}})
	if err != nil {
		log.Fatal(err)
	}
	params := parameters()
	for range 3 {
		backward(params)
		if err := solver.Step(params); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%.2f %.2f\n", params[0].Value().Data(), params[1].Value().Data())
	}
	// Output:
	// -0.50 -1.00
	// -0.75 -1.50
	// -0.75 -1.50
}
