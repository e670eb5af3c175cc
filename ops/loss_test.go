package ops_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"os"
	"slices"
	"testing"

	"github.com/gradflow/gradflow/ops"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

type lossFunc func(y, t *G.Node) (*G.Node, error)

// evaluate returns a loss and its gradient with respect to y.
func evaluate(t *testing.T, dtype tensor.Dtype, f lossFunc, y, target []float64, rows int) (loss float64, gradient []float64) {
	t.Helper()
	g := G.NewGraph()
	ny := input(g, dtype, "y", y, rows, len(y)/rows)
	cost := must(f(ny, input(g, dtype, "t", target, rows, len(y)/rows)))
	grads, err := G.Grad(cost, ny)
	if err != nil {
		t.Fatal(err)
	}
	run(t, g, cost, grads[0])
	return floats(cost.Value())[0], floats(grads[0].Value())
}

// closeTo checks a number to a relative tolerance, and to one denormal of the type.
func closeTo(t *testing.T, what string, dtype tensor.Dtype, got, want, relative float64) {
	t.Helper()
	denormal := math.SmallestNonzeroFloat64
	if dtype == tensor.Float32 {
		denormal = math.SmallestNonzeroFloat32
	}
	if got != want && !(math.Abs(got-want) <= relative*math.Abs(want)+denormal) && !(math.IsNaN(got) && math.IsNaN(want)) {
		t.Errorf("%s: %g, want %g", what, got, want)
	}
}

// TestPyTorch compares losses and gradients with torch.nn.functional's: see
// testdata/pytorch.py.
func TestPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/pytorch.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Name, Call     string
			Shape          []int
			Y, T, Gradient []float64
			Loss           float64
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) == 0 {
		t.Fatal("no cases")
	}
	funcs := map[string]lossFunc{"F.cross_entropy(y, t)": ops.CrossEntropy, "F.mse_loss(y, t)": ops.MeanSquaredError}
	for _, c := range file.Cases {
		t.Run(c.Call+"/"+c.Name, func(t *testing.T) {
			loss, gradient := evaluate(t, tensor.Float64, funcs[c.Call], c.Y, c.T, c.Shape[0])
			closeTo(t, "loss", tensor.Float64, loss, c.Loss, 4e-15)
			for i, d := range gradient {
				// A difference of probabilities has their roundings.
				if !(math.Abs(d-c.Gradient[i]) <= 4e-15*math.Abs(c.Gradient[i])+1e-16/float64(c.Shape[0])) {
					t.Errorf("gradient, element %d: %g, want %g", i, d, c.Gradient[i])
				}
			}
		})
	}
}

const precision = 2000 // bits: differences of 1 - e^-700 keep a thousand

func bigFloat(x float64) *big.Float { return new(big.Float).SetPrec(precision).SetFloat64(x) }

// bigExp is the exponential series of x/2^k, squared k times.
func bigExp(x float64) *big.Float {
	k := max(0, math.Ilogb(math.Abs(x)+1)+8)
	z := bigFloat(x)
	z.SetMantExp(z, -k)
	sum, term := bigFloat(1), bigFloat(1)
	for i := 1; term.Sign() != 0 && term.MantExp(nil) > -precision; i++ {
		term.Mul(term, z)
		term.Quo(term, bigFloat(float64(i)))
		sum.Add(sum, term)
	}
	for range k {
		sum.Mul(sum, sum)
	}
	return sum
}

// bigLog1p is 2 artanh(x/(2+x)), by its series.
func bigLog1p(x *big.Float) *big.Float {
	y := new(big.Float).Quo(x, new(big.Float).Add(bigFloat(2), x))
	square := new(big.Float).Mul(y, y)
	sum, power := bigFloat(0), new(big.Float).Copy(y)
	for i := 1; power.Sign() != 0 && power.MantExp(nil) > y.MantExp(nil)-precision; i += 2 {
		sum.Add(sum, new(big.Float).Quo(power, bigFloat(float64(i))))
		power.Mul(power, square)
	}
	return sum.Mul(sum, bigFloat(2))
}

// reference is the cross-entropy of one row and its gradient, of exact numbers.
func reference(z, target []float64) (loss float64, gradient []float64) {
	sum := bigFloat(0)
	top := slices.Max(z)
	var e []*big.Float
	for _, v := range z {
		e = append(e, bigExp(v-top)) // the differences here are exact
		sum.Add(sum, e[len(e)-1])
	}
	// Σe without the largest, which is 1, so that the logarithm has all its digits.
	rest := new(big.Float).Sub(sum, bigFloat(1))
	log := bigLog1p(rest)
	total, cost := bigFloat(0), bigFloat(0)
	for k, p := range target {
		total.Add(total, bigFloat(p))
		l := new(big.Float).Add(log, bigFloat(top-z[k]))
		cost.Add(cost, l.Mul(l, bigFloat(p)))
	}
	loss, _ = cost.Float64()
	for k, p := range target {
		d := new(big.Float).Quo(new(big.Float).Mul(e[k], total), sum)
		v, _ := d.Sub(d, bigFloat(p)).Float64()
		gradient = append(gradient, v)
	}
	return loss, gradient
}

