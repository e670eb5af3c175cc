package train_test

import (
	"fmt"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/optimizers"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// together hides that a solver is separable.
type together struct{ optimizers.Updater }

// BenchmarkChain steps 30 layers of 128 units with a chain whose updates are in the backward
// pass, beside the same chain after it and the optimizer alone.
func BenchmarkChain(b *testing.B) {
	const text = "chain(before=[clip-value(limit=1)],optimizer=adam,after=[weight-decay(rate=1e-5)])"
	for _, c := range []struct{ name, text string }{{"none", "adam"}, {"backward-pass", text}, {"after", text}} {
		b.Run(fmt.Sprintf("chain=%s", c.name), func(b *testing.B) {
			choice, err := catalogue.Parse(c.text)
			if err != nil {
				b.Fatal(err)
			}
			var solver G.Solver
			if solver, err = optimizers.Catalogue.Make(choice); err != nil {
				b.Fatal(err)
			}
			if c.name == "after" {
				solver = together{solver.(optimizers.Updater)}
			}
			p, err := models.NewParameters(tensor.Float32, 1)
			if err != nil {
				b.Fatal(err)
			}
			n, err := models.Build(
				models.MLP{Depth: 30, Width: 128, Activation: activations.Tanh(), Initializer: initializers.GlorotNormal(1)},
				models.Shape{Inputs: inputs, Outputs: 2, Batch: 16, Loss: models.CrossEntropy}, p, true)
			if err != nil {
				b.Fatal(err)
			}
			s, err := train.NewStepper(n, solver)
			if err != nil {
				b.Fatal(err)
			}
			if err := newStream(1).Next32(n.Input.Value().Data().([]float32), n.Target.Value().Data().([]float32)); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Step(nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
