package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/redact"
)

const (
	// unregistered is when a browser that does not come back may never do so: most
	// often it shows an error that only the person in front of it can see.
	unregistered = 20 * time.Second
	// countdown is how often the remaining time is shown. Each time the line is drawn
	// anew, which disturbs who is copying from the terminal.
	countdown = 10 * time.Second
)

// wait opens the browser and waits for the first answer: the browser's own, or what
// a person pastes. When it returns the terminal is as it was.
func (b *browserSignIn) wait(ctx context.Context) (url.Values, error) {
	late := b.late()
	ctx, cancel := context.WithTimeoutCause(ctx, b.web.timeout, late)
	box := &pasteBox{stderr: b.app.redactedStderr()}
	pasted := make(chan pasteResult, 1)
	var talking sync.WaitGroup
	defer talking.Wait()
	defer cancel()
	if b.person {
		talking.Go(func() { b.paste(ctx, box, pasted) })
	}
	failed := b.open(ctx)
	var answers <-chan url.Values
	if b.callback != nil {
		answers = b.callback.Answers()
	}
	reminder := time.NewTimer(unregistered)
	defer reminder.Stop()
	tick := time.NewTicker(countdown)
	defer tick.Stop()
	ends, _ := ctx.Deadline()
	for {
		select {
		case answer := <-answers:
			return answer, nil
		case p := <-pasted:
			// Without the terminal the browser itself may still come back.
			if p.err == nil || b.callback == nil || errors.As(p.err, new(interrupted)) {
				return p.answer, p.giveUp()
			}
		case err := <-failed:
			if err != nil {
				box.say("The browser could not be opened (%v): open the address yourself.", err)
			}
		case <-reminder.C:
			if b.person {
				box.say("%s", b.reminder())
			}
		case <-tick.C:
			box.prompt(b.question(time.Until(ends)))
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// open opens the address in a browser, if one can be. The channel yields an error
// that is worth telling.
func (b *browserSignIn) open(ctx context.Context) <-chan error {
	failed := make(chan error, 1)
	if !b.opens {
		return failed
	}
	ended, err := b.app.startBrowser(b.address)
	if err != nil {
		failed <- err
		return failed
	}
	return ended
}

// late is what the end of the waiting comes to.
func (b *browserSignIn) late() error {
	hint := "begin again with cogctl login --web, with a longer --timeout if you need it"
	if b.callback != nil {
		hint = fmt.Sprintf("if the browser showed an error, the callback URL may not be registered for the app client %s; "+
			"it must be exactly:\n  %s\n%s", b.pool.ClientID, b.flow.Redirect, hint)
	}
	return hinted(withCode(exitNeeded, fmt.Errorf("the sign-in in the browser was not finished within %s", b.web.timeout)), "%s", hint)
}

// reminder is what a person should know when nothing comes back.
func (b *browserSignIn) reminder() string {
	if b.callback == nil {
		return "Nothing pasted yet. If the browser shows an error about the callback URL, it is not registered " +
			"for the app client: this one must be, exactly:\n  " + b.flow.Redirect
	}
	return fmt.Sprintf("No answer yet. If the browser shows an error about the callback URL (redirect_mismatch), either register "+
		"exactly this one for the app client %s:\n  %s\nor name one that is registered: --callback-url URL", b.pool.ClientID, b.flow.Redirect)
}

// question is what stands before the cursor.
func (b *browserSignIn) question(left time.Duration) string {
	left = max(left, 0).Round(time.Second)
	clock := fmt.Sprintf("[%d:%02d left] ", int(left.Minutes()), int(left.Seconds())%60)
	if b.callback == nil {
		return clock + "The address that the browser ended at: "
	}
	return clock + "Waiting for the browser; or paste the address it ended at: "
}

// pasteResult is what a person pasted, or why they will not.
type pasteResult struct {
	answer url.Values
	err    error
}

// giveUp is the error of who pasted nothing.
func (p pasteResult) giveUp() error {
	if errors.Is(p.err, io.EOF) {
		return withCode(exitNeeded, errors.New("nothing was pasted, and there is no other way for the answer to come"))
	}
	return p.err
}

// paste lets a person paste at the terminal until what they paste is an answer. The
// terminal's own line editing would cut long addresses off.
func (b *browserSignIn) paste(ctx context.Context, box *pasteBox, pasted chan<- pasteResult) {
	again := func(tty console) { _, _ = term.MakeRaw(int(tty.in.Fd())) }
	_, err := b.app.terminal.converse(ctx, again, func(tty console) (string, error) {
		if _, err := term.MakeRaw(int(tty.in.Fd())); err != nil {
			return "", err
		}
		line := term.NewTerminal(&keyboard{console: tty}, b.question(b.web.timeout))
		if width, height, err := term.GetSize(int(tty.out.Fd())); err == nil && width > 0 {
			_ = line.SetSize(width, height)
		}
		box.use(line)
		defer box.use(nil)
		for {
			text, err := line.ReadLine()
			if err != nil && !errors.Is(err, term.ErrPasteIndicator) {
				fmt.Fprint(tty, "\r\n")
				return "", err
			}
			if strings.TrimSpace(text) == "" {
				continue
			}
			answer, err := b.pending.Pasted(text)
			if err == nil {
				pasted <- pasteResult{answer: answer}
				return "", nil
			}
			box.say("%s", upperFirst(err.Error())+".")
		}
	})
	box.use(nil)
	if err != nil && ctx.Err() == nil {
		pasted <- pasteResult{err: err}
	}
}

// upperFirst begins a sentence.
func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// pasteBox is the line that a person types in, and the place above it for what there
// is to say meanwhile.
type pasteBox struct {
	mu     sync.Mutex
	line   *term.Terminal // nil while the terminal is as it was
	stderr io.Writer
}

func (p *pasteBox) use(line *term.Terminal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line = line
}

// say prints a line above the one that is typed in.
func (p *pasteBox) say(format string, args ...any) {
	text := redact.Visible(fmt.Sprintf(format, args...)) + "\n"
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.line != nil {
		_, _ = p.line.Write([]byte(text))
		return
	}
	fmt.Fprint(p.stderr, text)
}

// prompt shows another text before the cursor.
func (p *pasteBox) prompt(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.line != nil {
		p.line.SetPrompt(text)
		_, _ = p.line.Write(nil)
	}
}

// explained adds to what went wrong what to do about it.
func (b *browserSignIn) explained(err error) error {
	var misfit *auth.MisfitError
	var no *auth.AuthorizationError
	var mixed *auth.MixUpError
	var nobody *auth.NoIDTokenError
	switch {
	case errors.As(err, &misfit):
		return hinted(withCode(exitUsage, err), "%s", misfitHint(misfit))
	case errors.As(err, &no):
		return b.explainedNo(err, no.Code)
	case errors.As(err, &mixed):
		return withCode(exitSaysNo, err)
	case errors.As(err, &nobody):
		return hinted(withCode(exitUsage, err), "allow the scope openid for the app client, and ask for it: scopes in the profile, or --scope openid")
	}
	return err
}

func misfitHint(m *auth.MisfitError) string {
	switch m.Code {
	case auth.MisfitRedirect:
		return "register it for the app client, exactly so:\n  " + m.Redirect + "\nor name one that is registered: --callback-url URL, or callback_urls in the profile"
	case auth.MisfitClient:
		return "check client_id and domain: cogctl profile show tells where they come from"
	case auth.MisfitScope:
		return "allow them for the app client, or ask for others: scopes in the profile, or --scope"
	case auth.MisfitGrant:
		return "allow the authorization code grant for the app client"
	}
	return "check the app client's settings for its sign-in pages"
}

// explainedNo tells who can change an authorization endpoint's no: the person at the
// page, whoever configures the app client, or nobody.
func (b *browserSignIn) explainedNo(err error, code string) error {
	switch code {
	case "access_denied", "invalid_request":
		// Cognito says invalid_request also for the no of a trigger or of another
		// identity provider.
		return withCode(exitRefused, err)
	case "login_required", "interaction_required", "consent_required", "account_selection_required":
		return hinted(withCode(exitNeeded, err), "the page must ask the person: leave --prompt none out")
	case auth.MisfitScope, auth.MisfitGrant, "unsupported_response_type":
		m := &auth.MisfitError{Code: code}
		return hinted(withCode(exitUsage, err), "%s", misfitHint(m))
	}
	return withCode(exitFailed, err)
}
