package tasks

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/catalogue"
	"gonum.org/v1/gonum/mat"
)

func make1(t testing.TB, text string) Task {
	t.Helper()
	choice, err := catalogue.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	task, err := Catalogue.Make(choice)
	if err != nil {
		t.Fatal(err)
	}
	return task
}

// Quarter turns of the formula are exact by hand.
func TestTwoSpirals(t *testing.T) {
	d := spirals(97, 0)
	if len(d.Labels) != 194 {
		t.Fatalf("%d points", len(d.Labels))
	}
	for i, want := range map[int][2]float64{0: {0, 6.5}, 8: {6, 0}, 16: {0, -5.5}, 24: {-5, 0}, 96: {0, 0.5}} {
		x, y := d.X[4*i], d.X[4*i+1]
		if math.Abs(x-want[0]) > 1e-14 || math.Abs(y-want[1]) > 1e-14 || d.X[4*i+2] != -x || d.X[4*i+3] != -y {
			t.Errorf("points %d: %v", i, d.X[4*i:4*i+4])
		}
		if d.Labels[2*i] != 1 || d.Labels[2*i+1] != 0 {
			t.Errorf("labels %d: %v", i, d.Labels[2*i:2*i+2])
		}
	}
	// The held-out points have a training point of their class next to them, and
	// the nearest point of the other class is farther.
	task := make1(t, "two-spirals")
	train := task.Train().(*Set)
	for _, set := range []*Set{task.Validation(), task.Test()} {
		for i, l := range set.Labels() {
			nearest := []float64{math.Inf(1), math.Inf(1)}
			for j, m := range train.Labels() {
				dist := math.Hypot(set.X64()[2*i]-train.X64()[2*j], set.X64()[2*i+1]-train.X64()[2*j+1])
				nearest[m] = min(nearest[m], dist)
			}
			if nearest[l] >= nearest[1-l] {
				t.Errorf("held-out point %d of class %d lies on the other spiral", i, l)
			}
		}
	}
}

func TestParity(t *testing.T) {
	xor := make1(t, "parity(bits=2)").Test()
	if !slices.Equal(xor.X64(), []float64{-1, -1, 1, -1, -1, 1, 1, 1}) || !slices.Equal(xor.Labels(), []int{0, 1, 1, 0}) {
		t.Errorf("parity of 2 bits: %v %v", xor.X64(), xor.Labels())
	}
	// No proper subset of the bits tells anything: the product of the labels (as
	// signs) with the product of any such bits has mean 0.
	s := make1(t, "parity(bits=5)").Test()
	for subset := range 31 {
		sum := 0.0
		for i, l := range s.Labels() {
			p := float64(1 - 2*l)
			for j := range 5 {
				if subset>>j&1 == 1 {
					p *= s.X64()[5*i+j]
				}
			}
			sum += p
		}
		if sum != 0 {
			t.Errorf("bits %05b correlate with parity: %v", subset, sum)
		}
	}
	for _, bits := range []int{-1, 17} {
		if _, err := NewParity(ParityConfig{Bits: bits}); err == nil || !strings.Contains(err.Error(), "bits: is") {
			t.Errorf("%d bits: %v", bits, err)
		}
	}
}

