package tasks

import (
	"github.com/gradflow/gradflow/models"
	"math"
	"reflect"

	"github.com/gradflow/gradflow/catalogue"
)

// RowsConfig says whose images are read row by row.
type RowsConfig struct {
	Of    Task `json:"of" default:"null" doc:"task with images for inputs, such as mnist; digits if left out"`
	Width int  `json:"width" default:"0" range:"[0,]" doc:"pixels in a row; 0 if the images are square"`
}

// NewRowByRow returns the task "row-by-row": the images of another task, the
// digits if none is given, as a sequence of their rows from top to bottom, 8 steps
// of 8 pixels for the digits and 28 of 28 for MNIST. The class is asked for in the
// last step. Data, standardisation, chance and target are those of the other task.
//
// The lag is short: a network that works across 28 steps says little about 1000.
// For longer ones there is [NewPixelByPixel].
func NewRowByRow(c RowsConfig) (Task, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	if err := orDigits(&c.Of); err != nil {
		return nil, err
	}
	n := c.Of.Inputs()
	if c.Width == 0 {
		c.Width = int(math.Sqrt(float64(n)))
		if c.Width*c.Width != n {
			return nil, catalogue.Invalid("width", "must be given: the %d inputs of task %s do not form a square image", n, c.Of.Name())
		}
	}
	if n%c.Width != 0 {
		return nil, catalogue.Invalid("width", "is %d; the %d inputs of task %s do not make rows of it", c.Width, n, c.Of.Name())
	}
	return imageSequence("row-by-row", c.Of, n/c.Width, c)
}

// PixelsConfig says whose images are read pixel by pixel.
type PixelsConfig struct {
	Of Task `json:"of" default:"null" doc:"task with images for inputs, such as mnist; digits if left out"`
}

// NewPixelByPixel returns the task "pixel-by-pixel": the images of another task,
// the digits if none is given, as a sequence of single pixels in reading order, 64
// steps for the digits and 784 for MNIST. The class is asked for in the last step.
// Data, chance and target are those of the other task; every pixel is standardised
// by itself, as there, while the source scales all alike.
//
// Source: Q. V. Le, N. Jaitly and G. E. Hinton, "A simple way to initialize
// recurrent networks of rectified linear units", arXiv:1504.00941, 2015.
func NewPixelByPixel(c PixelsConfig) (Task, error) {
	if err := orDigits(&c.Of); err != nil {
		return nil, err
	}
	return imageSequence("pixel-by-pixel", c.Of, c.Of.Inputs(), c)
}

// orDigits replaces a task that was left out.
func orDigits(t *Task) (err error) {
	if *t == nil {
		*t, err = NewDigits(DigitsConfig{})
	}
	return err
}

// imageSequence divides the images of a task. key is what the result is kept under.
func imageSequence(name string, of Task, steps int, key any) (Task, error) {
	if err := notFolded(of); err != nil {
		return nil, err
	}
	if of.Loss() != models.CrossEntropy {
		return nil, catalogue.Invalid("of", "task %s is not a classification task", of.Name())
	}
	load := func() (Task, error) { return AsSequence(name, of, steps, 1) }
	if !reflect.ValueOf(of).Comparable() { // a user's own type
		return load()
	}
	return loaded.get(key, load)
}
