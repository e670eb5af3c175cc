package ops

import (
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// The cells of recurrent networks: what a time step does after its matrix product. The
// pre-activations of the gates lie side by side, in blocks of one column per unit, so that one
// product computes all of them. Derivatives are taken from pre-activations, as everywhere: a
// closed gate's gradient keeps its accuracy.

// LSTM is the cell
//
//	i, f, o = σ(z_i), σ(z_f), σ(z_o)    g = φ(z_g)
//	c = f∘c' + i∘g    h = o∘φ(c)
//
// of a pre-activation z = [z_i z_f z_o z_g] of shape (batch, 4·units) and the cell state c' of
// the previous step (S. Hochreiter, J. Schmidhuber: Long short-term memory, 1997; with the
// forget gate of F. Gers, J. Schmidhuber, F. Cummins: Learning to forget, 2000). It returns h
// and c.
func LSTM(phi *Function, z, before *G.Node) (h, c *G.Node, err error) {
	if err := phi.complete("lstm"); err != nil {
		return nil, nil, err
	}
	gates, err := apply(lstmGates(phi), z)
	if err != nil {
		return nil, nil, err
	}
	if c, err = apply(lstmState, gates, before); err != nil {
		return nil, nil, err
	}
	h, err = apply(lstmOutput(phi), gates, c)
	return h, c, err
}

// lstmGates is [i f o g] of z.
func lstmGates(phi *Function) *rule {
	return &rule{
		name:  "lstm-gates(" + phi.Name + ")",
		in:    []int{2},
		out:   2,
		shape: func(in []tensor.Shape) (tensor.Shape, error) { return fourBlocks("LSTM", in[0]) },
		f32:   lstmGatesKernel(phi.F32),
		f64:   lstmGatesKernel(phi.F64),
		grads: func() []gradient {
			return []gradient{{rule: func() *rule {
				return &rule{
					name:      "lstm-gates'",
					in:        []int{2, 2},
					out:       2,
					shape:     sameShape,
					f32:       lstmGatesGradient(phi.Grad32),
					f64:       lstmGatesGradient(phi.Grad64),
					overwrite: []int{1},
				}
			}, of: []int{0, seed}}}
		},
	}
}

func fourBlocks(what string, s tensor.Shape) (tensor.Shape, error) {
	if s[1]%4 != 0 {
		return nil, errors.Errorf("%s: a pre-activation of shape %v has not four blocks", what, s)
	}
	return s.Clone(), nil
}

func lstmGatesKernel[F kernels.Float](phi func(dst, z []F)) func(view[F], []view[F]) {
	return func(a view[F], in []view[F]) {
		n := a.cols / 4 * 3
		for i := range a.rows {
			a, z := row(a, i), row(in[0], i)
			kernels.Sigmoid(a[:n], z[:n])
			phi(a[n:], z[n:])
		}
	}
}

func lstmGatesGradient[F kernels.Float](phi func(dst, z, dy []F)) func(view[F], []view[F]) {
	return func(dz view[F], in []view[F]) {
		n := dz.cols / 4 * 3
		for i := range dz.rows {
			d, z, da := row(dz, i), row(in[0], i), row(in[1], i)
			kernels.SigmoidGrad(d[:n], z[:n], da[:n])
			phi(d[n:], z[n:], da[n:])
		}
	}
}

// lstmState is c of the gates and c'.
var lstmState = &rule{
	name: "lstm-state",
	in:   []int{2, 2},
	out:  2,
	shape: func(in []tensor.Shape) (tensor.Shape, error) {
		if in[0][0] != in[1][0] || in[0][1] != 4*in[1][1] {
			return nil, errors.Errorf("LSTM: gates of shape %v and a state of shape %v don't fit", in[0], in[1])
		}
		return in[1].Clone(), nil
	},
	f32: lstmStateKernel[float32](),
	f64: lstmStateKernel[float64](),
	grads: func() []gradient {
		return []gradient{
			{rule: func() *rule { return lstmStateToGates }, of: []int{0, 1, seed}},
			{rule: func() *rule { return lstmStateToState }, of: []int{0, seed}},
		}
	},
	overwrite: []int{1},
}

// blockOf returns block k of row i of the gates, one column per unit.
func blockOf[F kernels.Float](a view[F], i, k, units int) []F {
	return a.data[i*a.cols+k*units:][:units:units]
}

const (
	inputGate = iota
	forgetGate
	outputGate
	candidate
)

func lstmStateKernel[F kernels.Float]() func(view[F], []view[F]) {
	return func(c view[F], in []view[F]) {
		for i := range c.rows {
			y, before := row(c, i), row(in[1], i)
			f, g, p := blockOf(in[0], i, forgetGate, c.cols), blockOf(in[0], i, candidate, c.cols), blockOf(in[0], i, inputGate, c.cols)
			for k := range y {
				y[k] = f[k]*before[k] + p[k]*g[k]
			}
		}
	}
}

// lstmStateToGates is the gradient of the gates, from the gates, c' and the gradient of c.
var lstmStateToGates = &rule{
	name:  "lstm-state'",
	in:    []int{2, 2, 2},
	out:   2,
	shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil },
	f32:   lstmStateToGatesKernel[float32](false),
	f64:   lstmStateToGatesKernel[float64](false),
	add32: lstmStateToGatesKernel[float32](true),
	add64: lstmStateToGatesKernel[float64](true),
}

