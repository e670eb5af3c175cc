package models_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// layout is a model that is one function.
type layoutOf func(b *models.Builder, x *G.Node) (*G.Node, error)

func (f layoutOf) Layout(b *models.Builder, x *G.Node) (*G.Node, error) { return f(b, x) }

// lazy is a normalisation that makes what it likes.
type lazy func(x *G.Node) (*G.Node, error)

func (lazy) Name() string             { return "lazy" }
func (lazy) Site() normalization.Site { return normalization.PreActivation }
func (f lazy) Normalize(_ normalization.Builder, _ string, x *G.Node) (*G.Node, error) {
	return f(x)
}

// TestHostile: what a model does wrong is an error with its name, never a panic.
func TestHostile(t *testing.T) {
	he, tanh := initializers.HeNormal(1), activations.Tanh()
	last := func(_ any, err error) (*G.Node, error) { return nil, err }
	dense := func(b *models.Builder, x *G.Node, units int) (*G.Node, error) {
		return b.Dense("layer01", x, units, tanh, he, nil)
	}
	for want, m := range map[string]models.Model{
		"the model is nil":   nil,
		"made no output":     layoutOf(func(*models.Builder, *G.Node) (*G.Node, error) { return nil, nil }),
		"has 0 dimensions":   layoutOf(func(b *models.Builder, _ *G.Node) (*G.Node, error) { return b.Parameter("w", he) }),
		"has no name":        layoutOf(func(b *models.Builder, _ *G.Node) (*G.Node, error) { return b.Parameter("", he, 2, 2) }),
		"want at least 1 of": layoutOf(func(b *models.Builder, _ *G.Node) (*G.Node, error) { return b.Parameter("w", he, 2, -2) }),
		"has 3 dimensions":   layoutOf(func(b *models.Builder, _ *G.Node) (*G.Node, error) { return b.Parameter("w", he, 2, 2, 2) }),
		"fills matrices":     layoutOf(func(b *models.Builder, _ *G.Node) (*G.Node, error) { return b.Parameter("w", he, 5) }),
		"statistic s has 0":  layoutOf(func(b *models.Builder, _ *G.Node) (*G.Node, error) { return b.Statistic("s", 1) }),
		"has -3 units":       layoutOf(func(b *models.Builder, x *G.Node) (*G.Node, error) { return dense(b, x, -3) }),
		"has 0 units":        layoutOf(func(b *models.Builder, x *G.Node) (*G.Node, error) { return dense(b, x, 0) }),
		"input is <nil>":     layoutOf(func(b *models.Builder, x *G.Node) (*G.Node, error) { return dense(b, nil, 3) }),
		"output has no init": layoutOf(func(b *models.Builder, x *G.Node) (*G.Node, error) { return b.Output(x, nil) }),
		"layer01 has no activation": layoutOf(func(b *models.Builder, x *G.Node) (*G.Node, error) {
			return b.Dense("layer01", x, 3, nil, he, nil)
		}),
		"layer01 has no initialiser": layoutOf(func(b *models.Builder, x *G.Node) (*G.Node, error) {
			return b.Dense("layer01", x, 3, tanh, nil, nil)
		}),
		"is applied to": layoutOf(func(b *models.Builder, x *G.Node) (*G.Node, error) {
			y, _, err := b.Activate("layer01", tanh, nil)
			return y, err
		}),
		"lazy made no node": layoutOf(func(b *models.Builder, x *G.Node) (*G.Node, error) {
			return b.Dense("layer01", x, 3, tanh, he, lazy(func(*G.Node) (*G.Node, error) { return nil, nil }))
		}),
		"lazy made shape": layoutOf(func(b *models.Builder, x *G.Node) (*G.Node, error) {
			return b.Dense("layer01", x, 3, tanh, he, lazy(func(x *G.Node) (*G.Node, error) { return G.Sum(x, 1) }))
		}),
		"normalise a node that is nil": layoutOf(func(b *models.Builder, x *G.Node) (*G.Node, error) {
			return b.Normalize(lazy(nil), normalization.PreActivation, "layer01", nil)
		}),
		"a layer has no name":         layoutOf(func(b *models.Builder, x *G.Node) (*G.Node, error) { return nil, b.AddLayer(models.Layer{}) }),
		"activation or weight is nil": layoutOf(func(b *models.Builder, x *G.Node) (*G.Node, error) { return nil, b.AddLayer(models.Layer{Name: "a"}) }),
		"two layers named layer01": layoutOf(func(b *models.Builder, x *G.Node) (*G.Node, error) {
			if x, err := dense(b, x, 5); err != nil {
				return x, err
			}
			return dense(b, x, 5)
		}),
		"input \"\" of 2":       layoutOf(func(b *models.Builder, x *G.Node) (*G.Node, error) { return last(b.Input("", 2)) }),
		"input \"state\" of -1": layoutOf(func(b *models.Builder, x *G.Node) (*G.Node, error) { return last(b.Input("state", -1)) }),
	} {
		if _, err := models.Build(m, flat, parameters(t, tensor.Float32, 1), true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := models.Build(mlp(1, 2), flat, nil, true); err == nil || !strings.Contains(err.Error(), "parameters are nil") {
		t.Errorf("no parameters: %v", err)
	}
	zeros := layoutOf(func(b *models.Builder, x *G.Node) (*G.Node, error) {
		w, err := b.Learnable("w", nil, 5, 3)
		if err != nil {
			return nil, err
		}
		return G.Mul(x, w)
	})
	p := parameters(t, tensor.Float32, 1)
	build(t, zeros, flat, p, true)
	for _, v := range floats(p.Tensor("w")) {
		if v != 0 {
			t.Errorf("a parameter without a fill has the element %g", v)
		}
	}
	if d := math.Abs(float64(p.Count()) - 15); d != 0 {
		t.Errorf("%d parameters, want 15", p.Count())
	}
}
