package main

import (
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// update emits an optimizer's update: slices and scalars are its parameters, all
// slices but g are written. step returns the new vectors in the order of slices,
// less g.
func (u *unit) update(name, doc, slices, scalars string, prepare func(scalars []VecVirtual) func(v []VecVirtual) []VecVirtual) {
	in := strings.Split(slices, ", ")
	var out []string
	for _, s := range in {
		if s != "g" {
			out = append(out, s)
		}
	}
	u.each(name, doc, "("+slices+" []"+u.float.name+", "+scalars+" "+u.float.name+")", in, out, func() func([]VecVirtual) []VecVirtual {
		var s []VecVirtual
		for _, p := range strings.Split(scalars, ", ") {
			s = append(s, u.scalar(p))
		}
		return prepare(s)
	})
}

func (u *unit) optimizers() {
	u.update("momentum", "sets v = mu·v + g, w -= lr·v.", "w, g, v", "lr, mu", func(s []VecVirtual) func([]VecVirtual) []VecVirtual {
		return func(x []VecVirtual) []VecVirtual {
			v := u.fma(s[1], x[2], x[1])
			return []VecVirtual{u.sub(x[0], u.mul(s[0], v)), v}
		}
	})
	u.update("nesterov", "sets v = mu·v + g, w -= lr·(g + mu·v).", "w, g, v", "lr, mu", func(s []VecVirtual) func([]VecVirtual) []VecVirtual {
		return func(x []VecVirtual) []VecVirtual {
			v := u.fma(s[1], x[2], x[1])
			return []VecVirtual{u.sub(x[0], u.mul(s[0], u.fma(s[1], v, x[1]))), v}
		}
	})
	u.update("rmsprop", "sets v = rho·v + rest·g², w -= lr·g/(√v + eps).", "w, g, v", "lr, rho, rest, eps",
		func(s []VecVirtual) func([]VecVirtual) []VecVirtual {
			lr, rho, rest, eps := s[0], s[1], s[2], s[3]
			return func(x []VecVirtual) []VecVirtual {
				w, g, v := x[0], x[1], x[2]
				v = u.fma(rho, v, u.mul(rest, u.mul(g, g)))
				return []VecVirtual{u.sub(w, u.div(u.mul(lr, g), u.add(u.sqrt(v), eps))), v}
			}
		})
	u.update("adam", "does a step of Adam: see Adam.", "w, g, m, v", "rate, beta1, rest1, beta2, rest2, root2, eps",
		func(s []VecVirtual) func([]VecVirtual) []VecVirtual {
			rate, beta1, rest1, beta2, rest2, root2, eps := s[0], s[1], s[2], s[3], s[4], s[5], s[6]
			return func(x []VecVirtual) []VecVirtual {
				w, g, m, v := x[0], x[1], x[2], x[3]
				m = u.fma(beta1, m, u.mul(rest1, g))
				v = u.fma(beta2, v, u.mul(rest2, u.mul(g, g)))
				return []VecVirtual{u.sub(w, u.div(u.mul(rate, m), u.fma(u.sqrt(v), root2, eps))), m, v}
			}
		})
	u.update("smorms3", "does a step of SMORMS3: see SMORMS3.", "w, g, mem, g1, g2", "lr, eps",
		func(s []VecVirtual) func([]VecVirtual) []VecVirtual {
			lr, eps, one := s[0], s[1], u.load(u.c(1))
			return func(x []VecVirtual) []VecVirtual {
				w, g, mem, g1, g2 := x[0], x[1], x[2], x[3], x[4]
				r := u.div(one, u.add(mem, one))
				rest := u.sub(one, r)
				g1 = u.fma(rest, g1, u.mul(r, g))
				g2 = u.fma(rest, g2, u.mul(r, u.mul(g, g)))
				ratio := u.div(u.mul(g1, g1), u.add(g2, eps))
				w = u.sub(w, u.div(u.mul(g, u.min(lr, ratio)), u.add(u.sqrt(g2), eps)))
				return []VecVirtual{w, u.fma(mem, u.sub(one, ratio), one), g1, g2}
			}
		})
	u.update("rprop", "does a step of iRprop-: see Rprop.", "w, g, last, step", "up, down, least, most",
		func(s []VecVirtual) func([]VecVirtual) []VecVirtual {
			up, down, least, most := s[0], s[1], s[2], s[3]
			if u.isa == avx512 {
				return u.rpropMasked(up, down, least, most)
			}
			sign, one, zero := u.signBit(), u.load(u.c(1)), u.load(u.c(0))
			return func(x []VecVirtual) []VecVirtual {
				w, g, last, step := x[0], x[1], x[2], x[3]
				// turn has the sign of g·last, but cannot underflow. It is
				// 0 or NaN where one of the two is.
				turn := u.choose(g, eq, zero, zero, u.xor(last, u.and(g, sign)))
				turn = u.choose(g, unordered, g, g, turn)
				factor := u.choose(turn, gt, zero, up, u.choose(turn, lt, zero, down, one))
				step = u.min(most, u.max(least, u.mul(step, factor)))
				g = u.choose(turn, lt, zero, zero, g)
				move := u.choose(g, eq, zero, zero, u.or(step, u.and(g, sign)))
				move = u.choose(g, unordered, g, g, move)
				return []VecVirtual{u.sub(w, move), g, step}
			}
		})
}

// rpropMasked is the step of rprop with the cases as masks: what is to be done to some
// lanes is done in place.
func (u *unit) rpropMasked(up, down, least, most VecVirtual) func([]VecVirtual) []VecVirtual {
	sign, zero := u.signBit(), u.load(u.c(0))
	return func(x []VecVirtual) []VecVirtual {
		w, g, last, step := x[0], x[1], x[2], x[3]
		some, both, kept, turned, moved, nan := K(), K(), K(), K(), K(), K()
		u.vcmp(U8(differ), zero, g, some)
		u.vcmp(U8(differ), zero, last, some, both)
		product := u.xor(last, g) // its sign
		u.vtestn(sign, product, both, kept)
		u.vtest(sign, product, both, turned)
		u.vmul(up, step, kept, step)
		u.vmul(down, step, turned, step)
		step = u.min(most, u.max(least, step))
		u.mov(zero, turned, g)
		u.vcmp(U8(differ), zero, g, moved)
		move := u.load(step)
		u.vternlog(U8(0xf8), sign, g, move) // move | g & sign
		u.vsub(move, w, moved, w)
		u.vcmp(U8(unordered), g, g, nan)
		u.vsub(g, w, nan, w)
		return []VecVirtual{w, g, step}
	}
}
