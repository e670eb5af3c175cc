package optimizers_test

import (
	"fmt"
	"math"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/optimizers"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// PowerSGDConfig has the settings of NewPowerSGD.
type PowerSGDConfig struct {
	Rate  float64 `json:"rate" default:"0.1" range:"(0,]" doc:"step size"`
	Power float64 `json:"power" default:"0.5" range:"[0,1]" doc:"exponent of the gradient's magnitude: 0 leaves its sign, 1 the gradient"`
	catalogue.Given
}

// NewPowerSGD steps by a power of the gradient: w <- w - rate sign(g)|g|^power.
func NewPowerSGD(c PowerSGDConfig) (*optimizers.Optimizer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return optimizers.New(optimizers.Rule{
		Name: "power-sgd",
		Update: func(b *optimizers.Block[float64]) {
			for i, g := range b.G {
				if g != 0 {
					b.To[i] -= c.Rate * math.Copysign(math.Pow(math.Abs(g), c.Power), g)
				}
			}
		},
	})
}

// NewNegate is a link without settings.
func NewNegate(struct{}) (*optimizers.Link, error) {
	return optimizers.NewLink(optimizers.Transform{
		Name: "negate",
		Change: func(b *optimizers.Block[float64], step int) {
			for i := range b.G {
				b.G[i] = -b.G[i]
			}
		},
	})
}

// An optimizer and a link of one's own, in a chain with those of this package.
func ExampleNew() {
	optimizers.Catalogue.Add(catalogue.Row("power-sgd", "steps by a power of the gradient",
		func(c PowerSGDConfig) (gorgonia.Solver, error) { return NewPowerSGD(c) }))
	optimizers.Links.Add(catalogue.Row("negate", "goes uphill", NewNegate))

	choice, err := catalogue.Parse("chain(before=[negate,clip-value(limit=4)],optimizer=power-sgd(power=0.5))")
	if err != nil {
		fmt.Println(err)
		return
	}
	solver, err := optimizers.Catalogue.Make(choice)
	if err != nil {
		fmt.Println(err)
		return
	}
	g := gorgonia.NewGraph()
	value := tensor.New(tensor.WithBacking([]float64{1, 1, 1}))
	w := gorgonia.NewVector(g, tensor.Float64, gorgonia.WithName("w"), gorgonia.WithValue(value),
		gorgonia.WithGrad(tensor.New(tensor.WithBacking([]float64{-1, 0, 9}))))
	if err := solver.Step(gorgonia.NodesToValueGrads(gorgonia.Nodes{w})); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f, separable: %v\n", w.Value().Data(), optimizers.IsSeparable(solver))
	// Output: [0.90 1.00 1.20], separable: true
}
