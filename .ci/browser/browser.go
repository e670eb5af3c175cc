// Package browser tests pages in Chromium: see its tests. Use Open in a test of a page.
package browser

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Page is a page in a browser, and what went wrong in it.
type Page struct {
	t   *testing.T
	ctx context.Context
	// Base begins the address of all that the page may ask for.
	Base string

	mu     sync.Mutex
	faults []string
}

// still asks pages not to scroll smoothly: what moves can't be hit by a mouse.
var still = &emulation.MediaFeature{Name: "prefers-reduced-motion", Value: "reduce"}

// patience is how long a page may take to show something.
const patience = 30 * time.Second

// Open opens a page in a window of a width. At the test's end the page must not have written an
// error to the console, nor asked another server for anything.
func Open(t *testing.T, address string, width int64) *Page {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU)
	if path := os.Getenv("CHROMIUM"); path != "" {
		options = append(options, chromedp.ExecPath(path))
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	at := strings.Index(address, "://") + 3
	base := address
	if i := strings.IndexByte(address[at:], '/'); i >= 0 && !strings.HasPrefix(address, "file:") { // a file is all
		base = address[:at+i]
	}
	p := &Page{t: t, ctx: ctx, Base: base}
	chromedp.ListenTarget(ctx, func(e any) {
		switch e := e.(type) {
		case *runtime.EventExceptionThrown:
			p.fault("exception: %v", e.ExceptionDetails.Error())
		case *log.EventEntryAdded:
			if e.Entry.Level == log.LevelError {
				p.fault("console: %s %s", e.Entry.Text, e.Entry.URL)
			}
		case *network.EventRequestWillBeSent:
			if u := e.Request.URL; !strings.HasPrefix(u, p.Base+"/") && u != p.Base && !strings.HasPrefix(u, "data:") {
				p.fault("asked for %s", u)
			}
		}
	})
	p.do(network.Enable(), log.Enable(), emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{still}), emulation.SetDeviceMetricsOverride(width, 900, 1, width < 500), chromedp.Navigate(address))
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, f := range p.faults {
			t.Error(f)
		}
	})
	return p
}

func (p *Page) fault(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, fmt.Sprintf(format, args...))
}

func (p *Page) do(actions ...chromedp.Action) {
	p.t.Helper()
	if err := chromedp.Run(p.ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

// Eval returns the value of a JavaScript expression.
func Eval[T any](p *Page, expression string) (v T) {
	p.t.Helper()
	p.do(chromedp.Evaluate(expression, &v))
	return v
}

// Until waits until an expression holds: one that can't be evaluated, as on the page before, does
// not.
func (p *Page) Until(expression string) {
	p.t.Helper()
	for begin := time.Now(); time.Since(begin) < patience; time.Sleep(20 * time.Millisecond) {
		if Eval[bool](p, "(() => { try { return Boolean("+expression+"); } catch { return false; } })()") {
			return
		}
	}
	p.t.Fatalf("never: %s; the page says:\n%.1500s", expression, Eval[string](p, "document.body.innerText"))
}

// Type writes text into a field, in the place of what is there, as a person does.
func (p *Page) Type(selector, text string) {
	p.t.Helper()
	p.do(chromedp.Evaluate(fmt.Sprintf("document.querySelector(%q).select()", selector), nil), chromedp.SendKeys(selector, text, chromedp.ByQuery))
}

// Dark sets whether the page is to be dark.
func (p *Page) Dark(dark bool) {
	p.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	p.do(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{still, {Name: "prefers-color-scheme", Value: scheme}}))
}

// Fits checks that the page is no wider than the window.
func (p *Page) Fits() {
	p.t.Helper()
	if over := Eval[int](p, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
		who := Eval[[]string](p, `[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && !e.closest(".scroll, pre")).slice(0, 5).map((e) => e.outerHTML.slice(0, 100))`)
		p.t.Errorf("the page is %d pixels wider than the window: %q", over, who)
	}
}

// axeFile is where npm puts it.
const axeFile = "node_modules/axe-core/axe.min.js"

// Accessible checks the page with axe-core.
func (p *Page) Accessible() {
	p.t.Helper()
	axe, err := os.ReadFile(axeFile)
	if err != nil {
		p.t.Fatalf("%v: run npm ci in .ci/browser", err)
	}
	var found []string
	p.do(chromedp.Evaluate(string(axe)+"\n;0", nil), chromedp.Evaluate(
		`axe.run().then((r) => r.violations.map((v) => v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 120) + " " + n.any.map((a) => a.message).join("; ")).join(" | ")))`,
		&found, func(e *runtime.EvaluateParams) *runtime.EvaluateParams { return e.WithAwaitPromise(true) }))
	for _, f := range found {
		p.t.Error("axe: " + f)
	}
}
