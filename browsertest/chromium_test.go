//go:build browser

package browsertest

import (
	"context"
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// findChromium looks where Debian and its kin have it.
func findChromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("BROWSERTEST_CHROMIUM"), "/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	const missing = "there is no Chromium: apt-get install --no-install-recommends chromium"
	if os.Getenv("COGCTL_REQUIRE_CHROMIUM") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// startChromium starts one with nothing of anybody's in it, which reaches this
// machine only. It ends with the test.
func startChromium(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(findChromium(t)), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, // it may run as root in a container
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"),
		chromedp.WSURLReadTimeout(patience),
	)
	allocator, release := chromedp.NewExecAllocator(context.Background(), options...)
	// It tells of events that are newer than this library; they are none of ours.
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {}))
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for its end
		cancel()
		release()
	})
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return ctx
}

// tab is one with cookies of its own.
type tab struct {
	t     *testing.T
	ctx   context.Context
	shots string // the folder of the screenshots
}

func newTab(t *testing.T, chromium context.Context) tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	b := tab{t: t, ctx: ctx, shots: os.Getenv("BROWSERTEST_SCREENSHOTS")}
	if b.shots == "" {
		b.shots = t.TempDir()
	} else if err := os.MkdirAll(b.shots, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Run(ctx, views[0].action()); err != nil { // not bounded: it makes the tab
		t.Fatalf("open a tab: %v", err)
	}
	return b
}

// do runs actions within the patience. What fails is shown in a screenshot.
func (b tab) do(what string, actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.fail(what + ": " + err.Error())
	}
}

func (b tab) fail(what string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	var title, words string
	_ = chromedp.Run(ctx, chromedp.Title(&title), chromedp.Evaluate(`document.body ? document.body.innerText : ""`, &words), b.shot("failure"))
	b.t.Fatalf("%s\nthe page is %q:\n%s", what, title, words)
}

func (b tab) open(address string) {
	b.t.Helper()
	b.do("open "+address, chromedp.Navigate(address))
}

// at waits for the page of this title to be there as a whole.
func (b tab) at(title string) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		ctx, cancel := context.WithDeadline(b.ctx, deadline)
		var shown bool
		// An error is that of a page which is just going away.
		err := chromedp.Run(ctx, chromedp.Evaluate(`document.readyState === "complete" && document.title === `+quoted(title), &shown))
		cancel()
		if err == nil && shown {
			b.settled()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.fail("the page " + title + " did not come")
}

// settled waits until the cursor is where the page wants it, which is a moment after the
// page is there as a whole: keys that are typed before that are lost. Whether it is there
// is for the tests to tell.
func (b tab) settled() {
	for began := time.Now(); time.Since(began) < patience/4; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		var there bool
		err := chromedp.Run(ctx, chromedp.Evaluate(`((wanted) => !wanted || document.activeElement === wanted)(document.querySelector("[autofocus]"))`, &there))
		cancel()
		if err == nil && there {
			return
		}
	}
}

func quoted(s string) string {
	return "`" + strings.NewReplacer("`", "", `\`, "", "$", "").Replace(s) + "`"
}

// onPage waits for a page of the sandbox.
func (b tab) onPage(title string) {
	b.t.Helper()
	b.at(title + " - cogctl sandbox")
}

// says checks for words on the page.
func (b tab) says(words string) {
	b.t.Helper()
	var text string
	b.do("read the page", chromedp.Evaluate(`document.body.innerText`, &text))
	if !strings.Contains(text, words) {
		b.t.Errorf("the page does not say %q:\n%s", words, text)
	}
}

// fill types into a field, over what is in it.
func (b tab) fill(selector, text string) {
	b.t.Helper()
	b.do("fill "+selector, chromedp.Focus(selector, chromedp.ByQuery), chromedp.Evaluate(`document.activeElement.select()`, nil), chromedp.KeyEvent(text))
}

// wrong checks which fields are marked as wrong, and where typing begins.
func (b tab) wrong(focus string, fields ...string) {
	b.t.Helper()
	var marked []string
	var at string
	b.do("read the marks", chromedp.Evaluate(`[...document.querySelectorAll("[aria-invalid=true]")].map((e) => e.id)`, &marked),
		chromedp.Evaluate(`document.activeElement.id`, &at))
	if at != focus || !slices.Equal(marked, fields) {
		b.t.Errorf("marked as wrong are %q, want %q; the cursor is in %q, want %q", marked, fields, at, focus)
	}
}

// press clicks.
func (b tab) press(selector string) {
	b.t.Helper()
	b.do("press "+selector, chromedp.Click(selector, chromedp.ByQuery, chromedp.NodeVisible))
}

// send sends the first form of the page by its main button.
func (b tab) send() {
	b.t.Helper()
	b.press("form button:not(.plain)")
}

// keys types into whatever has the focus.
func (b tab) keys(text string) {
	b.t.Helper()
	b.do("type", chromedp.KeyEvent(text))
}

// loseCookies takes away those of the tab's browser context.
func loseCookies() chromedp.Action { return network.ClearBrowserCookies() }

// closing checks the page that a sign-in ends at: what it is called, and that
// neither the address bar nor the way back holds an answer.
func (b tab) closing(s stack, title string) {
	b.t.Helper()
	b.at(title + " · cogctl")
	var href string
	var entries []*page.NavigationEntry
	b.do("read the address", chromedp.Evaluate(`location.href`, &href), chromedp.ActionFunc(func(ctx context.Context) (err error) {
		_, entries, err = page.GetNavigationHistory().Do(ctx)
		return err
	}))
	if href != s.callback+"/done" {
		b.t.Errorf("the address bar shows %s", href)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.URL, s.callback+"?") {
			b.t.Errorf("the way back holds %s", entry.URL)
		}
	}
}

// view is a way to look at a page.
type view struct {
	name          string
	scheme        string
	width, height int64
	mobile        bool
}

var views = [...]view{
	{"light", "light", 1280, 800, false},
	{"dark", "dark", 1280, 800, false},
	{"phone", "light", 360, 740, true},
	{"phone-dark", "dark", 320, 568, true},
}

func (v view) action() chromedp.Action {
	size := []chromedp.EmulateViewportOption{}
	if v.mobile {
		size = append(size, chromedp.EmulateMobile)
	}
	return chromedp.Tasks{
		chromedp.EmulateViewport(v.width, v.height, size...),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: v.scheme}}),
	}
}

//go:embed testdata/faults.js
var faults string

// looks takes screenshots of the page, in each view, and checks what can be
// measured of how it looks.
func (b tab) looks(name string) {
	b.t.Helper()
	for _, v := range views {
		var found []string
		var width int64
		b.do("look at "+name, v.action(), chromedp.Evaluate(`document.documentElement.clientWidth`, &width),
			chromedp.Evaluate(faults, &found), b.shot(name+"-"+v.name))
		if width > v.width {
			b.t.Errorf("%s, %s: laid out for a screen of %d pixels, which has %d", name, v.name, width, v.width)
		}
		for _, fault := range found {
			b.t.Errorf("%s, %s: %s", name, v.name, fault)
		}
	}
	b.do("back to the first view", views[0].action())
}

func (b tab) shot(name string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		var png []byte
		if err := chromedp.FullScreenshot(&png, 100).Do(ctx); err != nil {
			return err
		}
		path := filepath.Join(b.shots, strings.ReplaceAll(strings.TrimPrefix(b.t.Name(), "TestPages/"), "/", "-")+"-"+name+".png")
		return os.WriteFile(path, png, 0o644)
	})
}
