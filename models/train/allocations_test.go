//go:build !race

package train_test

import (
	"testing"

	"github.com/gradflow/gradflow/internal/catalogue"
	"github.com/gradflow/gradflow/optimizers"
	"gorgonia.org/tensor"
)

// TestAllocations counts the allocations of a step, for every optimizer.
func TestAllocations(t *testing.T) {
	for _, name := range []string{"sgd", "adam", "rmsprop", "smorms3", "irprop-minus", "vsgd-fd", "vsgd-l", "vsgd-b", "vsgd-g"} {
		solver, err := optimizers.Catalogue.Make(catalogue.Choice{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		l := loop(t, network(t, tensor.Float32, 5), solver, 3)
		run(t, l) // states are made in the first steps
		l.Steps = 1
		one := testing.AllocsPerRun(10, func() { run(t, l) })
		l.Steps = 51
		many := testing.AllocsPerRun(10, func() { run(t, l) })
		if many > one {
			t.Errorf("%s: %g allocations in 50 steps", name, many-one)
		}
	}
}
