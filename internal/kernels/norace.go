//go:build !race

package kernels

const raceEnabled = false

func raceRead[F Float]([]F)  {}
func raceWrite[F Float]([]F) {}
