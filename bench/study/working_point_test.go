package study_test

import (
	"context"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/study"
)

// TestWorkingPoint: a norm that depends on the network is fitted to it, and the settings that
// norms have had since leave the hashes of others as they were.
func TestWorkingPoint(t *testing.T) {
	text := strings.NewReplacer("depth: [1, 3]", "depth: 3", "activation: tanh", "activation: gaussian", "optimizer:\n",
		"normalization: [batch-norm, {name: batch-norm, working-point: true}]\n  optimizer:\n").Replace(small)
	for _, c := range parse(t, text).Configs {
		a, err := study.Assemble(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Network(); err != nil {
			t.Fatal(err)
		}
		beta := a.Parameters.Tensor("layer02/beta").Float32s()[0]
		if fitted := len(c.Normalization.Settings) > 3; fitted != (beta != 0) {
			t.Errorf("%s starts from a beta of %g", c.Normalization, beta)
		}
	}
}

// TestGroups: a study is checked by networks that are narrower than its own, which groups divide.
func TestGroups(t *testing.T) {
	for groups, want := range map[string]string{"2": "", "4": "4 groups do not divide", "6": "groups of one unit"} {
		text := strings.NewReplacer("depth: [1, 3]", "depth: 3", "width: 8", "width: 6", "optimizer:\n",
			"normalization: {name: group-norm, groups: "+groups+"}\n  optimizer:\n").Replace(small)
		_, err := study.Parse(context.Background(), "small.yaml", []byte(text))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s groups of 6 units: %v, want %q", groups, err, want)
		}
	}
}
