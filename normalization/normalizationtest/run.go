package normalizationtest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/internal/suite"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/vm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Run tests n, as subtests of t. variants are normalisations of the same kind with
// other settings; one without settings has none.
func Run(t *testing.T, n normalization.Normalization, variants ...normalization.Normalization) {
	t.Helper()
	if n == nil {
		t.Fatal("the normalisation is nil")
	}
	t.Run("name", func(t *testing.T) { suite.Name(t, n.Name()) })
	t.Run("node", func(t *testing.T) { node(t, n) })
	if t.Failed() {
		return // the other checks need a node
	}
	if s := n.Site(); s < normalization.PreActivation || s > normalization.Distance {
		t.Fatalf("%v is not a place in a layer", s)
	}
	t.Run("gradients", func(t *testing.T) { gradients(t, n) })
	t.Run("invariance", func(t *testing.T) { invariance(t, n) })
	t.Run("float types", func(t *testing.T) { floatTypes(t, n) })
	for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
		t.Run(fmt.Sprint(dtype), func(t *testing.T) {
			t.Run("nothing varies", func(t *testing.T) { constant(t, n, dtype) })
			t.Run("evaluation", func(t *testing.T) { evaluation(t, n, dtype) })
			t.Run("distinct", func(t *testing.T) { distinct(t, append(variants, n), dtype) })
			t.Run("repeated", func(t *testing.T) { repeated(t, n, dtype) })
			t.Run("allocations", func(t *testing.T) { allocations(t, n, dtype) })
		})
	}
}

// bed is a network that is nothing but normalisations of one matrix, a parameter
// called x.
type bed struct {
	*models.Network
	y      []*G.Node
	inputs *tensor.Dense
}

type model struct {
	list []normalization.Normalization
	x    []float64
	y    []*G.Node
}

func (m *model) Layout(b *models.Builder, _ *G.Node) (*G.Node, error) {
	rows, cols := b.Shape().Batch, b.Shape().Outputs
	x, err := b.Learnable("x", func(x []float64) { copy(x, m.x) }, rows, cols)
	if err != nil {
		return nil, err
	}
	var sum *G.Node
	for i, n := range m.list {
		layer := fmt.Sprintf("layer%02d", i+1)
		normalize := func() (*G.Node, error) { return b.Normalize(n, n.Site(), layer, x) }
		if _, ok := n.(normalization.Spaced); ok { // all of these layers have it
			normalize = func() (*G.Node, error) { return n.Normalize(b, layer, x) }
		}
		y, err := normalize()
		if err != nil {
			return nil, err
		}
		m.y = append(m.y, y)
		if sum == nil {
			sum = y
		} else if sum, err = G.Add(sum, y); err != nil {
			return nil, err
		}
	}
	return sum, nil
}

// newBed lays normalisations out on x, of this many columns.
func newBed(t *testing.T, p *models.Parameters, training bool, x []float64, cols int, list ...normalization.Normalization) *bed {
	t.Helper()
	m := &model{list: list, x: x}
	shape := models.Shape{Inputs: 1, Outputs: cols, Batch: len(x) / cols, Loss: models.MeanSquaredError}
	network, err := models.Build(m, shape, p, training)
	if err != nil {
		t.Fatalf("%d rows, %d columns, training %v: %v", shape.Batch, cols, training, err)
	}
	b := &bed{Network: network, y: m.y, inputs: p.Tensor("x")}
	set(b.Target.Value().(*tensor.Dense), random(99, len(x)))
	return b
}

