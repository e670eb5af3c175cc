package tasks

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"strconv"
	"strings"

	"github.com/pkg/errors"
)

//go:embed digits/digits.csv.gz
var digitsFile []byte

// DigitsConfig has no settings: the digits are always the same.
type DigitsConfig struct{}

// NewDigits returns the task "digits": 1797 images of handwritten digits of
// 8 x 8 grey values 0..16, in 10 classes, split 1077 : 360 : 360 into training,
// validation and test set, stratified by class. Loss: cross-entropy.
//
// Chance is the share of the most frequent digit in the training set, about
// 0.10. The target, an accuracy of 0.9, is a convention of this project: a
// linear softmax classifier passes it, a deep network only if its first layers
// keep what the image says.
//
// The split is not by writer: the file does not name them, and all 1797 images
// are by the 13 writers of the original test set. It says how well a network
// trains, not how well it would read a new hand.
//
// Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits,
// UCI Machine Learning Repository, 1998, https://doi.org/10.24432/C50P49,
// licence CC BY 4.0. See digits/README.md.
func NewDigits(c DigitsConfig) (Task, error) { return loaded.get(c, loadDigits) }

func loadDigits() (Task, error) {
	d, err := digitsData()
	if err != nil {
		return nil, err
	}
	p, err := d.Split(splitSeed, 1077, 360, 360)
	if err != nil {
		return nil, err
	}
	return Classification("digits", 0.9, p[0], p[1], p[2])
}

// splitSeed fixes the division of every data set: it is part of the task, as
// the data are.
const splitSeed = 1

// digitsData reads the embedded table: 64 grey values and the digit in a line.
func digitsData() (Data[uint8], error) {
	const inputs = 64
	d := Data[uint8]{Inputs: inputs, Classes: 10, Unit: 16}
	z, err := gzip.NewReader(bytes.NewReader(digitsFile))
	if err != nil {
		return d, errors.Wrap(err, "tasks: embedded digits")
	}
	lines := bufio.NewScanner(z)
	for line := 1; lines.Scan(); line++ {
		fields := strings.Split(lines.Text(), ",")
		if len(fields) != inputs+1 {
			return d, errors.Errorf("tasks: embedded digits: line %d has %d fields, not %d", line, len(fields), inputs+1)
		}
		for j, f := range fields {
			most := 16
			if j == inputs {
				most = 9
			}
			v, err := strconv.Atoi(f)
			if err != nil || v < 0 || v > most {
				return d, errors.Errorf("tasks: embedded digits: line %d, field %d: %q is not in 0..%d", line, j+1, f, most)
			}
			if j == inputs {
				d.Labels = append(d.Labels, v)
			} else {
				d.X = append(d.X, uint8(v))
			}
		}
	}
	return d, errors.Wrap(lines.Err(), "tasks: embedded digits")
}
