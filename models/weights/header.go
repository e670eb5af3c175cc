package weights

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/pkg/errors"
)

// ErrFormat is the cause of every error about a file that is no safetensors file, or a
// damaged one.
var ErrFormat = errors.New("malformed weights file")

// FormatError says where a file is wrong. errors.Is(err, ErrFormat) holds.
type FormatError struct {
	File    string
	Offset  int64 // of the byte where the fault lies
	Problem string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s: byte %d: %s", e.File, e.Offset, e.Problem)
}

// Unwrap makes errors.Is(err, ErrFormat) hold.
func (e *FormatError) Unwrap() error { return ErrFormat }

// maxHeader is the longest header that is read, as in the format's own library.
const maxHeader = 100_000_000

// metadataKey is the header's entry that is no tensor.
const metadataKey = "__metadata__"

// header is what a file says about itself.
type header struct {
	tensors  []entry // in the order of their values
	metadata map[string]string
}

// entry describes a tensor. begin and end are offsets in the file.
type entry struct {
	name, dtype string
	shape       []int64
	begin, end  int64
}

// dtypes are the sizes of the element types.
var dtypes = map[string]int64{
	"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1,
	"U16": 2, "I16": 2, "F16": 2, "BF16": 2,
	"U32": 4, "I32": 4, "F32": 4,
	"U64": 8, "I64": 8, "F64": 8,
}

// parser reads a header.
type parser struct {
	file string
	json *json.Decoder
}

const headerAt = 8 // offset of the header in the file

func (p *parser) fault(at int64, format string, a ...any) error {
	return &FormatError{File: p.file, Offset: at, Problem: fmt.Sprintf(format, a...)}
}

// here makes an error about what was read last.
func (p *parser) here(format string, a ...any) error {
	return p.fault(headerAt+p.json.InputOffset(), format, a...)
}

// readHeader reads and checks the header of a file of the given size. It allocates in
// proportion to what the file really has.
func readHeader(file string, r io.ReaderAt, size int64) (*header, error) {
	p := &parser{file: file}
	var length [headerAt]byte
	if size < headerAt {
		return nil, p.fault(size, "the file ends within the length of the header")
	}
	if n, err := r.ReadAt(length[:], 0); n < len(length) {
		return nil, p.fault(int64(n), "reading the length of the header: %v", err)
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeader || int64(n) > size-headerAt {
		return nil, p.fault(0, "no safetensors file, or a cut one: a header of %d bytes in a file of %d", n, size)
	}
	text := make([]byte, n)
	if n, err := r.ReadAt(text, headerAt); n < len(text) {
		return nil, p.fault(headerAt+int64(n), "reading the header: %v", err)
	}
	if len(text) == 0 || text[0] != '{' {
		return nil, p.fault(headerAt, "the header does not begin with {")
	}
	if !utf8.Valid(text) {
		return nil, p.fault(headerAt, "the header is not UTF-8")
	}
	p.json = json.NewDecoder(bytes.NewReader(text))
	h, err := p.header(headerAt+int64(n), size)
	if err != nil {
		return nil, err
	}
	end := p.json.InputOffset()
	if rest := bytes.Trim(text[end:], " \t\r\n"); len(rest) > 0 {
		return nil, p.here("the header has text after its closing }")
	}
	return h, p.check(h, headerAt+int64(n), size)
}

// header reads the whole object. data and size are the offsets where the values begin
// and end.
func (p *parser) header(data, size int64) (*header, error) {
	h := &header{}
	err := p.object(func(key string) error {
		if key == metadataKey {
			h.metadata = map[string]string{}
			return p.object(func(key string) error {
				var v *string
				if err := p.value(&v); err != nil {
					return err
				}
				if v == nil {
					return p.here("%s of %s is null", key, metadataKey)
				}
				h.metadata[key] = *v
				return nil
			})
		}
		e, err := p.entry(key, data, size)
		h.tensors = append(h.tensors, e)
		return err
	})
	return h, err
}

// object reads an object and calls member at the value of each key.
func (p *parser) object(member func(key string) error) error {
	if err := p.token(json.Delim('{')); err != nil {
		return err
	}
	seen := map[string]bool{}
	for p.json.More() {
		t, err := p.json.Token()
		if err != nil {
			return p.broken(err)
		}
		key := t.(string) // or the decoder had refused it
		if seen[key] {
			return p.here("duplicate key %q", key)
		}
		seen[key] = true
		if err := member(key); err != nil {
			return err
		}
	}
	return p.token(json.Delim('}'))
}

func (p *parser) token(want json.Delim) error {
	t, err := p.json.Token()
	if err != nil {
		return p.broken(err)
	}
	if t != want {
		return p.here("%v instead of %v", t, want)
	}
	return nil
}

func (p *parser) value(v any) error {
	if err := p.json.Decode(v); err != nil {
		return p.broken(err)
	}
	return nil
}

// broken turns an error of the JSON decoder into one of ours.
func (p *parser) broken(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return p.here("the header ends within its JSON")
	}
	return p.here("the header is not valid JSON: %v", err)
}

// entry reads the description of a tensor.
func (p *parser) entry(name string, data, size int64) (entry, error) {
	e := entry{name: name}
	var offsets []int64
	err := p.object(func(key string) error {
		switch key {
		case "dtype":
			return p.value(&e.dtype)
		case "shape":
			return p.value(&e.shape)
		case "data_offsets":
			return p.value(&offsets)
		}
		return p.here("tensor %q has an unknown property %q", name, key)
	})
	if err != nil {
		return e, err
	}
	width, known := dtypes[e.dtype]
	switch {
	case !known:
		return e, p.here("tensor %q has the unknown dtype %q", name, e.dtype)
	case e.shape == nil:
		return e, p.here("tensor %q has no shape", name)
	case len(offsets) != 2:
		return e, p.here("tensor %q has the data_offsets %v; want two", name, offsets)
	case offsets[0] < 0 || offsets[1] < offsets[0] || offsets[1] > size-data:
		return e, p.here("tensor %q has the data_offsets %v; there are %d bytes of values", name, offsets, size-data)
	}
	want := width
	for _, d := range e.shape {
		if d < 0 || d > 0 && want > math.MaxInt64/d {
			return e, p.here("tensor %q cannot have the shape %v", name, e.shape)
		}
		want *= d
	}
	if want != offsets[1]-offsets[0] {
		return e, p.here("tensor %q of %s and shape %v takes %d bytes, but has %d", name, e.dtype, e.shape, want, offsets[1]-offsets[0])
	}
	e.begin, e.end = data+offsets[0], data+offsets[1]
	return e, nil
}

// check sees to it that the values follow each other and fill the file.
func (p *parser) check(h *header, data, size int64) error {
	slices.SortStableFunc(h.tensors, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	at := data
	for _, e := range h.tensors {
		if e.begin != at {
			return p.fault(at, "tensor %q begins at byte %d: values must follow each other without a gap", e.name, e.begin)
		}
		at = e.end
	}
	if at != size {
		return p.fault(at, "the values end here, but the file has %d bytes", size)
	}
	return nil
}