func lstmStateToGatesKernel[F kernels.Float](add bool) func(view[F], []view[F]) {
	return func(da view[F], in []view[F]) {
		units := in[1].cols
		for i := range da.rows {
			before, dc := row(in[1], i), row(in[2], i)
			g, p := blockOf(in[0], i, candidate, units), blockOf(in[0], i, inputGate, units)
			dp, df := blockOf(da, i, inputGate, units), blockOf(da, i, forgetGate, units)
			do, dg := blockOf(da, i, outputGate, units), blockOf(da, i, candidate, units)
			if add { // to what the output has contributed
				for k, d := range dc {
					dp[k] += d * g[k]
					df[k] += d * before[k]
					dg[k] += d * p[k]
				}
				continue
			}
			kernels.Hadamard(dp, dc, g)
			kernels.Hadamard(df, dc, before)
			clear(do)
			kernels.Hadamard(dg, dc, p)
		}
	}
}

// lstmStateToState is f∘dc, of the gates and dc.
var lstmStateToState = &rule{
	name:      "lstm-state''",
	in:        []int{2, 2},
	out:       2,
	shape:     func(in []tensor.Shape) (tensor.Shape, error) { return in[1].Clone(), nil },
	f32:       lstmStateToStateKernel[float32],
	f64:       lstmStateToStateKernel[float64],
	add32:     lstmStateToStateAdd[float32],
	add64:     lstmStateToStateAdd[float64],
	overwrite: []int{1},
}

func lstmStateToStateKernel[F kernels.Float](d view[F], in []view[F]) {
	for i := range d.rows {
		kernels.Hadamard(row(d, i), row(in[1], i), blockOf(in[0], i, forgetGate, d.cols))
	}
}

func lstmStateToStateAdd[F kernels.Float](d view[F], in []view[F]) {
	for i := range d.rows {
		y, dc, f := row(d, i), row(in[1], i), blockOf(in[0], i, forgetGate, d.cols)
		for k := range y {
			y[k] += dc[k] * f[k]
		}
	}
}

// lstmOutput is h of the gates and c.
func lstmOutput(phi *Function) *rule {
	toGates := &rule{ // of c and dh, to [0 0 do 0]
		name:  "lstm-output'",
		in:    []int{2, 2},
		out:   2,
		shape: func(in []tensor.Shape) (tensor.Shape, error) { return tensor.Shape{in[0][0], 4 * in[0][1]}, nil },
		f32:   lstmOutputToGates(phi.F32, false),
		f64:   lstmOutputToGates(phi.F64, false),
		add32: lstmOutputToGates(phi.F32, true),
		add64: lstmOutputToGates(phi.F64, true),
	}
	toState := &rule{ // of the gates, c and dh
		name:  "lstm-output''",
		in:    []int{2, 2, 2},
		out:   2,
		shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[1].Clone(), nil },
		f32:   lstmOutputToState(phi.Grad32),
		f64:   lstmOutputToState(phi.Grad64),
	}
	return &rule{
		name:  "lstm-output(" + phi.Name + ")",
		in:    []int{2, 2},
		out:   2,
		shape: lstmState.shape,
		f32:   lstmOutputKernel(phi.F32),
		f64:   lstmOutputKernel(phi.F64),
		grads: func() []gradient {
			return []gradient{
				{rule: func() *rule { return toGates }, of: []int{1, seed}},
				{rule: func() *rule { return toState }, of: []int{0, 1, seed}},
			}
		},
	}
}

func lstmOutputKernel[F kernels.Float](phi func(dst, z []F)) func(view[F], []view[F]) {
	return func(h view[F], in []view[F]) {
		phi(h.data, in[1].data)
		for i := range h.rows {
			y := row(h, i)
			kernels.Hadamard(y, y, blockOf(in[0], i, outputGate, h.cols))
		}
	}
}

