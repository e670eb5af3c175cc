package kernels

import "time"

// PeakGFLOPS measures the processor's peak of fused multiply-adds for an element type, in 10⁹
// operations per second on one core, an FMA counting as two: what a loop in registers reaches in
// the best of some runs. It takes about 10 ms, and returns 0 for the portable kernels.
func PeakGFLOPS[F Float]() float64 {
	k := use[F]()
	if k.peak == nil {
		return 0
	}
	const n = 20_000
	least := time.Duration(1 << 62)
	for start := time.Now(); time.Since(start) < 10*time.Millisecond; {
		t := time.Now()
		k.peak(n)
		least = min(least, time.Since(t))
	}
	return float64(n) * float64(k.peakFLOP) / float64(least.Nanoseconds())
}