// TestCrossEntropyAccuracy compares one row with exact arithmetic: the relative
// errors of losses and gradients are of the order of the rounding of the logits'
// differences, however small they are.
func TestCrossEntropyAccuracy(t *testing.T) {
	for _, c := range []struct {
		name      string
		z, target []float64
	}{
		{"sure and right", []float64{69, 0}, []float64{1, 0}},
		{"surer", []float64{0, 300, -200}, []float64{0, 1, 0}},
		{"as sure as float64 can be", []float64{0, 700}, []float64{0, 1}},
		{"sure for float32", []float64{0, 80, 1}, []float64{0, 1, 0}},
		{"unsure", []float64{0.5, 0.25, -1, 2}, []float64{0, 0, 1, 0}},
		{"equal", []float64{3, 3, 3}, []float64{0, 1, 0}},
		{"sure and wrong", []float64{300, 0, 1}, []float64{0, 1, 0}},
		{"10 000", []float64{1e4, -1e4, 0}, []float64{0, 1, 0}},
		{"one huge", []float64{0x1p100, 0, 1}, []float64{0, 1, 0}},
		{"one huge and right", []float64{0x1p100, 0, 1}, []float64{1, 0, 0}},
		{"all huge", []float64{0x1p100, -0x1p100, 0}, []float64{0, 0, 1}},
		{"soft", []float64{0.5, 0.25, -1}, []float64{0.25, 0.5, 0.25}},
		{"soft, sure", []float64{40, 0, 1}, []float64{1 - 0x1p-20, 0x1p-20, 0}},
		{"nearly hard", []float64{60, 0, 2}, []float64{1, 0x1p-90, 0}},
		{"weighted", []float64{50, 0, 1}, []float64{0.25, 0, 0}},
		{"nothing", []float64{0.5, 2}, []float64{0, 0}},
	} {
		for _, dtype := range dtypes {
			t.Run(fmt.Sprintf("%s/%v", c.name, dtype), func(t *testing.T) {
				loss, gradient := evaluate(t, dtype, ops.CrossEntropy, c.z, c.target, 1)
				wantLoss, want := reference(c.z, c.target)
				// An exponential changes by the rounding of its argument, which is at most
				// half a unit of the difference of logits; e^-750 and e^-105 are 0.
				eps, reach := 0x1p-53, 750.
				if dtype == tensor.Float32 {
					eps, reach = 0x1p-24, 105
				}
				spread := min(slices.Max(c.z)-slices.Min(c.z), reach)
				relative := eps * (8 + spread)
				closeTo(t, "loss", dtype, loss, wantLoss, relative)
				// With soft targets the gradient is a difference of terms of both signs.
				for k, d := range gradient {
					size := math.Abs(want[k])
					if count(c.target) > 1 {
						size = c.target[k]
					}
					closeTo(t, fmt.Sprint("gradient, element ", k), dtype, d, want[k], relative*max(1, size/max(math.Abs(want[k]), 1e-300)))
				}
				if dtype == tensor.Float64 && wantLoss != 0 && loss == 0 {
					t.Error("the loss is lost")
				}
			})
		}
	}
}

func count(x []float64) (n int) {
	for _, v := range x {
		if v != 0 {
			n++
		}
	}
	return n
}

// TestCrossEntropyRows has the mean of the rows' losses, and their gradients by the
// number of rows.
func TestCrossEntropyRows(t *testing.T) {
	const rows, classes = 17, 10
	z, target := random(1, rows*classes), make([]float64, rows*classes)
	for i := range rows {
		target[i*classes+i%classes] = 1
	}
	for _, dtype := range dtypes {
		eps := 0x1p-53
		if dtype == tensor.Float32 {
			eps = 0x1p-24
		}
		loss, gradient := evaluate(t, dtype, ops.CrossEntropy, z, target, rows)
		var mean float64
		for i := range rows {
			l, d := reference(z[i*classes:(i+1)*classes], target[i*classes:(i+1)*classes])
			mean += l / rows
			for k := range d {
				closeTo(t, fmt.Sprint("gradient of row ", i), dtype, gradient[i*classes+k], d[k]/rows, 10*eps)
			}
		}
		closeTo(t, "loss", dtype, loss, mean, (10+rows)*eps)
	}
}

