package main

import "testing"

// TestChooseFlow: what --flow auto stands for, and which fact outranks which.
func TestChooseFlow(t *testing.T) {
	t.Parallel()
	for label, row := range map[string]struct {
		facts flowFacts
		want  string
	}{
		"a provider outranks all":          {flowFacts{provider: true, secret: true, password: true, username: true}, "browser"},
		"an issuer has pages only":         {flowFacts{foreign: true, secret: true}, "browser"},
		"a machine":                        {flowFacts{secret: true}, "client-credentials"},
		"a machine with pages":             {flowFacts{secret: true, domain: true, person: true}, "client-credentials"},
		"a machine's password is nobody's": {flowFacts{secret: true, password: true}, "client-credentials"},
		"a user of a client with a secret": {flowFacts{secret: true, username: true, password: true}, "srp"},
		"a password at hand":               {flowFacts{username: true, password: true, person: true, domain: true}, "srp"},
		"a password without a name":        {flowFacts{password: true, person: true}, "srp"},
		"a person before pages":            {flowFacts{person: true, domain: true}, "browser"},
		"a known person before pages":      {flowFacts{person: true, domain: true, username: true, secret: true}, "browser"},
		"a person without pages":           {flowFacts{person: true}, "srp"},
		"pages and nobody to use them":     {flowFacts{domain: true, username: true}, "srp"},
		"nothing and nobody":               {flowFacts{}, "srp"},
	} {
		if got := chooseFlow(row.facts); got != row.want {
			t.Errorf("%s: %q, want %q", label, got, row.want)
		}
	}
}
