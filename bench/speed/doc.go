// Package speed times the training step of a deep network: how long it takes, what
// its parts take, how close its matrix products come to what the processor can do,
// and how it compares with the same network built from Gorgonia's own operations on
// its TapeMachine.
//
// The network is the one that peers are measured on: 784 inputs, layers of one width,
// 10 classes, cross-entropy; data and labels are random, the batch is the same in each
// step. A step is the one that studies make: parameters are updated in the middle of the
// backward pass (see models/train). Everything is measured in one process, alternating
// where two things are compared, so that a ratio means something on a machine that others
// use as well.
package speed
