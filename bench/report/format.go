package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gradflow/gradflow/internal/texttab"
)

func isInf(x Number) bool { return math.IsInf(float64(x), 0) }

// number writes a number with at most 4 digits.
func number(x float64) string { return strconv.FormatFloat(rounded(x, 4), 'g', -1, 64) }

// rounded rounds to this many significant digits.
func rounded(x float64, digits int) float64 {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return x
	}
	r, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', digits, 64), 64)
	if err != nil {
		return x
	}
	return r
}

// score writes a score: an accuracy with 3 decimals, a loss with 3 digits.
func (p *Problem) score(x Number) string {
	switch {
	case x.IsNaN():
		return "?"
	case isInf(x):
		return "∞"
	case p.higher():
		return fmt.Sprintf("%.3f", float64(x))
	}
	return fmt.Sprintf("%#.3g", float64(x))
}

// scoreInterval writes the interval of a score; "" for a single run, which has none.
func (p *Problem) scoreInterval(e Estimate) string {
	if e.Confidence == 0 {
		return ""
	}
	return fmt.Sprintf("[%s, %s]", p.score(e.Lo), p.score(e.Hi))
}

// steps writes a number of steps to the target.
func (s Setup) steps(x Number) string {
	if isInf(x) {
		return fmt.Sprintf(">%d", s.Budget)
	}
	return number(float64(x))
}

// stepsMedian and stepsInterval write the median of the steps to the target and its
// interval.
func (s Setup) stepsMedian() string { return s.steps(s.StepsToTarget.Median) }

func (s Setup) stepsInterval() string {
	e := s.StepsToTarget
	if e.Confidence == 0 || isInf(e.Lo) {
		return ""
	}
	return fmt.Sprintf("[%s, %s]", s.steps(e.Lo), s.steps(e.Hi))
}

// speed says how fast a setup reaches the target.
func (s Setup) speed() string {
	switch {
	case s.Slower == 1:
		return "fastest"
	case isInf(s.Slower):
		return "not within " + texttab.Count(s.Budget, "step")
	}
	return slowerWords(s.Slower)
}

// decimals writes decades with one decimal.
func decimals(x Number) string {
	switch {
	case x.IsNaN():
		return "–"
	case isInf(x) && x > 0:
		return "∞"
	case isInf(x):
		return "−∞"
	}
	if s := fmt.Sprintf("%.1f", float64(x)); s != "-0.0" {
		return strings.Replace(s, "-", "−", 1)
	}
	return "0.0"
}

// verdict says what the comparison with the baseline gave, and its P.
func (p *Problem) verdict(s Setup) (words, value string) {
	switch {
	case !p.tested():
		return "", ""
	case s.Label == p.Baseline:
		return "baseline", ""
	case s.P.IsNaN():
		return s.Verdict, ""
	case s.P < 0.001:
		return s.Verdict, "P < 0.001"
	case s.Verdict != "":
		return s.Verdict, fmt.Sprintf("P = %.2g", float64(s.P))
	}
	return "", ""
}

// tested reports whether a setup is tested on this problem.
func (p *Problem) tested() bool {
	return slices.ContainsFunc(p.Setups, func(s Setup) bool { return s.Verdict != "" })
}

// slowerWords says how many times slower something is.
func slowerWords(k Number) string {
	if k < 1.05 {
		return "about as fast"
	}
	return "about " + times(k) + " times slower"
}

func times(k Number) string {
	if k < 9.95 {
		return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(k)), ".0")
	}
	return fmt.Sprintf("%.0f", float64(k))
}

func decadeWords(d float64) string {
	if s := fmt.Sprintf("%.1f", d); s != "1.0" {
		return s + " decades"
	}
	return "1 decade"
}

// power writes the number whose log10 is given.
func power(log Number) string {
	switch l := float64(log); {
	case math.IsInf(l, -1):
		return "0"
	case l >= -2 && l < 4:
		return number(rounded(math.Pow(10, l), 2))
	default:
		exponent := math.Floor(l)
		mantissa := math.Pow(10, l-exponent)
		if mantissa >= 9.5 {
			mantissa, exponent = 1, exponent+1
		}
		return fmt.Sprintf("%.0fe%.0f", mantissa, exponent)
	}
}
