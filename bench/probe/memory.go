package probe

import (
	"bytes"
	"encoding/gob"

	"github.com/pkg/errors"
)

// memory is what quantities keep between samples, by layer and quantity.
func (p *Probe) memory() (all [][][]float64) {
	for i := range p.layers {
		all = append(all, p.layers[i].memory)
	}
	return all
}

// MarshalBinary saves the samples and what the quantities keep, for a run that is resumed.
func (p *Probe) MarshalBinary() ([]byte, error) {
	var b bytes.Buffer
	e := gob.NewEncoder(&b)
	err := e.Encode(p.Samples)
	if err == nil {
		err = e.Encode(p.memory())
	}
	return b.Bytes(), errors.Wrap(err, "probe")
}

// UnmarshalBinary loads the samples of a probe of the same network and quantities.
func (p *Probe) UnmarshalBinary(text []byte) error {
	var samples []Sample
	var saved [][][]float64
	d := gob.NewDecoder(bytes.NewReader(text))
	err := d.Decode(&samples)
	if err == nil {
		err = d.Decode(&saved)
	}
	if err != nil {
		return errors.Wrap(err, "probe")
	}
	memory := p.memory()
	if len(saved) != len(memory) {
		return errors.Errorf("probe: memory of %d layers, there are %d", len(saved), len(memory))
	}
	for i := range memory {
		if len(saved[i]) != len(memory[i]) {
			return errors.Errorf("probe: memory of %d quantities, there are %d", len(saved[i]), len(memory[i]))
		}
		for k := range memory[i] {
			if len(saved[i][k]) != len(memory[i][k]) {
				return errors.Errorf("probe: %s: %s keeps %d numbers, saved are %d", p.Layers[i], p.Quantities[k], len(memory[i][k]), len(saved[i][k]))
			}
		}
	}
	p.Samples = p.Samples[:0]
	for _, s := range samples {
		if len(s.Layers) != len(p.Layers) {
			return errors.Errorf("probe: samples of %d layers, there are %d", len(s.Layers), len(p.Layers))
		}
		for _, row := range s.Layers {
			if len(row) != len(p.Quantities) {
				return errors.Errorf("probe: samples of %d quantities, there are %d", len(row), len(p.Quantities))
			}
		}
		s.quantities = p.Quantities
		p.Samples = append(p.Samples, s)
	}
	for i := range memory {
		for k := range memory[i] {
			copy(memory[i][k], saved[i][k])
		}
	}
	return nil
}
