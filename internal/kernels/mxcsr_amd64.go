//go:build !purego

package kernels

const hasMXCSR = true
