package optimizers

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/gradflow/gradflow/internal/arena"
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// table has the parameters that a part has seen, by their names, with the part's state of
// each. It finds and checks them; what is done with them is the part's.
type table struct {
	name    string                   // of the part, for messages and saved states
	vectors []float64                // the state vectors of a parameter, by their initial values
	numbers int                      // how many single numbers of state a parameter has; they start at 0
	own     func(tensor.Shape) []int // the lengths of further vectors of state, by shape; nil: none
	narrow  bool                     // float32 parameters have their state in float32
	squares bool                     // until a gradient is too large to be squared in that

	params  map[string]*param
	loads   int // how often params has been replaced by saved ones
	memory  arena.Arena
	active  []*param // those of this step, by name
	visit   uint64   // counts steps, to find a parameter that comes twice
	scratch struct{ w, g, to, h []float64 }
}

// param is a parameter that has been seen, with its state.
type param struct {
	name   string
	shape  tensor.Shape
	size   int
	single bool // float32

	block32 *Block[float32] // one of the two: the state in the arithmetic of the rule
	block64 *Block[float64]
	safe    float64 // the sum of the squares of elements up to this is at most wide²

	valueGrad gorgonia.ValueGrad
	w, g, to  view // of this step; to is w unless the update goes elsewhere
	h         view // curvature, if the method needs it
	gradient  view // of a link: that of the loss, where g is something else
	visit     uint64
}

// wide is the gradient from which on float32 squares are avoided: from here to
// overflow, a sum of 10^8 squares has room.
const wide = 1e15

// narrowest is the smallest eps that hides the underflow of float32 squares.
const narrowest = 1e-16

// into reports whether the update goes elsewhere than to the value.
func (p *param) into() bool {
	if p.single {
		return &p.to.f32[0] != &p.w.f32[0]
	}
	return &p.to.f64[0] != &p.w.f64[0]
}

func (p *param) dtype() tensor.Dtype {
	if p.single {
		return tensor.Float32
	}
	return tensor.Float64
}

var errNoParameters = errors.New("no parameters")

// begin checks everything and binds it, so that what follows cannot fail halfway.
func (t *table) begin(params []gorgonia.ValueGrad, into []gorgonia.Value) error {
	t.visit++
	t.active = t.active[:0]
	if len(params) == 0 {
		return errNoParameters
	}
	if into != nil && len(into) != len(params) {
		return errors.Errorf("%d parameters and %d updates", len(params), len(into))
	}
	for i, vg := range params {
		p, err := t.find(vg)
		if err != nil {
			return err
		}
		if p.to = p.w; into != nil {
			if p.to, err = p.like(into[i], "update"); err != nil {
				return err
			}
		}
		if err := t.bindGradient(p); err != nil {
			return err
		}
		t.active = append(t.active, p)
	}
	// The order of names makes sums over parameters independent of the order in
	// which they are given.
	if !slices.IsSortedFunc(t.active, byName) {
		slices.SortFunc(t.active, byName)
	}
	return nil
}

// bindGradient binds the present gradient of p and checks it.
func (t *table) bindGradient(p *param) error {
	g, err := p.valueGrad.Grad()
	if err != nil {
		return errors.Wrapf(err, "parameter %s", p.name)
	}
	if p.g, err = p.like(g, "gradient"); err != nil {
		return err
	}
	return t.check(p)
}

// check checks the present gradient of p.
func (t *table) check(p *param) error {
	if p.g.maxAbs() <= p.safe {
		return nil
	}
	sum := p.g.squaredSum()
	if !finite(sum) {
		return notFinite(p)
	}
	if t.squares && p.block32 != nil && sum > wide*wide {
		p.promote()
	}
	return nil
}

func byName(a, b *param) int { return cmp.Compare(a.name, b.name) }

func finite(x float64) bool { return x-x == 0 }

func notFinite(p *param) error {
	at, what := 0, "too large to be squared"
	for i := range p.size {
		x := 0.
		if p.single {
			x = float64(p.g.f32[i])
		} else {
			x = p.g.f64[i]
		}
		if !finite(x) {
			return &NonFiniteError{p.name, fmt.Sprintf("element %d of %d is %g", i, p.size, x)}
		}
		if math.Abs(x) > 1e150 {
			at = i
		}
	}
	return &NonFiniteError{p.name, fmt.Sprintf("element %d of %d is %s", at, p.size, what)}
}

