package tasks

import (
	"slices"
	"strings"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
)

// ImagesConfig says where the files of a data set are and how much of them to
// use. The zero value looks in the usual places and uses everything.
type ImagesConfig struct {
	Dir        string  `json:"dir" default:"" doc:"directory of the four IDX files; looked for in GRADFLOW_DATA, the system and the user's cache if empty"`
	Train      int     `json:"train" default:"0" doc:"training examples to use, stratified by class; 0 is all"`
	Validation float64 `json:"validation" default:"0" doc:"share of the training file that is held out for validation, or from 1 on the number of examples; 0 is a sixth"`
	Test       int     `json:"test" default:"0" doc:"test examples to use, stratified by class; 0 is all"`
	HoldOut    bool    `json:"hold-out" omit:"default" default:"true" doc:"whether anything is held out for validation; false: all of the training file trains"`
	Shuffle    bool    `json:"shuffle" omit:"default" default:"true" doc:"choose examples at random, stratified by class, the same for all; false: the first ones, those that validate behind those that train"`
	Folds      int     `json:"folds" omit:"default" default:"0" range:"[0,]" doc:"cross-validation: the seed of a run chooses which of so many parts of the training file validates; 0 is none"`
	catalogue.Given
}

// NewMNIST returns the task "mnist": 28 x 28 images of handwritten digits, 10
// classes, as 50000 training and 10000 validation examples, stratified out of
// its training file, and its own 10000 test examples. Loss: cross-entropy.
//
// The target, an accuracy of 0.953, is that of the network with one layer of
// 300 hidden units in the source's table of results (4.7% errors).
//
// Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based
// learning applied to document recognition", Proceedings of the IEEE 86, 1998.
func NewMNIST(c ImagesConfig) (Task, error) {
	return newKnown("mnist", c, 0.953)
}

// NewFashionMNIST returns the task "fashion-mnist": 28 x 28 images of clothes
// in 10 classes, divided like [NewMNIST]. Loss: cross-entropy.
//
// The target, an accuracy of 0.88, is that of the multilayer perceptron
// 256-128-100 in the source's table of results (0.8833).
//
// Source: H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a novel image
// dataset for benchmarking machine learning algorithms", arXiv:1708.07747, 2017,
// with https://github.com/zalandoresearch/fashion-mnist; licence MIT.
func NewFashionMNIST(c ImagesConfig) (Task, error) {
	return newKnown("fashion-mnist", c, 0.88)
}

// newKnown loads a data set of ten classes.
func newKnown(name string, c ImagesConfig, target float64) (Task, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return newImages(name, IDXConfig{Dir: c.Dir, Train: c.Train, Validation: c.Validation, Test: c.Test,
		HoldOut: c.HoldOut, Shuffle: c.Shuffle, Folds: c.Folds, Classes: 10, Target: target})
}

// IDXConfig describes any pair of IDX files of images and labels with a test
// pair of its own.
type IDXConfig struct {
	Set        string  `json:"set" default:"idx" doc:"name of the data set: of the task, and of the sub-directory it is looked for in"`
	Dir        string  `json:"dir" default:"" doc:"directory of the four IDX files; looked for in GRADFLOW_DATA, the system and the user's cache if empty"`
	Prefix     string  `json:"prefix" default:"" doc:"what the file names begin with, such as emnist-letters-"`
	Classes    int     `json:"classes" default:"0" doc:"number of classes; 0 is the largest training label plus 1"`
	Target     float64 `json:"target" default:"0.9" doc:"accuracy that counts as solved"`
	Train      int     `json:"train" default:"0" doc:"training examples to use, stratified by class; 0 is all"`
	Validation float64 `json:"validation" default:"0" doc:"share of the training file that is held out for validation, or from 1 on the number of examples; 0 is a sixth"`
	Test       int     `json:"test" default:"0" doc:"test examples to use, stratified by class; 0 is all"`
	HoldOut    bool    `json:"hold-out" omit:"default" default:"true" doc:"whether anything is held out for validation; false: all of the training file trains"`
	Shuffle    bool    `json:"shuffle" omit:"default" default:"true" doc:"choose examples at random, stratified by class, the same for all; false: the first ones, those that validate behind those that train"`
	Folds      int     `json:"folds" omit:"default" default:"0" range:"[0,]" doc:"cross-validation: the seed of a run chooses which of so many parts of the training file validates; 0 is none"`
	catalogue.Given
}

