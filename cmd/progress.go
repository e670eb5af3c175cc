package cmd

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/models/train"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// logInterval is the time between two lines of progress where there is no terminal.
const logInterval = 5 * time.Second

// progress shows how a study goes on: as a bar on a terminal, as a line every few
// seconds elsewhere.
type progress struct {
	w    io.Writer
	bars *mpb.Progress
	bar  *mpb.Bar

	mu                              sync.Mutex
	runs, finished, diverged, fails int
	updates, updated                int
	begin, last                     time.Time
}

func newProgress(w io.Writer) *progress {
	p := &progress{w: w}
	if width := terminalWidth(w); width > 0 {
		p.bars = mpb.New(mpb.WithOutput(w), mpb.WithWidth(min(width, 100)))
	}
	return p
}

// Begin implements study.Progress.
func (p *progress) Begin(runs, recorded, updates int) {
	p.runs, p.finished, p.updates = runs, recorded, updates
	p.begin = time.Now()
	p.last = p.begin
	if updates == 0 {
		return
	}
	if recorded > 0 {
		fmt.Fprintf(p.w, "%d of %d runs are recorded; going on with the others\n", recorded, runs)
	}
	if p.bars != nil {
		p.bar = p.bars.AddBar(int64(updates),
			mpb.PrependDecorators(decor.Any(func(decor.Statistics) string {
				p.mu.Lock()
				defer p.mu.Unlock()
				return p.count()
			})),
			mpb.AppendDecorators(decor.Percentage(decor.WC{W: 5}), decor.Any(func(s decor.Statistics) string {
				p.mu.Lock()
				defer p.mu.Unlock()
				return "  " + p.left()
			})))
	}
}

// Updated implements study.Progress.
func (p *progress) Updated(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.updated += n
	if p.bar != nil {
		p.bar.IncrBy(n)
		return
	}
	if now := time.Now(); now.Sub(p.last) >= logInterval {
		p.last = now
		fmt.Fprintf(p.w, "%s, %d%%, %s\n", p.count(), 100*p.updated/max(p.updates, 1), p.left())
	}
}

// Finished implements study.Progress.
func (p *progress) Finished(c study.Config, r *record.Record, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finished++
	switch {
	case err != nil:
		p.fails++
	case r.Summary.Status == train.Diverged:
		p.diverged++
	}
}

func (p *progress) count() string {
	s := fmt.Sprintf("%d/%d runs", p.finished, p.runs)
	if p.diverged > 0 {
		s += fmt.Sprintf(", %d diverged", p.diverged)
	}
	if p.fails > 0 {
		s += fmt.Sprintf(", %d failed", p.fails)
	}
	return s
}

// left estimates the time to the end from the updates done.
func (p *progress) left() string {
	if p.updated == 0 {
		return ""
	}
	spent := time.Since(p.begin)
	rest := time.Duration(float64(spent) * float64(p.updates-p.updated) / float64(p.updated))
	return fmt.Sprintf("%v left", rest.Round(time.Second))
}

// end leaves the terminal to what comes next.
func (p *progress) end() {
	if p.bar != nil {
		if !p.bar.Completed() {
			p.bar.Abort(false)
		}
		p.bars.Wait()
	}
}
