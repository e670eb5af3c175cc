package train

import "fmt"

// Flushed says in a sentence in how many steps denormals were flushed to zero, "" if in
// none.
func Flushed(flushed, steps int) string {
	if flushed == 0 {
		return ""
	}
	return fmt.Sprintf("in %d of %d steps values below the smallest normal float32 (1.2e-38) were taken for zero; float64 keeps them", flushed, steps)
}
