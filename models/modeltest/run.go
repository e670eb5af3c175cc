package modeltest

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gradflow/gradflow/internal/suite"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/vm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Run tests m for networks of shape s, as subtests of t. deeper are variants of m with more
// layers, whose starts do not depend on the depth.
func Run(t *testing.T, m models.Model, s models.Shape, deeper ...models.Model) {
	t.Helper()
	if m == nil {
		t.Fatal("the model is nil")
	}
	if !t.Run("build", func(t *testing.T) { build(t, m, s) }) {
		return // the other checks need a network
	}
	t.Run("layers", func(t *testing.T) { layers(t, m, s) })
	t.Run("gradients", func(t *testing.T) { gradients(t, m, s) })
	t.Run("float types", func(t *testing.T) { floatTypes(t, m, s) })
	t.Run("determinism", func(t *testing.T) { determinism(t, m, s) })
	t.Run("deeper", func(t *testing.T) { grow(t, m, s, deeper) })
	t.Run("evaluation", func(t *testing.T) { evaluation(t, m, s) })
	t.Run("starts", func(t *testing.T) { starts(t, m, s) })
	t.Run("hostile inputs", func(t *testing.T) { hostile(t, m, s) })
}

// examples is a stream of random inputs and of targets that fit every loss: one-hot in each
// step's block of outputs.
type examples struct {
	r *rand.Rand
	s models.Shape
}

func newExamples(s models.Shape) *examples { return &examples{rand.New(rand.NewPCG(5, 6)), s} }

func (e *examples) Next64(x, t []float64) error {
	for i := range x {
		x[i] = float64(float32(e.r.NormFloat64()))
	}
	block := e.s.Outputs / max(e.s.TargetSteps, 1)
	clear(t)
	for i := 0; i+block <= len(t); i += block {
		t[i+e.r.IntN(block)] = 1
	}
	return nil
}

func (e *examples) Next32(x, t []float32) error {
	wideX, wideT := make([]float64, len(x)), make([]float64, len(t))
	err := e.Next64(wideX, wideT)
	for i, v := range wideX {
		x[i] = float32(v)
	}
	for i, v := range wideT {
		t[i] = float32(v)
	}
	return err
}

func parameters(t *testing.T, dtype tensor.Dtype, seed uint64) *models.Parameters {
	t.Helper()
	p, err := models.NewParameters(dtype, seed)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// network builds m with data, and moves its parameters a little from where they start, as
// those that start at 0 hide gradients.
func network(t *testing.T, m models.Model, s models.Shape, p *models.Parameters, training bool) *models.Network {
	t.Helper()
	n, err := models.Build(m, s, p, training)
	if err != nil {
		t.Fatal(err)
	}
	x, target := n.Input.Value().(*tensor.Dense), n.Target.Value().(*tensor.Dense)
	if p.DType() == tensor.Float32 {
		err = newExamples(s).Next32(x.Float32s(), target.Float32s())
	} else {
		err = newExamples(s).Next64(x.Float64s(), target.Float64s())
	}
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 8))
	for _, name := range slices.Sorted(maps.Keys(n.Inputs)) {
		v := floats(n.Inputs[name].Value())
		for i := range v {
			v[i] = float64(float32(r.NormFloat64()))
		}
		set(n.Inputs[name].Value(), v)
	}
	return n
}

// disturb moves all parameters from their first values.
func disturb(n *models.Network) {
	for i, l := range n.Learnables {
		v := floats(l.Value())
		for k := range v {
			v[k] += float64(float32(0.1 * math.Sin(float64(3*i+k))))
		}
		set(l.Value(), v)
	}
}

func train(t *testing.T, n *models.Network) *vm.Machine {
	t.Helper()
	m, err := n.TrainingMachine(n.Output)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func run(t *testing.T, m *vm.Machine) {
	t.Helper()
	if err := m.RunAll(); err != nil {
		t.Fatal(err)
	}
}

func build(t *testing.T, m models.Model, s models.Shape) {
	for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
		p := parameters(t, dtype, 1)
		if _, err := models.Build(m, s, p, true); err != nil {
			t.Errorf("for training, %v: %v", dtype, err)
			continue
		}
		names := append(p.Names(), p.Statistics()...)
		if _, err := models.Build(m, s, p, false); err != nil {
			t.Errorf("for evaluation, with the parameters of training, %v: %v", dtype, err)
			continue
		}
		if now := append(p.Names(), p.Statistics()...); !slices.Equal(names, now) {
			t.Errorf("for evaluation it has the parameters %v, for training %v", now, names)
		}
		one := s
		one.Batch = 1
		if _, err := models.Build(m, one, p, false); err != nil {
			t.Errorf("evaluation of a batch of one example: %v", err)
		}
	}
}

