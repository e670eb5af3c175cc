package normalization

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Elementwise is an optional interface of a [Normalization] that stands where one would, and is a
// bounded function of each element: it measures nothing.
type Elementwise interface {
	Normalization
	Elementwise()
}

// DyTConfig are the settings of [NewDyT].
type DyTConfig struct {
	Alpha     float64   `json:"alpha" default:"0.5" range:"(0,]" doc:"initial value of α"`
	Placement Placement `json:"placement" default:"before" doc:"before or after the activation"`
	Gamma     float64   `json:"gamma" default:"1" range:"(0,)" doc:"initial value of γ"`
	Beta      float64   `json:"beta" default:"0" doc:"initial value of β"`
	catalogue.Given
}

// NewDyT returns dynamic tanh, which stands in for a norm,
//
//	y = γ tanh(α x) + β
//
// with α = alpha at first, one number, learned as layer/alpha, and γ and β = 1 and 0 at first,
// learned for each unit as layer/gamma and layer/beta. It bounds what a norm would scale, without
// statistics: a signal that is small is multiplied by αγ only, so that with α = .5 in front of a
// saturating f the gradient of plain layers vanishes faster than without: in the recorded study
// newer-remedies it makes tanh worse, and helps no other. It was made for transformers, whose
// shortcuts carry the signal.
//
// Theory follows a norm by the statistics that it sets; this sets none, and is not covered.
//
// Source: J. Zhu, X. Chen, K. He, Y. LeCun, Z. Liu: Transformers without normalization, 2025
// (arXiv 2503.10622). Checked in implementations of it: one α, .5 at first; γ ones and β zeros.
func NewDyT(c DyTConfig) (Normalization, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, errors.Wrap(err, "dyt")
	}
	return dynamic{name: "dyt", f: math.Tanh, slope: sech2, starts: []start{{"alpha", c.Alpha}, {"gamma", c.Gamma}, {"beta", c.Beta}}, placement: c.Placement}.checked()
}

// DerfConfig are the settings of [NewDerf].
type DerfConfig struct {
	Alpha     float64   `json:"alpha" default:"0.5" range:"(0,]" doc:"initial value of α"`
	Shift     float64   `json:"shift" default:"0" doc:"initial value of s"`
	Placement Placement `json:"placement" default:"before" doc:"before or after the activation"`
	Gamma     float64   `json:"gamma" default:"1" range:"(0,)" doc:"initial value of γ"`
	Beta      float64   `json:"beta" default:"0" doc:"initial value of β"`
	catalogue.Given
}

// NewDerf returns the dynamic error function, which stands in for a norm as [NewDyT] does,
//
//	y = γ erf(α x + s) + β
//
// with s = shift at first, one number, learned as layer/shift. As erf'(0) = 2/√π, a small signal
// is multiplied by 1.128 αγ.
//
// Source: M. Chen, T. Lu, J. Zhu, M. Sun, Z. Liu: Stronger normalization-free transformers, 2025
// (arXiv 2512.10938). Checked in implementations of it: α .5 and s 0 at first, one number each.
func NewDerf(c DerfConfig) (Normalization, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, errors.Wrap(err, "derf")
	}
	slope := func(u float64) float64 { return 2 / math.SqrtPi * math.Exp(-u*u) }
	return dynamic{name: "derf", f: math.Erf, slope: slope, starts: []start{{"alpha", c.Alpha}, {"gamma", c.Gamma}, {"beta", c.Beta}, {"shift", c.Shift}}, placement: c.Placement}.checked()
}

// sech2 returns 1/cosh²z, without overflow.
func sech2(z float64) float64 {
	u := math.Exp(-2 * math.Abs(z))
	return 4 * u / ((1 + u) * (1 + u))
}

// start is what a parameter starts from.
type start struct {
	name  string
	value float64
}

// dynamic is γ f(αx + s) + β with the learned parameters α, γ, β and, if there are four, s.
type dynamic struct {
	name      string
	f, slope  func(u float64) float64
	starts    []start
	placement Placement
}

func (n dynamic) checked() (Normalization, error) {
	if err := n.placement.check(); err != nil {
		return nil, errors.Wrap(err, n.name)
	}
	return n, nil
}

func (n dynamic) Name() string { return n.name }
func (n dynamic) Site() Site   { return n.placement.site() }
func (dynamic) Elementwise()   {}

// Unshapes implements [activations.Unshaping].
func (n dynamic) Unshapes() string {
	return n.name + " is a nonlinearity of its own between the layers"
}

func (n dynamic) Normalize(b Builder, layer string, x *G.Node) (*G.Node, error) {
	units, err := columns(x)
	if err != nil {
		return nil, err
	}
	var params []*G.Node
	for _, s := range n.starts {
		shape := 1
		if s.name == "gamma" || s.name == "beta" {
			shape = units
		}
		p, err := b.Learnable(layer+"/"+s.name, all(s.value), shape)
		if err != nil {
			return nil, err
		}
		params = append(params, p)
	}
	return ops.Parametric(&ops.ParametricFunction{Name: n.name, F32: dynamicKernels[float32](n), F64: dynamicKernels[float64](n)}, x, params...)
}

func dynamicKernels[F float](n dynamic) ops.ParametricKernels[F] {
	// argument returns αx + s.
	argument := func(x F, params [][]F) float64 {
		u := float64(params[0][0]) * float64(x)
		if len(params) > 3 {
			u += float64(params[3][0])
		}
		return u
	}
	return ops.ParametricKernels[F]{
		Value: func(dst, x []F, cols int, params [][]F) {
			gamma, beta := params[1], params[2]
			for i, v := range x {
				j := i % len(gamma)
				dst[i] = F(float64(gamma[j])*n.f(argument(v, params)) + float64(beta[j]))
			}
		},
		Gradient: func(dst, x, dy []F, cols int, params [][]F) {
			alpha, gamma := float64(params[0][0]), params[1]
			for i, v := range x {
				dst[i] = F(float64(dy[i]) * float64(gamma[i%len(gamma)]) * alpha * n.slope(argument(v, params)))
			}
		},
		Partial: func(p int, squared bool, dst, x, dy []F, cols int, params [][]F) {
			gamma := params[1]
			for column := range dst {
				var sum float64
				for i := column; i < len(x); i += len(dst) {
					d := 1. // ∂y/∂β
					switch p {
					case 0:
						d = float64(gamma[i%len(gamma)]) * float64(x[i]) * n.slope(argument(x[i], params))
					case 1:
						d = n.f(argument(x[i], params))
					case 3:
						d = float64(gamma[i%len(gamma)]) * n.slope(argument(x[i], params))
					}
					if squared {
						d *= d
					}
					sum += float64(dy[i]) * d
				}
				dst[column] = F(sum)
			}
		},
	}
}
