// Package normalizationtest tests anyone's normalization.Normalization:
//
//	func TestMine(t *testing.T) {
//		normalizationtest.Run(t, mine, mineWithOtherSettings)
//	}
//
// It lays the normalisation out on a matrix of numbers, in float32 and float64, and
// checks that
//
//   - the gradients of the input and of every parameter are those of central differences;
//   - they and the values are finite where nothing varies and where all is 0;
//   - something is normalised: another size or another offset of the rows, of the columns or
//     of all leaves the result as it is, which depends on the input by more than signs; or, of a normalization.Elementwise, that it
//     is a bounded function of each element;
//   - float32 and float64 agree;
//   - an evaluation graph gives what the training graph gave, once the running statistics
//     have settled, and of each example by itself, so that a batch of one will do;
//   - instances with other settings stay distinct in one graph;
//   - the input is left alone, a second run gives the same to the last bit, and a training
//     step allocates nothing (not checked where stock operations of Gorgonia are at work,
//     which do allocate).
package normalizationtest
