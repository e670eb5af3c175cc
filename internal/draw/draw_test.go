package draw_test

import (
	"bytes"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/internal/draw"
	"github.com/pkg/errors"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
)

// line is a plot of one line, or an error.
type line struct{ broken bool }

func (line) Size() (width, height vg.Length) { return 200, 100 }

func (l line) Draw(c vgdraw.Canvas) error {
	if l.broken {
		return errors.New("nothing to draw")
	}
	p := draw.NewPlot("χ₁ of σw²")
	curve, err := plotter.NewLine(plotter.XYs{{X: 1, Y: 1}, {X: 2, Y: 3}})
	if err != nil {
		return err
	}
	curve.Color, curve.Dashes = draw.Series(0)
	p.Add(curve)
	p.Draw(c)
	return nil
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	for name, magic := range map[string]string{"a.svg": "<?xml", "a.PNG": "\x89PNG", "a.pdf": "%PDF"} {
		path := filepath.Join(dir, name)
		if err := draw.Write(path, line{}); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(data), magic) {
			t.Errorf("%s begins with %q, want %q", name, data[:8], magic)
		}
		// A figure that fails leaves what was there.
		if err := draw.Write(path, line{broken: true}); err == nil {
			t.Errorf("%s: no error", name)
		}
		if after, _ := os.ReadFile(path); !bytes.Equal(after, data) {
			t.Errorf("%s: a figure that fails changes the file", name)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("%d files, want 3 (%v)", len(entries), err)
	}
	for _, name := range []string{"a.gif", "a", "svg", "a.svg.gz", ""} {
		if _, err := draw.Format(name); err == nil || !strings.Contains(err.Error(), ".svg, .png or .pdf") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestPNG: the picture has twice as many pixels as points, a white ground, and the
// curve's colour in it.
func TestPNG(t *testing.T) {
	data, err := draw.Encode(line{}, "png")
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	b := img.Bounds()
	if b.Dx() != 400 || b.Dy() != 200 {
		t.Errorf("%d x %d pixels, want 400 x 200", b.Dx(), b.Dy())
	}
	if got := color.RGBAModel.Convert(img.At(0, 0)); got != (color.RGBA{255, 255, 255, 255}) {
		t.Errorf("the corner is %v", got)
	}
	found := false
	for y := range b.Dy() {
		for x := range b.Dx() {
			found = found || color.RGBAModel.Convert(img.At(x, y)) == draw.Blue
		}
	}
	if !found {
		t.Errorf("nothing is of the curve's colour %v", draw.Blue)
	}
}

// TestSeries: curves look different from each other until colours and dashes are used up.
func TestSeries(t *testing.T) {
	type look struct {
		colour color.RGBA
		dashes int
	}
	seen := map[look]int{}
	for i := range 21 {
		c, d := draw.Series(i)
		l := look{c, len(d)*100 + int(append(d, 0)[0])}
		if j, again := seen[l]; again {
			t.Errorf("curves %d and %d look alike", j, i)
		}
		seen[l] = i
	}
}

func TestTicks(t *testing.T) {
	label := func(list []string) string { return strings.Join(list, " ") }
	var got []string
	for _, k := range (draw.Integers{}).Ticks(0, 101) {
		got = append(got, k.Label)
	}
	if label(got) != "20 40 60 80 100" {
		t.Errorf("0 to 101: %s", label(got))
	}
	if n := len((draw.Integers{}).Ticks(1, 1e7)); n < 3 || n > 9 {
		t.Errorf("%d marks of 10 million", n)
	}
	got = nil
	for _, k := range (draw.Powers{}).Ticks(1e-3, 20) {
		if k.Label != "" {
			got = append(got, k.Label)
		}
	}
	if label(got) != "0.001 0.01 0.1 1 10" {
		t.Errorf("1e-3 to 20: %s", label(got))
	}
}
