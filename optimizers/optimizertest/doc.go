// Package optimizertest checks that an optimizer behaves as optimizers should.
// It is for anyone's gorgonia.Solver:
//
//	func TestMine(t *testing.T) {
//		optimizertest.Run(t, "mine", func() gorgonia.Solver { return NewMine(0.01) })
//	}
package optimizertest