// layers checks what the probes need.
func layers(t *testing.T, m models.Model, s models.Shape) {
	n := network(t, m, s, parameters(t, tensor.Float64, 1), true)
	if len(n.Layers) == 0 {
		t.Fatal("no layer is visible: add them by Builder.AddLayer, Dense or Output")
	}
	last := n.Layers[len(n.Layers)-1]
	if last.Function != "" || last.PreActivation != last.Activation {
		t.Errorf("the last layer, %s, is not an output layer: it has the nonlinearity %q", last.Name, last.Function)
	}
	in := map[*G.Node]bool{}
	for _, node := range n.Graph.AllNodes() {
		in[node] = true
	}
	for _, l := range n.Layers {
		if !in[l.PreActivation] || !in[l.Activation] || !in[l.Weight] {
			t.Errorf("%s: its pre-activation, activation or weight is not part of the graph", l.Name)
			continue
		}
		if n.Parameters.Tensor(l.Weight.Name()) == nil || !slices.Contains(n.Learnables, l.Weight) {
			t.Errorf("%s: its weight, %s, is not one of the parameters", l.Name, l.Weight.Name())
		}
		if l.PreActivation.Deriv() == nil {
			t.Errorf("%s: the loss does not depend on its pre-activation: it has no gradient", l.Name)
		}
		for _, g := range l.Gates {
			switch {
			case !in[g.PreActivation]:
				t.Errorf("%s: the pre-activation of its gate %s is not part of the graph", l.Name, g.Name)
			case g.PreActivation.Deriv() == nil:
				t.Errorf("%s: the loss does not depend on the pre-activation of its gate %s: it has no gradient", l.Name, g.Name)
			}
		}
	}
	run(t, train(t, n))
	for _, l := range n.Learnables {
		if l.Deriv() == nil {
			t.Errorf("the loss does not depend on the parameter %s: it has no gradient", l.Name())
		}
	}
}

func gradients(t *testing.T, m models.Model, s models.Shape) {
	var wrong suite.Faults
	defer wrong.Report(t)
	n := network(t, m, s, parameters(t, tensor.Float64, 1), true)
	disturb(n)
	machine := train(t, n)
	loss := func() float64 {
		run(t, machine)
		return float64(*n.Loss.Value().(*G.F64))
	}
	loss()
	got := make([][]float64, len(n.Learnables))
	largest := 0.
	for i, l := range n.Learnables {
		g, err := l.Grad()
		if err != nil {
			t.Fatal(err)
		}
		got[i] = floats(g)
		for _, v := range got[i] {
			largest = max(largest, math.Abs(v))
		}
	}
	for i, l := range n.Learnables {
		w := l.Value().(*tensor.Dense).Float64s()
		for k := range w {
			was := w[k]
			slope := func(h float64) float64 {
				at := func(steps float64) float64 {
					w[k] = was + steps*h
					defer func() { w[k] = was }()
					return loss()
				}
				return (8*(at(1)-at(-1)) - (at(2) - at(-2))) / (12 * h)
			}
			off := func(h float64) float64 { return math.Abs(slope(h) - got[i][k]) }
			tolerance := 1e-6 * (largest + math.Abs(got[i][k]))
			if off(1e-3) <= tolerance || off(1e-5) <= tolerance { // a kink may be near
				continue
			}
			wrong.Add(off(1e-5), "the gradient of %s[%d] is %g, the slope %g", l.Name(), k, got[i][k], slope(1e-5))
		}
	}
}

// state is all that a step computes: the output, the loss and the gradients.
func state(t *testing.T, n *models.Network) (names []string, values [][]float64) {
	t.Helper()
	run(t, train(t, n))
	names, values = []string{"the output"}, [][]float64{floats(n.Output.Value())}
	for _, l := range n.Learnables {
		g, err := l.Grad()
		if err != nil {
			t.Fatal(err)
		}
		names, values = append(names, "the gradient of "+l.Name()), append(values, floats(g))
	}
	return names, values
}

