package probe

import "strings"

// Unit is what the gradient goes back by from one of a network's layers to the one below:
// "layer", or "time step" if the layers are the steps of one recurrent layer; "" if they are
// those of several, where both are on the way.
func Unit(layers []string) string {
	of := ""
	for _, name := range layers {
		layer, _, step := strings.Cut(name, "/t")
		switch {
		case !step:
		case of == "" || of == layer:
			of = layer
		default:
			return ""
		}
	}
	if of != "" {
		return "time step"
	}
	return "layer"
}
