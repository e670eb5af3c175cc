package optimizers

import (
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
)

// ScaleRule gives the parameters whose names match a pattern a factor.
type ScaleRule struct {
	Pattern string  `json:"pattern" doc:"path.Match pattern: layer0*/weight"`
	Factor  float64 `json:"factor" range:"[0,]" doc:"0 freezes the parameters, if it comes after the optimizer"`
	catalogue.Given
}

// ScaleConfig has the settings of [NewScale].
type ScaleConfig struct {
	Rules []ScaleRule `json:"rules" doc:"the first rule that matches a parameter's name counts; without one the factor is 1"`
}

// NewScale returns the link scale: it multiplies by a factor that depends on the
// parameter's name. A rule without a parameter is an error.
func NewScale(c ScaleConfig) (Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	for i, r := range c.Rules {
		if _, err := path.Match(r.Pattern, ""); err != nil || r.Pattern == "" {
			return nil, catalogue.Invalid(fmt.Sprintf("rules[%d].pattern", i), "%q is not a pattern of path.Match", r.Pattern)
		}
	}
	return newNamed("scale", func(names []string) (map[string]float64, error) {
		factors, used := make(map[string]float64), make([]bool, len(c.Rules))
		for _, name := range names {
			factors[name] = 1
			i := slices.IndexFunc(c.Rules, func(r ScaleRule) bool {
				ok, _ := path.Match(r.Pattern, name)
				return ok
			})
			if i >= 0 {
				factors[name], used[i] = c.Rules[i].Factor, true
			}
		}
		if i := slices.Index(used, false); i >= 0 {
			return nil, errors.Errorf("pattern %s is the rule of no parameter (of %s): the first rule that matches counts",
				c.Rules[i].Pattern, strings.Join(names, ", "))
		}
		return factors, nil
	}), nil
}

// ScaleByDepthConfig has the settings of [NewScaleByDepth].
type ScaleByDepthConfig struct {
	Base float64 `json:"base" range:"(0,]" doc:"factor from each layer to the one below it"`
	catalogue.Given
}

// NewScaleByDepth returns the link scale-by-depth: it multiplies by base^k where
// k is the number of layers after the parameter's own. A layer is what stands
// before the last slash of a name; layers come in the order of their names.
func NewScaleByDepth(c ScaleByDepthConfig) (Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return newNamed("scale-by-depth", func(names []string) (map[string]float64, error) {
		var layers []string
		for _, name := range names {
			layers = append(layers, path.Dir(name))
		}
		slices.Sort(layers)
		layers = slices.Compact(layers)
		factors := make(map[string]float64)
		for _, name := range names {
			at, _ := slices.BinarySearch(layers, path.Dir(name))
			factors[name] = math.Pow(c.Base, float64(len(layers)-1-at))
		}
		return factors, nil
	}), nil
}

// named is a link whose factors depend on the names of all parameters.
type named struct {
	*link
	factors   map[string]float64
	factorsOf func(names []string) (map[string]float64, error)
}

func newNamed(name string, factorsOf func(names []string) (map[string]float64, error)) *named {
	n := &named{factorsOf: factorsOf}
	n.link = newLink(name, func(l *link, p *param) { p.g.scale(n.factors[p.name]) })
	n.link.prepare = func() error {
		for _, p := range n.active {
			if _, known := n.factors[p.name]; !known {
				return n.resolve()
			}
		}
		return nil
	}
	return n
}

// resolve finds the factors of all parameters that were ever seen.
func (n *named) resolve() (err error) {
	n.factors, err = n.factorsOf(slices.Sorted(maps.Keys(n.params)))
	return err
}

// Prepare finds the factors.
func (n *named) Prepare(params []gorgonia.ValueGrad) error {
	if err := n.link.Prepare(params); err != nil {
		return err
	}
	return errors.Wrap(n.resolve(), n.name)
}

// ScaleByNormConfig has the settings of [NewScaleByNorm].
type ScaleByNormConfig struct {
	Power float64 `json:"power" default:"1" range:"(0,1]" doc:"1 makes all parameters equal, less brings them nearer"`
	Rho   float64 `json:"rho" default:"0.9" range:"[0,1)" doc:"decay of the means of the root mean squares"`
	catalogue.Given
}

// NewScaleByNorm returns the link scale-by-norm, which undoes what depth did to
// the size of gradients: with s the running mean of the root mean square of a
// parameter's gradient, and S the largest s of all parameters,
//
//	g <- g (S/s)^power                        0 where s is 0
//
// The first s is the first root mean square. This is the project's own link.
func NewScaleByNorm(c ScaleByNormConfig) (Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	const mean, steps = 0, 1 // numbers of a parameter
	largest := 0.
	l := newLink("scale-by-norm", func(l *link, p *param) {
		if s := p.block64.n[mean]; s > 0 {
			p.g.scale(math.Pow(largest/s, c.Power))
		}
	})
	l.numbers = 2
	l.prepare = func() error {
		largest = 0
		for _, p := range l.active {
			n := p.block64.n
			// A second gradient of the same step is not measured.
			if n[steps] != float64(l.step+1) {
				share := 1 - c.Rho
				if n[steps] == 0 {
					share = 1
				}
				mix(&n[mean], p.g.norm()/math.Sqrt(float64(p.size)), share)
				n[steps] = float64(l.step + 1)
			}
			largest = max(largest, n[mean])
		}
		return nil
	}
	return l, nil
}
