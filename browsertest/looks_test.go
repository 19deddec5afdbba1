//go:build browser

package browsertest

import (
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// testFaults shows that what the pages are checked for is found where it is.
func testFaults(t *testing.T, b tab) {
	for name, c := range map[string]struct{ body, want string }{
		"good":       {`<h1>One</h1><label for=a>A</label><input id=a style="border-color:#555;height:30px"><p id=p>Words</p>`, ""},
		"no label":   {`<h1>One</h1><input id=a style="border-color:#555;height:30px">`, "has no label"},
		"overlap":    {`<h1>One</h1><p style="position:absolute;top:25px">Words</p>`, "overlap"},
		"grey":       {`<h1>One</h1><p style="color:#999">Words</p>`, "is hard to read"},
		"pale field": {`<h1>One</h1><label for=a>A</label><input id=a style="border-color:#ddd;height:30px">`, "hard to see"},
		"wide":       {`<h1>One</h1><p style="width:2000px">Words</p>`, "leaves the screen"},
		"low":        {`<h1>One</h1><button style="height:12px;padding:0">x</button>`, "too low"},
		"two ids":    {`<h1 id=a>One</h1><p id=a>Words</p>`, "twice"},
		"described":  {`<h1>One</h1><label for=a>A</label><input id=a aria-describedby=b style="border-color:#555;height:30px">`, "described by nothing"},
		"fetches":    {`<h1>One</h1><img alt="" src="http://127.0.0.1:9/x.png">`, "fetches"},
		"no heading": {`<p>Words</p>`, "not one h1"},
		"no style":   {`<h1>One</h1>`, "no style sheet"},
	} {
		style := `<style>p{margin:0}</style>`
		if name == "no style" {
			style = `<meta http-equiv="Content-Security-Policy" content="style-src 'none'">` + style
		}
		var found []string
		b.open("data:text/html," + url.PathEscape(`<!DOCTYPE html><html lang=en><title>x</title>`+style+`<body>`+c.body))
		b.do("look", chromedp.Evaluate(faults, &found))
		if all := strings.Join(found, "\n"); c.want == "" && all != "" || !strings.Contains(all, c.want) {
			t.Errorf("%s: found %q, want %q", name, all, c.want)
		}
	}
}
