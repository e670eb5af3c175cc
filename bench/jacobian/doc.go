// Package jacobian measures the singular values of a network's Jacobian: by how much the
// network stretches small differences of one example on their way forward, direction by
// direction, and so the gradient on its way back.
//
//	s = singular values of J = ∂z_L/∂z_l
//
// A gradient's norm is one number for a whole layer; a network can keep it while most
// directions vanish and a few explode. Where all s are near 1, dynamical isometry, a network
// learns at any depth (A. Saxe et al., 2014; J. Pennington et al., 2017).
//
// The Jacobian of a hundred layers is never formed: its small singular values would be lost
// below 1e-16 of the largest. Orthonormal rows go back through one block of the network after
// the other, by its own symbolic backward pass, and are made orthonormal again after each;
// what that takes is collected in a triangular matrix whose columns have their sizes kept as
// logarithms, and one-sided rotations find its singular values to nearly full relative
// accuracy, 1e-3000 beside 1. All is in float64, for one example. Any model will do whose
// graph has nodes that every path goes through.
package jacobian
