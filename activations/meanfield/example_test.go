package meanfield_test

import (
	"fmt"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/meanfield"
)

func ExampleField_Theory() {
	m, err := meanfield.New(activations.Tanh())
	if err != nil {
		fmt.Println(err)
		return
	}
	t, err := m.Theory(meanfield.Variances{Weight: 1.5, Bias: 0.05})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("q* = %.4f, χ₁ = %.4f: %s, trainable to about %.0f layers\n", t.Q, t.Chi1, t.Phase, t.TrainableDepth())
	c, err := m.Critical(0.05)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("critical at weight variance %.4f\n", c.Weight)
	// Output:
	// q* = 0.4180, χ₁ = 0.9386: ordered, trainable to about 95 layers
	// critical at weight variance 1.7610
}

func ExampleField_Critical() {
	for _, a := range []activations.Scalar{activations.Tanh(), activations.Gaussian(), activations.ReLU()} {
		m, err := meanfield.New(a)
		if err != nil {
			fmt.Println(err)
			return
		}
		if c, err := m.Critical(0.05); err != nil {
			fmt.Printf("%s: %v\n", a.Name(), err)
		} else {
			fmt.Printf("%s: weight variance %.4f, q* = %.4f\n", a.Name(), c.Weight, c.Q)
		}
	}
	// Output:
	// tanh: weight variance 1.7610, q* = 0.5700
	// gaussian: weight variance 2.9394, q* = 1.2500
	// relu: no critical weight variance for bias variance 0.05: where the q-map is stable, χ₁ is below 1: up to 1 at weight variance 2 (where q* goes to infinity)
}
