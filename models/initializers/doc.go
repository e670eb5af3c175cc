// Package initializers sets the initial values of a network's parameters.
//
// For a layer z = x·W + b with W of shape (fan-in, fan-out), the entries of W are
// drawn independently with mean 0 and the variance
//
//	lecun    gain²/fan-in                 keeps the variance of x in a linear layer
//	glorot   gain²·2/(fan-in + fan-out)   a compromise between forward and backward
//	he       gain²·2/fan-in               makes up for the half that ReLU cuts off
//
// from a normal or a uniform distribution, or W is a random orthogonal matrix, the
// identity, or sparse.
//
// Some depend on the layer's nonlinearity f ([Adaptable], by way of [For]):
//
//	gain         1/(fan-in·E[f(z)²])           z ~ N(0, 1): keeps the variance forward
//	critical     σ_w²/fan-in with χ₁ = 1       keeps the gradient's size, by mean field theory
//
// Two adapt to data, too, layer by layer ([FromData]): lsuv gives pre-activations the variance 1,
// and chi keeps the squared gradient from layer to layer ([FromBelow]). Two have structure:
// looks-linear mirrors pairs of units, with which ReLU, softplus, GELU and SiLU networks start as
// linear ones ([OfLayers]), and fixed-point is the identity and a little noise, for narrow and
// deep networks of tanh. To add one, write a file like
// sparse.go and a row in catalogue.go.
//
// Everything comes from one seed, and each parameter has a random stream of its
// own, chosen by its name ([Stream]): adding a layer changes none of the others,
// and float32 networks start from the rounded values of float64 ones.
package initializers
