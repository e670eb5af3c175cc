//go:build !amd64 || purego

package kernels

const hasMXCSR = false

func getMXCSR() uint32 { panic("kernels: no MXCSR") }

func setMXCSR(uint32) { panic("kernels: no MXCSR") }