// The teacher's outputs are standardised, belong to its inputs, and are not
// linear in them: the documentation says how much a linear student explains.
func TestTeacherStudent(t *testing.T) {
	s := make1(t, "teacher-student(held-out=20000)").Test()
	n := float64(s.Len())
	mean, square := 0.0, 0.0
	linear := make([]float64, 16)
	for i, y := range s.T64() {
		mean += y / n
		square += y * y / n
		for j := range linear {
			linear[j] += y * s.X64()[16*i+j] / n
		}
	}
	if math.Abs(mean) > 0.05 || math.Abs(square-1) > 0.05 {
		t.Errorf("outputs have mean %.3f and mean square %.3f", mean, square)
	}
	share := 0.0
	for _, c := range linear {
		share += c * c
	}
	if math.Abs(share-0.44) > 0.03 {
		t.Errorf("a linear student explains %.3f", share)
	}
	a, b := make1(t, "teacher-student(seed=1)"), make1(t, "teacher-student(seed=2)")
	if a.Test().T64()[0] == b.Test().T64()[0] {
		t.Error("two seeds, one teacher")
	}
	if slices.Contains(b.Validation().X64(), a.Test().X64()[0]) || slices.Contains(a.Validation().X64(), a.Test().X64()[0]) {
		t.Error("validation and test set share numbers")
	}
	for _, c := range []TeacherConfig{{Inputs: -1}, {Width: 300}, {Depth: 1001}, {Outputs: -2}, {HeldOut: -1}, {Gain: -1}, {Gain: math.NaN()}, {Gain: 0.01, Depth: 12}} {
		if _, err := NewTeacherStudent(c); err == nil || !strings.Contains(err.Error(), ": ") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// A layer by layer computation in another form gives the same outputs.
func TestTeacherFormula(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	net := teacher{[]denseLayer{randomLayer(r, 3, 5, 2, 1), randomLayer(r, 5, 4, 2, 1), randomLayer(r, 4, 2, 2, 1)}}
	x, y := make([]float64, 3), make([]float64, 2)
	net.draw(r, x, y)
	var h mat.Matrix = mat.NewVecDense(3, x)
	for l, layer := range net.layers {
		var z mat.Dense
		z.Mul(mat.NewDense(len(layer.b), len(layer.w)/len(layer.b), layer.w), h)
		z.Add(&z, mat.NewVecDense(len(layer.b), layer.b))
		if l < 2 {
			z.Apply(func(_, _ int, v float64) float64 { return math.Tanh(v) }, &z)
		}
		h = &z
	}
	for k, v := range y {
		if math.Abs(v-h.At(k, 0)) > 1e-13 {
			t.Errorf("output %d is %v, not %v", k, v, h.At(k, 0))
		}
	}
}

// The target is the error of principal component analysis by another way: the
// singular vectors of the training data instead of the eigenvectors of their
// covariance, and the residual itself instead of the other components.
func TestAutoencodingTarget(t *testing.T) {
	source := make1(t, "digits")
	x := source.Train().(*Set).X64()
	var svd mat.SVD
	if !svd.Factorize(mat.NewDense(1077, 64, slices.Clone(x)), mat.SVDThin) {
		t.Fatal("no SVD")
	}
	var v mat.Dense
	svd.VTo(&v)
	held := mat.NewDense(360, 64, slices.Clone(source.Validation().X64()))
	for _, code := range []int{1, 8, 30} {
		basis := v.Slice(0, 64, 0, code)
		var z, rest mat.Dense
		z.Mul(held, basis)
		rest.Mul(&z, basis.T())
		rest.Sub(held, &rest)
		norm := mat.Norm(&rest, 2)
		want := norm * norm / (360 * 64)
		task, err := NewAutoencoding(AutoencodingConfig{Code: code})
		if err != nil {
			t.Fatal(err)
		}
		if got := task.Target(); math.Abs(got-want) > 1e-6*want {
			t.Errorf("code of %d: target %v, not %v", code, got, want)
		}
	}
	for _, c := range []AutoencodingConfig{{Code: -1}, {Code: 64}, {Of: make1(t, "teacher-student")}} {
		if _, err := NewAutoencoding(c); err == nil {
			t.Errorf("code %d: no error", c.Code)
		}
	}
}

func TestAutoencodingShares(t *testing.T) {
	a, b := make1(t, "autoencoding"), make1(t, "autoencoding(of=digits)")
	if &a.Test().X32()[0] != &a.Test().T32()[0] || &a.Test().X32()[0] != &make1(t, "digits").Test().X32()[0] {
		t.Error("the images are copied")
	}
	if a != b {
		t.Error("the same task was made twice")
	}
	if a.Chance() < 60./64-1e-6 || a.Chance() > 60./64+1e-6 {
		t.Errorf("chance %v; 60 of 64 features are not constant", a.Chance())
	}
}
