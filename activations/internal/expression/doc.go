// Package expression has formulas in one variable z and named parameters: parsing
// with the position of errors, simplification, symbolic derivatives, and evaluation
// in double precision or, for networks, in blocks by vector kernels.
//
// An expression is a graph of [Node] in which equal parts are one, made by a
// [Builder] that simplifies as it builds. Derivatives are taken backwards, from a
// seed dy to z and to the parameters: the derivative of f is the expression dy·f'(z).
// So a function's own gradient kernel, which multiplies dy by the derivative without
// underflow in between, is used as it is in a network.
//
//	text ──Parse──> Node ──Builder.Gradients──> Nodes ──NewProgram──> Program   (float64, one point)
//	                                                        └──NewKernel──> Kernel (blocks, both types)
package expression
