package browser

import (
	"fmt"
	"strconv"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func clickOn(selector string) chromedp.Action { return chromedp.Click(selector, chromedp.ByQuery) }

// focus moves the focus, as the Tab key does in time.
func focus(selector string) chromedp.Action { return chromedp.Focus(selector, chromedp.ByQuery) }

func keys(name string) chromedp.Action {
	return chromedp.KeyEvent(map[string]string{"ArrowLeft": kb.ArrowLeft, "ArrowRight": kb.ArrowRight, "Enter": kb.Enter}[name])
}

func quote(text string) string { return strconv.Quote(text) }

// numberOf is the page's way to write a number.
func numberOf(v float64) string { return fmt.Sprintf("number(%g)", v) }
