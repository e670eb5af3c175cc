package tasks

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"github.com/gradflow/gradflow/models"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gradflow/gradflow/catalogue"
)

func digits(t testing.TB) Task {
	t.Helper()
	task, err := NewDigits(DigitsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return task
}

func TestDigitsChecksum(t *testing.T) {
	const want = "46abec6b12486ad9e51943373abcf22bbea1b5a51a1619b361570d8893f1464a"
	if got := fmt.Sprintf("%x", sha256.Sum256(digitsFile)); got != want {
		t.Errorf("sha256 %s, not %s as in digits/README.md", got, want)
	}
}

func TestDigitsSplit(t *testing.T) {
	d, err := digitsData()
	if err != nil {
		t.Fatal(err)
	}
	task := digits(t)
	count := func(labels []int) []int {
		c := make([]int, 10)
		for _, l := range labels {
			c[l]++
		}
		return c
	}
	all := count(d.Labels)
	if want := []int{178, 182, 177, 183, 181, 182, 181, 179, 174, 180}; !slices.Equal(all, want) {
		t.Errorf("digits in the file: %v, not %v", all, want)
	}
	train := task.Train().(*Set)
	left := slices.Clone(all)
	for _, p := range []struct {
		name string
		set  *Set
		n    int
	}{{"training", train, 1077}, {"validation", task.Validation(), 360}, {"test", task.Test(), 360}} {
		if p.set.Len() != p.n {
			t.Errorf("%d %s examples, not %d", p.set.Len(), p.name, p.n)
		}
		for c, n := range count(p.set.Labels()) {
			if ideal := float64(all[c]*p.n) / 1797; math.Abs(float64(n)-ideal) >= 1.5 {
				t.Errorf("%d %s examples of class %d; proportional is %.2f", n, p.name, c, ideal)
			}
			left[c] -= n
		}
	}
	if slices.Max(left) != 0 || slices.Min(left) != 0 {
		t.Errorf("not in any part: %v", left)
	}
	if got := float64(slices.Max(count(train.Labels()))) / 1077; task.Chance() != got {
		t.Errorf("chance %v, not %v", task.Chance(), got)
	}
}

// The standardised training part has mean 0 and deviation 1; undoing it with
// the raw statistics gives the raw pixels of every part back.
func TestDigitsStandardised(t *testing.T) {
	d, err := digitsData()
	if err != nil {
		t.Fatal(err)
	}
	task := digits(t)
	parts, err := d.Split(splitSeed, 1077, 360, 360)
	if err != nil {
		t.Fatal(err)
	}
	train := task.Train().(*Set)
	x := train.X64()
	constants := 0
	for j := range 64 {
		var raw, sum, sq, rawSum, rawSq float64
		for i := range train.Len() {
			v := x[i*64+j]
			sum += v
			sq += v * v
			raw = float64(parts[0].X[i*64+j])
			rawSum += raw
			rawSq += raw * raw
		}
		n := float64(train.Len())
		if math.Abs(sum/n) > 1e-13 {
			t.Errorf("feature %d has mean %g", j, sum/n)
		}
		mean := rawSum / n
		std := math.Sqrt(rawSq/n - mean*mean)
		if std == 0 {
			constants, std = constants+1, 16
			if sq != 0 {
				t.Errorf("constant feature %d is not 0", j)
			}
		} else if math.Abs(sq/n-1) > 1e-12 {
			t.Errorf("feature %d has variance %g", j, sq/n)
		}
		for p, set := range []*Set{train, task.Validation(), task.Test()} {
			for i := range set.Len() {
				if got, want := set.X64()[i*64+j]*std+mean, float64(parts[p].X[i*64+j]); math.Abs(got-want) > 1e-9 {
					t.Fatalf("part %d, example %d, feature %d: %g comes from %g, not from %g", p, i, j, set.X64()[i*64+j], got, want)
				}
			}
		}
	}
	if constants < 3 {
		t.Errorf("%d constant features; the file has 3", constants)
	}
	for i, v := range x {
		if train.X32()[i] != float32(v) {
			t.Fatalf("input %d: %v in float32, %v in float64", i, train.X32()[i], v)
		}
	}
}

// A large common offset, a tiny spread, a constant that is no binary fraction,
// a spread whose square underflows, and huge values.
func TestStandardisationNumerics(t *testing.T) {
	d := Data[float64]{Inputs: 5, Classes: 1, Labels: make([]int, 4)}
	for i := range 4 {
		sign := float64(1 - 2*(i%2))
		d.X = append(d.X, 1e9+sign, 1+sign*1e-12, 0.1, sign*1e-170, sign*1e149)
	}
	task, err := Classification("t", 1, d, d, d)
	if err != nil {
		t.Fatal(err)
	}
	want := []float64{1, 1, 0, 1e-170, 1}
	for i := range 4 {
		for j, w := range want {
			w *= float64(1 - 2*(i%2))
			if got := task.Test().X64()[i*5+j]; math.Abs(got-w) > 1e-3*math.Abs(w) {
				t.Errorf("example %d, feature %d: %g, not %g", i, j, got, w)
			}
		}
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), 1e151} {
		d.X[7] = v
		if _, err := Classification("t", 1, d, d, d); err == nil || !strings.Contains(err.Error(), "input 2 of example 1") {
			t.Errorf("input %v: %v", v, err)
		}
	}
}

