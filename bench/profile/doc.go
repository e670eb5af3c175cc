// Package profile looks through a network layer by layer: what its units do, what
// becomes of the gradient on its way back, and what mean field theory predicts of both.
// It is the answer to "where does my gradient die, and what would help?" in a second.
//
// A [Profile] is of one network, at its start and, if so asked, after some training
// steps. Of the squared gradient's norm, layer by layer,
//
//	measured   χ_l = ‖∂L/∂z_l‖² / ‖∂L/∂z_(l+1)‖²
//	predicted  χ_l = σ² E[f'(√q_l z)²],  σ² = ‖W_(l+1)‖²/units of layer l+1
//
// with the mean square q_l of the pre-activations, which follows the q-map from what is
// measured in the first layer. The theory is that of wide plain networks at the start:
// with a normalisation, or another architecture than the plain one, nothing is
// predicted.
//
// [Advise] tries what theory suggests, the critical start or a transformed nonlinearity,
// and says what it did to the gradient.
package profile
