// Package profile inspects a network layer by layer: how its units behave, how the
// gradient changes on its way back, and what mean-field theory predicts for both.
// It is the answer to "where does my gradient die, and what would help?" in a second.
//
// A [Profile] describes one network, at initialisation and optionally after some training
// steps. Of the squared gradient's norm, layer by layer,
//
//	measured   χ_l = ‖∂L/∂z_l‖² / ‖∂L/∂z_(l+1)‖²
//	predicted  χ_l = σ² E[f'(√q_l z)²],  σ² = ‖W_(l+1)‖²/units of layer l+1
//
// with the mean square q_l of the pre-activations, which follows the q-map from what is
// measured in the first layer. So does the distance of the examples, 1 - c. Norms, shortcuts,
// highways and recurrent layers have predictions of their own (see meanfield's Signal), all for
// wide networks at initialisation; if there is none, the profile says why.
//
// [MeasureJacobian] adds the singular values of the Jacobian. [Advise] tries what theory
// suggests, starts, shapes, norms and shortcuts, and ranks them by what they do to the signal
// both ways. All this concerns initialisation; whether a network trains is another question.
package profile
