package main

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/mdp/qrterminal/v3"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/cogctl/cogctl/internal/redact"
)

// showAuthenticator shows a person at the terminal what an authenticator app
// wants: a QR code of the otpauth link, and the secret itself to be typed. Both
// are secrets; they go to standard error, which is the terminal, past the redactor.
func (s signIn) showAuthenticator(username, secret string) {
	to := s.app.stderr
	fmt.Fprintf(to, "Scan this with an authenticator app, or type the secret into it:\n\n")
	qrterminal.GenerateWithConfig(s.scanned(username, secret), qrterminal.Config{
		Level: qrterminal.L, Writer: to, QuietZone: 2, HalfBlocks: true,
		BlackChar: qrterminal.BLACK_BLACK, WhiteBlackChar: qrterminal.WHITE_BLACK,
		WhiteChar: qrterminal.WHITE_WHITE, BlackWhiteChar: qrterminal.BLACK_WHITE,
	})
	fmt.Fprintf(to, "\n  secret  %s\n  link    %s\n\n", redact.Visible(secret), redact.Visible(s.otpauth(username, secret)))
}

// widestScan is how long a link may be, in bytes, whose QR code fits 80 columns: version
// 14 at level L, 73 modules (ISO/IEC 18004, table 7), and 2 of quiet zone on each side.
const widestScan = 458

// scanned is the link as the QR code holds it. A user's name of many letters that are not
// ASCII is cut there: it is for people only, and a code that is broken into lines nobody
// can scan.
func (s signIn) scanned(username, secret string) string {
	link := s.otpauth(username, secret)
	for name := []rune(username); len(link) > widestScan && len(name) > 0; {
		name = name[:len(name)-1]
		link = s.otpauth(string(name)+"…", secret)
	}
	return link
}

// otpauth is the link that authenticator apps read.
// https://github.com/google/google-authenticator/wiki/Key-Uri-Format
func (s signIn) otpauth(username, secret string) string {
	issuer := "Cognito " + s.pool.UserPoolID
	label := url.PathEscape(issuer) + ":" + url.PathEscape(username)
	query := url.Values{"secret": {secret}, "issuer": {issuer}}
	return "otpauth://totp/" + label + "?" + strings.ReplaceAll(query.Encode(), "+", "%20")
}

// stepAt is the time step of codes at a moment.
func stepAt(t time.Time) int64 { return t.Unix() / int64(totpPeriod.Seconds()) }

// totpOf is the code of a secret as Cognito hands it out, at a time step. Spaces
// and small letters are as people copy them.
func totpOf(secret string, step int64) (string, error) {
	secret = strings.ToUpper(strings.ReplaceAll(secret, " ", ""))
	code, err := hotp.GenerateCodeCustom(secret, uint64(step), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		err := usagef("the TOTP secret is not base32, as an authenticator app takes it")
		if strings.HasPrefix(secret, "OTPAUTH:") {
			err = hinted(err, "of an otpauth:// link it takes what stands after secret=")
		}
		return "", err
	}
	return code, nil
}