func floatTypes(t *testing.T, m models.Model, s models.Shape) {
	var wrong suite.Faults
	defer wrong.Report(t)
	double, single := network(t, m, s, parameters(t, tensor.Float64, 1), true), network(t, m, s, parameters(t, tensor.Float32, 1), true)
	for _, name := range double.Parameters.Names() {
		other := single.Parameters.Tensor(name)
		if other == nil {
			t.Fatalf("there is no parameter %s in float32", name)
		}
		narrow := floats(other)
		for k, v := range floats(double.Parameters.Tensor(name)) {
			if !(math.Abs(narrow[k]-v) <= 0x1p-22*math.Abs(v)) { // what starts from weights is rounded twice
				wrong.Add(narrow[k]-v, "%s[%d] starts from %g in float32, %g in float64", name, k, narrow[k], v)
			}
		}
	}
	disturb(double)
	disturb(single)
	names, want := state(t, double)
	_, got := state(t, single)
	for i := range want {
		largest := 0.
		for _, v := range want[i] {
			largest = max(largest, math.Abs(v))
		}
		for k, v := range want[i] {
			if d := got[i][k] - v; !(math.Abs(d) <= 1e-3*largest+1e-5) {
				wrong.Add(d, "%s, element %d, is %g in float32, %g in float64", names[i], k, got[i][k], v)
			}
		}
	}
}

func determinism(t *testing.T, m models.Model, s models.Shape) {
	var wrong suite.Faults
	defer wrong.Report(t)
	p := parameters(t, tensor.Float32, 1)
	n := network(t, m, s, p, true)
	start := map[string][]float64{}
	random := false // whether something is drawn
	for _, name := range p.Names() {
		start[name] = floats(p.Tensor(name))
	}
	again, other := parameters(t, tensor.Float32, 1), parameters(t, tensor.Float32, 2)
	second := network(t, m, s, again, true)
	network(t, m, s, other, true)
	for _, name := range p.Names() {
		if again.Tensor(name) == nil || other.Tensor(name) == nil {
			t.Errorf("the parameter %s is not there a second time", name)
			return
		}
		if !slices.Equal(start[name], floats(again.Tensor(name))) {
			t.Errorf("%s starts from other values a second time", name)
		}
		random = random || !slices.Equal(start[name], floats(other.Tensor(name)))
	}
	if !random {
		t.Error("another seed gives the same network")
	}
	for i, a := range p.Names() {
		for _, b := range p.Names()[:i] {
			if x := start[a]; p.Tensor(a).Dims() == 2 && slices.Equal(x, start[b]) && distinct(x) > 2 {
				t.Errorf("%s and %s start from the same numbers: draw each from Builder.Stream of its name", b, a)
			}
		}
	}
	names, first := state(t, n)
	_, repeated := state(t, n)
	_, rebuilt := state(t, second)
	for i := range first {
		for k, v := range first[i] {
			if math.Float64bits(v) != math.Float64bits(repeated[i][k]) {
				wrong.Add(v-repeated[i][k], "%s, element %d, is %g, then %g in a second run", names[i], k, v, repeated[i][k])
			}
			if math.Float64bits(v) != math.Float64bits(rebuilt[i][k]) {
				wrong.Add(v-rebuilt[i][k], "%s, element %d, is %g, then %g in a second network", names[i], k, v, rebuilt[i][k])
			}
		}
	}
}

// distinct counts the numbers in a matrix: up to two where it starts from zeros or from an
// identity.
func distinct(x []float64) int {
	seen := map[float64]bool{}
	for _, v := range x {
		seen[v] = true
	}
	return len(seen)
}

func grow(t *testing.T, m models.Model, s models.Shape, deeper []models.Model) {
	p := parameters(t, tensor.Float64, 1)
	network(t, m, s, p, false)
	for i, d := range deeper {
		q := parameters(t, tensor.Float64, 1)
		if _, err := models.Build(d, s, q, false); err != nil {
			t.Errorf("variant %d: %v", i+1, err)
			continue
		}
		if q.Count() <= p.Count() {
			t.Errorf("variant %d has %d parameters, no more than the %d of the model", i+1, q.Count(), p.Count())
		}
		for _, name := range p.Names() {
			own, other := p.Tensor(name), q.Tensor(name)
			if other != nil && other.Shape().Eq(own.Shape()) && !slices.Equal(floats(own), floats(other)) {
				t.Errorf("%s starts from other values in variant %d: draw each parameter from the stream of its name", name, i+1)
			}
		}
	}
}

