package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"

	"github.com/gradflow/gradflow/internal/atomicfile"
	"github.com/gradflow/gradflow/models"
	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// The metadata that every file has.
const (
	layoutKey = "layout"
	layout    = "row-major; a layer is y = f(x W + b) with weight (inputs, units), the transpose of torch.nn.Linear's"
)

// Save writes the parameters and running statistics to a file, with metadata of the caller's if there are
// any; the key "layout" says how the values lie and is not for the caller. The file
// appears when it is complete and on the disk; one that is there is replaced.
func Save(file string, p *models.Parameters, metadata map[string]string) error {
	return errors.Wrap(atomicfile.WriteFrom(file, func(w io.Writer) error { return Write(w, p, metadata) }), "save weights")
}

// names are those of the parameters, and after them those of the running statistics of
// normalisations: without them a loaded network would not give the same output.
func names(p *models.Parameters) []string { return append(p.Names(), p.Statistics()...) }

// Write is [Save] for any writer.
func Write(w io.Writer, p *models.Parameters, metadata map[string]string) error {
	head, err := writeHeader(p, metadata)
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	for _, name := range names(p) {
		if err := encode(w, p.Tensor(name)); err != nil {
			return err
		}
	}
	return nil
}

// writeHeader makes the header of a file, with its length. The parameters keep their
// order.
func writeHeader(p *models.Parameters, metadata map[string]string) ([]byte, error) {
	if len(names(p)) == 0 {
		return nil, errors.New("no parameters: build the network first")
	}
	all := map[string]string{layoutKey: layout}
	for k, v := range metadata {
		if _, taken := all[k]; taken {
			return nil, errors.Errorf("the metadata %q are not for the caller", k)
		}
		all[k] = v
	}
	var b bytes.Buffer
	b.Write(make([]byte, headerAt))
	b.WriteByte('{')
	if err := member(&b, metadataKey, all); err != nil {
		return nil, err
	}
	type description struct {
		DType   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	width, at := dtypes[dtype(p)], int64(0)
	for _, name := range names(p) {
		t := p.Tensor(name)
		if name == metadataKey {
			return nil, errors.Errorf("a parameter cannot be named %s", name)
		}
		if err := rowMajor(name, t); err != nil {
			return nil, err
		}
		d := description{dtype(p), append([]int{}, t.Shape()...), [2]int64{at, at + width*int64(t.Shape().TotalSize())}}
		at = d.Offsets[1]
		b.WriteByte(',')
		if err := member(&b, name, d); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 { // the values are aligned
		b.WriteByte(' ')
	}
	head := b.Bytes()
	if len(head) > maxHeader {
		return nil, errors.Errorf("a header of %d bytes; there can be at most %d", len(head), maxHeader)
	}
	binary.LittleEndian.PutUint64(head, uint64(len(head)-headerAt))
	return head, nil
}

// member writes a member of a JSON object.
func member(b *bytes.Buffer, key string, value any) error {
	k, err := json.Marshal(key)
	if err != nil {
		return err
	}
	v, err := json.Marshal(value)
	if err != nil {
		return err
	}
	b.Write(k)
	b.WriteByte(':')
	b.Write(v)
	return nil
}

// encode writes the elements of a tensor, bit for bit.
func encode(w io.Writer, t *tensor.Dense) error {
	var b [8]byte
	if t.Dtype() == tensor.Float32 {
		for _, v := range t.Float32s() {
			binary.LittleEndian.PutUint32(b[:], math.Float32bits(v))
			if _, err := w.Write(b[:4]); err != nil {
				return err
			}
		}
		return nil
	}
	for _, v := range t.Float64s() {
		binary.LittleEndian.PutUint64(b[:], math.Float64bits(v))
		if _, err := w.Write(b[:]); err != nil {
			return err
		}
	}
	return nil
}
