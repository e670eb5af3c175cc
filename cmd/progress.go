package cmd

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// logInterval is the time between two lines of progress where there is no terminal, and
// drawInterval that between two looks at a terminal's width and the state of the work.
const (
	logInterval  = 5 * time.Second
	drawInterval = 100 * time.Millisecond
)

// amount is the progress of long work, in units that take about equal time. Work done
// before this process began counts towards the share done, but not the estimate of the time
// left.
type amount struct {
	all    atomic.Int64 // 0: not known yet
	before atomic.Int64
	done   atomic.Int64 // by this process
}

func (a *amount) share() float64 {
	all := a.all.Load()
	if all <= 0 {
		return 0
	}
	return min(1, max(0, float64(a.before.Load()+a.done.Load())/float64(all)))
}

// left estimates the remaining time, 0 if unknown.
func (a *amount) left(spent time.Duration) time.Duration {
	done := a.done.Load()
	rest := a.all.Load() - a.before.Load() - done
	if done <= 0 || rest <= 0 {
		return 0
	}
	return time.Duration(float64(spent) * float64(rest) / float64(done))
}

// progress shows an amount until end is called: as a bar on a terminal, even if resized, and
// as a line every few seconds elsewhere. It reads counters; the work never waits for it.
type progress struct {
	console *console
	amount  *amount
	// count returns what is done, such as "3/12 runs", and any remarks.
	count       func() (done, more string)
	begin       time.Time
	stop, ended chan struct{}
}

// watch shows an amount on w, a console.
func watch(w io.Writer, a *amount, count func() (done, more string)) *progress {
	c, ok := w.(*console)
	if !ok {
		c = newConsole(w)
	}
	p := &progress{console: c, amount: a, count: count, begin: time.Now(),
		stop: make(chan struct{}), ended: make(chan struct{})}
	if terminalWidth(c) > 0 && os.Getenv("TERM") != "dumb" {
		p.draw(terminalWidth(c))
		go p.every(drawInterval, p.redraw())
	} else {
		go p.every(logInterval, p.log())
	}
	return p
}

func (p *progress) every(interval time.Duration, do func()) {
	defer close(p.ended)
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			do()
		case <-p.stop:
			return
		}
	}
}

// end shows the final state and leaves it there. It may be called again.
func (p *progress) end() {
	select {
	case <-p.stop:
		return
	default:
	}
	close(p.stop)
	<-p.ended
	if width := terminalWidth(p.console); width > 0 && os.Getenv("TERM") != "dumb" {
		p.draw(width)
		p.console.keep()
	}
}

func (p *progress) draw(width int) {
	done, more := p.count()
	p.console.show(progressLine(width, done, more, p.amount.share(), p.amount.left(time.Since(p.begin))))
}

// redraw draws when the width has settled: while a window is being dragged, each line
// drawn would be broken by the next change.
func (p *progress) redraw() func() {
	before := terminalWidth(p.console)
	return func() {
		width := terminalWidth(p.console)
		if width == before {
			p.draw(width)
		}
		before = width
	}
}

// log prints the progress if there was any.
func (p *progress) log() func() {
	before := ""
	return func() {
		done, more := p.count()
		line := fmt.Sprintf("%s, %.0f%%", done+more, 100*p.amount.share())
		if line == before {
			return
		}
		before = line
		if left := p.amount.left(time.Since(p.begin)); left > 0 {
			line += fmt.Sprintf(", %v left", roundTime(left))
		}
		fmt.Fprintln(p.console, line)
	}
}

// A bar shorter than this says nothing, and the line has a longest width that reads well.
const (
	leastBar    = 8
	longestLine = 100
)

// progressLine fits a line of progress into a terminal, whose last column stays free:
// some break the line there. What matters least is left out first.
func progressLine(width int, done, more string, share float64, left time.Duration) string {
	width = min(width-1, longestLine)
	percent := fmt.Sprintf("%3.0f%%", 100*share)
	rest, short := "", ""
	if left > 0 {
		short = "  " + roundTime(left).String()
		rest = short + " left"
	}
	// Of equal width throughout, so that the bar does not jump.
	rest += strings.Repeat(" ", max(0, len("  59m59s left")-len(rest)))
	short += strings.Repeat(" ", max(0, len("  59m59s")-len(short)))
	for _, text := range []struct{ head, tail string }{
		{done + more, percent + rest}, {done + more, percent + short}, {done, percent + short}, {done, percent},
	} {
		bar := width - utf8.RuneCountInString(text.head) - utf8.RuneCountInString(text.tail) - len("  []  ")
		if bar >= leastBar {
			return strings.TrimRight(fmt.Sprintf("%s  [%s]  %s", text.head, progressBar(bar, share), text.tail), " ")
		}
	}
	line := []rune(done + " " + percent)
	return string(line[:min(len(line), max(width, 0))])
}

func progressBar(width int, share float64) string {
	full := int(share * float64(width))
	if full >= width {
		return strings.Repeat("=", width)
	}
	return strings.Repeat("=", full) + ">" + strings.Repeat("-", width-full-1)
}

// roundTime leaves out the digits that an estimate does not have.
func roundTime(d time.Duration) time.Duration {
	if d > 10*time.Hour {
		return d.Round(time.Minute)
	}
	return max(time.Second, d.Round(time.Second))
}
