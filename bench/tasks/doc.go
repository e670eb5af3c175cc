// Package tasks provides what networks are trained on: real data sets and
// synthetic problems whose gradient is known to vanish.
//
// A [Task] is a [Source] of training batches with a validation and a test
// [Set], a loss, the score of a constant answer ([Task].Chance) and the score
// that counts as solved ([Task].Target). It is read-only and may be shared by
// any number of runs:
//
//	task, err := tasks.NewDigits(tasks.DigitsConfig{})
//	stream := task.Train().Batches(seed, 64)
//	x, t := make([]float32, 64*task.Inputs()), make([]float32, 64*task.Outputs())
//	for range steps {
//		err := stream.Next32(x, t) // fills the buffers, allocates nothing
//		...
//	}
//
// # Randomness
//
// The order of the training examples depends on the seed of the run only. A
// finite set is shuffled in every epoch; its stream is one endless sequence of
// examples that the batch size cuts into pieces, so batches are always full.
// How a data set is divided into training, validation and test part is drawn
// once and for all: it is part of the task.
//
// The digits and the tasks of files divide their rows as their settings say: another share
// that validates, or none ([Monitored]); rows in their order (shuffle: false); or folds, of
// which the seed of a run chooses the one that is held out ([Folded]).
//
// # Data
//
// The digits are embedded. The other data sets are IDX files, the format of
// MNIST, under their usual names (train-images-idx3-ubyte.gz,
// train-labels.idx1-ubyte, t10k-images-idx3-ubyte, ...); their content, and not the
// name, reports whether they are gzipped. [Places] says where they are looked for. A set that is not found is [ErrNotFound], a damaged file
// is [ErrFormat] with its name and the offset of the fault. Loaded data are
// kept: all runs of a process share one copy.
//
// Inputs are standardised per feature with the mean and the standard deviation
// of the training part. A feature that is almost constant there, such as a
// pixel at the edge of an image, can be far out in the other parts: with 6000
// training images of Fashion-MNIST the largest validation input is 87.
//
// # Sequences
//
// A [Sequence] divides its input rows into steps, for recurrent networks: the
// adding problem, temporal order, the noise-free long lag, copy memory, and images
// row by row or pixel by pixel. The longer the lag between what matters and the
// answer, the more steps a gradient must survive.
//
// # A task of one's own
//
// A task is one file: raw data with [Classification], an endless supply of
// examples with a [Generator] and [Endless], or any other type with the methods
// of [Task], perhaps of tables with [NewSet]. [AsSequence] makes a sequence of it. The package tasktest checks it.
package tasks