func parameters(t *testing.T, dtype tensor.Dtype) *models.Parameters {
	t.Helper()
	p, err := models.NewParameters(dtype, 1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// disturb moves all parameters but x away from their first values.
func (b *bed) disturb() {
	for i, l := range b.Learnables {
		if l.Name() != "x" {
			v := floats(l.Value())
			for k := range v {
				v[k] += 0.3 * math.Sin(float64(3*i+k))
			}
			set(l.Value().(*tensor.Dense), v)
		}
	}
}

func (b *bed) train(t *testing.T) *vm.Machine {
	t.Helper()
	m, err := b.TrainingMachine(b.y...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func run(t testing.TB, m *vm.Machine) {
	t.Helper()
	if err := m.RunAll(); err != nil {
		t.Fatal(err)
	}
}

// columns returns the least number of columns, from a number on, that the groups of all of these
// divide into four or more each: of two a norm leaves ±1.
func columns(least int, list ...normalization.Normalization) int {
	fits := func(cols int) bool {
		return !slices.ContainsFunc(list, func(n normalization.Normalization) bool {
			g, ok := n.(normalization.Grouped)
			return ok && (cols%g.Groups() != 0 || cols < 4*g.Groups())
		})
	}
	for !fits(least) {
		least++
	}
	return least
}

// numbers returns what n may be given: of squared distances, only positive ones.
func numbers(n normalization.Normalization, seed uint64, rows, cols int, shift, scale float64) []float64 {
	x := random(seed, rows*cols)
	for i := range x {
		x[i] = shift + scale*x[i]*(1+float64(i%cols))*(1+float64(i/cols%3))
		if n.Site() == normalization.Distance {
			x[i] = math.Abs(x[i]) + 0.1
		}
		x[i] = float64(float32(x[i]))
	}
	return x
}

func random(seed uint64, n int) []float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]float64, n)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return x
}

// node builds the least that there is.
func node(t *testing.T, n normalization.Normalization) {
	for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
		m := &model{list: []normalization.Normalization{n}, x: numbers(n, 1, 3, columns(4, n), 0, 1)}
		if _, err := models.Build(m, models.Shape{Inputs: 1, Outputs: columns(4, n), Batch: 3, Loss: models.MeanSquaredError}, parameters(t, dtype), true); err != nil {
			t.Errorf("%v: %v", dtype, err)
		}
	}
}

func gradients(t *testing.T, n normalization.Normalization) {
	var wrong suite.Faults
	defer wrong.Report(t)
	for _, shape := range [][2]int{{6, 5}, {3, 2}, {4, 9}} {
		shape[1] = columns(shape[1], n)
		p := parameters(t, tensor.Float64)
		b := newBed(t, p, true, numbers(n, 1, shape[0], shape[1], 0.5, 1), shape[1], n)
		b.disturb()
		m := b.train(t)
		loss := func() float64 {
			run(t, m)
			return float64(*b.Loss.Value().(*G.F64))
		}
		loss()
		got := b.gradients(t)
		largest := 0.
		for _, g := range got {
			for _, v := range g {
				largest = max(largest, math.Abs(v))
			}
		}
		for i, l := range b.Learnables {
			w := l.Value().(*tensor.Dense).Float64s()
			for k := range w {
				was, h := w[k], 1e-4*max(0.1, math.Abs(w[k]))
				at := func(steps float64) float64 {
					w[k] = was + steps*h
					defer func() { w[k] = was }()
					return loss()
				}
				slope := (8*(at(1)-at(-1)) - (at(2) - at(-2))) / (12 * h)
				if !(math.Abs(slope-got[i][k]) <= 1e-6*(largest+math.Abs(slope))) {
					wrong.Add(slope-got[i][k], "shape %v: gradient of %s[%d] is %g, the slope %g", shape, l.Name(), k, got[i][k], slope)
				}
			}
		}
	}
}

func (b *bed) gradients(t *testing.T) [][]float64 {
	t.Helper()
	var list [][]float64
	for _, l := range b.Learnables {
		g, err := l.Grad()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, floats(g))
	}
	return list
}

// constant has no variation, in two sizes.
func constant(t *testing.T, n normalization.Normalization, dtype tensor.Dtype) {
	var wrong suite.Faults
	defer wrong.Report(t)
	for _, value := range []float64{0, 1, 1e-3} {
		p := parameters(t, dtype)
		cols := columns(5, n)
		b := newBed(t, p, true, numbers(n, 1, 6, cols, 0, 1), cols, n)
		fill := make([]float64, 6*cols)
		for i := range fill {
			fill[i] = value
		}
		set(b.inputs, fill)
		run(t, b.train(t))
		for i, g := range append(b.gradients(t), floats(b.y[0].Value())) {
			for k, v := range g {
				if v-v != 0 {
					what := "the result"
					if i < len(b.Learnables) {
						what = "the gradient of " + b.Learnables[i].Name()
					}
					wrong.Add(v, "where all numbers are %g, element %d of %s is %g", value, k, what, v)
				}
			}
		}
	}
}