// TestLossesNotFinite has NaN and infinity come through.
func TestLossesNotFinite(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, dtype := range dtypes {
		for _, c := range []struct {
			name      string
			f         lossFunc
			y, target []float64
			loss      float64
			gradient  []float64 // of the first row of two; that of the second is finite
		}{
			{"cross-entropy, NaN first", ops.CrossEntropy, []float64{nan, 1, 2}, []float64{0, 1, 0}, nan, []float64{nan, nan, nan}},
			{"cross-entropy, NaN last", ops.CrossEntropy, []float64{2, 1, nan}, []float64{0, 1, 0}, nan, []float64{nan, nan, nan}},
			{"cross-entropy, NaN for the right class", ops.CrossEntropy, []float64{2, nan, 1}, []float64{0, 1, 0}, nan, []float64{nan, nan, nan}},
			{"cross-entropy, NaN as target", ops.CrossEntropy, []float64{2, 0, 1}, []float64{0, nan, 0}, nan, []float64{nan, nan, nan}},
			{"cross-entropy, +Inf", ops.CrossEntropy, []float64{inf, 1, 2}, []float64{0, 1, 0}, inf, []float64{nan, nan, nan}},
			{"cross-entropy, +Inf for the right class", ops.CrossEntropy, []float64{1, inf, 2}, []float64{0, 1, 0}, nan, []float64{nan, nan, nan}},
			{"cross-entropy, -Inf for the right class", ops.CrossEntropy, []float64{0, -inf, 0}, []float64{0, 1, 0}, inf, []float64{0.25, -0.5, 0.25}},
			{"cross-entropy, -Inf for another", ops.CrossEntropy, []float64{0, 0, -inf}, []float64{0, 1, 0}, math.Ln2 / 2, []float64{0.25, -0.25, 0}},
			{"cross-entropy, all -Inf", ops.CrossEntropy, []float64{-inf, -inf, -inf}, []float64{0, 1, 0}, nan, []float64{nan, nan, nan}},
			{"mean-squared-error, NaN", ops.MeanSquaredError, []float64{nan, 0, 0}, []float64{0, 0, 0}, nan, []float64{nan, 0, 0}},
			{"mean-squared-error, NaN as target", ops.MeanSquaredError, []float64{0, 0, 0}, []float64{0, nan, 0}, nan, []float64{0, nan, 0}},
			{"mean-squared-error, Inf", ops.MeanSquaredError, []float64{0, -inf, 0}, []float64{0, 1, 0}, inf, []float64{0, -inf, 0}},
			{"mean-squared-error, Inf less Inf", ops.MeanSquaredError, []float64{inf, 0, 0}, []float64{inf, 0, 0}, nan, []float64{nan, 0, 0}},
		} {
			t.Run(fmt.Sprintf("%s/%v", c.name, dtype), func(t *testing.T) {
				loss, gradient := evaluate(t, dtype, c.f, append(c.y, 1e3, 0, 0), append(c.target, 1, 0, 0), 2)
				if math.IsNaN(c.loss) || math.IsInf(c.loss, 0) || c.loss < 1 {
					closeTo(t, "loss", dtype, loss, c.loss, 1e-6)
				}
				for k, want := range c.gradient {
					closeTo(t, fmt.Sprint("gradient, element ", k), dtype, gradient[k], want, 1e-6)
				}
				for k, d := range gradient[3:] {
					if math.IsNaN(d) || math.IsInf(d, 0) {
						t.Errorf("gradient of the other row, element %d: %g", k, d)
					}
				}
			})
		}
	}
}

// TestMeanSquaredErrorAccuracy rounds the loss and each gradient once or twice.
func TestMeanSquaredErrorAccuracy(t *testing.T) {
	for _, dtype := range dtypes {
		eps, tiny, large := 0x1p-53, 0x1p-500, 0x1p500
		if dtype == tensor.Float32 {
			eps, tiny, large = 0x1p-24, 0x1p-70, 0x1p60
		}
		for _, scale := range []float64{tiny, 0x1p-60, 1, large} {
			y, target := random(1, 30), random(2, 30)
			want := new(big.Float).SetPrec(precision)
			for i := range y {
				y[i], target[i] = y[i]*scale, target[i]*scale
				d := bigFloat(y[i])
				d.Sub(d, bigFloat(target[i]))
				want.Add(want, d.Mul(d, d))
			}
			mean, _ := want.Quo(want, bigFloat(30)).Float64()
			loss, gradient := evaluate(t, dtype, ops.MeanSquaredError, y, target, 3)
			closeTo(t, fmt.Sprintf("loss at %g, %v", scale, dtype), dtype, loss, mean, eps+35*0x1p-53)
			for i, d := range gradient {
				closeTo(t, fmt.Sprintf("gradient at %g, %v", scale, dtype), dtype, d, (y[i]-target[i])/15, eps+4*0x1p-53)
			}
		}
	}
}