func lstmOutputToGates[F kernels.Float](phi func(dst, z []F), add bool) func(view[F], []view[F]) {
	var scratch []F
	return func(da view[F], in []view[F]) {
		c, dh := in[0], in[1]
		if scratch == nil {
			scratch = make([]F, len(c.data))
		}
		if !add {
			clear(da.data)
		}
		phi(scratch, c.data)
		kernels.Hadamard(scratch, scratch, dh.data)
		for i := range da.rows {
			do := blockOf(da, i, outputGate, c.cols)
			kernels.Add(do, do, scratch[i*c.cols:][:c.cols])
		}
	}
}

func lstmOutputToState[F kernels.Float](phi func(dst, z, dy []F)) func(view[F], []view[F]) {
	return func(dc view[F], in []view[F]) {
		for i := range dc.rows {
			kernels.Hadamard(row(dc, i), row(in[2], i), blockOf(in[0], i, outputGate, dc.cols))
		}
		phi(dc.data, in[1].data, dc.data)
	}
}

// GRU is the cell
//
//	r, u = σ(z_r), σ(z_u)    n = φ(z_n + r∘q_n)
//	h = (1-u)∘n + u∘h'
//
// of a pre-activation z = [z_r z_u q_n z_n] of shape (batch, 4·units), which [GRUStep] makes,
// and the state h' of the previous step (K. Cho et al.: Learning phrase representations using
// RNN encoder-decoder, 2014; with the reset gate after the product, as in cuDNN and PyTorch). It
// returns h.
func GRU(phi *Function, z, before *G.Node) (*G.Node, error) {
	if err := phi.complete("gru"); err != nil {
		return nil, err
	}
	gates, err := apply(gruGates(phi), z)
	if err != nil {
		return nil, err
	}
	return apply(gruState, gates, before)
}

const ( // of z
	resetGate = iota
	updateGate
	fromState
	fromInput
)

const ( // of the gates; the one at updateGate is u
	rest = 2 + iota // 1-u, as σ(-z_u)
	fresh
)

// GRUStep returns [p_r+q_r p_u+q_u q_n p_n] for step t of a sequence p = [p_r p_u p_n] and q =
// [q_r q_u q_n] of shape (batch, 3·units), the product with the previous state.
func GRUStep(p, q *G.Node, t, steps int) (*G.Node, error) {
	toSequence := placeColumns(t, steps, []columns{{resetGate, 0, 2}, {fromInput, 2, 1}}, 4, 3)
	return apply(&rule{
		name: "gru-step",
		in:   []int{2, 2},
		out:  2,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			p, q := in[0], in[1]
			if p[0] != steps*q[0] || p[1] != q[1] || q[1]%3 != 0 || t < 0 || t >= steps {
				return nil, errors.Errorf("GRU, step %d of %d: p of shape %v and q of shape %v don't fit", t, steps, p, q)
			}
			return tensor.Shape{q[0], q[1] / 3 * 4}, nil
		},
		f32: gruStepKernel[float32](t),
		f64: gruStepKernel[float64](t),
		grads: func() []gradient {
			return []gradient{
				{rule: func() *rule { return toSequence }, of: []int{seed}},
				{rule: func() *rule { return threeOfFour }, of: []int{seed}},
			}
		},
	}, p, q)
}

func gruStepKernel[F kernels.Float](t int) func(view[F], []view[F]) {
	return func(z view[F], in []view[F]) {
		n := z.cols / 4
		p, q := step(in[0], t, z.rows), in[1]
		for i := range z.rows {
			z, p, q := row(z, i), p[i*3*n:(i+1)*3*n], row(q, i)
			kernels.Add(z[:2*n], p[:2*n], q[:2*n])
			copy(z[2*n:3*n], q[2*n:])
			copy(z[3*n:], p[2*n:])
		}
	}
}

// threeOfFour is the first three of four blocks of columns.
var threeOfFour = &rule{
	name:  "three-of-four",
	in:    []int{2},
	out:   2,
	shape: func(in []tensor.Shape) (tensor.Shape, error) { return tensor.Shape{in[0][0], in[0][1] / 4 * 3}, nil },
	f32:   threeOfFourKernel[float32],
	f64:   threeOfFourKernel[float64],
}

func threeOfFourKernel[F kernels.Float](y view[F], in []view[F]) {
	for i := range y.rows {
		copy(row(y, i), row(in[0], i))
	}
}

// gruGates is [r u 1-u n] of z.
func gruGates(phi *Function) *rule {
	gradientRule := &rule{ // of z, the gates and their gradient
		name:  "gru-gates'",
		in:    []int{2, 2, 2},
		out:   2,
		shape: sameShape,
		f32:   gruGatesGradient(phi.Grad32),
		f64:   gruGatesGradient(phi.Grad64),
	}
	return &rule{
		name:  "gru-gates(" + phi.Name + ")",
		in:    []int{2},
		out:   2,
		shape: func(in []tensor.Shape) (tensor.Shape, error) { return fourBlocks("GRU", in[0]) },
		f32:   gruGatesKernel(phi.F32),
		f64:   gruGatesKernel(phi.F64),
		grads: func() []gradient {
			return []gradient{{rule: func() *rule { return gradientRule }, of: []int{0, result, seed}}}
		},
	}
}

