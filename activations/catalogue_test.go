package activations_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
)

// TestText reads activations as studies and flags write them.
func TestText(t *testing.T) {
	for _, c := range []struct {
		v      any
		name   string
		learns string
		at1    float64
	}{
		{"tanh", "tanh", "", 0.7615941559557649},
		{"elu(alpha=2)", "elu", "", 1},
		{"2*z", "2*z", "", 2},
		{"max(z, 0.25*z)", "max(z, 0.25*z)", "", 1},
		{map[string]any{"name": "formula", "of": "a*z^2 + b*z", "a": 2, "b": 0.5}, "a*z^2 + b*z", "", 2.5},
		{map[string]any{"name": "formula", "of": "a*z + b", "a": 2, "b": 0, "learn": "unit"}, "a*z + b", "a:unit b:unit", 2},
		{map[string]any{"name": "formula", "of": "a*z + b*z", "learn": "layer", "a": 2, "b": map[string]any{"start": 1, "learn": "none"}}, "a*z + b*z", "a:layer", 3},
		{"formula(of=\"a*z\",a={start=3,learn=layer,regulariser=l2,coefficient=0.1})", "a*z", "a:layer*", 3},
		{"scaled(of=\"z^3\",a=2,learn=unit)", "scaled(z^3)", "a:unit", 2},
		{"scaled(of=tanh,a=2,learn=layer,regulariser=product,coefficient=1e-3)", "scaled(tanh)", "a:layer*", 1.5231883119115297},
	} {
		choice, err := activations.Catalogue.Read(c.v)
		if err != nil {
			t.Errorf("%v: %v", c.v, err)
			continue
		}
		a, err := activations.Catalogue.Make(choice)
		if err != nil {
			t.Errorf("%v: %v", c.v, err)
			continue
		}
		var learns []string
		if p, ok := a.(activations.Parametric); ok {
			for _, p := range p.Parameters() {
				text := fmt.Sprintf("%s:%s", p.Name, p.Learn)
				if p.Penalty != nil {
					text += "*"
				}
				learns = append(learns, text)
			}
		}
		f, err := activations.ScalarOf(a)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(learns, " "); a.Name() != c.name || got != c.learns || f.F(1) != c.at1 {
			t.Errorf("%v: %s learns %q and is %v at 1, want %s, %q and %v", c.v, a.Name(), got, f.F(1), c.name, c.learns, c.at1)
		}
	}
	for _, c := range []struct {
		v    any
		want string
	}{
		{"tnah", `unknown activation "tnah"; did you mean tanh`},
		{"tanh(", `"tanh(": expected the name of a setting`},
		{"tanh(z", `activation formula: of: "tanh(z", column 7: expected an operator or the ")" of column 5`},
		{"3z", `"3z", column 2: an operator is missing: write 3*z`},
		{"1/z", `"1/z", column 2: division by zero at z = 0`},
		{"a*z", `unknown name "a": neither one of z, pi, e nor a parameter with a value`},
		{map[string]any{"name": "formula", "of": "tanh(z)", "a": 1}, `of: "tanh(z)": has no parameter "a"`},
		{map[string]any{"name": "formula", "of": "a*z", "a": "x"}, `a: "x" is not a number`},
		{map[string]any{"name": "formula", "of": "a*z", "a": 1, "learn": "units"}, `learn: "units": want layer, unit or none`},
		{map[string]any{"name": "formula", "of": "a*z", "a": map[string]any{"start": 1, "learn": "units"}}, `a.learn: "units": want`},
		{map[string]any{"name": "formula", "of": "a*z", "a": map[string]any{"start": 1, "regulariser": "l2", "coefficient": 1}}, "parameter a is fixed: a penalty has no effect"},
		{"scaled(of=tanh,regulariser=l3,coefficient=1)", `regulariser: regulariser "l3": want l2, log or product`},
		{"scaled(of=tanh,learn=unit,regulariser=l2)", "the regulariser l2 needs a coefficient"},
		{"scaled(of=tanh,learn=unit,coefficient=1)", "a coefficient without a regulariser"},
		{"scaled", "of: is required"},
		{"elu(alpha=-1)", "alpha: must be above 0"},
	} {
		choice, err := activations.Catalogue.Read(c.v)
		if err == nil {
			_, err = activations.Catalogue.Make(choice)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v, want %q", c.v, err, c.want)
		}
	}
}
