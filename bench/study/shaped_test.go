package study_test

import (
	"context"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/study"
)

// TestShapedWhereDefined: shapes for a depth are fitted where the layers between keep what they are
// for, and refused with the reason elsewhere, unless a depth is given.
func TestShapedWhereDefined(t *testing.T) {
	for _, c := range []struct{ f, with, want string }{
		{"{name: dks, of: sigmoid}", "normalization: layer-norm", ""},
		{"{name: dks, of: sigmoid}", "normalization: batch-norm", "in common"},
		{"{name: dks, of: sigmoid, depth: 3}", "normalization: batch-norm", ""},
		{"{name: dks, of: sigmoid}", "normalization: {name: layer-norm, gamma: 0.5}", "gamma 0.5 and beta 0"},
		{"{name: dks, of: sigmoid}", "normalization: {name: layer-norm, working-point: true}", "gamma and beta for the nonlinearity"},
		{"{name: dks, of: sigmoid}", "normalization: derf", "a nonlinearity of its own"},
		{"tailored-relu", "model: highway", "do not add to 1"},
	} {
		text := strings.NewReplacer("depth: [1, 3]", "depth: 3", "activation: tanh", "activation: "+c.f, "optimizer:\n", c.with+"\n  optimizer:\n").Replace(small)
		if strings.HasPrefix(c.with, "model") {
			text = strings.Replace(text, "  model: mlp\n", "", 1)
		}
		_, err := study.Parse(context.Background(), "small.yaml", []byte(text))
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s with %s: %v, want %q", c.f, c.with, err, c.want)
		}
	}
}