// invariance checks that n normalises something: that at least one of six changes of x leaves
// the result unchanged, another size or another offset of each row, of each column or of all.
// Division by any norm, such as x/mean|x|, passes by size; subtraction of a mean alone passes
// by offset. That is weaker than a check of moments, mean 0 and variance 1, which such
// normalisations need not give: it does not tell whether the size is right, nor whether what
// the name promises is normalised. A test of your own should check that. The result must also
// depend on x by more than its signs.
func invariance(t *testing.T, n normalization.Normalization) {
	if e, ok := n.(normalization.Elementwise); ok {
		elementwise(t, e)
		return
	}
	rows, cols := 7, columns(5, n)
	b := newBed(t, parameters(t, tensor.Float64), true, numbers(n, 1, rows, cols, 0, 1e4), cols, n) // large, for an ε to be small
	m := b.train(t)
	result := func(x []float64) []float64 {
		set(b.inputs, x)
		run(t, m)
		return floats(b.y[0].Value())
	}
	x := floats(b.inputs)
	y := result(x)
	largest, slope := 0., 0.
	for _, v := range y {
		largest = max(largest, math.Abs(v))
	}
	for i, l := range b.Learnables {
		if l.Name() == "x" {
			for k, g := range b.gradients(t)[i] {
				slope = max(slope, math.Abs(g*x[k]))
			}
		}
	}
	// The loss is the mean of (y - t)², t about 1: its slope by log x is of the order of y.
	if !(slope > 1e-4*min(largest, largest*largest)/float64(rows*cols)) {
		t.Errorf("the result does not depend on x but by signs: its slope by log x is %g", slope)
	}
	changes := map[string]func(i int) (factor, offset float64){
		"size of rows":      func(i int) (factor, offset float64) { return 1 + 0.5*float64(i/cols%3), 0 },
		"size of columns":   func(i int) (factor, offset float64) { return 1 + 0.5*float64(i%cols%3), 0 },
		"size":              func(int) (factor, offset float64) { return 1.7, 0 },
		"offset of rows":    func(i int) (factor, offset float64) { return 1, 1e4 * float64(i/cols%3) },
		"offset of columns": func(i int) (factor, offset float64) { return 1, 1e4 * float64(i%cols%3) },
		"offset":            func(int) (factor, offset float64) { return 1, 1e4 },
	}
	least := math.Inf(1)
	for _, change := range changes {
		other := slices.Clone(x)
		for i := range other {
			factor, offset := change(i)
			other[i] = factor*other[i] + offset
		}
		worst := 0.
		for i, v := range result(other) {
			d := math.Abs(v - y[i])
			if v-v != 0 {
				d = math.Inf(1)
			}
			worst = max(worst, d)
		}
		least = min(least, worst)
	}
	if !(least <= 1e-4*largest) {
		t.Errorf("nothing is normalised: the result changes, by at least %.2g of %.2g, with the size and with the offset of rows, columns and all", least, largest)
	}
}

// elementwise checks that n is a bounded function of each element.
func elementwise(t *testing.T, n normalization.Elementwise) {
	rows, cols := 7, columns(5, n)
	b := newBed(t, parameters(t, tensor.Float64), true, numbers(n, 1, rows, cols, 0, 0.1), cols, n) // small, for no function to have rounded to its bound
	m := b.train(t)
	result := func(x []float64) []float64 {
		set(b.inputs, x)
		run(t, m)
		return floats(b.y[0].Value())
	}
	x := floats(b.inputs)
	y := result(x)
	for i := range x {
		other := slices.Clone(x)
		other[i] += 0.05
		for k, v := range result(other) {
			if (v != y[k]) != (k == i) {
				t.Fatalf("it says that it is a function of each element: with another element %d, element %d of the result is %g, was %g", i, k, v, y[k])
			}
		}
	}
	bound := func(scale float64) (largest float64) {
		other := slices.Clone(x)
		for i := range other {
			other[i] *= scale
		}
		for _, v := range result(other) {
			largest = max(largest, math.Abs(v))
		}
		return largest
	}
	if a, z := bound(1e6), bound(1e12); !(math.Abs(a-z) <= 1e-6*a) {
		t.Errorf("it does not bound elements: the largest of the result is %g for some numbers, and %g for a million times these", a, z)
	}
}

func floatTypes(t *testing.T, n normalization.Normalization) {
	var wrong suite.Faults
	defer wrong.Report(t)
	var results [2][][]float64
	for i, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
		cols := columns(6, n)
		b := newBed(t, parameters(t, dtype), true, numbers(n, 3, 8, cols, 1, 2), cols, n)
		b.disturb()
		run(t, b.train(t))
		results[i] = append(b.gradients(t), floats(b.y[0].Value()))
	}
	for i := range results[0] {
		largest := 0.
		for _, v := range results[0][i] {
			largest = max(largest, math.Abs(v))
		}
		for k, want := range results[0][i] {
			if got := results[1][i][k]; !(math.Abs(got-want) <= 1e-5*largest+1e-7) {
				wrong.Add(got-want, "result %d, element %d: %g in float32, %g in float64", i, k, got, want)
			}
		}
	}
}

