package tasks

import "github.com/gradflow/gradflow/catalogue"

// Catalogue lists the tasks that text can ask for by name.
var Catalogue = catalogue.New("task",
	catalogue.Row("digits", "UCI handwritten digits, 1797 images of 8x8 in 10 classes, embedded", NewDigits),
	catalogue.Row("mnist", "MNIST handwritten digits, 70000 images of 28x28 in 10 classes, from files", NewMNIST),
	catalogue.Row("fashion-mnist", "Fashion-MNIST articles of clothing, 70000 images of 28x28 in 10 classes, from files", NewFashionMNIST),
	catalogue.Row("idx", "any images and labels in the four files of MNIST's format", NewIDX),
	catalogue.Row("two-spirals", "which of two interlocked spirals a point of the plane lies on, 194 points", NewTwoSpirals),
	catalogue.Row("parity", "whether the number of set bits is odd, the whole truth table", NewParity),
	catalogue.Row("teacher-student", "imitate a random deep tanh network, endless examples", NewTeacherStudent),
	catalogue.Row("autoencoding", "reproduce the inputs of another task through a narrow code", NewAutoencoding),
	catalogue.Row("adding", "sequence: the sum of two marked numbers far back, endless examples", NewAdding),
	catalogue.Row("temporal-order", "sequence: the order of two or three symbols far back, endless examples", NewTemporalOrder),
	catalogue.Row("noise-free-long-lag", "sequence: the last symbol repeats the first, two sequences", NewLongLag),
	catalogue.Row("copy-memory", "sequence: repeat the symbols of long ago, endless examples", NewCopyMemory),
	catalogue.Row("row-by-row", "sequence: another task's images, row by row", NewRowByRow),
	catalogue.Row("pixel-by-pixel", "sequence: another task's images, pixel by pixel", NewPixelByPixel),
)
