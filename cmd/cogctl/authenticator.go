package main

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/mdp/qrterminal/v3"
)

// showAuthenticator shows a person at the terminal what an authenticator app
// wants: a QR code of the otpauth URL, and the secret itself to be typed. Both
// are secrets; they go to standard error, which is the terminal, and are not
// kept from it by the redactor.
//
// https://github.com/google/google-authenticator/wiki/Key-Uri-Format
func (a *app) showAuthenticator(issuer, account, secret string) {
	link := otpauth(issuer, account, secret)
	fmt.Fprintf(a.stderr, "Scan this with an authenticator app, or type the secret into it:\n\n")
	qrterminal.GenerateWithConfig(link, qrterminal.Config{
		Level: qrterminal.L, Writer: a.stderr, QuietZone: 2,
		HalfBlocks: true,
		BlackChar:  qrterminal.BLACK_BLACK, WhiteBlackChar: qrterminal.WHITE_BLACK,
		WhiteChar: qrterminal.WHITE_WHITE, BlackWhiteChar: qrterminal.BLACK_WHITE,
	})
	fmt.Fprintf(a.stderr, "\n  secret  %s\n  link    %s\n\n", secret, link)
}

// otpauth is the link that authenticator apps read.
func otpauth(issuer, account, secret string) string {
	label := url.PathEscape(issuer) + ":" + url.PathEscape(account)
	query := url.Values{"secret": {secret}, "issuer": {issuer}}
	return "otpauth://totp/" + label + "?" + strings.ReplaceAll(query.Encode(), "+", "%20")
}