// evaluation settles the statistics on one batch and evaluates the same.
func evaluation(t *testing.T, n normalization.Normalization, dtype tensor.Dtype) {
	var wrong suite.Faults
	defer wrong.Report(t)
	rows, cols := 40, columns(5, n)
	p := parameters(t, dtype)
	x := numbers(n, 4, rows, cols, 1, 1)
	b := newBed(t, p, true, x, cols, n)
	m := b.train(t)
	for range 500 {
		run(t, m)
		if err := b.AfterStep(); err != nil {
			t.Fatal(err)
		}
	}
	want := floats(b.y[0].Value())
	largest := 0.
	for _, v := range want {
		largest = max(largest, math.Abs(v))
	}
	e := newBed(t, p, false, x, cols, n)
	evaluate, err := e.EvaluationMachine()
	if err != nil {
		t.Fatal(err)
	}
	run(t, evaluate)
	got := floats(e.Output.Value())
	for i := range want {
		// The running variance is the unbiased one: deviations are √(B/(B-1)) of the batch's.
		if !(math.Abs(got[i]-want[i]) <= 1.1*largest/float64(2*(rows-1))) {
			wrong.Add(got[i]-want[i], "element %d is %g in evaluation, %g in training on the same batch", i, got[i], want[i])
		}
	}
	if n.Site() == normalization.Weight {
		return
	}
	// The first example has no influence on the others.
	changed := floats(e.inputs)
	for k := range cols {
		changed[k] += 5
	}
	set(e.inputs, changed)
	run(t, evaluate)
	for i, v := range floats(e.Output.Value()) {
		if i >= cols && v != got[i] {
			t.Errorf("in evaluation, example %d depends on example 0", i/cols)
			break
		}
	}
	if _, err := models.Build(&model{list: []normalization.Normalization{n}, x: x[:cols]},
		models.Shape{Inputs: 1, Outputs: cols, Batch: 1, Loss: models.MeanSquaredError}, parameters(t, dtype), false); err != nil {
		t.Errorf("evaluation of one example: %v", err)
	}
}

// distinct has all on one input, in one graph, and each by itself.
func distinct(t *testing.T, list []normalization.Normalization, dtype tensor.Dtype) {
	n := list[0]
	list = append(list, n) // the same once more, with parameters of its own
	cols := columns(5, list...)
	x := numbers(n, 5, 6, cols, 1, 1)
	together := newBed(t, parameters(t, dtype), true, x, cols, list...)
	run(t, together.train(t))
	for i, n := range list {
		alone := newBed(t, parameters(t, dtype), true, x, cols, n)
		run(t, alone.train(t))
		want := floats(alone.y[0].Value())
		for k, got := range floats(together.y[i].Value()) {
			if math.Float64bits(got) != math.Float64bits(want[k]) {
				t.Errorf("%s, number %d of %d in a graph: element %d is %g, alone %g", n.Name(), i+1, len(list), k, got, want[k])
				break
			}
		}
	}
}

func repeated(t *testing.T, n normalization.Normalization, dtype tensor.Dtype) {
	var wrong suite.Faults
	defer wrong.Report(t)
	cols := columns(5, n)
	b := newBed(t, parameters(t, dtype), true, numbers(n, 6, 6, cols, 1, 1), cols, n)
	before := floats(b.inputs)
	m := b.train(t)
	run(t, m)
	first := append(b.gradients(t), floats(b.y[0].Value()), floats(b.inputs))
	run(t, m)
	second := append(b.gradients(t), floats(b.y[0].Value()), before)
	for i := range first {
		for k := range first[i] {
			if math.Float64bits(first[i][k]) != math.Float64bits(second[i][k]) {
				wrong.Add(first[i][k]-second[i][k], "result %d, element %d: %g, then %g", i, k, first[i][k], second[i][k])
			}
		}
	}
}

// stock reports whether an operation of Gorgonia's own is at work.
func stock(b *bed) bool {
	for _, n := range b.Graph.AllNodes() {
		if op := n.Op(); op != nil {
			typ := reflect.TypeOf(op)
			if typ.Kind() == reflect.Pointer {
				typ = typ.Elem()
			}
			if strings.HasPrefix(typ.PkgPath(), "gorgonia.org/gorgonia") && typ.Name() != "constantScalar" {
				return true
			}
		}
	}
	return false
}

func floats(v G.Value) []float64 {
	d := v.(*tensor.Dense)
	if d.Dtype() == tensor.Float64 {
		return append([]float64(nil), d.Float64s()...)
	}
	list := make([]float64, len(d.Float32s()))
	for i, x := range d.Float32s() {
		list[i] = float64(x)
	}
	return list
}

func set(t *tensor.Dense, x []float64) {
	for i, v := range x {
		if t.Dtype() == tensor.Float64 {
			t.Float64s()[i] = v
		} else {
			t.Float32s()[i] = float32(v)
		}
	}
}
