package train_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/gradflow/gradflow/vm"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// stream gives random inputs whose class is the sign of their first element.
type stream struct{ r *rand.Rand }

func newStream(seed uint64) *stream { return &stream{rand.New(rand.NewPCG(seed, 0))} }

func (s *stream) Next64(x, t []float64) error { return next(s, x, t) }
func (s *stream) Next32(x, t []float32) error { return next(s, x, t) }

const inputs = 3

func next[F float32 | float64](s *stream, x, t []F) error {
	for i := range x {
		x[i] = F(s.r.NormFloat64())
	}
	for i := range len(t) / 2 {
		t[2*i], t[2*i+1] = 1, 0
		if x[inputs*i] < 0 {
			t[2*i], t[2*i+1] = 0, 1
		}
	}
	return nil
}

func network(t testing.TB, dtype tensor.Dtype, depth int) *models.Network {
	t.Helper()
	p, err := models.NewParameters(dtype, 1)
	if err != nil {
		t.Fatal(err)
	}
	n, err := models.Build(
		models.MLP{Depth: depth, Width: 8, Activation: activations.Tanh(), Initializer: initializers.GlorotNormal(1)},
		models.Shape{Inputs: inputs, Outputs: 2, Batch: 16, Loss: models.CrossEntropy}, p, true)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func sgd(t testing.TB, rate float64) G.Solver {
	t.Helper()
	s, err := optimizers.NewSGD(optimizers.SGDConfig{Rate: rate})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func loop(t testing.TB, n *models.Network, s G.Solver, steps int) *train.Loop {
	t.Helper()
	l, err := train.New(n, newStream(1), s, steps)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func run(t *testing.T, l *train.Loop) train.Result {
	t.Helper()
	r, err := l.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestLearns(t *testing.T) {
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		var first float64
		l := loop(t, network(t, dtype, 2), sgd(t, 0.5), 300)
		l.Hooks = append(l.Hooks, train.Hook{When: train.AtSteps(0), Before: func(s *train.State) error {
			first = s.Loss
			return nil
		}})
		r := run(t, l)
		if r.Status != train.Done || r.Steps != 300 || !(r.Loss < first/3) {
			t.Errorf("%v: %+v after a first loss of %g", dtype, r, first)
		}
	}
}

// TestOneStep compares a step with what sgd says it is: w - rate·gradient.
func TestOneStep(t *testing.T) {
	n := network(t, tensor.Float64, 1)
	l := loop(t, n, sgd(t, 0.25), 1)
	var want []float64
	l.Hooks = append(l.Hooks, train.Hook{Before: func(*train.State) error {
		g, err := n.Learnables[0].Grad()
		if err != nil {
			return err
		}
		for i, w := range n.Learnables[0].Value().(*tensor.Dense).Float64s() {
			want = append(want, w-0.25*g.(*tensor.Dense).Float64s()[i])
		}
		return nil
	}})
	run(t, l)
	for i, w := range n.Learnables[0].Value().(*tensor.Dense).Float64s() {
		if math.Abs(w-want[i]) > 1e-16 {
			t.Errorf("weight %d is %g, want %g", i, w, want[i])
		}
	}
}

func TestHooks(t *testing.T) {
	var order []string
	hook := func(name string, when train.Schedule) train.Hook {
		return train.Hook{When: when,
			Before: func(s *train.State) error { order = append(order, fmt.Sprint(name, "<", s.Step)); return nil },
			After:  func(s *train.State) error { order = append(order, fmt.Sprint(name, ">", s.Step)); return nil }}
	}
	l := loop(t, network(t, tensor.Float32, 1), sgd(t, 0.1), 3)
	l.Hooks = []train.Hook{hook("a", nil), hook("b", train.Every(2))}
	run(t, l)
	want := "a<0 b<0 a>1 b>1 a<1 a>2 a<2 b<2 a>3 b>3"
	if got := strings.Join(order, " "); got != want {
		t.Errorf("hooks were called as %s, want %s", got, want)
	}
	sentinel := errors.New("enough")
	l = loop(t, network(t, tensor.Float32, 1), sgd(t, 0.1), 3)
	l.Hooks = []train.Hook{{After: func(*train.State) error { return sentinel }}}
	if _, err := l.Run(context.Background()); !errors.Is(err, sentinel) {
		t.Errorf("a hook's error comes back as %v", err)
	}
}

func TestDivergence(t *testing.T) {
	t.Run("rate", func(t *testing.T) {
		r := run(t, loop(t, network(t, tensor.Float32, 3), sgd(t, 1e38), 50))
		if r.Status != train.Diverged || r.Steps > 5 || r.Reason == "" {
			t.Errorf("%+v", r)
		}
	})
	t.Run("layer", func(t *testing.T) {
		n := network(t, tensor.Float64, 4)
		l := loop(t, n, sgd(t, 0.1), 10)
		l.Hooks = []train.Hook{{When: train.AtSteps(3), After: func(*train.State) error {
			layer, _ := n.Layer("layer03")
			layer.Weight.Value().(*tensor.Dense).Float64s()[5] = math.NaN()
			return nil
		}}}
		r := run(t, l)
		if r.Status != train.Diverged || r.Steps != 4 || r.Layer != "layer03" {
			t.Errorf("a NaN in layer03 after 4 updates: %+v", r)
		}
	})
	t.Run("gradient", func(t *testing.T) {
		r := run(t, loop(t, network(t, tensor.Float64, 1), strict{}, 10))
		if r.Status != train.Diverged || r.Steps != 0 || !strings.Contains(r.Reason, "layer01/weight") {
			t.Errorf("a gradient that is not finite: %+v", r)
		}
	})
	t.Run("exploded", func(t *testing.T) {
		n := network(t, tensor.Float64, 1)
		l := loop(t, n, sgd(t, 1e-9), 10)
		l.Hooks = []train.Hook{{When: train.AtSteps(1), After: func(*train.State) error {
			layer, _ := n.Layer("output")
			for i := range layer.Weight.Value().(*tensor.Dense).Float64s() {
				layer.Weight.Value().(*tensor.Dense).Float64s()[i] *= 1e7
			}
			return nil
		}}}
		r := run(t, l)
		if r.Status != train.Diverged || r.Steps != 2 || r.Layer != "" || !strings.Contains(r.Reason, "rose") {
			t.Errorf("weights times 1e7: %+v", r)
		}
	})
	t.Run("gradient", func(t *testing.T) {
		n := network(t, tensor.Float64, 2)
		l := loop(t, n, sgd(t, 0.1), 10)
		l.Hooks = []train.Hook{{When: train.AtSteps(2), Before: func(*train.State) error {
			layer, _ := n.Layer("layer02")
			g, err := layer.Weight.Grad()
			g.(*tensor.Dense).Float64s()[0] = math.Inf(1)
			return err
		}}}
		r := run(t, l)
		if r.Status != train.Diverged || r.Steps != 2 {
			t.Errorf("an infinite gradient: %+v", r)
		}
	})
}

// strict takes no gradient for finite.
type strict struct{}

func (strict) Step(params []G.ValueGrad) error {
	return errors.Wrapf(optimizers.ErrNonFinite, "parameter %s", params[0].(G.Namer).Name())
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	l := loop(t, network(t, tensor.Float32, 1), sgd(t, 0.1), 1000)
	l.Hooks = []train.Hook{{When: train.AtSteps(6), After: func(*train.State) error { cancel(); return nil }}}
	r, err := l.Run(ctx)
	if err != nil || r.Status != train.Interrupted || r.Steps != 7 {
		t.Errorf("%+v, %v; want 7 whole steps", r, err)
	}
}

// curious is a solver that checks what the loop offers.
type curious struct {
	needs optimizers.Needs
	t     *testing.T
	calls int
}

func (c *curious) Needs() optimizers.Needs  { return c.needs }
func (c *curious) Step([]G.ValueGrad) error { return optimizers.ErrNeedsMore }
func (c *curious) StepWith(params []G.ValueGrad, b optimizers.StepInfo) error {
	c.calls++
	g, err := params[0].Grad()
	if err != nil {
		return err
	}
	before := append([]float64(nil), g.(*tensor.Dense).Float64s()...)
	loss, err := b.Gradient()
	if err != nil {
		return err
	}
	if loss != b.Loss || b.Size != 16 {
		c.t.Errorf("loss %g of a batch of %d, and again %g", b.Loss, b.Size, loss)
	}
	for i, v := range g.(*tensor.Dense).Float64s() {
		if v != before[i] {
			c.t.Errorf("the gradient of the same batch is %g, was %g", v, before[i])
		}
	}
	w := params[0].Value().(*tensor.Dense).Float64s()
	w[0] += 0.5
	moved, err := b.Gradient()
	if err != nil {
		return err
	}
	if moved == loss {
		c.t.Error("the loss does not see a moved parameter")
	}
	w[0] -= 0.5
	return nil
}

func TestInformedSolver(t *testing.T) {
	c := &curious{needs: optimizers.NeedsLoss | optimizers.NeedsGradient, t: t}
	run(t, loop(t, network(t, tensor.Float64, 1), c, 4))
	if c.calls != 4 {
		t.Errorf("%d calls of StepWith, want 4", c.calls)
	}
	unknown := &curious{needs: 1 << 20, t: t}
	if _, err := train.New(network(t, tensor.Float64, 1), newStream(1), unknown, 1); err == nil {
		t.Error("an optimizer that needs what the loop lacks is accepted")
	}
}

// TestCurvature compares what a solver is given with the recursion for one layer: of
// the output's weights, h is the mean over the batch of p(1-p) x². A second gradient at
// another point leaves it alone.
func TestCurvature(t *testing.T) {
	n := network(t, tensor.Float64, 1)
	s := &curved{t: t, n: n}
	run(t, loop(t, n, s, 3))
	if s.calls != 3 {
		t.Errorf("%d calls of StepWith, want 3", s.calls)
	}
}

type curved struct {
	n     *models.Network
	t     *testing.T
	calls int
}

func (c *curved) Needs() optimizers.Needs {
	return optimizers.NeedsCurvature | optimizers.NeedsGradient
}
func (c *curved) Step([]G.ValueGrad) error { return optimizers.ErrNeedsMore }
func (c *curved) StepWith(params []G.ValueGrad, b optimizers.StepInfo) error {
	c.calls++
	layer := c.n.Layers[0]
	if err := c.activations(layer); err != nil { // an own machine, for what is not wanted otherwise
		return err
	}
	x, z := layer.Activation.Value().(*tensor.Dense), c.n.Output.Value().(*tensor.Dense)
	rows, units, classes := x.Shape()[0], x.Shape()[1], z.Shape()[1]
	want := make([]float64, units*classes)
	for r := range rows {
		sum := 0.
		for k := range classes {
			sum += math.Exp(z.Float64s()[r*classes+k])
		}
		for j := range units {
			for k := range classes {
				p := math.Exp(z.Float64s()[r*classes+k]) / sum
				want[j*classes+k] += p * (1 - p) * math.Pow(x.Float64s()[r*units+j], 2) / float64(rows)
			}
		}
	}
	check := func(when string) {
		for i, h := range b.Curvature("output/weight").(*tensor.Dense).Float64s() {
			if math.Abs(h-want[i]) > 1e-14 {
				c.t.Errorf("%s: h of output/weight[%d] is %g, want %g", when, i, h, want[i])
			}
		}
	}
	check("first")
	if b.Curvature("layer99/weight") != nil {
		c.t.Error("there is curvature of a parameter that is not")
	}
	w := params[0].Value().(*tensor.Dense).Float64s()
	was := w[0]
	w[0] += 0.5
	_, err := b.Gradient()
	w[0] = was
	check("after a second gradient")
	w[1] += 0.1 // the next step is at another point
	return err
}

func (c *curved) activations(layer models.Layer) error {
	m, err := vm.Compile(c.n.Graph, layer.Activation, c.n.Output)
	if err != nil {
		return err
	}
	return m.RunAll()
}

// TestPrepare: what is wrong with a solver for these parameters is told before the run.
func TestPrepare(t *testing.T) {
	s, err := optimizers.NewPartition(optimizers.PartitionConfig{Rules: []optimizers.PartitionRule{{Pattern: "layer01/*", Optimizer: sgd(t, 1)}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := train.New(network(t, tensor.Float32, 1), newStream(1), s, 1); err == nil || !strings.Contains(err.Error(), "output/weight") {
		t.Errorf("a parameter without a rule: error %v", err)
	}
}

// TestVSGD: the methods that need curvature learn, in both float types.
func TestVSGD(t *testing.T) {
	for _, name := range []string{"vsgd-l", "vsgd-b", "vsgd-g"} {
		for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			solver, err := optimizers.Catalogue.Make(catalogue.Choice{Name: name})
			if err != nil {
				t.Fatal(err)
			}
			l := loop(t, network(t, dtype, 2), solver, 400)
			var first float64
			l.Hooks = append(l.Hooks, train.Hook{When: train.AtSteps(0), Before: func(s *train.State) error {
				first = s.Loss
				return nil
			}})
			if r := run(t, l); r.Status != train.Done || !(r.Loss < first/2) {
				t.Errorf("%s, %v: %+v after a first loss of %g", name, dtype, r, first)
			}
		}
	}
}

func TestSchedules(t *testing.T) {
	steps := func(s train.Schedule, n int) string {
		var list []int
		for i := range n {
			if s(i) {
				list = append(list, i)
			}
		}
		return fmt.Sprint(list)
	}
	for _, c := range []struct{ got, want string }{
		{steps(train.Every(4), 10), "[0 4 8]"},
		{steps(train.AtSteps(2, 7), 10), "[2 7]"},
		{steps(train.LogSpaced(1), 2000), "[0 1 10 100 1000]"},
		{steps(train.LogSpaced(2), 2000), "[0 1 4 10 32 100 317 1000]"},
		{steps(train.LogSpaced(3), 101), "[0 1 3 5 10 22 47 100]"},
	} {
		if c.got != c.want {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
}

func TestEvaluator(t *testing.T) {
	// 10 examples in batches of 4: the last is not full.
	x, target := make([]float64, 10*inputs), make([]float64, 10*2)
	if err := next(newStream(5), x, target); err != nil {
		t.Fatal(err)
	}
	p, err := models.NewParameters(tensor.Float64, 1)
	if err != nil {
		t.Fatal(err)
	}
	score := func(batch int) train.Score {
		m := models.MLP{Depth: 2, Width: 8, Activation: activations.Tanh(), Initializer: initializers.GlorotNormal(1)}
		n, err := models.Build(m, models.Shape{Inputs: inputs, Outputs: 2, Batch: batch, Loss: models.CrossEntropy}, p, false)
		if err != nil {
			t.Fatal(err)
		}
		e, err := train.NewEvaluator(n, x, target)
		if err != nil {
			t.Fatal(err)
		}
		s, err := e.Score()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := train.NewEvaluator(n, x[1:], target); err == nil {
			t.Error("inputs that make no whole rows are accepted")
		}
		if _, err := train.NewEvaluator(n, []float32{1, 2, 3}, []float32{1, 0}); err == nil {
			t.Error("inputs of another type are accepted")
		}
		// The loss of the graph is the mean over its batch.
		if batch == 10 {
			copy(n.Input.Value().(*tensor.Dense).Float64s(), x)
			copy(n.Target.Value().(*tensor.Dense).Float64s(), target)
			if err := mustRun(n); err != nil {
				t.Fatal(err)
			}
			if loss := float64(*n.Loss.Value().(*G.F64)); math.Abs(loss-s.Loss) > 1e-14 {
				t.Errorf("the evaluator's loss is %g, the graph's %g", s.Loss, loss)
			}
		}
		return s
	}
	whole, parts := score(10), score(4)
	if math.Abs(whole.Loss-parts.Loss) > 1e-14 || whole.Accuracy != parts.Accuracy {
		t.Errorf("%+v in one batch, %+v in batches of 4", whole, parts)
	}
	if whole.Accuracy < 0 || whole.Accuracy > 1 {
		t.Errorf("accuracy %g", whole.Accuracy)
	}
}

func mustRun(n *models.Network) error {
	m := G.NewTapeMachine(n.Graph)
	defer m.Close()
	return m.RunAll()
}
func TestLook(t *testing.T) {
	n := network(t, tensor.Float64, 2)
	l := loop(t, n, sgd(t, 0.1), 5)
	before := append([]float64(nil), n.Learnables[0].Value().(*tensor.Dense).Float64s()...)
	calls := 0
	var gradient float64
	l.Hooks = []train.Hook{{Before: func(s *train.State) error {
		calls++
		g, err := n.Learnables[0].Grad()
		if err == nil {
			gradient = g.(*tensor.Dense).Float64s()[0]
		}
		return err
	}, After: func(*train.State) error { t.Error("there was an update"); return nil }}}
	loss, err := l.Look(context.Background())
	if err != nil || calls != 1 || !(loss > 0) || gradient == 0 {
		t.Errorf("loss %g, gradient %g, %d calls, %v", loss, gradient, calls, err)
	}
	for i, w := range n.Learnables[0].Value().(*tensor.Dense).Float64s() {
		if w != before[i] {
			t.Fatalf("weight %d changed", i)
		}
	}
	other := loop(t, network(t, tensor.Float64, 2), sgd(t, 0.1), 1)
	if r := run(t, other); r.Loss != loss {
		t.Errorf("the loss is %g, that of the first step %g", loss, r.Loss)
	}
	if _, err := (&train.Loop{}).Look(context.Background()); err == nil {
		t.Error("an empty loop looks")
	}
}
