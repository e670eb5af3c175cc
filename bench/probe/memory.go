package probe

import (
	"bytes"
	"encoding/gob"

	"github.com/pkg/errors"
)

// MarshalBinary saves the samples, for a run that is resumed.
func (p *Probe) MarshalBinary() ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(p.Samples)
	return b.Bytes(), errors.Wrap(err, "probe")
}

// UnmarshalBinary loads the samples of a probe of the same network and quantities.
func (p *Probe) UnmarshalBinary(text []byte) error {
	var samples []Sample
	if err := gob.NewDecoder(bytes.NewReader(text)).Decode(&samples); err != nil {
		return errors.Wrap(err, "probe")
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
	return nil
}
