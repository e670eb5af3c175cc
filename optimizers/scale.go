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
)

// ScaleRule gives the parameters whose names match a pattern a factor.
type ScaleRule struct {
	Pattern string  `json:"pattern" doc:"path.Match pattern: layer0*/weight"`
	Factor  float64 `json:"factor" range:"[0,]" doc:"after the optimizer, 0 freezes the parameters"`
	catalogue.Given
}

// ScaleConfig has the settings of [NewScale].
type ScaleConfig struct {
	Rules []ScaleRule `json:"rules" doc:"the first rule that matches a parameter's name applies; the factor is 1 without a match"`
}

// NewScale returns the link scale: it multiplies by a factor that depends on the
// parameter's name. A rule without a parameter is an error.
func NewScale(c ScaleConfig) (*Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	for i, r := range c.Rules {
		if _, err := path.Match(r.Pattern, ""); err != nil || r.Pattern == "" {
			return nil, catalogue.Invalid(fmt.Sprintf("rules[%d].pattern", i), "%q is not a pattern of path.Match", r.Pattern)
		}
	}
	return byNames("scale", func(names []string) (map[string]float64, error) {
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
	})
}

// ScaleByDepthConfig has the settings of [NewScaleByDepth].
type ScaleByDepthConfig struct {
	Base float64 `json:"base" range:"(0,]" doc:"factor from each layer to the one below it"`
	catalogue.Given
}

// NewScaleByDepth returns the link scale-by-depth: it multiplies by base^k where
// k is the number of layers after the parameter's own. A layer is what stands
// before the last slash of a name; layers come in the order of their names.
func NewScaleByDepth(c ScaleByDepthConfig) (*Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return byNames("scale-by-depth", func(names []string) (map[string]float64, error) {
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
	})
}

// byNames is a link whose factors depend on the names of all parameters.
func byNames(name string, factorsOf func(names []string) (map[string]float64, error)) (*Link, error) {
	factors := make(map[string]float64)
	return NewLink(Transform{
		Name: name,
		Names: func(names []string) error {
			found, err := factorsOf(names)
			if err == nil {
				clear(factors)
				maps.Copy(factors, found)
			}
			return err
		},
		Change:   named[float64](factors),
		Change32: named[float32](factors),
	})
}

func named[F Float](factors map[string]float64) func(*Block[F], int) {
	return func(b *Block[F], _ int) { scale(b.G, factors[b.Name]) }
}

// ScaleByNormConfig has the settings of [NewScaleByNorm].
type ScaleByNormConfig struct {
	Power float64 `json:"power" default:"1" range:"(0,1]" doc:"1 equalises all parameters; less brings them closer"`
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
func NewScaleByNorm(c ScaleByNormConfig) (*Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	const mean, steps = 0, 1 // numbers of a parameter
	factors := make(map[string]float64)
	return NewLink(Transform{
		Name:    "scale-by-norm",
		Numbers: 2,
		Measure: func(ps *Parameters, step int) error {
			largest := 0.
			for i := range ps.Len() {
				n := ps.Numbers(i)
				// A second gradient of the same step is not measured.
				if n[steps] != float64(step+1) {
					share := 1 - c.Rho
					if n[steps] == 0 {
						share = 1
					}
					mix(&n[mean], ps.Norm(i)/math.Sqrt(float64(ps.Size(i))), share)
					n[steps] = float64(step + 1)
				}
				largest = max(largest, n[mean])
			}
			for i := range ps.Len() {
				factors[ps.Name(i)] = 1
				if s := ps.Numbers(i)[mean]; s > 0 {
					factors[ps.Name(i)] = math.Pow(largest/s, c.Power)
				}
			}
			return nil
		},
		Change:   named[float64](factors),
		Change32: named[float32](factors),
	})
}
