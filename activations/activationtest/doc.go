// Package activationtest tests implementations of activations.Activation, the
// catalogue's and anyone's:
//
//	func TestSwish(t *testing.T) {
//		activationtest.Run(t, swish)
//	}
//
// It checks the values and the derivative against each other by differences, the
// node against the values in both float types, extreme arguments, and that the node
// behaves in a graph: it leaves its input alone, is not taken for another one, and
// gives the same result each time. Of learned parameters it checks the gradients against
// differences, with one value for a layer and with one for each column, and that layers
// with different values stay apart.
package activationtest
