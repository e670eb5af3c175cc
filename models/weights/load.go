package weights

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/models"
	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// ErrMismatch is the cause of the error about a good file that is of another network.
var ErrMismatch = errors.New("the weights are not of this network")

// Load replaces the parameters p by those in a file and returns the file's metadata.
// The names, shapes and the element type must be those of p: build the network first.
// The order of the parameters in the file does not matter. If there is an error, p is
// as before.
func Load(file string, p *models.Parameters) (metadata map[string]string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, errors.Wrap(err, "load weights")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Wrap(err, "load weights")
	}
	metadata, err = Read(file, f, info.Size(), p)
	return metadata, errors.Wrap(err, "load weights")
}

// Read is [Load] for any reader of the given size; errors call it by the name of file.
func Read(file string, r io.ReaderAt, size int64, p *models.Parameters) (map[string]string, error) {
	h, err := readHeader(file, r, size)
	if err != nil {
		return nil, err
	}
	if err := match(h, p); err != nil {
		return nil, errors.Wrap(err, file)
	}
	// All is read before anything is changed.
	commit := make([]func(), len(h.tensors))
	for i, e := range h.tensors {
		b := make([]byte, e.end-e.begin)
		if n, err := r.ReadAt(b, e.begin); n < len(b) {
			return nil, &FormatError{file, e.begin + int64(n), fmt.Sprintf("reading the values of %s: %v", e.name, err)}
		}
		t := p.Tensor(e.name)
		commit[i] = func() { decode(t, b) }
	}
	for _, f := range commit {
		f()
	}
	return h.metadata, nil
}

// match compares what the file has with what the network needs.
func match(h *header, p *models.Parameters) error {
	if len(names(p)) == 0 {
		return errors.Wrap(ErrMismatch, "no parameters to load it into: build the network first")
	}
	var foreign []string
	for _, e := range h.tensors {
		if p.Tensor(e.name) == nil {
			foreign = append(foreign, e.name)
		}
	}
	var absent []string
	for _, name := range names(p) {
		i := slices.IndexFunc(h.tensors, func(e entry) bool { return e.name == name })
		if i < 0 {
			absent = append(absent, name)
			continue
		}
		e, t := h.tensors[i], p.Tensor(name)
		if want := dtype(p); e.dtype != want {
			return errors.Wrapf(ErrMismatch, "%s is of %s, the network of %s", name, e.dtype, want)
		}
		if !slices.EqualFunc(e.shape, t.Shape(), func(a int64, b int) bool { return a == int64(b) }) {
			return errors.Wrapf(ErrMismatch, "%s has the shape %v, in the network %v%s", name, e.shape, []int(t.Shape()), transposed(e.shape, t.Shape()))
		}
		if err := rowMajor(name, t); err != nil {
			return err
		}
	}
	switch {
	case len(absent) > 0 && len(foreign) > 0:
		return errors.Wrapf(ErrMismatch, "the file lacks %s and has %s instead", list(absent), list(foreign))
	case len(absent) > 0:
		return errors.Wrapf(ErrMismatch, "the file lacks %s", list(absent))
	case len(foreign) > 0:
		return errors.Wrapf(ErrMismatch, "the file has %s, which the network does not have", list(foreign))
	}
	return nil
}

// transposed is the remedy for weights as PyTorch has them.
func transposed(file []int64, want tensor.Shape) string {
	if len(file) == 2 && len(want) == 2 && file[0] == int64(want[1]) && file[1] == int64(want[0]) {
		return ": it has to be transposed, weights are (inputs, units) here"
	}
	return ""
}

// list names a few.
func list(names []string) string {
	const most = 3
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// dtype is the format's name for the element type of p.
func dtype(p *models.Parameters) string {
	if p.DType() == tensor.Float32 {
		return "F32"
	}
	return "F64"
}

// rowMajor makes sure that the elements lie in memory as they do in the file.
func rowMajor(name string, t *tensor.Dense) error {
	stride := 1
	for i := len(t.Strides()) - 1; i >= 0; i-- {
		if t.Strides()[i] != stride {
			return errors.Errorf("parameter %s has strides %v for the shape %v: want row-major order", name, t.Strides(), t.Shape())
		}
		stride *= t.Shape()[i]
	}
	return nil
}

// decode copies bytes into a tensor, bit for bit.
func decode(t *tensor.Dense, b []byte) {
	if t.Dtype() == tensor.Float32 {
		for i := range t.Float32s() {
			t.Float32s()[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
		return
	}
	for i := range t.Float64s() {
		t.Float64s()[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
}