func TestConstantFeatureUnit(t *testing.T) {
	train := Data[uint8]{Inputs: 2, Classes: 1, X: []uint8{7, 0, 7, 4}, Labels: []int{0, 0}, Unit: 255}
	other := Data[uint8]{Inputs: 2, Classes: 1, X: []uint8{109, 2}, Labels: []int{0}, Unit: 255}
	task, err := Classification("t", 1, train, other, other)
	if err != nil {
		t.Fatal(err)
	}
	if got := task.Test().X64(); got[0] != (109.-7)/255 || got[1] != 0 {
		t.Errorf("%v", got)
	}
}

func TestSplit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		d := Data[uint8]{Inputs: 2, Classes: 1 + r.IntN(5)}
		n := 10 + r.IntN(300)
		all := make([]int, d.Classes)
		for i := range n {
			d.X = append(d.X, byte(i>>8), byte(i))
			d.Labels = append(d.Labels, min(r.IntN(d.Classes), r.IntN(d.Classes)))
			all[d.Labels[i]]++
		}
		a := 1 + r.IntN(n-2)
		sizes := []int{a, 1 + r.IntN(n-a-1)}
		if r.IntN(2) == 0 {
			sizes[1] = n - a
		}
		parts, err := d.Split(7, sizes...)
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[int]bool)
		for p, part := range parts {
			if len(part.Labels) != sizes[p] || len(part.X) != 2*sizes[p] {
				t.Fatalf("part of %d instead of %d", len(part.Labels), sizes[p])
			}
			counts := make([]int, d.Classes)
			last := -1
			for i, l := range part.Labels {
				id := int(part.X[2*i])<<8 | int(part.X[2*i+1])
				if seen[id] || id <= last || d.Labels[id] != l {
					t.Fatalf("example %d (label %d) twice, out of order or mislabelled", id, l)
				}
				seen[id], last = true, id
				counts[l]++
			}
			for c, got := range counts {
				if ideal := float64(all[c]*sizes[p]) / float64(n); math.Abs(float64(got)-ideal) >= 2 {
					t.Errorf("%d of class %d; proportional is %.2f", got, c, ideal)
				}
			}
		}
		again, _ := d.Split(7, sizes...)
		if !slices.Equal(again[0].X, parts[0].X) {
			t.Error("the same seed split differently")
		}
		if n > 100 && a > 20 && a < n-20 {
			if other, _ := d.Split(8, sizes...); slices.Equal(other[0].X, parts[0].X) {
				t.Error("another seed split alike")
			}
		}
	}
	d := Data[uint8]{Inputs: 1, Classes: 1, X: []uint8{1, 2, 3}, Labels: []int{0, 0, 0}}
	for _, sizes := range [][]int{{0, 1}, {4}, {2, 2}, {-1}} {
		if _, err := d.Split(1, sizes...); err == nil {
			t.Errorf("sizes %v of 3 examples: no error", sizes)
		}
	}
}

