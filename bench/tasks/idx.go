package tasks

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"

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

// maxContent is how many bytes the content of a data file may have: twice the largest set
// of EMNIST, and 4 GiB once all of it is asked for in float32.
const maxContent = 1 << 30

// uncompressed returns the content of r, and whether it is gzipped in r: its first bytes tell,
// since names are wrong too often.
func uncompressed(r io.Reader) (content io.Reader, compressed bool, err error) {
	b := bufio.NewReader(r)
	if magic, _ := b.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return b, false, nil // also if it can't be read, as the caller will find
	}
	z, err := gzip.NewReader(b)
	return z, true, err
}

// readIDX reads a file of unsigned bytes in the format of the MNIST files
// (Y. LeCun, C. Cortes and C. Burges): two zero bytes, the type 8, the number
// of dimensions, each dimension as a big-endian 32-bit number, then the values,
// the last dimension changing fastest. Gzipped content is uncompressed, whatever
// the file is called. It may have at most this many values.
func readIDX(file string, dimensions int, most int64) (idx, error) {
	f, err := os.Open(file)
	if err != nil {
		return idx{}, errors.WithStack(err) // names the file
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return idx{}, errors.WithStack(err)
	}
	r, compressed, err := uncompressed(f)
	fault := func(at int64, format string, a ...any) error {
		return &FormatError{File: file, Offset: at, Compressed: compressed, Problem: fmt.Sprintf(format, a...)}
	}
	if err != nil {
		return idx{}, broken(fault, 0, "gzip header", err)
	}
	length := info.Size()
	if compressed {
		length = unknown
	}
	return parseIDX(r, dimensions, length, most, fault)
}

// unknown is the length of content that has to be uncompressed first.
const unknown = -1

// parseIDX reads one array of at most this many values to the end of r, which delivers length
// bytes. It never holds more than about twice of what r really delivers, whatever the
// header says.
func parseIDX(r io.Reader, dimensions int, length, most int64, fault func(int64, string, ...any) error) (idx, error) {
	header := make([]byte, 4+4*dimensions)
	n, err := io.ReadFull(r, header[:4])
	if err != nil {
		return idx{}, broken(fault, int64(n), "header", err)
	}
	if header[0] != 0 || header[1] != 0 {
		return idx{}, fault(0, "it begins with % x, not with 00 00 as an IDX file does: put MNIST's format there, plain or gzipped", header[:4])
	}
	if header[2] != 8 {
		return idx{}, fault(2, "type 0x%02x; only 0x08, unsigned byte, is supported: convert the values to bytes", header[2])
	}
	if int(header[3]) != dimensions {
		return idx{}, fault(3, "%d dimensions instead of %d: images have 3, labels 1; give each file the name of what it holds", header[3], dimensions)
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
			return idx{}, fault(int64(4+4*i), "dimension %d is 0: %s", i+1, again)
		}
		if size > math.MaxInt32*int64(1024)/d { // 2 TiB; also keeps the product from overflowing
			return idx{}, fault(int64(4+4*i), "dimensions %v x %d are too large: %s", a.dims, d, again)
		}
		size *= d
		a.dims = append(a.dims, int(d))
	}
	array := fmt.Sprintf("%v array", a.dims)
	switch end := a.header + size; {
	case length != unknown && length < end:
		return idx{}, broken(fault, length, array, io.ErrUnexpectedEOF)
	case length != unknown && length > end:
		return idx{}, goesOn(fault, end, array)
	case size > most:
		return idx{}, fault(4, "the header tells of %d values, and at most %d are read: make a smaller file of a part of them", size, most)
	case length != unknown:
		a.data = make([]byte, size)
		n, err = io.ReadFull(r, a.data)
		a.data = a.data[:n]
	default:
		a.data, err = io.ReadAll(io.LimitReader(r, size))
		if err == nil && int64(len(a.data)) < size {
			err = io.ErrUnexpectedEOF
		}
	}
	if err != nil {
		return idx{}, broken(fault, a.header+int64(len(a.data)), array, err)
	}
	// Reading on to the end also verifies the checksum of a gzip file.
	n, err = io.ReadFull(r, header[:1])
	if n > 0 {
		return idx{}, goesOn(fault, a.header+size, array)
	}
	if err != io.EOF {
		return idx{}, broken(fault, a.header+size, "end", err)
	}
	return a, nil
}

// again is the remedy for a damaged file.
const again = "the file is damaged; copy or download it again"

func goesOn(fault func(int64, string, ...any) error, at int64, array string) error {
	return fault(at, "data go on after the %s: %s", array, again)
}

// broken says that reading what ended at an offset with err.
func broken(fault func(int64, string, ...any) error, at int64, what string, err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fault(at, "file ends within the %s: %s", what, again)
	}
	return fault(at, "reading the %s: %v: %s", what, err, again)
}

// readPair reads images and their labels. classes 0 means: as many as the
// largest label says. Unlike the labels, the images may be of any size.
func readPair(images, labels string, classes int) (Data[uint8], error) {
	var d Data[uint8]
	x, err := readIDX(images, 3, maxContent)
	if err != nil {
		return d, err
	}
	l, err := readIDX(labels, 1, maxContent/8) // they become ints
	if err != nil {
		return d, err
	}
	if x.dims[0] != l.dims[0] {
		return d, l.fault(4, "%d labels, but %s has %d images: the two must be of one data set", l.dims[0], images, x.dims[0])
	}
	d = Data[uint8]{Inputs: x.dims[1] * x.dims[2], Classes: classes, X: x.data, Unit: 255, Labels: make([]int, len(l.data))}
	for i, b := range l.data {
		if classes == 0 {
			d.Classes = max(d.Classes, int(b)+1)
		} else if int(b) >= classes {
			return d, l.fault(l.header+int64(i), "label %d of example %d is outside 0..%d: raise the setting classes of the task idx, or mend the label", b, i, classes-1)
		}
		d.Labels[i] = int(b)
	}
	return d, nil
}