// NewIDX returns a task of any data set in the four files of MNIST's format:
// images of any size, up to 256 classes. Loss: cross-entropy.
func NewIDX(c IDXConfig) (Task, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	if strings.ContainsAny(c.Set, `/\`) || c.Set == "." || c.Set == ".." {
		return nil, catalogue.Invalid("set", "%q is a path; give the directory with dir", c.Set)
	}
	return newImages(c.Set, c)
}

// newImages loads a data set once per process and settings.
func newImages(name string, c IDXConfig) (Task, error) {
	for _, s := range []struct {
		name string
		n    int
	}{{"train", c.Train}, {"test", c.Test}, {"classes", c.Classes}} {
		if s.n < 0 {
			return nil, catalogue.Invalid(s.name, "is %d; it must not be negative", s.n)
		}
	}
	if c.Validation < 0 {
		return nil, catalogue.Invalid("validation", "is %v; it must not be negative", c.Validation)
	}
	if c.Validation != 0 && (c.Folds > 0 || !c.HoldOut) {
		return nil, catalogue.Invalid("validation", "is %v, but folds or hold-out say what validates: leave it out", c.Validation)
	}
	if c.Folds > 0 && !c.HoldOut {
		return nil, catalogue.Invalid("folds", "is %d: each would be held out for validation, and hold-out is false", c.Folds)
	}
	if c.Classes > 256 {
		return nil, catalogue.Invalid("classes", "is %d; a label of one byte has at most 256", c.Classes)
	}
	if !(c.Target > 0 && c.Target <= 1) {
		return nil, catalogue.Invalid("target", "is %v; an accuracy is in (0,1]", c.Target)
	}
	files, err := locate(name, c.Dir, c.Prefix)
	if err != nil {
		return nil, err
	}
	c.Set, c.Dir, c.Prefix, c.Given = "", "", "", catalogue.Given{} // said by files, and all is given
	return loaded.get(imagesKey{name, files, c}, func() (Task, error) { return loadImages(name, files, c) })
}

type imagesKey struct {
	name   string
	files  pairFiles
	config IDXConfig
}

func loadImages(name string, files pairFiles, c IDXConfig) (Task, error) {
	all, err := readPair(files.trainImages, files.trainLabels, c.Classes)
	if err != nil {
		return nil, err
	}
	test, err := readPair(files.testImages, files.testLabels, all.Classes)
	if err != nil {
		return nil, err
	}
	if test.Inputs != all.Inputs {
		return nil, errors.Errorf("images of %s have %d pixels, those of %s have %d: the two must be of one data set",
			files.testImages, test.Inputs, files.trainImages, all.Inputs)
	}
	if err := checkCounts(name, files.trainLabels, all); err != nil {
		return nil, err
	}
	return byFold(c.Folds, func(fold int) (Task, error) { return c.divide(name, files.trainLabels, all, test, fold) })
}

// divide makes the task of a fold.
func (c IDXConfig) divide(name, file string, all, test Data[uint8], fold int) (Task, error) {
	// The held-out examples are chosen before the training part is limited, so
	// that studies with different limits validate on the same images.
	n := len(all.Labels)
	held := (n + 3) / 6
	var err error
	switch {
	case !c.HoldOut:
		held = 0
	case c.Validation > 0:
		held, err = part("validation", c.Validation, n)
	}
	if err == nil && c.HoldOut && (held < 1 || held >= n) {
		err = catalogue.Invalid("validation", "is %v; task %s has %d examples for training and validation", c.Validation, name, n)
	}
	if err != nil {
		return nil, err
	}
	train, validation := all, Data[uint8]{}
	switch {
	case c.Folds > 0:
		in, out, err := all.fold(c.Shuffle, c.Folds, fold)
		if err != nil {
			return nil, err
		}
		train, validation = all.pick(out), all.pick(in)
	case held > 0:
		parts, err := all.cut(c.Shuffle, n-held, held)
		if err != nil {
			return nil, errors.Wrapf(err, "task %s", name)
		}
		train, validation = all.pick(parts[0]), all.pick(parts[1])
	}
	if train, err = limit("train", train, c.Train, c.Shuffle); err != nil {
		return nil, err
	}
	if labels := train.Labels; !slices.ContainsFunc(labels, func(l int) bool { return l != labels[0] }) {
		return nil, errors.Errorf("all %d training examples of %s are of class %d: nothing to learn",
			len(labels), file, labels[0])
	}
	if test, err = limit("test", test, c.Test, c.Shuffle); err != nil {
		return nil, err
	}
	if len(validation.Labels) == 0 {
		return unvalidated(Classification(name, c.Target, train, train, test))
	}
	return Classification(name, c.Target, train, validation, test)
}

// limit keeps n examples, or all if n is 0.
func limit(setting string, d Data[uint8], n int, shuffle bool) (Data[uint8], error) {
	if n == 0 || n == len(d.Labels) {
		return d, nil
	}
	if n > len(d.Labels) {
		return d, catalogue.Invalid(setting, "is %d, but there are only %d examples", n, len(d.Labels))
	}
	parts, err := d.cut(shuffle, n)
	if err != nil {
		return d, err
	}
	return d.pick(parts[0]), nil
}

// trainCounts are the numbers of training examples per class of the data sets
// that are known by name.
var trainCounts = map[string][]int{
	"mnist":         {5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949},
	"fashion-mnist": {6000, 6000, 6000, 6000, 6000, 6000, 6000, 6000, 6000, 6000},
}

// checkCounts refuses another data set under a known name: all of them use the
// same file names. A file of another length is taken for a part of the set.
func checkCounts(name, file string, d Data[uint8]) error {
	want := trainCounts[name]
	total := 0
	for _, n := range want {
		total += n
	}
	if want == nil || len(d.Labels) != total {
		return nil
	}
	got := make([]int, len(want))
	for _, l := range d.Labels {
		got[l]++
	}
	if slices.Equal(got, want) {
		return nil
	}
	return errors.Wrapf(ErrFormat, "%s holds another data set, for which there is the task idx: it has %v training examples of the classes, %s has %v",
		file, got, name, want)
}
