package record

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"

	"github.com/gradflow/gradflow/bench/probe"
	"github.com/pkg/errors"
)

// Columns of a [LayerTable] beside the probe's quantities.
const (
	StepColumn  = "step"  // updates before it
	LayerColumn = "layer" // counted from 0
)

// LayerColumns are the columns that this version writes, before those of quantities from
// outside.
var LayerColumns = append([]string{StepColumn, LayerColumn}, slices.DeleteFunc(slices.Clone(probe.Names), func(name string) bool {
	return slices.Contains(probe.OnRequest(), name)
})...)

// columns1 are those of schema 1, for a summary that does not name them.
var columns1 = []string{StepColumn, LayerColumn,
	"weight-gradient", "pre-activation-gradient", "update",
	"pre-activation-mean", "pre-activation-deviation",
	"activation-mean", "activation-deviation",
	"saturated", "zero-gradient", "denormal-gradient", "non-finite", "weight-norm"}

// LayerTable is layers.npy: a row for each layer in each probed step, ascending. Its
// columns have names, which summary.json keeps.
type LayerTable struct {
	Columns []string // nil: LayerColumns
	Rows    [][]float64
}

// Column returns the place of a column in the rows, or -1 if there is no such column.
func (t *LayerTable) Column(name string) int {
	if t.Columns == nil {
		return slices.Index(LayerColumns, name)
	}
	return slices.Index(t.Columns, name)
}

// Steps returns the probed steps, ascending.
func (t *LayerTable) Steps() []int {
	column := t.Column(StepColumn)
	var steps []int
	for _, row := range t.Rows {
		if s := int(row[column]); len(steps) == 0 || steps[len(steps)-1] != s {
			steps = append(steps, s)
		}
	}
	return steps
}

// Quantity returns one quantity as a matrix, with a row for each probed step and a column
// for each layer; nil if it was not measured.
func (t *LayerTable) Quantity(q probe.Quantity) [][]float64 {
	steps, column := t.Column(StepColumn), t.Column(q.String())
	if column < 0 {
		return nil
	}
	var m [][]float64
	last := -1
	for _, row := range t.Rows {
		if s := int(row[steps]); s != last {
			m = append(m, nil)
			last = s
		}
		m[len(m)-1] = append(m[len(m)-1], row[column])
	}
	return m
}

// encodeTable writes rows as a NumPy file, version 1.0: little-endian float64, by rows.
func encodeTable(rows [][]float64, columns int) ([]byte, error) {
	header := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %d), }", len(rows), columns)
	// Padded with spaces, and a newline, so that the numbers start at a multiple of 64.
	pad := 63 - (len(npyMagic)+2+len(header))%64
	header += string(bytes.Repeat([]byte{' '}, pad)) + "\n"
	b := append([]byte(npyMagic), 0, 0)
	binary.LittleEndian.PutUint16(b[len(npyMagic):], uint16(len(header)))
	b = append(b, header...)
	for i, row := range rows {
		if len(row) != columns {
			return nil, errors.Errorf("row %d has %d columns, want %d", i+1, len(row), columns)
		}
		for _, v := range row {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
	}
	return b, nil
}

const npyMagic = "\x93NUMPY\x01\x00"

var npyHeader = regexp.MustCompile(`^\{'descr': '<f8', 'fortran_order': False, 'shape': \(([0-9]{1,10}), ([0-9]{1,10})\), \} *\n$`)

// decodeTable reads what encodeTable writes, and what schema 1 wrote: version 2.0, whose
// header's length has four bytes.
func decodeTable(text []byte) (rows [][]float64, columns int, err error) {
	begin, length := 0, uint64(0)
	switch {
	case len(text) >= 10 && string(text[:8]) == npyMagic:
		begin, length = 10, uint64(binary.LittleEndian.Uint16(text[8:]))
	case len(text) >= 12 && string(text[:8]) == "\x93NUMPY\x02\x00":
		begin, length = 12, uint64(binary.LittleEndian.Uint32(text[8:]))
	default:
		return nil, 0, errors.New("is not a NumPy file")
	}
	header, numbers := text[begin:], []byte(nil)
	if length > uint64(len(header)) {
		return nil, 0, errors.Errorf("claims a header of %d bytes, but has %d bytes", length, len(text))
	}
	header, numbers = header[:length], header[length:]
	m := npyHeader.FindSubmatch(header)
	if m == nil {
		return nil, 0, errors.Errorf("the header %.80q is not that of a table of float64", header)
	}
	n, _ := strconv.Atoi(string(m[1])) // at most ten digits: no error, no overflow
	columns, _ = strconv.Atoi(string(m[2]))
	if have := len(numbers); columns == 0 || have%8 != 0 || have/8%columns != 0 || have/8/columns != n {
		return nil, 0, errors.Errorf("claims %d rows of %d columns, but has %d bytes of numbers", n, columns, have)
	}
	for range n {
		row := make([]float64, columns)
		for j := range row {
			row[j] = math.Float64frombits(binary.LittleEndian.Uint64(numbers[8*j:]))
		}
		rows, numbers = append(rows, row), numbers[8*columns:]
	}
	return rows, columns, nil
}
