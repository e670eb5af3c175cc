//go:build (!amd64 && !arm64) || purego

package kernels

const (
	hasMode           = false
	metBits   control = 0
	flushBits control = 0
)

func getControl() control { panic("kernels: no floating-point mode") }

func setControl(control) { panic("kernels: no floating-point mode") }
