package serve

import (
	"fmt"
	"math"
	"sync"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/gradflow/gradflow/bench/profile"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
)

// curveXY is a curve.
type curveXY struct {
	X []float64       `json:"x"`
	Y []record.Number `json:"y"`
}

// theory is what mean-field theory says of an f, and of the first weights of a network.
type theory struct {
	F           curveXY       `json:"f"`
	Slope       curveXY       `json:"slope"`
	FCaption    string        `json:"f_caption"`
	None        string        `json:"none,omitempty"` // why there is no more
	Weight      float64       `json:"weight_variance"`
	Bias        float64       `json:"bias_variance"`
	Q           record.Number `json:"q_star"`
	Chi         record.Number `json:"chi1"`
	Phase       string        `json:"phase"`
	Critical    record.Number `json:"critical"` // weight variance, with these biases
	QMap        curveXY       `json:"q_map"`
	QCaption    string        `json:"q_caption"`
	CMap        curveXY       `json:"c_map"`
	Correlation record.Number `json:"c_star"`
	CCaption    string        `json:"c_caption"`
	// Diagram is log10 χ₁ by bias and weight variance; null where q grows without end.
	Weights      []float64         `json:"weights"`
	Biases       []float64         `json:"biases"`
	Diagram      [][]record.Number `json:"diagram"`
	Line         [][2]float64      `json:"line"` // weights and biases at which χ₁ is 1
	PhaseCaption string            `json:"phase_caption"`
}

// fieldCache keeps the theory of the nonlinearities that were looked at last.
type fieldCache struct {
	mu   sync.Mutex
	list []cachedField
}

type cachedField struct {
	key   string
	field *meanfield.Field
	err   error
}

const cachedFields = 32

// of returns the theory of f.
func (k *fieldCache) of(key string, f meanfield.Function) (*meanfield.Field, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.list {
		if c.key == key {
			return c.field, c.err
		}
	}
	field, err := meanfield.New(f)
	if len(k.list) == cachedFields {
		k.list = k.list[1:]
	}
	k.list = append(k.list, cachedField{key, field, err})
	return field, err
}

// Points of curves, and cells of the diagram.
const (
	points                   = 61
	diagramWide, diagramHigh = 48, 32
	// zEnd is how far f is drawn.
	zEnd = 4.
)

// theoryOf computes what the page draws.
func (k *fieldCache) theoryOf(c record.Config) (*theory, error) {
	a, err := study.Assemble(c)
	if err != nil {
		return nil, err
	}
	t := &theory{Q: record.Number(math.NaN()), Chi: record.Number(math.NaN()), Critical: record.Number(math.NaN()), Correlation: record.Number(math.NaN())}
	scalar, err := activations.ScalarOf(a.Activation)
	if err != nil {
		t.None = a.Activation.Name() + " is not element-wise: it has no curve, and no theory here follows it."
		return t, nil
	}
	t.function(scalar)
	v, err := profile.Variances(a)
	if err != nil {
		return nil, err
	}
	t.Weight, t.Bias = v.Weight, v.Bias
	field, err := k.of(fmt.Sprint(c.Activation, c.Depth, c.Width), scalar)
	if err != nil {
		t.None = err.Error()
		return t, nil
	}
	point, err := field.Theory(v)
	if err != nil {
		return nil, err
	}
	t.Q, t.Chi, t.Phase, t.Correlation = record.Number(point.Q), record.Number(point.Chi1), point.Phase.String(), record.Number(point.Correlation)
	t.maps(field, point)
	t.diagram(field, v)
	t.captions(point)
	return t, nil
}

// function draws f and its slope.
func (t *theory) function(f activations.Scalar) {
	largest, flat, n := 0., 0, 0
	for i := range 2*points - 1 {
		z := zEnd * (2*float64(i)/float64(2*points-2) - 1)
		y, d := f.F(z), f.Derivative(z)
		t.F.X, t.F.Y = append(t.F.X, z), append(t.F.Y, record.Number(y))
		t.Slope.X, t.Slope.Y = append(t.Slope.X, z), append(t.Slope.Y, record.Number(d))
		if d-d == 0 {
			largest = max(largest, math.Abs(d))
		}
	}
	for _, d := range t.Slope.Y {
		if n++; math.Abs(float64(d)) < largest/10 {
			flat++
		}
	}
	t.FCaption = fmt.Sprintf("f and its slope f′ (dashed). Each layer multiplies the gradient by f′, which is at most %.2g here", largest)
	if flat > 0 {
		t.FCaption += fmt.Sprintf("; over %.0f%% of this range f is saturated, its slope below a tenth of that", 100*float64(flat)/float64(n))
	}
	t.FCaption += "."
}

