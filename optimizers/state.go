package optimizers

import (
	"bytes"
	"encoding"
	"encoding/gob"
	"maps"
	"slices"

	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// savedState is the state of all parameters of a table, in the order of names.
type savedState struct {
	Method string
	Params []savedParam
}

type savedParam struct {
	Name    string
	Shape   []int
	Single  bool // the parameter is float32
	Narrow  bool // and so is its state, which is saved as float64 without loss
	Vectors [][]float64
	Numbers []float64
	Own     [][]float64
}

// MarshalBinary saves the state.
func (t *table) MarshalBinary() ([]byte, error) {
	state := savedState{Method: t.name}
	for _, name := range slices.Sorted(maps.Keys(t.params)) {
		p := t.params[name]
		s := savedParam{Name: name, Shape: p.shape, Single: p.single, Narrow: p.block32 != nil}
		s.Numbers, s.Own = p.numbersAndOwn()
		if s.Narrow {
			for _, v := range p.block32.State {
				wide := make([]float64, len(v))
				view{f32: v}.widen(wide)
				s.Vectors = append(s.Vectors, wide)
			}
		} else {
			s.Vectors = p.block64.State
		}
		state.Params = append(state.Params, s)
	}
	return encode(state)
}

// UnmarshalBinary loads a state that MarshalBinary saved, instead of the
// present one.
func (t *table) UnmarshalBinary(data []byte) error {
	var state savedState
	if err := decode(data, &state); err != nil {
		return errors.Wrap(err, t.name)
	}
	if state.Method != t.name {
		return errors.Errorf("%s: this is the state of %s", t.name, state.Method)
	}
	t.params = nil
	t.loads++
	for _, s := range state.Params {
		if err := t.restore(s); err != nil {
			t.params = nil
			return errors.Wrapf(err, "%s: state of %s", t.name, s.Name)
		}
	}
	return nil
}

func (t *table) restore(s savedParam) error {
	size := 1
	for _, n := range s.Shape {
		size *= n
	}
	if len(s.Vectors) != len(t.vectors) || len(s.Numbers) != t.numbers && len(s.Numbers)+t.numbers > 0 {
		return errors.Errorf("has %d vectors and %d numbers where %d and %d were expected: were the settings others?",
			len(s.Vectors), len(s.Numbers), len(t.vectors), t.numbers)
	}
	if s.Narrow && !t.narrow {
		return errors.New("is float32 where float64 was expected: were the settings others?")
	}
	p := &param{name: s.Name, shape: tensor.Shape(s.Shape), size: size, single: s.Single}
	if s.Narrow {
		p.block32 = newBlock[float32](t, p)
	} else {
		p.block64 = newBlock[float64](t, p)
	}
	for i, v := range s.Vectors {
		if len(v) != size {
			return errors.Errorf("has a vector of %d elements for shape %v", len(v), s.Shape)
		}
		if !s.Narrow {
			copy(p.block64.State[i], v)
			continue
		}
		for j, x := range v {
			p.block32.State[i][j] = float32(x)
		}
	}
	numbers, own := p.numbersAndOwn()
	copy(numbers, s.Numbers)
	if len(own) != len(s.Own) {
		return errors.Errorf("has %d vectors of its own where %d were expected: were the settings others?", len(s.Own), len(own))
	}
	for i, x := range own {
		if len(x) != len(s.Own[i]) {
			return errors.Errorf("has a vector of %d elements where %d were expected", len(s.Own[i]), len(x))
		}
		copy(x, s.Own[i])
	}
	t.insert(p)
	return nil
}

func (p *param) numbersAndOwn() ([]float64, [][]float64) {
	if p.block32 != nil {
		return p.block32.Numbers, p.block32.Own
	}
	return p.block64.Numbers, p.block64.Own
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(v)
	return b.Bytes(), errors.WithStack(err)
}

func decode(data []byte, v any) error {
	return errors.Wrap(gob.NewDecoder(bytes.NewReader(data)).Decode(v), "not a saved state")
}

// savedParts is the state of an optimizer that is made of others.
type savedParts struct {
	Method string
	Steps  int
	Parts  [][]byte
}

func saveParts(name string, steps int, parts []any) ([]byte, error) {
	state := savedParts{Method: name, Steps: steps}
	for _, p := range parts {
		m, ok := p.(encoding.BinaryMarshaler)
		if !ok {
			return nil, errors.Errorf("%s: %T cannot save its state: it does not implement encoding.BinaryMarshaler", name, p)
		}
		data, err := m.MarshalBinary()
		if err != nil {
			return nil, errors.Wrap(err, name)
		}
		state.Parts = append(state.Parts, data)
	}
	return encode(state)
}

func loadParts(name string, data []byte, parts []any) (steps int, err error) {
	var state savedParts
	if err := decode(data, &state); err != nil {
		return 0, errors.Wrap(err, name)
	}
	if state.Method != name || len(state.Parts) != len(parts) {
		return 0, errors.Errorf("%s of %d: this is the state of %s of %d", name, len(parts), state.Method, len(state.Parts))
	}
	for i, p := range parts {
		m, ok := p.(encoding.BinaryUnmarshaler)
		if !ok {
			return 0, errors.Errorf("%s: %T cannot load its state: it does not implement encoding.BinaryUnmarshaler", name, p)
		}
		if err := m.UnmarshalBinary(state.Parts[i]); err != nil {
			return 0, errors.Wrap(err, name)
		}
	}
	return state.Steps, nil
}
