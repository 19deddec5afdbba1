package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/redact"
)

// inBrowser tells whether the user signs in through a browser.
func (s signIn) inBrowser() bool {
	flow := s.profile.Get("flow").Text
	if flow == "" || flow == "auto" {
		flow = s.chosenFlow()
	}
	return s.machine == nil && flow == flowBrowser
}

// browserSignIn is one sign-in through a browser.
type browserSignIn struct {
	*login
	flow     auth.CodeFlow
	pending  auth.Pending
	address  string         // to be opened
	expected string         // who shall sign in; empty for anybody
	callback *auth.Callback // nil where the browser cannot come back here
	server   *http.Server
	opens    bool // a browser is opened from here
	person   bool // somebody is there who may paste
}

// byBrowser signs in through a browser and saves the session. Nothing is locked
// meanwhile: the person takes as long as they like.
func (l *login) byBrowser(ctx context.Context) (session auth.Session, err error) {
	b, err := l.prepareBrowser(ctx)
	if err != nil {
		return auth.Session{}, err
	}
	defer func() { b.close(ctx, err) }()
	if session, err = b.signIn(ctx); err != nil {
		return auth.Session{}, err
	}
	dir, err := l.app.sessions(l.profile)
	if err != nil {
		return auth.Session{}, err
	}
	session, err = dir.Update(ctx, l.key(), func(context.Context, auth.Session, bool) (auth.Session, error) { return session, nil })
	return l.app.seen(session), l.app.unsaved(err)
}

