package main

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/cache"
)

// TestFind: which session is meant by a name, among all that may lie there.
func TestFind(t *testing.T) {
	t.Parallel()
	const issuer, here, elsewhere = "https://pool.example", "https://api.example", "https://other.example"
	day := time.Unix(1_800_000_000, 0)
	s := signIn{pool: poolSettings{Issuer: issuer, ClientID: "abc", Endpoint: here}}
	dir := cache.Open[auth.Session](cache.Options{Path: t.TempDir() + "/s", Now: time.Now})
	store := func(key string, v auth.Session) {
		v.Access = "x"
		if key == "" {
			key = auth.SessionKey(v.Issuer, v.ClientID, v.Typed)
		}
		if _, err := dir.Update(t.Context(), key, func(context.Context, auth.Session, bool) (auth.Session, error) { return v, nil }); err != nil {
			t.Fatal(err)
		}
	}
	of := func(typed, real, endpoint string, hours int) auth.Session {
		return auth.Session{Issuer: issuer, ClientID: "abc", Typed: typed, Username: real, Subject: "sub of " + real, Endpoint: endpoint, SignedIn: day.Add(time.Duration(hours) * time.Hour)}
	}
	store("", of("ann@example.com", "ann", here, 1))
	store("", of("+15550100", "ann", here, 3))
	store("", of("Ann@Example.com", "ann", here, 2))
	store("", of("bob", "bob", here, 1))
	store("", of("robert", "bob", here, 2))
	store("", of("Dora", "Dora", here, 1)) // two users, where letter case counts
	store("", of("DORA", "DORA", here, 1))
	store("", of("Eve", "Eve", here, 1))
	store("", of("frank@example.com", "frank", elsewhere, 1))
	machine := of("gus (a/b)", "gus", here, 1)
	machine.Machine = true
	store(auth.MachineKey(issuer, "abc", []string{"a/b"}, nil), machine)
	store(auth.SessionKey(issuer, "abc", givenPlace(auth.Given{Refresh: "r"})), of("hal@example.com", "hal", here, 1))
	another := of("ida@example.com", "ida", here, 1)
	another.ClientID = "other"
	store("", another)

	for _, c := range []struct {
		name, typed string // found; empty for none
		exact       bool
	}{
		{"ann@example.com", "ann@example.com", true},
		{"ann", "+15550100", true},
		{"ANN", "+15550100", false},
		{"ANN@example.com", "Ann@Example.com", false},
		{"bob", "bob", true},
		{"Bob", "robert", false},
		{"Dora", "Dora", true},
		{"dora", "", true},
		{"eve", "Eve", false},
		{"an", "", true}, {"", "", true},
		{"frank", "", true}, {"gus", "", true}, {"gus (a/b)", "", true}, {"hal", "", true}, {"hal@example.com", "", true}, {"ida", "", true},
	} {
		s.user = c.name
		found, exact, err := s.find(dir)
		if err != nil || found.Typed != c.typed || exact != c.exact {
			t.Errorf("%q: %q, exact %v (%v), want %q, %v", c.name, found.Typed, exact, err, c.typed, c.exact)
		}
		if as := s.as(found).user; found.Live() && as != c.typed || !found.Live() && as != c.name {
			t.Errorf("%q goes on as %q", c.name, as)
		}
	}
	for name, want := range map[string]string{
		"ann": "+15550100 Ann@Example.com ann@example.com", "ann@example.com": "+15550100 Ann@Example.com ann@example.com",
		"bob": "bob robert", "robert": "bob robert", "BOB": "bob robert", "dora": "", "DORA": "DORA", "gus": "", "frank": "",
	} {
		checkMeant(t, logout{signIn: s, dir: dir}, name, want)
	}
}

// checkMeant compares whom a logout ends.
func checkMeant(t *testing.T, l logout, name, want string) {
	t.Helper()
	l.app, l.user = &app{stderr: devNull(t)}, name
	meant, err := l.meant(t.Context())
	var typed []string
	for _, session := range meant {
		typed = append(typed, session.Value.Typed)
	}
	slices.Sort(typed)
	if got := strings.Join(typed, " "); err != nil || got != want {
		t.Errorf("logout of %q: %q (%v), want %q", name, got, err, want)
	}
}
