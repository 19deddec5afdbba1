package main

// The flows that are not of the user pool API.
const (
	flowBrowser = "browser"
	flowMachine = "client-credentials"
)

// flowFacts are what --flow auto goes by.
type flowFacts struct {
	provider bool // an identity provider was named, such as Google
	foreign  bool // there is an issuer and no user pool
	secret   bool // the app client has a secret
	username bool // given, remembered or configured
	password bool // at hand, without asking
	person   bool // somebody is there to ask
	domain   bool // of hosted sign-in pages
}

// chooseFlow names the flow that auto stands for. Where nothing is at hand and
// nobody is there it is srp too: that flow names what it lacks, and ends with exit
// code 4.
func chooseFlow(f flowFacts) string {
	switch {
	case f.provider, f.foreign:
		return flowBrowser
	case f.secret && !f.username:
		return flowMachine
	case f.password:
		return "srp"
	case f.person && f.domain:
		return flowBrowser
	}
	return "srp"
}