// prepareBrowser settles where to go and where to come back to, and listens there.
func (l *login) prepareBrowser(ctx context.Context) (b *browserSignIn, err error) {
	b = &browserSignIn{login: l, expected: l.profile.Get("username").Text, person: l.app.person(l.profile)}
	b.opens = !l.web.noBrowser && l.app.noBrowser() == ""
	if !b.person && !b.opens && !l.web.noBrowser {
		return nil, l.nobodyThere(l.app.noBrowser())
	}
	provider, err := l.app.provider(ctx, l.pool)
	if err != nil {
		return nil, err
	}
	if provider.Authorization == "" {
		return nil, hinted(usagef("the issuer %s names no authorization endpoint", provider.Issuer),
			"set the domain of the user pool's sign-in pages: domain in the profile, or COGCTL_DOMAIN")
	}
	b.flow = auth.CodeFlow{
		Client: l.app.client(l.pool, l.secrets.clientSecret), Provider: provider,
		Scopes: l.profile.List("scopes"), Issuers: l.pool.Issuers, NoNonce: l.web.noNonce,
	}
	if b.flow.Extra, err = l.web.extra(provider, b.expected); err != nil {
		return nil, err
	}
	if err := b.listen(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

// nobodyThere says what would sign in where no browser can be.
func (l *login) nobodyThere(why string) error {
	return hinted(withCode(exitNeeded, fmt.Errorf("a browser and a person are needed to sign in, and neither is there (%s)", why)),
		"--no-browser prints the address and waits for somebody to open it\n"+
			"without a person: --flow srp with COGCTL_USERNAME and COGCTL_PASSWORD, "+
			"--flow client-credentials with COGCTL_CLIENT_SECRET, or --with-token")
}

// listen begins the sign-in, with the first callback URL that this machine can
// answer, else with one whose answer a person can paste.
func (b *browserSignIn) listen(ctx context.Context) error {
	urls := b.profile.List("callback_urls")
	listener, redirect, err := auth.ListenForCallback(ctx, urls)
	away := slices.IndexFunc(urls, func(u string) bool { return !auth.Local(u) })
	switch {
	case err == nil:
		b.flow.Redirect = redirect
	case away >= 0 && b.person:
		b.flow.Redirect = urls[away]
	case errors.Is(err, auth.ErrNoLoopback):
		elsewhere := fmt.Errorf("the callback URL %s leads elsewhere, so its answer must be pasted, and nobody is there to do it", strings.Join(urls, " "))
		return hinted(withCode(exitNeeded, elsewhere), "register http://localhost:17170/callback for the app client, and leave callback_urls out")
	default:
		return hinted(err, "end what listens there, or register another callback URL and name it with --callback-url")
	}
	if b.address, b.pending, err = b.flow.Begin(); err != nil || listener == nil {
		return err
	}
	b.app.redactor.Add(b.pending.Verifier)
	if b.callback, err = auth.NewCallback(b.pending); err != nil {
		return errors.Join(err, listener.Close())
	}
	b.server = &http.Server{
		Handler: b.callback, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10,
		ErrorLog: log.New(io.Discard, "", 0),
	}
	b.server.SetKeepAlivesEnabled(false) // nobody comes twice, and idle connections hold up the end
	go func() { _ = b.server.Serve(listener) }()
	return nil
}

// preflightTime bounds the look at what the sign-in page will say: without it the
// sign-in goes as well, only with less to say about what is wrong.
const preflightTime = 3 * time.Second

// signIn sends the person to the browser and makes a session of what comes back.
func (b *browserSignIn) signIn(ctx context.Context) (auth.Session, error) {
	within, cancel := context.WithTimeout(ctx, preflightTime)
	misfit := b.flow.Preflight(within)
	cancel()
	if misfit != nil {
		return auth.Session{}, b.explained(misfit)
	}
	if err := ctx.Err(); err != nil {
		return auth.Session{}, context.Cause(ctx)
	}
	b.announce()
	answer, err := b.wait(ctx)
	if err != nil {
		return auth.Session{}, err
	}
	b.app.redactor.Add(answer.Get("code"))
	tokens, err := b.flow.Finish(ctx, b.pending, answer)
	if err != nil {
		return auth.Session{}, b.explained(err)
	}
	return b.begin(ctx, tokens)
}

// announce tells where to go. The address always goes to standard error, whether a
// browser opens or not.
func (b *browserSignIn) announce() {
	w := b.app.redactedStderr()
	fmt.Fprintf(w, "Sign in at this address:\n  %s\n", redact.Visible(b.address))
	switch {
	case b.callback == nil:
		fmt.Fprintf(w, "Then paste here the address that the browser ends at, on %s.\n"+
			"Whatever answers there sees the code as well and may redeem it first: then sign in again, and stop the page from loading.\n", redact.Visible(b.flow.Redirect))
	case b.app.overSSH():
		fmt.Fprintf(w, "You came by SSH: if the browser is on the machine you came from, type this there first:\n  %s\n", redact.Visible(tunnel(b.flow.Redirect)))
	}
}

// tunnel is the command that makes a callback URL lead here from another machine.
func tunnel(redirect string) string {
	u, err := url.Parse(redirect)
	if err != nil {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	host := u.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return fmt.Sprintf("ssh -L %s:%s:%s HOST", port, host, port)
}

// begin verifies the tokens and makes the session. Whose it is the tokens say; a
// name that was given must be theirs.
func (b *browserSignIn) begin(ctx context.Context, tokens auth.Tokens) (auth.Session, error) {
	b.app.redactor.Add(tokens.ID, tokens.Access, tokens.Refresh)
	b.user = b.expected
	if b.user == "" {
		b.user = accountIn(tokens.ID)
	}
	renewer, err := b.renewer(ctx, nil)
	if err != nil {
		return auth.Session{}, err
	}
	base := renewer.Base
	base.By, base.TokenURL, base.PostAuth = auth.ByOAuth, b.flow.Provider.Token, b.flow.Provider.PostAuth
	session, err := renewer.Verifier.Begin(ctx, base, tokens)
	if err != nil {
		return auth.Session{}, withoutNonce(err)
	}
	if err := b.sameName(session); err != nil {
		b.user = ""
		another := fmt.Errorf("the browser signed in as %s, not as %s", account(session), b.expected)
		return auth.Session{}, hinted(withCode(exitRefused, another),
			"the browser may have remembered that account: --prompt login asks anew, --prompt select_account lets you choose\n"+
				"to sign in as this one: cogctl login --web --username %s", shellWord(session.Username))
	}
	return session, nil
}

// withoutNonce adds what helps where a provider's ID tokens never hold the nonce.
func withoutNonce(err error) error {
	var refused *jwt.VerifyError
	if !errors.As(err, &refused) || len(refused.Checks) != 1 {
		return err
	}
	if only := refused.Checks[0]; only.Name != jwt.CheckNonce || only.Code != jwt.CodeClaimMissing {
		return err
	}
	return hinted(err, "where a provider never returns it (some stand-ins for Cognito do not), --no-nonce sends none:\n"+
		"then PKCE alone ties the code to this sign-in")
}

// accountIn is the name that an ID token has for its user, for filing the session
// that will be verified: the user pool's, or what people know an account by.
func accountIn(id string) string {
	token, err := jwt.Parse(id)
	if err != nil {
		return ""
	}
	for _, claim := range []string{"cognito:username", "email", "preferred_username", "sub"} {
		if name := token.Claims.String(claim); name != "" {
			return name
		}
	}
	return ""
}

// account is whose session it is, for people: a federated user's name in the pool is
// a number that says nothing to them, and so is the UUID of who signs in by e-mail address.
func account(s auth.Session) string {
	if s.By != auth.ByOAuth && !s.Machine && s.Typed != "" {
		return calledAs(s)
	}
	token, err := jwt.Parse(s.ID)
	if err != nil {
		return s.Username
	}
	if email := token.Claims.String("email"); email != "" && s.By == auth.ByOAuth && !strings.EqualFold(email, s.Username) {
		return s.Username + " (" + email + ")"
	}
	return s.Username
}

const (
	// lastPage is how long the browser may take to fetch the page that ends the sign-in.
	lastPage = time.Second
	// lastBytes is how long connections may take to end after that. Browsers open some
	// on which nothing ever comes.
	lastBytes = 100 * time.Millisecond
)

// close tells the browser how it went, and gives the port back.
func (b *browserSignIn) close(ctx context.Context, err error) {
	if b.server == nil {
		return
	}
	outcome := auth.Failed
	switch {
	case err == nil:
		outcome = auth.SignedIn
	case exitCode(err) == exitRefused || exitCode(err) == exitSaysNo:
		outcome = auth.Refused
	}
	b.callback.Settle(outcome, err)
	if ctx.Err() == nil {
		patience := time.NewTimer(lastPage)
		defer patience.Stop()
		select {
		case <-b.callback.Shown():
		case <-patience.C:
		}
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastBytes)
	defer cancel()
	if b.server.Shutdown(within) != nil {
		_ = b.server.Close()
	}
}