// Prepare checks the parameters and allocates their state.
func (t *table) Prepare(params []gorgonia.ValueGrad) error {
	if len(params) == 0 {
		return errors.Wrap(errNoParameters, t.name)
	}
	t.visit++
	for _, vg := range params {
		if _, err := t.find(vg); err != nil {
			return errors.Wrap(err, t.name)
		}
	}
	return nil
}

// find returns the parameter with its value bound, made anew if necessary.
func (t *table) find(vg gorgonia.ValueGrad) (*param, error) {
	name, err := nameOf(vg)
	if err != nil {
		return nil, err
	}
	value := vg.Value()
	p := t.params[name]
	if p == nil {
		w, err := viewOf(value)
		if err != nil {
			return nil, errors.Wrapf(err, "parameter %s: its value", name)
		}
		if w.len() == 0 {
			return nil, errors.Errorf("parameter %s is empty", name)
		}
		p = t.add(name, value.Shape().Clone(), w.len(), w.single())
	}
	if p.visit == t.visit {
		return nil, errors.Errorf("two parameters are called %q", name)
	}
	if p.w, err = p.like(value, "value"); err != nil {
		return nil, err
	}
	p.visit, p.valueGrad = t.visit, vg
	return p, nil
}

func nameOf(vg gorgonia.ValueGrad) (string, error) {
	if isNil(vg) {
		return "", errors.New("a parameter is nil")
	}
	n, ok := vg.(gorgonia.Namer)
	if !ok || n.Name() == "" {
		return "", errors.Errorf("a parameter (%T) has no name: give it one, with gorgonia.WithName if it is a node", vg)
	}
	return n.Name(), nil
}

// isNil reports whether x is nil, or a nil pointer.
func isNil(x any) bool {
	if x == nil {
		return true
	}
	v := reflect.ValueOf(x)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// like returns the data of v, which has to have the shape and type of p.
func (p *param) like(v gorgonia.Value, what string) (view, error) {
	data, err := viewOf(v)
	if err != nil {
		return data, errors.Wrapf(err, "parameter %s: its %s", p.name, what)
	}
	if !v.Shape().Eq(p.shape) || data.single() != p.single {
		return data, errors.Errorf("parameter %s: its %s has shape %v of %v where %v of %v was expected",
			p.name, what, v.Shape(), v.Dtype(), p.shape, p.dtype())
	}
	return data, nil
}

func (t *table) add(name string, shape tensor.Shape, size int, single bool) *param {
	p := &param{name: name, shape: shape, size: size, single: single}
	if single && t.narrow {
		p.block32 = newBlock[float32](t, p)
	} else {
		p.block64 = newBlock[float64](t, p)
	}
	t.insert(p)
	return p
}

func (t *table) insert(p *param) {
	if t.params == nil {
		t.params = make(map[string]*param)
	}
	t.params[p.name] = p
	p.safe = wide / math.Sqrt(float64(p.size))
	if s := &t.scratch; p.single && len(s.w) < p.size {
		s.w, s.g, s.to, s.h = make([]float64, p.size), make([]float64, p.size), make([]float64, p.size), make([]float64, p.size)
	}
}

func newBlock[F kernels.Float](t *table, p *param) *Block[F] {
	b := &Block[F]{Name: p.name, Shape: p.shape, Single: p.single, State: make([][]F, len(t.vectors)), Numbers: make([]float64, t.numbers)}
	b.Rows, b.Cols = rowsCols(p.shape, p.size)
	if t.own != nil {
		for _, n := range t.own(p.shape) {
			b.Own = append(b.Own, arena.Make[float64](&t.memory, n))
		}
	}
	for i, initial := range t.vectors {
		b.State[i] = arena.Make[F](&t.memory, p.size)
		if initial != 0 {
			for j := range b.State[i] {
				b.State[i][j] = F(initial)
			}
		}
	}
	return b
}

// promote continues a float32 parameter in float64.
func (p *param) promote() {
	b := p.block32
	w := &Block[float64]{Name: b.Name, Shape: b.Shape, Single: true, State: make([][]float64, len(b.State)), Numbers: b.Numbers, Own: b.Own,
		Rows: b.Rows, Cols: b.Cols}
	for i, s := range b.State {
		w.State[i] = make([]float64, p.size)
		view{f32: s}.widen(w.State[i])
	}
	p.block32, p.block64 = nil, w
}