// maps draws those of q and c.
func (t *theory) maps(field *meanfield.Field, p *meanfield.Theory) {
	top := 2 * max(p.Weight+p.Bias, p.Bias)
	if p.Q > 0 && p.Outcome == meanfield.Converges {
		top = 2 * p.Q
	}
	for i := range points {
		x := float64(i) / (points - 1)
		if top > 0 {
			t.QMap.X, t.QMap.Y = append(t.QMap.X, x*top), append(t.QMap.Y, record.Number(field.QMap(p.Variances, x*top)))
		}
	}
	if p.Q > 0 {
		m := field.CMap(p.Variances, p.Q)
		for i := range points {
			x := float64(i) / (points - 1)
			t.CMap.X, t.CMap.Y = append(t.CMap.X, x), append(t.CMap.Y, record.Number(m.At(x)))
		}
	}
}

// diagram draws χ₁ by the variances, with the critical line in view where there is one.
func (t *theory) diagram(field *meanfield.Field, v meanfield.Variances) {
	wide, high := max(3, 1.6*v.Weight), max(0.25, 2*v.Bias)
	if p, err := field.Critical(v.Bias); err == nil {
		t.Critical = record.Number(p.Weight)
		wide = max(wide, 1.25*p.Weight)
	}
	for i := range diagramWide {
		t.Weights = append(t.Weights, (float64(i)+0.5)/diagramWide*wide)
	}
	for i := range diagramHigh {
		t.Biases = append(t.Biases, (float64(i)+0.5)/diagramHigh*high)
	}
	for k, row := range field.Diagram(t.Weights, t.Biases) {
		logs := make([]record.Number, len(row))
		for j, chi := range row {
			logs[j] = logOf(math.Log10(chi))
			if j == 0 {
				continue
			}
			if a, b := float64(logs[j-1]), float64(logs[j]); (a < 0) != (b < 0) && a-a == 0 && b-b == 0 {
				s := a / (a - b)
				t.Line = append(t.Line, [2]float64{t.Weights[j-1] + s*(t.Weights[j]-t.Weights[j-1]), t.Biases[k]})
			}
		}
		t.Diagram = append(t.Diagram, logs)
	}
}

// captions say what the pictures show.
func (t *theory) captions(p *meanfield.Theory) {
	switch p.Outcome {
	case meanfield.Diverges:
		t.QCaption = "The curve stays above the diagonal: the variance of the pre-activations grows from layer to layer without bound."
	case meanfield.Neutral:
		t.QCaption = "The curve is the diagonal: each layer keeps the variance of the pre-activations as it is."
	default:
		t.QCaption = fmt.Sprintf("Each layer maps the variance q of its pre-activations along the curve; layers settle where it crosses the diagonal, at q* = %.3g.", p.Q)
		if p.Q == 0 {
			t.QCaption = "The curve lies below the diagonal: the variance of the pre-activations shrinks from layer to layer, to 0."
		}
	}
	switch {
	case len(t.CMap.X) == 0:
		t.CCaption = "There is no map of correlations where the variance does not settle above 0."
	case p.Correlation > 1-1e-9:
		t.CCaption = fmt.Sprintf("The correlation c of two examples is drawn to 1: with depth all inputs look alike. The slope at 1 is χ₁ = %.3g.", p.Chi1)
	default:
		t.CCaption = fmt.Sprintf("The correlation c of two examples is drawn to %.2g: even near-equal inputs become unlike. The slope at 1 is χ₁ = %.3g.", p.Correlation, p.Chi1)
	}
	here := fmt.Sprintf("The dot is this start, σ_w² = %.3g, σ_b² = %.3g: ", t.Weight, t.Bias)
	switch p.Phase {
	case meanfield.NoPhase:
		t.PhaseCaption = here + "its variance has no end, so there is no χ₁."
	case meanfield.Critical:
		t.PhaseCaption = here + "it is critical, χ₁ = 1: gradients keep their size."
	case meanfield.Ordered:
		t.PhaseCaption = here + fmt.Sprintf("ordered, each layer multiplies the squared gradient by χ₁ = %.3g: it vanishes with depth.", p.Chi1)
	default:
		t.PhaseCaption = here + fmt.Sprintf("chaotic, each layer multiplies the squared gradient by χ₁ = %.3g: it explodes with depth.", p.Chi1)
	}
	if c := float64(t.Critical); c == c {
		t.PhaseCaption += fmt.Sprintf(" With these biases χ₁ = 1 at σ_w² = %.3g.", c)
	} else {
		t.PhaseCaption += " No weights make it critical with these biases."
	}
	t.PhaseCaption += " It is the theory of plain layers: the dotted lines of the signal know the normalisation and the shortcuts."
}
