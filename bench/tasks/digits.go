package tasks

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"strconv"
	"strings"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
)

//go:embed digits/digits.csv.gz
var digitsFile []byte

// DigitsConfig says how the rows are divided. The zero value is the division that
// [NewDigits] tells of.
type DigitsConfig struct {
	Validation float64 `json:"validation" omit:"default" default:"0.2" range:"[0,]" doc:"share of the rows that validate, or from 1 on their number; 0 is none"`
	Test       float64 `json:"test" omit:"default" default:"0.2" range:"(0,]" doc:"share of the rows that judge, or from 1 on their number"`
	Shuffle    bool    `json:"shuffle" omit:"default" default:"true" doc:"divide at random, stratified by class, the same for all; false: the first rows train, then those that validate, the last judge"`
	Folds      int     `json:"folds" omit:"default" default:"0" range:"[0,]" doc:"cross-validation: the seed of a run chooses which of so many parts judges, in the place of test; 0 is none"`
	catalogue.Given
}

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
//
// With folds, seed 1 judges on the first of this many parts, and so on; validation is then
// a share of the other rows. Without a validation part, its place is taken by the training
// part: see [Monitored].
func NewDigits(c DigitsConfig) (Task, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	key := c
	key.Given = catalogue.Given{}
	return loaded.get(key, func() (Task, error) {
		d, err := digitsData()
		if err != nil {
			return nil, err
		}
		return byFold(c.Folds, func(fold int) (Task, error) { return c.divide(d, fold) })
	})
}

// divide makes the task of a fold.
func (c DigitsConfig) divide(d Data[uint8], fold int) (Task, error) {
	var train, validation, test []int
	var err error
	n := len(d.Labels)
	if c.Folds > 0 {
		var rest []int
		if test, rest, err = d.fold(c.Shuffle, c.Folds, fold); err != nil {
			return nil, err
		}
		held, err := part("validation", c.Validation, len(rest))
		if err != nil {
			return nil, err
		}
		if train, validation, err = d.hold(c.Shuffle, rest, held); err != nil {
			return nil, err
		}
	} else {
		judging, err := part("test", c.Test, n)
		if err != nil {
			return nil, err
		}
		held, err := part("validation", c.Validation, n)
		if err == nil && held+judging >= n {
			err = catalogue.Invalid("validation", "and test take %d and %d of %d rows: nothing is left to train on", held, judging, n)
		}
		if err != nil {
			return nil, err
		}
		sizes := []int{n - held - judging, held, judging}
		if held == 0 {
			sizes = []int{n - judging, judging}
		}
		parts, err := d.cut(c.Shuffle, sizes...)
		if err != nil {
			return nil, err
		}
		train, validation, test = parts[0], parts[1], parts[len(parts)-1]
		if held == 0 {
			validation = nil
		}
	}
	if len(validation) == 0 {
		return unvalidated(Classification("digits", 0.9, d.pick(train), d.pick(train), d.pick(test)))
	}
	return Classification("digits", 0.9, d.pick(train), d.pick(validation), d.pick(test))
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
