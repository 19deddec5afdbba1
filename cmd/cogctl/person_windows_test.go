package main

import "github.com/rogpeppe/go-internal/testscript"

// scriptPerson needs a pseudo-terminal; scripts that use it say [unix].
func scriptPerson(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Fatalf("person: no pseudo-terminal on this system")
}
