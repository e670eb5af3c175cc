package report

// Style is the page's style sheet, for other pages that are to look like it: its colours are
// variables, dark and light, and safe for colour-blind readers.
func Style() string { return pageStyle }

// HeatScript is the JavaScript of the function heatColour(t), the colours of heat maps.
func HeatScript() string { return heatScript }
