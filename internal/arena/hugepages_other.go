//go:build !linux

package arena

func useHugePages([]byte) {}
