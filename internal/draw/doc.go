// Package draw is the one way to make a figure and to write it: what a figure is, the
// colours that all of them have, and the files that they are written to, SVG, PNG or PDF by
// the ending of the name.
//
//	if _, err := draw.Format(path); err != nil { … } // before anything is measured
//	err := draw.Write(path, figure)
package draw
