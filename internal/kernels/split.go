package kernels

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	grain    = 32      // rows or columns of a share are a multiple of this
	minShare = 1 << 21 // multiplications that are worth a goroutine
	turns    = 1 << 18 // of waiting, some 200 µs
)

// Split divides the product over up to the given number of goroutines, each of which computes
// some of C's rows or columns; the result is the same to the bit. Small products, and those of
// the portable kernels, are not divided. The mode of the thread ([Enter]) applies to all
// goroutines, and a computation allocates nothing.
func (p *Product[F]) Split(workers int) {
	p.team = nil
	byRows := p.c.Rows >= p.c.Cols
	size := max(p.c.Rows, p.c.Cols)
	workers = min(workers, p.c.Rows*p.c.Cols*p.a.Cols/minShare, size/grain)
	if workers < 2 || best() == &portable || startHelpers(workers-1) == 0 {
		return
	}
	t := &team[F]{}
	for lo, i := 0, 1; i <= workers; i++ {
		hi := size * i / workers / grain * grain
		if i == workers {
			hi = size
		}
		s := &Product[F]{c: p.c, a: p.a, b: p.b, d: p.d, ahead: span{p.ahead.address, p.ahead.bytes / workers}}
		s.ahead.address += uintptr((i - 1) * s.ahead.bytes)
		if byRows {
			s.c, s.a, s.d = p.c.slice(lo, hi, 0, p.c.Cols), p.a.slice(lo, hi, 0, p.a.Cols), p.d.slice(lo, hi, 0, p.c.Cols)
		} else {
			s.c, s.b, s.d = p.c.slice(0, p.c.Rows, lo, hi), p.b.slice(0, p.b.Rows, lo, hi), p.d.slice(0, p.c.Rows, lo, hi)
		}
		if p.added != nil {
			s.added = &s.d
		}
		t.shares = append(t.shares, s)
		lo = hi
	}
	p.team = t
}

// team is a product divided into shares. Whoever is free takes the next one.
type team[F Float] struct {
	shares    []*Product[F]
	next      atomic.Int32 // next share to be taken
	left      atomic.Int32 // shares that are not finished
	flush     atomic.Bool
	denormals atomic.Bool // a helper has met some
}

// do computes the product, with the helpers that are free.
func (t *team[F]) do() {
	t.begin()
	for range t.shares[1:] {
		select {
		case helpers.jobs <- t:
		default: // enough calls wait for them
		}
	}
	for s := t.take(); s != nil; s = t.take() {
		s.Do()
		t.left.Add(-1)
	}
	// Helpers are at work on the rest. Yielding the processor can take longer, for a goroutine
	// that is locked to its thread.
	for i := 0; t.left.Load() > 0; i++ {
		if i > turns {
			runtime.Gosched()
		}
	}
	t.end()
}

func (t *team[F]) begin() {
	t.flush.Store(flushesToZero())
	t.left.Store(int32(len(t.shares)))
	t.next.Store(0)
}

func (t *team[F]) end() {
	if t.denormals.Load() {
		t.denormals.Store(false)
		meetDenormals()
	}
}

// take returns a share to be done, nil if there is none.
func (t *team[F]) take() *Product[F] {
	if i := int(t.next.Add(1)) - 1; i < len(t.shares) {
		return t.shares[i]
	}
	return nil
}

// help computes shares on a helper's thread, in the mode of the team's.
func (t *team[F]) help() {
	for s := t.take(); s != nil; s = t.take() {
		mode := Enter(t.flush.Load())
		s.Do()
		if mode.Leave() {
			t.denormals.Store(true)
		}
		t.left.Add(-1)
	}
}

// helpers are permanent goroutines that wait for work.
var helpers = struct {
	mu    sync.Mutex
	count int
	jobs  chan interface{ help() }
}{jobs: make(chan interface{ help() }, 64)}

// startHelpers makes sure that there are n helpers, or one fewer than processors, and returns
// their number.
func startHelpers(n int) int {
	helpers.mu.Lock()
	defer helpers.mu.Unlock()
	for ; helpers.count < min(n, runtime.GOMAXPROCS(0)-1); helpers.count++ {
		go help()
	}
	return helpers.count
}

// patience is how long a helper spins before it sleeps: waking up takes as long as a small
// product.
const patience = 100 * time.Microsecond

func help() {
	for {
		j := <-helpers.jobs
		for awake := true; awake; {
			j.help()
			begin := time.Now()
			for awake = false; !awake && time.Since(begin) < patience; {
				select {
				case j = <-helpers.jobs:
					awake = true
				default:
					runtime.Gosched()
				}
			}
		}
	}
}
