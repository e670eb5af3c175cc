package tasks

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/pkg/errors"
)

// ErrFormat is the cause of every error about the content of a data file.
var ErrFormat = errors.New("malformed data file")

// FormatError says where a data file is wrong. errors.Is(err, ErrFormat) holds.
type FormatError struct {
	File string
	// Offset is the byte where the fault lies; in a compressed file it is
	// counted in the uncompressed content.
	Offset     int64
	Compressed bool
	Problem    string
}

func (e *FormatError) Error() string {
	of := ""
	if e.Compressed {
		of = " of its uncompressed content"
	}
	return fmt.Sprintf("%s: byte %d%s: %s", e.File, e.Offset, of, e.Problem)
}

// Unwrap makes errors.Is(err, ErrFormat) hold.
func (e *FormatError) Unwrap() error { return ErrFormat }

// idx is a file's array of bytes.
type idx struct {
	dims   []int
	data   []byte
	header int64                                         // offset of data
	fault  func(at int64, format string, a ...any) error // an error at an offset of the file
}

// readIDX reads a file of unsigned bytes in the format of the MNIST files
// (Y. LeCun, C. Cortes and C. Burges): two zero bytes, the type 8, the number
// of dimensions, each dimension as a big-endian 32-bit number, then the values,
// the last dimension changing fastest. A name that ends in .gz is uncompressed.
func readIDX(file string, dimensions int) (idx, error) {
	f, err := os.Open(file)
	if err != nil {
		return idx{}, errors.WithStack(err) // names the file
	}
	defer f.Close()
	compressed := strings.HasSuffix(file, ".gz")
	fault := func(at int64, format string, a ...any) error {
		return &FormatError{File: file, Offset: at, Compressed: compressed, Problem: fmt.Sprintf(format, a...)}
	}
	var r io.Reader = bufio.NewReader(f)
	if compressed {
		if r, err = gzip.NewReader(r); err != nil {
			return idx{}, fault(0, "not a gzip file: %v", err)
		}
	}
	return parseIDX(r, dimensions, fault)
}

// parseIDX reads one array to the end of r. It never holds more than about
// twice of what r really delivers, whatever the header says.
func parseIDX(r io.Reader, dimensions int, fault func(int64, string, ...any) error) (idx, error) {
	header := make([]byte, 4+4*dimensions)
	n, err := io.ReadFull(r, header[:4])
	if err != nil {
		return idx{}, broken(fault, int64(n), "header", err)
	}
	if header[0] != 0 || header[1] != 0 {
		return idx{}, fault(0, "bytes % x are no IDX magic number: it begins with 00 00", header[:4])
	}
	if header[2] != 8 {
		return idx{}, fault(2, "type 0x%02x; only 0x08, unsigned byte, is supported", header[2])
	}
	if int(header[3]) != dimensions {
		return idx{}, fault(3, "%d dimensions instead of %d", header[3], dimensions)
	}
	n, err = io.ReadFull(r, header[4:])
	if err != nil {
		return idx{}, broken(fault, int64(4+n), "header", err)
	}
	a := idx{header: int64(len(header)), fault: fault}
	size := int64(1)
	for i := range dimensions {
		d := int64(binary.BigEndian.Uint32(header[4+4*i:]))
		if d == 0 {
			return idx{}, fault(int64(4+4*i), "dimension %d is 0", i+1)
		}
		if size > math.MaxInt32*int64(1024)/d { // 2 TiB; also keeps the product from overflowing
			return idx{}, fault(int64(4+4*i), "dimensions %v x %d are too large", a.dims, d)
		}
		size *= d
		a.dims = append(a.dims, int(d))
	}
	a.data, err = io.ReadAll(io.LimitReader(r, size))
	if err == nil && int64(len(a.data)) < size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return idx{}, broken(fault, a.header+int64(len(a.data)), fmt.Sprintf("%v array", a.dims), err)
	}
	// Reading on to the end also verifies the checksum of a gzip file.
	n, err = io.ReadFull(r, header[:1])
	if n > 0 {
		return idx{}, fault(a.header+size, "data go on after the %v array", a.dims)
	}
	if err != io.EOF {
		return idx{}, broken(fault, a.header+size, "end", err)
	}
	return a, nil
}

// broken says that reading what ended at an offset with err.
func broken(fault func(int64, string, ...any) error, at int64, what string, err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fault(at, "file ends within the %s", what)
	}
	return fault(at, "reading the %s: %v", what, err)
}

// readPair reads images and their labels. classes 0 means: as many as the
// largest label says. Unlike the labels, the images may be of any size.
func readPair(images, labels string, classes int) (Data[uint8], error) {
	var d Data[uint8]
	x, err := readIDX(images, 3)
	if err != nil {
		return d, err
	}
	l, err := readIDX(labels, 1)
	if err != nil {
		return d, err
	}
	if x.dims[0] != l.dims[0] {
		return d, l.fault(4, "%d labels, but %s has %d images", l.dims[0], images, x.dims[0])
	}
	d = Data[uint8]{Inputs: x.dims[1] * x.dims[2], Classes: classes, X: x.data, Unit: 255, Labels: make([]int, len(l.data))}
	for i, b := range l.data {
		if classes == 0 {
			d.Classes = max(d.Classes, int(b)+1)
		} else if int(b) >= classes {
			return d, l.fault(l.header+int64(i), "label %d of example %d is outside 0..%d", b, i, classes-1)
		}
		d.Labels[i] = int(b)
	}
	return d, nil
}
