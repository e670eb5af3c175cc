package weights_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/weights"
	"gorgonia.org/tensor"
)

// The parameters of one network go into another one of the same shape.
func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "net.safetensors")

	var parameters []*models.Parameters
	for seed := range uint64(2) {
		p, err := models.NewParameters(tensor.Float32, seed)
		if err != nil {
			fmt.Println(err)
			return
		}
		mlp := models.MLP{Depth: 2, Width: 8, Activation: activations.Tanh(), Initializer: initializers.GlorotNormal(1)}
		shape := models.Shape{Inputs: 4, Outputs: 3, Batch: 1, Loss: models.CrossEntropy}
		if _, err := models.Build(mlp, shape, p, false); err != nil {
			fmt.Println(err)
			return
		}
		parameters = append(parameters, p)
	}
	first := func(p *models.Parameters) float32 { return p.Tensor("layer01/weight").Float32s()[0] }
	fmt.Println(first(parameters[0]) == first(parameters[1]))

	if err := weights.Save(file, parameters[0], map[string]string{"activation": "tanh"}); err != nil {
		fmt.Println(err)
		return
	}
	metadata, err := weights.Load(file, parameters[1])
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(first(parameters[0]) == first(parameters[1]), metadata["activation"])
	// Output:
	// false
	// true tanh
}
