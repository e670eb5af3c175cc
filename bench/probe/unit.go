package probe

import "strings"

// Unit is what separates one of a network's layers from the one below: "layer", or "time step"
// if the layers are the steps of one recurrent layer; "" if they are those of several, which mix
// both.
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
