package draw

import (
	"bytes"
	"image/color"
	"path/filepath"
	"strings"

	"github.com/gradflow/gradflow/internal/atomicfile"
	"github.com/pkg/errors"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Figure is something to draw.
type Figure interface {
	// Size returns the width and height that suit it.
	Size() (width, height vg.Length)
	// Draw draws it on a white canvas of that size.
	Draw(c draw.Canvas) error
}

// resolution of PNG files, in pixels per inch.
const resolution = 144

// Endings are those of the names of pictures.
var Endings = []string{"svg", "png", "pdf"}

// Format returns the format of a picture file, one of [Endings], by the end of its name;
// an error if there is none such.
func Format(path string) (string, error) {
	end := strings.TrimPrefix(strings.ToLower(filepath.Ext(path)), ".")
	for _, e := range Endings {
		if e == end {
			return e, nil
		}
	}
	return "", errors.Errorf("%q: the name of a picture ends in .svg, .png or .pdf", path)
}

// Encode draws a figure in a format, one of [Endings].
func Encode(f Figure, format string) ([]byte, error) {
	w, h := f.Size()
	var canvas vg.CanvasWriterTo
	switch format {
	case "svg":
		canvas = vgsvg.New(w, h)
	case "png":
		canvas = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(resolution))}
	case "pdf":
		canvas = vgpdf.New(w, h) // which embeds its fonts
	default:
		return nil, errors.Errorf("no picture format %q: there are svg, png and pdf", format)
	}
	c := draw.NewCanvas(canvas, w, h)
	Fill(&c, color.White)
	if err := f.Draw(c); err != nil {
		return nil, err
	}
	var data bytes.Buffer
	if _, err := canvas.WriteTo(&data); err != nil {
		return nil, errors.Wrapf(err, "draw %s", format)
	}
	picture := data.Bytes()
	if format == "svg" { // images fill their rectangle, which browsers must be told
		picture = bytes.ReplaceAll(picture, []byte("<image "), []byte(`<image preserveAspectRatio="none" `))
	}
	return picture, nil
}

// Write draws a figure into a file, in the format that its name ends in. An error leaves
// what was there.
func Write(path string, f Figure) error {
	format, err := Format(path)
	if err != nil {
		return err
	}
	picture, err := Encode(f, format)
	if err != nil {
		return err
	}
	return atomicfile.Write(path, picture)
}

// Fill fills the whole of a canvas.
func Fill(c *draw.Canvas, with color.Color) {
	c.FillPolygon(with, []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}})
}
