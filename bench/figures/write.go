package figures

import (
	"bytes"
	"path/filepath"
	"strings"

	"github.com/gradflow/gradflow/internal/atomicfile"
	"github.com/pkg/errors"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Figure is something to draw.
type Figure interface {
	// Size returns the width and height that suit it.
	Size() (width, height vg.Length)
	// Draw draws it on a canvas.
	Draw(c draw.Canvas) error
}

// resolution of PNG files, in pixels per inch.
const resolution = 144

// Format returns the format of a picture file, "png" or "svg", by the end of its name;
// an error if it is of neither kind.
func Format(path string) (string, error) {
	switch end := strings.ToLower(filepath.Ext(path)); end {
	case ".png", ".svg":
		return end[1:], nil
	}
	return "", errors.Errorf("%s: the name of a picture must end in .png or .svg", path)
}

// Write draws a figure into a file, PNG or SVG by the end of its name. If there is an
// error, what was there is as before.
func Write(path string, f Figure) error {
	format, err := Format(path)
	if err != nil {
		return err
	}
	w, h := f.Size()
	var canvas vg.CanvasWriterTo
	if format == "svg" {
		canvas = vgsvg.New(w, h)
	} else {
		canvas = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(resolution))}
	}
	if err := f.Draw(draw.NewCanvas(canvas, w, h)); err != nil {
		return err
	}
	var data bytes.Buffer
	if _, err := canvas.WriteTo(&data); err != nil {
		return errors.Wrap(err, path)
	}
	picture := data.Bytes()
	if format == "svg" { // images fill their rectangle, which browsers must be told
		picture = bytes.ReplaceAll(picture, []byte("<image "), []byte(`<image preserveAspectRatio="none" `))
	}
	return atomicfile.Write(path, picture)
}
