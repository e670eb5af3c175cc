package phase_test

import (
	"bytes"
	"fmt"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/gradflow/gradflow/bench/phase"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A diagram is drawn on any of gonum's canvases.
func ExampleDiagram() {
	field, err := meanfield.New(activations.Tanh())
	if err != nil {
		panic(err)
	}
	d := phase.Diagram{Activation: "tanh", Field: field, Point: meanfield.Variances{Weight: 1.5, Bias: 0.05}}
	canvas := vgsvg.New(d.Size())
	if err := d.Draw(draw.New(canvas)); err != nil {
		panic(err)
	}
	var picture bytes.Buffer
	if _, err := canvas.WriteTo(&picture); err != nil {
		panic(err)
	}
	fmt.Println(bytes.Contains(picture.Bytes(), []byte("tanh")))
	// Output: true
}
