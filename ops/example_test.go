package ops_test

import (
	"fmt"

	"github.com/gradflow/gradflow/ops"
	"github.com/gradflow/gradflow/vm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// One layer and its loss, of a network that is sure and right: the loss and the
// gradient of the bias keep their digits.
func Example() {
	g := G.NewGraph()
	x := G.NewMatrix(g, tensor.Float64, G.WithName("x"), G.WithValue(tensor.New(tensor.WithShape(1, 1), tensor.WithBacking([]float64{1}))))
	w := G.NewMatrix(g, tensor.Float64, G.WithName("w"), G.WithValue(tensor.New(tensor.WithShape(1, 2), tensor.WithBacking([]float64{70, 0}))))
	b := G.NewVector(g, tensor.Float64, G.WithName("b"), G.WithValue(tensor.New(tensor.WithBacking([]float64{0, 1}))))
	t := G.NewMatrix(g, tensor.Float64, G.WithName("t"), G.WithValue(tensor.New(tensor.WithShape(1, 2), tensor.WithBacking([]float64{1, 0}))))
	logits, err := ops.Affine(x, w, b)
	if err != nil {
		fmt.Println(err)
		return
	}
	loss, err := ops.CrossEntropy(logits, t)
	if err != nil {
		fmt.Println(err)
		return
	}
	grads, err := G.Grad(loss, b)
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := vm.Compile(g, loss, grads[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := m.RunAll(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("loss %.4g\n", loss.Value().Data())
	fmt.Printf("gradient of the bias %.4g\n", grads[0].Value().Data())
	// Output:
	// loss 1.081e-30
	// gradient of the bias [-1.081e-30 1.081e-30]
}
