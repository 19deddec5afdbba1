package main

import (
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/auth"
)

// browserOptions are login's flags about the browser.
type browserOptions struct {
	web       bool
	noBrowser bool
	noNonce   bool
	provider  string
	hint      string
	prompt    string
	lang      string
	params    []string
	callbacks []string
	timeout   time.Duration
}

func (o *browserOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&o.web, "web", false, "sign in through a browser: --flow browser")
	flags.StringVar(&o.provider, "provider", "", "go straight to this identity provider: Google, or a name it has in the user pool")
	flags.StringVar(&o.hint, "login-hint", "", "name to fill in on the sign-in page")
	flags.StringVar(&o.prompt, "prompt", "", "what the page must do again: login, select_account, consent, or none")
	flags.StringVar(&o.lang, "lang", "", "language of the sign-in page")
	flags.StringArrayVar(&o.params, "param", nil, "further parameter for the sign-in page, `name=value`; may be repeated")
	flags.StringSliceVar(&o.callbacks, "callback-url", nil, "callback `URL` registered for the app client; may be repeated")
	flags.BoolVar(&o.noBrowser, "no-browser", false, "print the address and open nothing")
	flags.BoolVar(&o.noNonce, "no-nonce", false, "send no nonce, for a provider that leaves it out of its ID tokens")
	flags.DurationVar(&o.timeout, "timeout", 5*time.Minute, "how long to wait for the browser")
}

// chosen tells whether a flag was given that only the browser flow has.
func (o browserOptions) chosen() bool {
	return o.web || o.noBrowser || o.noNonce || o.provider != "" || o.hint != "" || o.prompt != "" || o.lang != "" || len(o.params)+len(o.callbacks) > 0
}

// settle turns the flags into settings. It refuses what contradicts another flag.
func (o browserOptions) settle(a *app, flow string) error {
	if o.timeout <= 0 {
		return usagef("--timeout %s: wait for some time", o.timeout)
	}
	if len(o.callbacks) > 0 {
		a.flags["callback_urls"] = strings.Join(o.callbacks, " ")
	}
	switch {
	case !o.chosen():
		return nil
	case flow != "" && flow != flowBrowser:
		return usagef("--flow %s has no part in a browser: leave --web, --provider and their like out", flow)
	}
	a.flags["flow"] = flowBrowser
	return nil
}

// socialName is the user pool's own name for a provider that every pool has.
// https://docs.aws.amazon.com/cognito/latest/developerguide/authorization-endpoint.html
func socialName(name string) string {
	for _, known := range []struct{ short, name string }{
		{"google", "Google"}, {"facebook", "Facebook"}, {"amazon", "LoginWithAmazon"}, {"apple", "SignInWithApple"}, {"cognito", "COGNITO"},
	} {
		if strings.EqualFold(name, known.short) {
			return known.name
		}
	}
	return name
}

// extra are the parameters that the flags add to the authorization request.
func (o browserOptions) extra(p auth.Provider, username string) (url.Values, error) {
	extra := url.Values{}
	if o.provider != "" {
		if !p.Cognito {
			return nil, usagef("--provider is for user pools; the issuer %s is asked by itself: use --param", p.Issuer)
		}
		extra.Set("identity_provider", socialName(o.provider))
	}
	hint := o.hint
	if hint == "" && o.provider == "" {
		hint = username
	}
	language := "ui_locales" // OpenID Connect Core, section 3.1.2.1
	if p.Cognito {
		language = "lang"
	}
	for name, value := range map[string]string{"login_hint": hint, "prompt": o.prompt, language: o.lang} {
		if value != "" {
			extra.Set(name, value)
		}
	}
	for _, param := range o.params {
		name, value, found := strings.Cut(param, "=")
		switch {
		case !found || name == "":
			return nil, usagef("--param %q: write name=value", param)
		case auth.ReservedParameter(name):
			return nil, usagef("--param %s: cogctl sets that one itself", name)
		}
		extra.Set(name, value)
	}
	return extra, nil
}
