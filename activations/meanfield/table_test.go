package meanfield_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/gradflow/gradflow/catalogue"
)

var update = flag.Bool("update", false, "write the table in doc.go")

// TestTable checks the table of critical points in the package's documentation, or
// writes it: go test -run Table -update.
func TestTable(t *testing.T) {
	const head = "//	activation      σ_b² = 0                     σ_b² = 0.05\n"
	var table strings.Builder
	for _, name := range activations.Catalogue.Names() {
		a, err := activations.Catalogue.Make(catalogue.Choice{Name: name})
		if err != nil {
			continue // it has no meaning without settings
		}
		if _, ok := a.(*activations.Transformed); ok {
			continue // made for one pair of variances
		}
		f, ok := a.(activations.Scalar)
		if !ok {
			continue // not element-wise
		}
		m := field(t, f)
		fmt.Fprintf(&table, "//	%-15s %-28s %s\n", name, cell(t, m, 0), cell(t, m, 0.05))
	}
	data, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(data), head)
	old, after, ended := strings.Cut(rest, "//\n")
	if !found || !ended {
		t.Fatal("doc.go has no table")
	}
	if old == table.String() {
		return
	}
	if !*update {
		t.Fatalf("the table in doc.go is not current (go test -run Table -update writes it); it should be\n%s", table.String())
	}
	if err := os.WriteFile("doc.go", []byte(before+head+table.String()+"//\n"+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// cell describes the critical point at a variance of the biases.
func cell(t *testing.T, m *meanfield.Field, bias float64) string {
	c, err := m.Critical(bias)
	var none *meanfield.NoCritical
	switch {
	case err == nil && c.Neutral:
		return fmt.Sprintf("%.4f (any q*)", c.Weight)
	case err == nil:
		return fmt.Sprintf("%.4f (q* = %.3g)", c.Weight, c.Q)
	case !errors.As(err, &none):
		t.Error(err)
		return err.Error()
	case none.Below == nil:
		return "none"
	case none.Above != nil:
		return fmt.Sprintf("none: χ₁ jumps from %.3g to %.3g", none.Below.Chi1, none.Above.Chi1)
	case none.Below.Limit:
		return fmt.Sprintf("none: χ₁ → %.2g at %.4g", none.Below.Chi1, none.Below.Weight)
	}
	return fmt.Sprintf("none: χ₁ ≤ %.3g", none.Below.Chi1)
}
