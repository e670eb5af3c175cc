//go:build !purego

package kernels

const hasMode = true

// Bits of MXCSR.
const (
	metBits   control = 1<<1 | 1<<4  // DE and UE
	flushBits control = 1<<6 | 1<<15 // DAZ and FTZ
)

func getControl() control  { return control(getMXCSR()) }
func setControl(c control) { setMXCSR(uint32(c)) }
