package optimizers

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
)

// TestSeparable steps two parameters together, and beside that one after the other in
// the other order: whoever says that this makes no difference is held to it, to the
// bit.
func TestSeparable(t *testing.T) {
	var not []string
	texts := append(Catalogue.Names(),
		"partition(rules=[{pattern=a,optimizer=smorms3},{pattern=*,optimizer=irprop-minus}])",
		"partition(rules=[{pattern=a,optimizer=smorms3},{pattern=*,optimizer=vsgd-fd}])",
		"chain(optimizer=sgd)", "sgd(momentum=0.9,nesterov=true)", "rmsprop(eps-inside=true,centered=true,momentum=0.5)")
	for _, text := range texts {
		if text == "chain" || text == "partition" { // which need more
			continue
		}
		if !IsSeparable(mustMake(t, text)) {
			not = append(not, text)
			continue
		}
		for _, typ := range types {
			together, apart := mustMake(t, text), mustMake(t, text)
			r := rand.New(rand.NewPCG(1, 2))
			numbers := func(n int) []float64 {
				x := make([]float64, n)
				for i := range x {
					x[i] = float64(float32(r.NormFloat64()))
				}
				return x
			}
			wa, wb := numbers(6), numbers(12)
			make2 := func() (a, b *parameter) {
				return newParameter("a", typ.dt, wa, 2, 3), newParameter("b", typ.dt, wb, 3, 4)
			}
			a1, b1 := make2()
			a2, b2 := make2()
			for s, ps := range map[gorgonia.Solver][]gorgonia.ValueGrad{together: {a1, b1}, apart: {a2, b2}} {
				if err := Prepare(s, ps); err != nil {
					t.Fatal(err)
				}
			}
			for i := range 5 {
				ga, gb := numbers(6), numbers(12)
				set(a1.grad, ga)
				set(a2.grad, ga)
				set(b1.grad, gb)
				set(b2.grad, gb)
				batch := Batch{Size: 4, Loss: float64(i)}
				for _, err := range []error{step(together, batch, a1, b1), step(apart, batch, b2), step(apart, batch, a2)} {
					if err != nil {
						t.Fatalf("%s: %v", text, err)
					}
				}
				if !slices.Equal(get(a1.value), get(a2.value)) || !slices.Equal(get(b1.value), get(b2.value)) {
					t.Errorf("%s, %v, step %d: together %v %v, apart %v %v", text, typ.dt, i,
						get(a1.value), get(b1.value), get(a2.value), get(b2.value))
				}
			}
		}
	}
	want := []string{"vsgd-l", "vsgd-b", "vsgd-g", "vsgd-fd",
		"partition(rules=[{pattern=a,optimizer=smorms3},{pattern=*,optimizer=vsgd-fd}])", "chain(optimizer=sgd)"}
	slices.Sort(want)
	slices.Sort(not)
	if !slices.Equal(not, want) {
		t.Errorf("not separable are %v, want %v", not, want)
	}
}

func TestNonFiniteError(t *testing.T) {
	err := error(&NonFiniteError{"layer01/weight", "element 1 of 2 is NaN"})
	if !errors.Is(err, ErrNonFinite) || err.Error() != "parameter layer01/weight: element 1 of 2 is NaN: gradient is not finite" {
		t.Error(err)
	}
}