func gruGatesKernel[F kernels.Float](phi func(dst, z []F)) func(view[F], []view[F]) {
	return func(a view[F], in []view[F]) {
		n := a.cols / 4
		for i := range a.rows {
			a, z := row(a, i), row(in[0], i)
			kernels.Sigmoid(a[:2*n], z[:2*n])
			v, s := a[rest*n:fresh*n], a[fresh*n:]
			kernels.Scale(v, z[updateGate*n:fromState*n], -1)
			kernels.Sigmoid(v, v)
			gruCandidate(s, a[:n], z)
			phi(s, s)
		}
	}
}

// gruCandidate sets s to z_n + r∘q_n.
func gruCandidate[F kernels.Float](s, r, z []F) {
	n := len(s)
	kernels.Hadamard(s, r, z[fromState*n:fromInput*n])
	kernels.Add(s, s, z[fromInput*n:])
}

func gruGatesGradient[F kernels.Float](phi func(dst, z, dy []F)) func(view[F], []view[F]) {
	var scratch []F
	return func(dz view[F], in []view[F]) {
		n := dz.cols / 4
		if scratch == nil {
			scratch = make([]F, n)
		}
		for i := range dz.rows {
			d, z, a, da := row(dz, i), row(in[0], i), row(in[1], i), row(in[2], i)
			r, q := a[:n], z[fromState*n:fromInput*n]
			dr, du, dq, dn := d[:n], d[updateGate*n:fromState*n], d[fromState*n:fromInput*n], d[fromInput*n:]
			gruCandidate(scratch, r, z)
			phi(dn, scratch, da[fresh*n:])
			kernels.Hadamard(dq, dn, r)
			kernels.Hadamard(scratch, dn, q)
			kernels.Add(scratch, scratch, da[:n])
			kernels.SigmoidGrad(dr, z[:n], scratch)
			kernels.Scale(du, da[rest*n:fresh*n], -1)
			kernels.Add(du, du, da[updateGate*n:fromState*n])
			kernels.SigmoidGrad(du, z[updateGate*n:fromState*n], du)
		}
	}
}

// gruState is h of the gates and h'.
var gruState = &rule{
	name:  "gru-state",
	in:    []int{2, 2},
	out:   2,
	shape: lstmState.shape,
	f32:   gruStateKernel[float32],
	f64:   gruStateKernel[float64],
	grads: func() []gradient {
		return []gradient{
			{rule: func() *rule { return gruStateToGates }, of: []int{0, 1, seed}},
			{rule: func() *rule { return gruStateToState }, of: []int{0, seed}},
		}
	},
}

func gruStateKernel[F kernels.Float](h view[F], in []view[F]) {
	for i := range h.rows {
		y, before := row(h, i), row(in[1], i)
		u, v, n := blockOf(in[0], i, updateGate, h.cols), blockOf(in[0], i, rest, h.cols), blockOf(in[0], i, fresh, h.cols)
		for k := range y {
			y[k] = v[k]*n[k] + u[k]*before[k]
		}
	}
}

// gruStateToGates is [0 dh∘h' dh∘n dh∘(1-u)], of the gates, h' and dh.
var gruStateToGates = &rule{
	name:  "gru-state'",
	in:    []int{2, 2, 2},
	out:   2,
	shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil },
	f32:   gruStateToGatesKernel[float32],
	f64:   gruStateToGatesKernel[float64],
}

func gruStateToGatesKernel[F kernels.Float](da view[F], in []view[F]) {
	n := in[1].cols
	for i := range da.rows {
		before, dh := row(in[1], i), row(in[2], i)
		clear(blockOf(da, i, resetGate, n))
		kernels.Hadamard(blockOf(da, i, updateGate, n), dh, before)
		kernels.Hadamard(blockOf(da, i, rest, n), dh, blockOf(in[0], i, fresh, n))
		kernels.Hadamard(blockOf(da, i, fresh, n), dh, blockOf(in[0], i, rest, n))
	}
}

// gruStateToState is u∘dh, of the gates and dh. The update gate is where the LSTM's forget
// gate is.
var gruStateToState = &rule{
	name:  "gru-state''",
	in:    []int{2, 2},
	out:   2,
	shape: lstmStateToState.shape,
	f32:   lstmStateToStateKernel[float32],
	f64:   lstmStateToStateKernel[float64],
	add32: lstmStateToStateAdd[float32],
	add64: lstmStateToStateAdd[float64],
}
