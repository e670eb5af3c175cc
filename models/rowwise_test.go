package models_test

import (
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// rowwise is an activation that is not element-wise.
type rowwise struct {
	name     string
	node     func(z *G.Node) (*G.Node, error)
	from, to int // 0: it keeps the width
}

func (r rowwise) Name() string                    { return r.name }
func (r rowwise) Node(z *G.Node) (*G.Node, error) { return r.node(z) }

// resizing is one that changes the width.
type resizing struct{ rowwise }

func (r resizing) Resize() (from, to int) { return r.from, r.to }

func softmax() activations.Activation {
	return rowwise{name: "softmax", node: func(z *G.Node) (*G.Node, error) { return G.SoftMax(z, 1) }}
}

// gated is a gated linear unit, of the halves of each row: a∘σ(b).
func gated() activations.Activation {
	return resizing{rowwise{"glu", func(z *G.Node) (*G.Node, error) {
		half := z.Shape()[1] / 2
		a, err := G.Slice(z, nil, G.S(0, half))
		if err != nil {
			return nil, err
		}
		b, err := G.Slice(z, nil, G.S(half, 2*half))
		if err != nil {
			return nil, err
		}
		if b, err = G.Sigmoid(b); err != nil {
			return nil, err
		}
		return G.HadamardProd(a, b)
	}, 2, 1}}
}

// TestRowwise trains models with activations that read whole rows and change the width.
func TestRowwise(t *testing.T) {
	for _, f := range []activations.Activation{softmax(), gated()} {
		for _, text := range []string{"mlp", "residual", "residual(order=post-activation)", "residual(order=inside)", "highway"} {
			for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
				m, err := make1(text, plan(2, 6, f))
				if text == "residual(order=post-activation)" && f.Name() == "glu" {
					if err == nil || !strings.Contains(err.Error(), "must keep its width") {
						t.Errorf("%s of %s: %v", text, f.Name(), err)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				n := build(t, m, shape(4), parameters(t, dtype, 3), true)
				fill(n)
				if dtype == tensor.Float64 {
					differences(t, text+" of "+f.Name(), n)
				}
				l := n.Layers[1] // with pre-activation, f makes 3 columns of the 6 of x
				z, y := 6, 6
				switch {
				case f.Name() == "glu" && text == "residual":
					y = 3
				case f.Name() == "glu":
					z = 12
				}
				if l.PreActivation.Shape()[1] != z || l.Activation.Shape()[1] != y {
					t.Errorf("%s of %s: %s is of shape %v, then %v; want %d columns, then %d", text, f.Name(), l.Name, l.PreActivation.Shape(), l.Activation.Shape(), z, y)
				}
			}
		}
	}
}

// TestBadActivations has activations whose nodes don't fit.
func TestBadActivations(t *testing.T) {
	for name, c := range map[string]struct {
		f    activations.Activation
		want string
	}{
		"no node": {rowwise{name: "bad", node: func(*G.Node) (*G.Node, error) { return nil, nil }}, "layer01: activation bad made no node"},
		"half": {rowwise{name: "bad", node: func(z *G.Node) (*G.Node, error) { return G.Slice(z, nil, G.S(0, 3)) }},
			"layer01: activation bad made float32 of shape (4, 3) of float32 of shape (4, 6), want shape (4, 6)"},
		"vector":      {rowwise{name: "bad", node: func(z *G.Node) (*G.Node, error) { return G.Sum(z, 1) }}, "want shape (4, 6)"},
		"scalar":      {rowwise{name: "bad", node: func(z *G.Node) (*G.Node, error) { return G.Sum(z) }}, "want shape (4, 6)"},
		"wrong rule":  {resizing{rowwise{"bad", gated().Node, 3, 1}}, "bad made float32"},
		"no rule":     {resizing{rowwise{"bad", gated().Node, 0, 1}}, "both must be at least 1"},
		"no multiple": {resizing{rowwise{"bad", gated().Node, 1, 4}}, "bad"},
	} {
		for _, text := range []string{"mlp", "residual(order=inside)", "highway", "residual"} {
			m := architecture(t, text, plan(2, 6, c.f))
			_, err := models.Build(m, shape(4), parameters(t, tensor.Float32, 1), true)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, %s: %v, want %q", name, text, err, c.want)
			}
		}
	}
	gain := models.MLP{Depth: 1, Width: 6, Activation: softmax(), Initializer: initializers.Gain()}
	if _, err := models.Build(gain, shape(4), parameters(t, tensor.Float32, 1), true); err == nil || !strings.Contains(err.Error(), "softmax has no mean-field theory: not element-wise") {
		t.Errorf("the gain of softmax: %v", err)
	}
}