// numbered is a set whose example i has input i and target -i.
func numbered(t testing.TB, n int) *Set {
	t.Helper()
	x, y := make([]float64, n), make([]float64, n)
	for i := range x {
		x[i], y[i] = float64(i), -float64(i)
	}
	s, err := NewSet(1, 1, x, y)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// draw concatenates n batches of float64 and checks that float32 has the same.
func draw(t testing.TB, src Source, inputs, outputs int, seed uint64, batch, n int) (x, y []float64) {
	t.Helper()
	s, s32 := src.Batches(seed, batch), src.Batches(seed, batch)
	bx, bt := make([]float64, batch*inputs), make([]float64, batch*outputs)
	bx32, bt32 := make([]float32, batch*inputs), make([]float32, batch*outputs)
	for range n {
		if err := Next(s, bx, bt); err != nil {
			t.Fatal(err)
		}
		if err := Next(s32, bx32, bt32); err != nil {
			t.Fatal(err)
		}
		for i, v := range bx {
			if float32(v) != bx32[i] {
				t.Fatalf("input %v in float64, %v in float32", v, bx32[i])
			}
		}
		for i, v := range bt {
			if float32(v) != bt32[i] {
				t.Fatalf("target %v in float64, %v in float32", v, bt32[i])
			}
		}
		x, y = append(x, bx...), append(y, bt...)
	}
	return x, y
}

func testGenerator() Generator {
	return Generator{Inputs: 3, Outputs: 2, Loss: models.CrossEntropy, Draw: func(r *rand.Rand, x, t []float64) {
		for j := range x {
			x[j] = r.NormFloat64()
		}
		if x[0] > 0 {
			t[0] = 1
		} else {
			t[1] = 1
		}
	}}
}

func TestEpochs(t *testing.T) {
	const n = 10
	set := numbered(t, n)
	x, y := draw(t, set, 1, 1, 3, 4, 25) // ten epochs in batches of 4
	var orders [][]float64
	for e := range 10 {
		epoch := x[e*n : (e+1)*n]
		sorted := slices.Sorted(slices.Values(epoch))
		for i, v := range sorted {
			if v != float64(i) {
				t.Fatalf("epoch %d is %v", e, epoch)
			}
		}
		for _, o := range orders {
			if slices.Equal(o, epoch) {
				t.Errorf("epoch %d has the order of an earlier one", e)
			}
		}
		orders = append(orders, epoch)
	}
	for i := range x {
		if y[i] != -x[i] {
			t.Fatalf("input %v with target %v", x[i], y[i])
		}
	}
	if other, _ := draw(t, set, 1, 1, 4, 4, 25); slices.Equal(other, x) {
		t.Error("two seeds, one order")
	}
}

// The orders are fixed for good: a recorded run can be repeated.
func TestEpochsGolden(t *testing.T) {
	x, _ := draw(t, numbered(t, 10), 1, 1, 1, 20, 1)
	want := []float64{8, 9, 7, 1, 0, 2, 5, 6, 3, 4, 1, 8, 4, 7, 6, 5, 2, 0, 3, 9}
	if !slices.Equal(x, want) {
		t.Errorf("order %v, not %v", x, want)
	}
}

// Each place of a shuffled epoch holds each example equally often, also over
// neighbouring seeds and epochs.
func TestEpochsUniform(t *testing.T) {
	const n, reps = 5, 4000
	set := numbered(t, n)
	var counts [n][n]float64
	for seed := range uint64(40) {
		x, _ := draw(t, set, 1, 1, seed, n, reps/40)
		for i, v := range x {
			counts[i%n][int(v)]++
		}
	}
	// Chi-squared with (n-1)^2 = 16 degrees of freedom: 39.25 has p = 0.001.
	chi := 0.0
	for _, row := range counts {
		for _, c := range row {
			d := c - reps/n
			chi += d * d / (reps / n)
		}
	}
	if chi > 39.25 {
		t.Errorf("chi-squared %.1f of place against example", chi)
	}
}

func TestStreams(t *testing.T) {
	g := testGenerator()
	for name, src := range map[string]struct {
		Source
		inputs, outputs int
	}{"set": {numbered(t, 10), 1, 1}, "generator": {g, 3, 2}} {
		t.Run(name, func(t *testing.T) {
			in, out := src.inputs, src.outputs
			want, wantT := draw(t, src, in, out, 5, 1, 120)
			for _, batch := range []int{2, 3, 8, 10, 40, 60} { // 40 and 60 are several epochs
				if got, gotT := draw(t, src, in, out, 5, batch, 120/batch); !slices.Equal(got, want) || !slices.Equal(gotT, wantT) {
					t.Errorf("batches of %d are other examples", batch)
				}
			}
			// Seek forwards, backwards, and before the first batch.
			s := src.Batches(5, 4)
			x, y := make([]float64, 4*in), make([]float64, 4*out)
			for _, k := range []uint64{7, 0, 29, 3, 3, 28} {
				s.Seek(k)
				for b := range min(2, 30-k) {
					if err := s.Next64(x, y); err != nil {
						t.Fatal(err)
					}
					if at := int(k+b) * 4; !slices.Equal(x, want[at*in:(at+4)*in]) {
						t.Errorf("batch %d after Seek(%d) differs", k+b, k)
					}
				}
			}
			// A wrong call is an error and changes nothing.
			s.Seek(2)
			if err := s.Next64(x[1:], y); err == nil {
				t.Error("short inputs: no error")
			}
			if err := s.Next32(make([]float32, 4*in), make([]float32, 4*out+1)); err == nil {
				t.Error("long targets: no error")
			}
			if err := s.Next64(x, y); err != nil || !slices.Equal(x, want[8*in:12*in]) {
				t.Errorf("after wrong calls: %v", err)
			}
			for _, batch := range []int{0, -3} {
				s := src.Batches(1, batch)
				s.Seek(5)
				if err := s.Next64(nil, nil); err == nil || !strings.Contains(err.Error(), "batch size") {
					t.Errorf("batch %d: %v", batch, err)
				}
			}
		})
	}
}

func TestNoAllocation(t *testing.T) {
	task := digits(t)
	for name, s := range map[string]Stream{"set": task.Train().Batches(1, 64), "generator": testGenerator().Batches(1, 64)} {
		in, out := 64, 10
		if name == "generator" {
			in, out = 3, 2
		}
		x32, t32 := make([]float32, 64*in), make([]float32, 64*out)
		x64, t64 := make([]float64, 64*in), make([]float64, 64*out)
		if n := testing.AllocsPerRun(100, func() { // six epochs of the digits
			if s.Next32(x32, t32) != nil || s.Next64(x64, t64) != nil {
				t.Fatal("error")
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations per batch", name, n)
		}
	}
}

func TestGeneratorSet(t *testing.T) {
	g := testGenerator()
	a, err := g.Set(1, 500)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := g.Set(1, 500)
	if !slices.Equal(a.X64(), b.X64()) {
		t.Error("the same seed gave two sets")
	}
	train, _ := draw(t, g, 3, 2, 1, 500, 1)
	if a.X64()[0] == train[0] {
		t.Error("held-out and training examples are the same numbers")
	}
	for i, l := range a.Labels() {
		if want := a.X64()[3*i] <= 0; (l == 1) != want {
			t.Errorf("example %d has label %d", i, l)
		}
	}
	g.Draw = nil
	if _, err := g.Set(1, 3); err == nil || !strings.Contains(err.Error(), "without Draw") {
		t.Errorf("a set of a generator without Draw: %v", err)
	}
	if err := g.Batches(1, 1).Next64(make([]float64, g.Inputs), make([]float64, g.Outputs)); err == nil || !strings.Contains(err.Error(), "without Draw") {
		t.Errorf("a batch of a generator without Draw: %v", err)
	}
	g.Draw = func(_ *rand.Rand, x, t []float64) { t[0], t[1] = 1, 1 }
	if _, err := g.Set(1, 2); err == nil || !strings.Contains(err.Error(), "not one-hot") {
		t.Errorf("two classes at once: %v", err)
	}
	if _, err := g.Set(1, 0); err == nil {
		t.Error("empty set: no error")
	}
}

func TestNewSetErrors(t *testing.T) {
	six := make([]float64, 6)
	for name, err := range map[string]error{
		"not a number":  second(NewSet(1, 1, []float64{math.NaN()}, six[:1])),
		"infinite":      second(NewSet(1, 1, six[:1], []float64{math.Inf(-1)})),
		"above float32": second(NewClassSet(1, 1, []float64{1e39}, []int{0})),
		"5 values":      second(NewSet(2, 1, six[:5], six[:2])),
		"no values":     second(NewSet(2, 1, nil, nil)),
		"targets":       second(NewSet(2, 1, six, six[:2])),
		"no inputs":     second(NewSet(0, 1, six, six)),
		"label count":   second(NewClassSet(2, 2, six, []int{0, 1})),
		"label range":   second(NewClassSet(2, 2, six, []int{0, 1, 2})),
		"negative":      second(NewClassSet(2, 2, six, []int{0, 1, -1})),
		"no classes":    second(NewClassSet(2, 0, six, []int{0, 0, 0})),
		"target":        second(Classification("t", 1.1, Data[float64]{Inputs: 1, Classes: 1, X: six[:1], Labels: []int{0}}, Data[float64]{}, Data[float64]{})),
		"other classes": second(Classification("t", 1, Data[float64]{Inputs: 1, Classes: 1, X: six[:1], Labels: []int{0}}, Data[float64]{Inputs: 1, Classes: 2, X: six[:1], Labels: []int{0}}, Data[float64]{})),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestSolved(t *testing.T) {
	task := digits(t)
	for score, want := range map[float64]bool{0.89: false, 0.9: true, 1: true} {
		if Solved(task, score) != want {
			t.Errorf("accuracy %v: not %v", score, want)
		}
	}
	if Solved(task, math.NaN()) || Solved(&finite{loss: models.MeanSquaredError, target: func() float64 { return 1 }}, math.NaN()) {
		t.Error("NaN solves a task")
	}
}

// A linear softmax classifier, trained by gradient descent on the stream, reaches
// the target: inputs and targets belong together in every part.
func TestDigitsLearnable(t *testing.T) {
	task := digits(t)
	in, out := task.Inputs(), task.Outputs()
	const batch, rate = 32, 0.1
	w := make([]float64, (in+1)*out)
	p := make([]float64, out)
	predict := func(x []float64) (best int) {
		sum := 0.0
		for k := range p {
			z := w[in*out+k]
			for j, v := range x {
				z += v * w[j*out+k]
			}
			p[k] = math.Exp(z)
			sum += p[k]
			if p[k] > p[best] {
				best = k
			}
		}
		for k := range p {
			p[k] /= sum
		}
		return best
	}
	x, y := make([]float64, batch*in), make([]float64, batch*out)
	stream := task.Train().Batches(1, batch)
	for range 400 {
		if err := stream.Next64(x, y); err != nil {
			t.Fatal(err)
		}
		for b := range batch {
			row := x[b*in : (b+1)*in]
			predict(row)
			for k := range p {
				g := rate / batch * (p[k] - y[b*out+k])
				for j, v := range row {
					w[j*out+k] -= g * v
				}
				w[in*out+k] -= g
			}
		}
	}
	for name, set := range map[string]*Set{"validation": task.Validation(), "test": task.Test()} {
		right := 0
		for i, l := range set.Labels() {
			if predict(set.X64()[i*in:(i+1)*in]) == l {
				right++
			}
		}
		if a := float64(right) / float64(set.Len()); !Solved(task, a) {
			t.Errorf("%s accuracy %.3f, target %.3f", name, a, task.Target())
		}
	}
}

// With the real files, where they are installed.
func TestFashionMNIST(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 30 MB")
	}
	task, err := NewFashionMNIST(ImagesConfig{Train: 6000, Test: 2000})
	if errors.Is(err, ErrNotFound) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	train := task.Train().(*Set)
	if train.Len() != 6000 || task.Validation().Len() != 10000 || task.Test().Len() != 2000 || task.Inputs() != 784 {
		t.Errorf("%d, %d and %d examples of %d inputs", train.Len(), task.Validation().Len(), task.Test().Len(), task.Inputs())
	}
	for _, set := range []*Set{train, task.Validation(), task.Test()} {
		counts := make([]int, 10)
		for _, l := range set.Labels() {
			counts[l]++
		}
		if slices.Min(counts) != set.Len()/10 || slices.Max(counts) != set.Len()/10 {
			t.Errorf("%v of the classes", counts)
		}
	}
	if task.Chance() != 0.1 {
		t.Errorf("chance %v", task.Chance())
	}
	most := float32(0)
	for _, v := range task.Validation().X32() {
		most = max(most, v)
	}
	t.Logf("largest validation input %.1f", most)
}

// Many runs load and read the same task at the same time.
func TestConcurrentUse(t *testing.T) {
	dir := t.TempDir()
	writeSet(t, dir, nil)
	tasks := make([]Task, 16)
	sums := make([]float64, len(tasks))
	var wg sync.WaitGroup
	for i := range tasks {
		wg.Go(func() {
			task, err := Catalogue.Make(catalogue.Choice{Name: "idx", Settings: map[string]any{"dir": dir}})
			if err != nil {
				t.Error(err)
				return
			}
			tasks[i] = task
			s := task.Train().Batches(1, 7)
			x, y := make([]float64, 7*6), make([]float64, 7*4)
			x32, y32 := make([]float32, 7*6), make([]float32, 7*4)
			for range 20 {
				if s.Next64(x, y) != nil || s.Next32(x32, y32) != nil {
					t.Error("error")
				}
				sums[i] += x[3] + float64(x32[3])
			}
		})
	}
	wg.Wait()
	for i := range tasks {
		if tasks[i] != tasks[0] {
			t.Error("one task was loaded twice")
		}
		if sums[i] != sums[0] {
			t.Error("runs of one seed differ")
		}
	}
}

func TestCache(t *testing.T) {
	c := cache{limit: 2}
	loads := map[int]int{}
	get := func(key int) Task {
		task, err := c.get(key, func() (Task, error) { loads[key]++; return &finite{}, nil })
		if err != nil {
			t.Fatal(err)
		}
		return task
	}
	get(1)
	get(2)
	get(1)
	get(3) // 2 has not been used for longest
	get(1)
	get(2)
	if loads[1] != 1 || loads[2] != 2 || loads[3] != 1 {
		t.Errorf("loads %v", loads)
	}
	if len(c.entries) != 2 {
		t.Errorf("%d entries", len(c.entries))
	}
	failed := 0
	for range 2 {
		if _, err := c.get("bad", func() (Task, error) { failed++; return nil, errors.New("no") }); err == nil {
			t.Error("no error")
		}
	}
	if failed != 2 {
		t.Errorf("a failed load was tried %d times", failed)
	}
}

func TestCatalogue(t *testing.T) {
	for _, name := range Catalogue.Names() {
		if slices.Contains([]string{"mnist", "fashion-mnist", "idx"}, name) {
			continue // need files
		}
		task, err := Catalogue.Make(catalogue.Choice{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		if task.Name() != name {
			t.Errorf("%s is called %s", name, task.Name())
		}
	}
	if _, err := Catalogue.Make(catalogue.Choice{Name: "digts"}); err == nil || !strings.Contains(err.Error(), "did you mean digits?") {
		t.Errorf("misspelt task: %v", err)
	}
	if _, err := Catalogue.Make(catalogue.Choice{Name: "idx", Settings: map[string]any{"validation": -1}}); err == nil || !strings.Contains(err.Error(), "task idx: validation: is -1") {
		t.Errorf("negative setting: %v", err)
	}
}
