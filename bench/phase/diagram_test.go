package phase_test

import (
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/gradflow/gradflow/bench/phase"
	"github.com/gradflow/gradflow/internal/draw"
)

func diagram(t testing.TB, a activations.Scalar) phase.Diagram {
	t.Helper()
	m, err := meanfield.New(a)
	if err != nil {
		t.Fatal(err)
	}
	return phase.Diagram{Activation: a.Name(), Field: m, Point: meanfield.Variances{Weight: 1.5, Bias: 0.05}}
}

// drawn returns the shares of blue, red and grey pixels of a diagram.
func drawn(t *testing.T, d phase.Diagram) (blue, red, grey float64) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.png")
	if err := draw.Write(path, d); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	b := img.Bounds()
	// Within the axes: the colour bar has all colours.
	inside := image.Rect(b.Dx()*15/100, b.Dy()*12/100, b.Dx()*80/100, b.Dy()*75/100)
	for y := inside.Min.Y; y < inside.Max.Y; y++ {
		for x := inside.Min.X; x < inside.Max.X; x++ {
			r, _, b, _ := img.At(x, y).RGBA()
			switch {
			case b > r+0x800:
				blue++
			case r > b+0x800:
				red++
			case r == b && r > 0x4000 && r < 0xc000:
				grey++
			}
		}
	}
	n := float64(inside.Dx() * inside.Dy())
	return blue / n, red / n, grey / n
}

// TestPhases checks that the diagrams have the phases that the nonlinearities have.
func TestPhases(t *testing.T) {
	for _, c := range []struct {
		a               activations.Scalar
		blue, red, grey bool
	}{
		{activations.Tanh(), true, true, false},
		{activations.ReLU(), true, false, true},
		{activations.Softplus(), true, false, true},
	} {
		blue, red, grey := drawn(t, diagram(t, c.a))
		t.Logf("%s: %.2f blue, %.2f red, %.2f grey", c.a.Name(), blue, red, grey)
		if (blue > 0.1) != c.blue || (red > 0.05) != c.red || (grey > 0.1) != c.grey {
			t.Errorf("%s: %.2f blue, %.2f red, %.2f grey", c.a.Name(), blue, red, grey)
		}
	}
}

func TestSVG(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.SVG")
	if err := draw.Write(path, diagram(t, activations.Gaussian())); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, want := range []string{"</svg>", "gaussian", "critical", `preserveAspectRatio="none"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the picture has no %q", want)
		}
	}
	if strings.Contains(text, "NaN") {
		t.Error("the picture has a NaN")
	}
	if len(text) > 200_000 {
		t.Errorf("the picture has %d bytes", len(text))
	}
}

func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		path string
		f    draw.Figure
	}{
		{filepath.Join(dir, "x.gif"), diagram(t, activations.Tanh())},
		{filepath.Join(dir, "x"), diagram(t, activations.Tanh())},
		{filepath.Join(dir, "nowhere", "x.png"), diagram(t, activations.Tanh())},
		{filepath.Join(dir, "x.png"), phase.Diagram{}},
	} {
		if err := draw.Write(c.path, c.f); err == nil {
			t.Errorf("%s: no error", c.path)
		}
	}
	if files, _ := os.ReadDir(dir); len(files) > 0 {
		t.Errorf("files are left: %v", files)
	}
}
