//go:build !race

package train_test

import (
	"testing"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/optimizers"
	"gorgonia.org/tensor"
)

// TestAllocations counts the allocations of a step, for every optimizer, in steps whose
// gradients are looked at, in others, and where they alternate.
func TestAllocations(t *testing.T) {
	texts := append(optimizers.Catalogue.Names(),
		"chain(before=[clip-global-norm(limit=1)],optimizer=sgd)",
		"partition(rules=[{pattern=*/weight,optimizer=smorms3},{pattern=*/*,optimizer=sgd}])")
	for _, text := range texts {
		if text == "chain" || text == "partition" { // which need more
			continue
		}
		choice, err := catalogue.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		for name, watched := range map[string]train.Schedule{"never": train.AtSteps(), "always": nil, "every third": train.Every(3)} {
			solver, err := optimizers.Catalogue.Make(choice)
			if err != nil {
				t.Fatal(err)
			}
			l := loop(t, network(t, tensor.Float32, 3), solver, 14)
			hook := look(watched)
			hook.Observe = true
			l.Hooks = append(l.Hooks, hook)
			run(t, l) // states are made in the first steps
			l.Steps = 1
			one := testing.AllocsPerRun(5, func() { run(t, l) })
			l.Steps = 31
			many := testing.AllocsPerRun(5, func() { run(t, l) })
			if many > one {
				t.Errorf("%s, gradients looked at %s: %g allocations in 30 steps", text, name, many-one)
			}
		}
	}
}
