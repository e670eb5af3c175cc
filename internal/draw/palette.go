package draw

import (
	"image/color"

	"gonum.org/v1/plot/vg"
)

// Colours that colour-blind readers can tell apart (M. Okabe, K. Ito: Color universal
// design, 2008).
var (
	Blue     = color.RGBA{0, 114, 178, 255}
	Orange   = color.RGBA{230, 159, 0, 255}
	Green    = color.RGBA{0, 158, 115, 255}
	Pink     = color.RGBA{204, 121, 167, 255}
	Red      = color.RGBA{213, 94, 0, 255}
	Sky      = color.RGBA{86, 180, 233, 255}
	Yellow   = color.RGBA{240, 228, 66, 255}
	Graphite = color.RGBA{90, 90, 90, 255}

	// Grey is for what has no value, Faint for grids and rails.
	Grey  = color.Gray{Y: 0xa8}
	Faint = color.Gray{Y: 0xeb}
	// Crimson is for what failed.
	Crimson = color.RGBA{178, 24, 43, 255}
)

// series are the colours of curves; Yellow is too pale for one.
var series = []color.RGBA{Blue, Orange, Green, Pink, Red, Sky, Graphite}

var dashes = [][]vg.Length{nil, {vg.Points(6), vg.Points(3)}, {vg.Points(2), vg.Points(2)}, {vg.Points(8), vg.Points(2), vg.Points(2), vg.Points(2)}}

// Series returns the colour and the dashes of curve i of a figure: curves past the last
// colour get the first ones again, with other dashes.
func Series(i int) (color.RGBA, []vg.Length) {
	return series[i%len(series)], dashes[i/len(series)%len(dashes)]
}
