package probe_test

import (
	"math"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/train"
	"gorgonia.org/tensor"
)

// Quantities as a program of its own adds them: one of the gradient, one of two sources.
func init() {
	measure := func(name, doc string, m probe.Measure) {
		if err := probe.Catalogue.Add(catalogue.Row(name, doc, func(struct{}) (probe.Measure, error) { return m, nil })); err != nil {
			panic(err)
		}
	}
	measure("largest-gradient", "log10 of the largest |∂L/∂z|", probe.Measure{
		Unit: "log10", Head: "largest", Map: true, OnRequest: true, Of: []probe.Source{probe.PreActivationGradients},
		Value: func(v *probe.Values) float64 {
			largest := 0.
			for i := range v.Len() {
				largest = max(largest, math.Abs(v.At(i)))
			}
			return math.Log10(largest)
		},
	})
	measure("elements", "number of elements of z and y", probe.Measure{
		Unit: "count", OnRequest: true, Of: []probe.Source{probe.PreActivations, probe.Activations},
		Value: func(v *probe.Values) float64 { return float64(v.Len()) },
	})
}

// TestOwnQuantity measures quantities from outside beside the others.
func TestOwnQuantity(t *testing.T) {
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		b := newBed(t, dtype, activations.Tanh(), 3, 2, 0.5, 1)
		b.run(t)
		s := b.p.Samples[0]
		for i := range b.p.Layers {
			norm, largest := s.At(i, probe.PreActivationGradient), s.At(i, "largest-gradient")
			if n := math.Log10(math.Sqrt(8 * 6)); !(largest <= norm && largest >= norm-n) {
				t.Errorf("%s: the largest gradient is 10^%g, the norm of 48 at most 10^%g", b.p.Layers[i], largest, norm)
			}
			want := 2. * 8 * 6
			if i == 3 {
				want = 8 * 2 // the output layer's y is its z
			}
			if got := s.At(i, "elements"); got != want {
				t.Errorf("%s: %g elements, want %g", b.p.Layers[i], got, want)
			}
			if got := s.At(i, "nothing"); !math.IsNaN(got) {
				t.Errorf("a quantity that is not measured is %g", got)
			}
		}
	}
	if n := len(probe.Catalogue.Names()); n != 30 {
		t.Errorf("%d quantities", n)
	}
	for _, name := range probe.Catalogue.Names() {
		m, err := probe.Catalogue.Make(catalogue.Choice{Name: name})
		if err != nil || m.Value == nil || len(m.Of) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestUndefinedSaturation: a layer whose function has no regions of saturation given has
// no share of saturated units; the output layer, which is linear, has 0.
func TestUndefinedSaturation(t *testing.T) {
	b := newBed(t, tensor.Float32, activations.Tanh(), 2, 1, 0.1, 1)
	p, err := probe.New(b.n, b.l.Machine, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	b.l.Hooks = []train.Hook{p.Hook(nil)}
	b.run(t)
	s := p.Samples[0]
	if !math.IsNaN(s.At(0, probe.Saturated)) || s.At(2, probe.Saturated) != 0 {
		t.Errorf("saturated: %g in a hidden layer, %g in the output layer", s.At(0, probe.Saturated), s.At(2, probe.Saturated))
	}
}
