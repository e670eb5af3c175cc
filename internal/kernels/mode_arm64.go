//go:build !purego

package kernels

const hasMode = true

// Bits of FPSR, and those of FPCR above them.
const (
	metBits   control = 1<<7 | 1<<3 // IDC and UFC
	flushBits control = 1 << (32 + 24)
)

func getControl() control { return control(getFPCR()<<32 | getFPSR()) }

func setControl(c control) {
	setFPCR(uint64(c >> 32))
	setFPSR(uint64(c & (1<<32 - 1)))
}

// The floating-point control and status registers; see mode_arm64.s.

func getFPCR() uint64
func setFPCR(v uint64)
func getFPSR() uint64
func setFPSR(v uint64)
