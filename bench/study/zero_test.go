package study_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
)

// TestZeroGradient checks the causes of gradients that are exactly 0 at the start.
func TestZeroGradient(t *testing.T) {
	for _, c := range []struct {
		model, activation, initializer, dtype string
		depth                                 int
		layer                                 string
		cause                                 record.Cause // "": there is a gradient
		parameters                            []string
	}{
		{"mlp", "tanh", "glorot-normal", "float32", 4, "", "", nil},
		{"{name: residual, scale: fixup, order: inside}", "tanh", "glorot-normal", "float32", 4, "layer04", record.ZeroParameters, []string{"output/weight"}},
		{"{name: residual, scale: re-zero, order: inside}", "tanh", "glorot-normal", "float32", 4, "layer04", record.ZeroParameters, []string{"layer02/scale", "layer04/scale"}},
		{"{name: residual, scale: skip-init}", "tanh", "glorot-normal", "float32", 4, "layer04", record.ZeroParameters, []string{"layer02/scale", "layer04/scale"}},
		{"mlp", "hard-tanh", "{name: lecun-normal, gain: 100000}", "float32", 3, "layer03", record.FlatFunction, nil},
		{"mlp", "hard-tanh", "{name: lecun-normal, gain: 100000}", "float64", 3, "layer03", record.FlatFunction, nil},
		{"mlp", "sigmoid", "glorot-normal", "float32", 90, "", record.Underflow, nil},
		{"mlp", "sigmoid", "{name: glorot-normal, gain: 0.01}", "float64", 130, "", record.Underflow, nil},
	} {
		s := parse(t, fmt.Sprintf("name: zero\ntask: digits\nbudget: {steps: 1, batch: 16}\nseeds: 1\ngrid: {depth: %d, width: 16, activation: %s, initializer: %s, model: %s, dtype: %s, optimizer: sgd}\n",
			c.depth, c.activation, c.initializer, c.model, c.dtype))
		r, err := study.Execute(context.Background(), s.Configs[0], nil)
		if err != nil {
			t.Fatal(err)
		}
		z := r.Summary.ZeroGradient
		if (z == nil) != (c.cause == "") {
			t.Errorf("%s, %s: %+v, want the cause %q", c.model, c.activation, z, c.cause)
		}
		if z == nil {
			continue
		}
		if z.Cause != c.cause || c.layer != "" && z.Layer != c.layer || z.Problem != "" || !containsAll(z.Parameters, c.parameters) || len(c.parameters) == 0 && len(z.Parameters) > 0 {
			t.Errorf("%s, %s: %+v, want %s in %s by %v", c.model, c.activation, *z, c.cause, c.layer, c.parameters)
		}
		if z.Cause == record.Underflow && c.dtype == "float32" && !(float64(z.Gradient) > -300 && float64(z.Gradient) < -37) {
			t.Errorf("%s: in float64 the gradient of %s is 1e%g, want one too small for float32", c.activation, z.Layer, float64(z.Gradient))
		}
		if z.Cause != record.Underflow && !math.IsNaN(float64(z.Gradient)) {
			t.Errorf("%s: a gradient of 1e%g", c.activation, float64(z.Gradient))
		}
		t.Log(z.Sentence(c.dtype))
	}
}

func containsAll(list, want []string) bool {
	for _, w := range want {
		if !slices.Contains(list, w) {
			return false
		}
	}
	return true
}
