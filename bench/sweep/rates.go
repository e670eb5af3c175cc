package sweep

import (
	"math"
	"strconv"
	"strings"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/pkg/errors"
)

// steps are the numbers that a decade is divided at.
var steps = map[string][]int{"decades": {1}, "half-decades": {1, 3}, "third-decades": {1, 2, 5}}

// ParseRates reads rates, ascending: a list, "0.1,0.3,1", or a range with both ends and a
// spacing, "1e-4:10:half-decades". A spacing is decades (1, 10, …), half-decades (1, 3,
// 10, …) or third-decades (1, 2, 5, 10, …).
func ParseRates(text string) ([]float64, error) {
	parts := strings.Split(text, ":")
	if len(parts) == 1 {
		return list(text)
	}
	if len(parts) != 3 {
		return nil, errors.Errorf("rates %q: want a list such as 0.1,0.3,1 or a range such as 1e-4:10:half-decades", text)
	}
	from, err := rate(parts[0])
	if err != nil {
		return nil, err
	}
	to, err := rate(parts[1])
	if err != nil {
		return nil, err
	}
	mantissas, ok := steps[parts[2]]
	if !ok {
		return nil, errors.Errorf("rates %q: unknown spacing %q: there are decades, half-decades and third-decades", text, parts[2])
	}
	var rates []float64
	for exponent := int(math.Floor(math.Log10(from))) - 1; exponent <= int(math.Ceil(math.Log10(to))); exponent++ {
		for _, m := range mantissas {
			// Read as text, so that it is the number that a study file would have.
			r, err := strconv.ParseFloat(strconv.Itoa(m)+"e"+strconv.Itoa(exponent), 64)
			if err != nil {
				return nil, errors.Wrapf(err, "rates %q", text)
			}
			if r >= from && r <= to {
				rates = append(rates, r)
			}
		}
	}
	if len(rates) == 0 {
		return nil, errors.Errorf("rates %q: no %s from %g to %g", text, parts[2], from, to)
	}
	return rates, nil
}

func list(text string) ([]float64, error) {
	var rates []float64
	for _, part := range strings.Split(text, ",") {
		r, err := rate(part)
		if err != nil {
			return nil, err
		}
		if n := len(rates); n > 0 && r <= rates[n-1] {
			return nil, errors.Errorf("rates %q: %g after %g: they must ascend", text, r, rates[n-1])
		}
		rates = append(rates, r)
	}
	return rates, nil
}

func rate(text string) (float64, error) {
	r, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || !(r > 0) || math.IsInf(r, 0) {
		return 0, errors.Errorf("rate %q: must be a positive number", text)
	}
	return r, nil
}

const (
	rateSetting   = "rate"
	nestedSetting = "optimizer" // of a chain
)

// WithRate returns an optimizer with its rate set, or for a chain that of the optimizer
// in it; false if it has none.
func WithRate(c catalogue.Choice, rate float64) (catalogue.Choice, bool) {
	settings := map[string]any{}
	for k, v := range c.Settings {
		settings[k] = v
	}
	for _, s := range optimizers.Catalogue.Settings(c.Name) {
		switch s.Name {
		case rateSetting:
			settings[rateSetting] = rate
			return catalogue.Choice{Name: c.Name, Settings: settings}, true
		case nestedSetting:
			inner, err := catalogue.Read(settings[nestedSetting])
			if err != nil {
				return c, false
			}
			inner, ok := WithRate(inner, rate)
			settings[nestedSetting] = inner
			return catalogue.Choice{Name: c.Name, Settings: settings}, ok
		}
	}
	return c, false
}

// AtRates returns an optimizer at each of the rates, or as it is if it has no rate.
func AtRates(c catalogue.Choice, rates []float64) (list []catalogue.Choice) {
	for _, r := range rates {
		at, ok := WithRate(c, r)
		list = append(list, at)
		if !ok {
			break
		}
	}
	return list
}

// withoutRate splits an optimizer, complete, into its rate, NaN if it has none, and a
// short name for the rest: what differs from the defaults.
func withoutRate(c catalogue.Choice) (float64, string) {
	rate := math.NaN()
	short := shorten(c, &rate)
	return rate, short.String()
}

func shorten(c catalogue.Choice, rate *float64) catalogue.Choice {
	defaults := map[string]string{}
	for _, s := range optimizers.Catalogue.Settings(c.Name) {
		defaults[s.Name] = s.Default
	}
	settings := map[string]any{}
	for k, v := range c.Settings {
		if k == rateSetting {
			if r, err := strconv.ParseFloat(text(v), 64); err == nil {
				*rate = r
				continue
			}
		}
		if k == nestedSetting {
			if inner, err := catalogue.Read(v); err == nil {
				settings[k] = shorten(inner, rate)
				continue
			}
		}
		if text(v) != defaults[k] && !same(text(v), defaults[k]) {
			settings[k] = v
		}
	}
	return catalogue.Choice{Name: c.Name, Settings: settings}
}

// text is a setting as it stands in a choice.
func text(v any) string {
	s := catalogue.Choice{Name: "x", Settings: map[string]any{"v": v}}.String()
	return strings.TrimSuffix(strings.TrimPrefix(s, "x(v="), ")")
}

// same reports whether two texts are one number.
func same(a, b string) bool {
	x, err := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	return err == nil && err2 == nil && x == y
}
