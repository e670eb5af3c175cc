// Package modeltest tests anyone's models.Model:
//
//	func TestMine(t *testing.T) {
//		modeltest.Run(t, mine, models.Shape{Inputs: 5, Outputs: 3, Batch: 4, Loss: models.CrossEntropy}, deeper)
//	}
//
// Choose small sizes: gradients are compared with differences, element by element. Run
// gives the model random data of the shape, and checks that
//
//   - it builds for training and for evaluation, in float32 and float64, and both share the
//     parameters: none is made that the other does not know, and the output is the same but
//     where a normalisation averages over the batch;
//   - the gradients of all parameters are those of central differences;
//   - float32 and float64 agree, and start from the same numbers, within rounding;
//   - the same seed gives the same network to the last bit and a second run the same result;
//     another seed gives other weights, and no two weight matrices are the same random numbers;
//   - the parameters that a deeper variant has, too, start as they do here, so that adding a
//     layer does not change the others (give none where the start depends on the depth by
//     design, as Fixup's does);
//   - the layers are visible: the output layer is the last, names differ, and each one's
//     pre-activation, activation and weight belong to the graph and the parameters, with a
//     gradient for the pre-activation, for the weight and for the gates;
//   - an example's output depends on its inputs, further ones included, and on those of no
//     other example in evaluation;
//   - data-dependent starts report finite numbers, by the layers' names;
//   - inputs that are 0, large or NaN make no panic, and NaN shows in the output.
package modeltest
