// Package kernels contains the arithmetic of training a network, for float32 and float64: matrix
// products, element-wise functions and their derivatives, reductions and the optimizers'
// updates, all in one pass over memory and without allocation. There is assembly for AVX-512 and
// for AVX2+FMA; other processors, and the build tag purego, get plain Go and gonum's BLAS.
//
// Name returns which is in use: "avx512", "avx2" or "portable". It is chosen by what the
// processor supports (AVX-512 needs F, DQ and VL, and BMI2); the environment variable
// GODEBUG=cpu.avx512f=off, or cpu.avx2=off, takes one away.
//
// # Design
//
// A [Matrix] is a view with two strides, of which one is 1; T swaps them. So A·B,
// Aᵀ·B, A·Bᵀ and Aᵀ·Bᵀ are one function.
//
// The heart of a product is a tile: up to 12 rows (AVX2: 6) by two vectors of C, held in
// registers. A step broadcasts a column of A, which may have any strides, and multiplies it by
// two vectors of a row of B. There is a tile for every number of rows, and rows are divided
// evenly (32 = 11+11+10), so that no size pays for a remainder. What is added, C itself or a
// bias ([MulBias]), is added as a tile is stored. One call of assembly does all tiles of a strip
// of two vectors, and of some strips, so that a tile is stored while the next begins. At the
// right edge AVX-512 uses two half vectors instead of one, as their broadcasts cost half.
//
// Around that there are three loops, in Go: blocks of 384 rows, depths of 384, strips of B. B is
// copied if it is transposed or if C is tall; otherwise AVX-512 prefetches its rows, for weights
// that were last used a training step ago. On AVX-512 the first tile of a strip transposes B, by
// squares in registers, while it multiplies what is transposed already. A is copied if it is
// transposed and its columns are far apart, or if the distance between its rows is a multiple of
// 4 KiB, so that they would evict each other from the cache. Products of one to three rows by a
// transposed B, and of a matrix by a vector, are scalar products along contiguous rows; a row by
// a matrix has a tile eight vectors wide.
//
// A [Product] is prepared once, for matrices that stay in place. It can prefetch memory into the
// second-level cache while it computes, a line with each row of B (Fetch): the weights of the
// next layer, say. It can be divided over goroutines (Split), permanent helpers that share the
// rows or the columns of C.
//
// Element-wise functions are written once, over operations that both instruction
// sets have for both types, and emitted for each; the rest of a slice passes
// through the same code under a mask. Polynomials are fitted by the generator, in
// arithmetic of 512 bits, from the function, the interval and a tolerance.
//
// A permutation of a register looks up one of 16 float32 for each lane. Tanh is one
// of 16 polynomials, so that it needs no division; the gradients of Tanh and Sigmoid
// look up a power of two to a sixteenth, and need a short polynomial.
//
// A derivative is computed from z, never from f(z), and as dy·v·2^n with v of
// moderate size: the power of two comes last, so that dy·f'(z) has full relative
// accuracy where f(z) has long been rounded to a constant, and even where f'(z)
// itself would be denormal or 0. This holds for |dy| up to 2^95, in float64 2^960.
//
// Slices are handed to assembly in chunks, as it cannot be preempted. Functions panic if lengths
// or shapes do not fit, which is a programming error.
//
// # Accuracy
//
// The greatest error found, in units of the last place of the result, which for a
// denormal result is the smallest denormal. It covers the whole range: both tails,
// denormals as arguments and results, and the largest numbers. Assembly, float32 at
// every 101st of all 2^32 arguments (Exp and Tanh: every 7th) against float64, float64 at some thousand
// arguments against arithmetic of 192 bits and more; the tests state what is
// guaranteed.
//
//	               float32  float64  portable float64
//	Exp               0.87     0.75     1.48
//	Log1p             1.27     1.10     0.71
//	Tanh              1.00     1.48     1.12
//	Sigmoid           2.22     1.63     2.06
//	Softplus          1.59     1.38     1.57
//	Gaussian          0.85     0.72     1.66
//	Erf               1.00     0.77     0.80
//	Sin               1.46     0.95     1.33   to 2^30 in float64
//	TanhGrad          2.73     2.46     3.59
//	SigmoidGrad       2.63     1.86     3.96
//	SoftplusGrad      2.95     1.66     1.89
//	GaussianGrad      2.26     1.47     2.26
//	ErfGrad           3.02     1.72     2.65
//	SinGrad           2.33     1.79     1.74   to 2^30 in float64
//
// In float32 the portable functions are float64 ones, rounded. For float64
// arguments beyond 2^30 the sine and cosine are math.Sin's and math.Cos's, with an
// absolute error up to 2^-51. Signed zeros, infinities and NaN are as in package
// math; ReLU(-0) is +0, and ReLUGrad is NaN where z is.
//
// # What is the same to the bit
//
// AVX2 and AVX-512 give the same results. An element of a product of more than
// three rows does not depend on the rows and columns beside it, and is summed over
// k in parts of about equal length, of 384 or a little more at most. Sums
// ([SquaredSum], [Moments]) are the same on all levels, the portable one included. The
// portable products, functions and updates differ from the assembly's in the last
// places. Portable products, being gonum's, take 0·NaN and 0·Inf for 0 where A has the 0.
//
// # Denormals
//
// Operands and results that are denormal cost some processors more than a hundred cycles a
// vector. Results that round to 0 anyway, as in a masked softmax, are computed without them;
// denormal results are computed, unless the thread flushes them to zero ([Enter]). [Denormals]
// counts them in a slice; [Mode.Leave] asks the processor.
//
// # The generator
//
// The assembly, its stubs and tables are written by a program in gen, a separate module, so that
// this one does not depend on avo:
//
//	go generate ./internal/kernels
//
// A test compares the hash of its sources with the one that tables_amd64.go
// records; with -regenerate it runs the generator and compares the files. With
// -stride 1 the accuracy tests try all float32 arguments. Benchmarks report the
// share of the peak that [PeakGFLOPS] measures:
//
//	go test -run xxx -bench Mul/avx512/float32 ./internal/kernels
//
// MulStreamed goes through the weights of many layers, as training does.
package kernels

//go:generate sh -c "cd gen && go run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg kernels -tables ../tables_amd64.go"
