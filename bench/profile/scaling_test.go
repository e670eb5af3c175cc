package profile_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/gradflow/gradflow/bench/profile"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/internal/draw"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/optimizers"
)

// TestScalings: the exponents of a change that is a power of width and depth, which the picture
// draws; none where a size does not vary, or varies with the other.
func TestScalings(t *testing.T) {
	at := func(width, depth int, w, d float64) profile.Coordinate {
		v := record.Number(.1 * math.Pow(float64(width), w) * math.Pow(float64(depth), d))
		return profile.Coordinate{Width: width, Depth: depth, First: v, Last: v * 2, Output: record.Number(math.NaN())}
	}
	var list, wide, together []profile.Coordinate
	for _, depth := range []int{2, 8, 32} {
		for _, width := range []int{16, 64, 128} {
			list = append(list, at(width, depth, .5, -1))
		}
		wide = append(wide, at(8*depth, 4, 1, 0))
		together = append(together, at(depth, depth, 1, 1))
	}
	near := func(x record.Number, want float64) bool { return math.Abs(float64(x)-want) < 1e-9 }
	s := profile.Scalings(list)
	if !near(s[0].Width, .5) || !near(s[0].Depth, -1) || !near(s[1].Width, .5) || !s[2].Width.IsNaN() {
		t.Errorf("exponents %v, want 0.5 and -1, and none of the output", s)
	}
	if s := profile.Scalings(wide); !near(s[0].Width, 1) || !s[0].Depth.IsNaN() {
		t.Errorf("exponents %v, want 1 and none", s[0])
	}
	if s := profile.Scalings(together); !s[0].Width.IsNaN() && math.Abs(float64(s[0].Width+s[0].Depth)-2) > 1e-6 {
		t.Errorf("exponents %v of sizes that vary together", s[0])
	}
	picture, err := draw.Encode(profile.ScalingFigure{List: list, Title: "a title"}, "svg")
	if err != nil || !bytes.Contains(picture, []byte("depth 32")) || !bytes.Contains(picture, []byte(">128<")) {
		t.Errorf("a picture of %d bytes, %v", len(picture), err)
	}
	for i := range list {
		list[i].First, list[i].Last = record.Number(math.NaN()), record.Number(math.NaN())
	}
	if _, err := draw.Encode(profile.ScalingFigure{List: list}, "svg"); err == nil {
		t.Error("nothing is drawn without an error")
	}
}

// TestInverseDepth: with branches of 1/L a step changes a network as much at any depth, and with
// branches of 1 it changes a deep one more: what is to be seen of CompleteP.
func TestInverseDepth(t *testing.T) {
	last := map[string]float64{}
	for _, scale := range []string{"none", "inverse-depth"} {
		c := config("tanh", 4)
		c.Width, c.Batch = 128, 64
		c.Model, c.Normalization = complete(models.Catalogue, "residual(scale="+scale+")"), complete(normalization.Catalogue, "layer-norm")
		c.Optimizer = complete(optimizers.Catalogue, "adam(rate=0.001)")
		list, err := profile.Coordinates(t.Context(), c, []int{128}, []int{4, 32}, 10)
		if err != nil {
			t.Fatal(err)
		}
		s := profile.Scalings(list)
		last[scale] = float64(s[1].Depth)
		if scale == "inverse-depth" {
			for i, s := range s {
				if !(math.Abs(float64(s.Depth)) < 0.12) {
					t.Errorf("place %d changes as depth^%.2f", i, float64(s.Depth))
				}
			}
		}
	}
	if !(last["none"] > 0.2) {
		t.Errorf("without a scale the last layer changes as depth^%.2f", last["none"])
	}
}