// evaluation changes the first example and looks at the others.
func evaluation(t *testing.T, m models.Model, s models.Shape) {
	p := parameters(t, tensor.Float64, 1)
	n := network(t, m, s, p, false)
	disturb(n) // some start with outputs of 0
	machine, err := n.EvaluationMachine()
	if err != nil {
		t.Fatal(err)
	}
	run(t, machine)
	before := floats(n.Output.Value())
	if len(p.Statistics()) == 0 {
		trained := network(t, m, s, p, true)
		run(t, train(t, trained))
		for i, v := range floats(trained.Output.Value()) {
			if !(math.Abs(v-before[i]) <= 1e-12*(1+math.Abs(v))) && v == v {
				t.Errorf("output %d is %g in evaluation, %g in training with the same parameters", i, before[i], v)
				break
			}
		}
	}
	x := floats(n.Input.Value())
	for i := range s.Inputs {
		x[i] += 3
	}
	set(n.Input.Value(), x)
	run(t, machine)
	after := floats(n.Output.Value())
	for i := s.Outputs; i < len(after); i++ {
		if after[i] != before[i] {
			t.Errorf("in evaluation, example %d depends on example 0", i/s.Outputs)
			break
		}
	}
	if slices.Equal(after[:s.Outputs], before[:s.Outputs]) {
		t.Error("the output does not depend on the input")
	}
	for _, name := range slices.Sorted(maps.Keys(n.Inputs)) {
		before := after
		x := floats(n.Inputs[name].Value())
		for i := range n.Inputs[name].Shape()[1] {
			x[i] += 3
		}
		set(n.Inputs[name].Value(), x)
		run(t, machine)
		after = floats(n.Output.Value())
		if slices.Equal(after[:s.Outputs], before[:s.Outputs]) {
			t.Errorf("the output does not depend on the input %s", name)
		}
		if !slices.Equal(after[s.Outputs:], before[s.Outputs:]) {
			t.Errorf("in evaluation, another example depends on the input %s of example 0", name)
		}
	}
}

func starts(t *testing.T, m models.Model, s models.Shape) {
	report := func() ([]models.Start, *models.Parameters) {
		t.Helper()
		p := parameters(t, tensor.Float64, 1)
		list, err := models.Prepare(m, s, p, newExamples(s))
		if err != nil {
			t.Fatalf("data-dependent starts: %v", err)
		}
		return list, p
	}
	list, p := report()
	n := network(t, m, s, p, false)
	for _, start := range list {
		if _, ok := n.Layer(start.Layer); !ok && p.Tensor(start.Layer+"/weight") == nil {
			t.Errorf("the initialisation reports %q, which is not a layer", start.Layer)
		}
		for _, name := range slices.Sorted(maps.Keys(start.Values)) {
			if v := start.Values[name]; v-v != 0 {
				t.Errorf("the start of %s reports %s = %g", start.Layer, name, v)
			}
		}
	}
	again, q := report()
	if fmt.Sprint(list) != fmt.Sprint(again) {
		t.Errorf("data-dependent starts report %v, then %v", list, again)
	}
	for _, name := range p.Names() {
		x := floats(p.Tensor(name))
		if !slices.Equal(x, floats(q.Tensor(name))) {
			t.Errorf("%s starts from other values a second time", name)
		}
		if i := slices.IndexFunc(x, func(v float64) bool { return v-v != 0 }); i >= 0 {
			t.Errorf("%s[%d] starts from %g", name, i, x[i])
		}
	}
}

func hostile(t *testing.T, m models.Model, s models.Shape) {
	for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
		n := network(t, m, s, parameters(t, dtype, 1), true)
		machine := train(t, n)
		for _, v := range []float64{0, 1e30, -1e30, math.Inf(1), math.NaN()} {
			set(n.Input.Value(), slices.Repeat([]float64{v}, s.Batch*s.Inputs))
			if err := machine.RunAll(); err != nil {
				t.Errorf("inputs of %g, %v: %v", v, dtype, err)
			}
			y := floats(n.Output.Value())
			switch i := slices.IndexFunc(y, func(y float64) bool { return y-y != 0 }); {
			case math.IsNaN(v) && i < 0:
				t.Errorf("inputs of NaN, %v: the output does not show it: it is %g", dtype, y[0])
			case v == 0 && i >= 0:
				t.Errorf("inputs of 0, %v: output %d is %g", dtype, i, y[i])
			}
		}
	}
}

func floats(v G.Value) []float64 {
	d := v.(*tensor.Dense)
	if d.Dtype() == tensor.Float64 {
		return slices.Clone(d.Float64s())
	}
	list := make([]float64, len(d.Float32s()))
	for i, x := range d.Float32s() {
		list[i] = float64(x)
	}
	return list
}

func set(v G.Value, x []float64) {
	d := v.(*tensor.Dense)
	for i, v := range x {
		if d.Dtype() == tensor.Float64 {
			d.Float64s()[i] = v
		} else {
			d.Float32s()[i] = float32(v)
		}
	}
}
