package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const poolID = "us-east-1_Test"

var start = time.Date(2026, 11, 5, 15, 4, 5, 0, time.UTC)

func newStore(t *testing.T, p Pool, clients ...Client) *Store {
	t.Helper()
	s := New()
	p.ID = poolID
	if err := s.AddPool(p, clients, []Group{{Name: "admin"}, {Name: "readers"}}); err != nil {
		t.Fatal(err)
	}
	return s
}

func user(name, email string, verified bool) User {
	return User{Username: name, Sub: "sub-" + name, Attributes: map[string]string{
		"email": email, "email_verified": fmt.Sprint(verified),
	}}
}

func mustCreate(t *testing.T, s *Store, u User) {
	t.Helper()
	if err := s.Create(poolID, u, false); err != nil {
		t.Fatalf("create %s: %v", u.Username, err)
	}
}

func TestAddPoolRefuses(t *testing.T) {
	t.Parallel()
	good := Pool{ID: "us-east-1_Other"}
	tests := []struct {
		name    string
		pool    Pool
		clients []Client
		groups  []Group
	}{
		{name: "no id"},
		{name: "same id", pool: Pool{ID: poolID}},
		{name: "client of another pool", pool: good, clients: []Client{{ID: "web"}}},
		{name: "client twice", pool: good, clients: []Client{{ID: "x"}, {ID: "x"}}},
		{name: "client without id", pool: good, clients: []Client{{}}},
		{name: "group twice", pool: good, groups: []Group{{Name: "g"}, {Name: "g"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, Pool{}, Client{ID: "web"})
			if s.AddPool(tt.pool, tt.clients, tt.groups) == nil {
				t.Error("accepted")
			}
			if got := s.PoolIDs(); len(got) != 1 {
				t.Errorf("pools after the refusal: %q", got)
			}
			if _, ok := s.Client("x"); ok {
				t.Error("a client of the refused pool is there")
			}
		})
	}
	s := newStore(t, Pool{}, Client{ID: "web"})
	if err := s.AddPool(good, []Client{{ID: "x"}}, nil); err != nil {
		t.Errorf("a second pool: %v", err)
	}
	if c, ok := s.Client("x"); !ok || c.PoolID != good.ID {
		t.Errorf("client x: %+v, %v", c, ok)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	alias := newStore(t, Pool{AliasAttributes: []string{"email", "preferred_username"}})
	mustCreate(t, alias, user("Ann", "ann@example.com", true))
	mustCreate(t, alias, user("bob", "bob@example.com", false))
	nick := user("carl", "", false)
	nick.Attributes["preferred_username"] = "charly"
	mustCreate(t, alias, nick)
	byEmail := newStore(t, Pool{UsernameAttributes: []string{"email"}})
	mustCreate(t, byEmail, user("sub-1", "dora@example.com", false))
	plain := newStore(t, Pool{})
	mustCreate(t, plain, user("ann", "ann@example.com", true))

	tests := []struct {
		name  string
		store *Store
		typed string
		want  string
	}{
		{"username", alias, "Ann", "Ann"},
		{"username in another case", alias, "aNN", "Ann"},
		{"verified alias", alias, "ANN@example.com", "Ann"},
		{"alias that is not verified", alias, "bob@example.com", ""},
		{"preferred_username needs no verification", alias, "charly", "carl"},
		{"sub is no name", alias, "sub-Ann", ""},
		{"empty", alias, "", ""},
		{"e-mail as username, not verified", byEmail, "dora@example.com", "sub-1"},
		{"e-mail where it is no alias", plain, "ann@example.com", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			u, ok := tt.store.Find(poolID, tt.typed)
			if u.Username != tt.want || ok != (tt.want != "") {
				t.Errorf("Find(%q) = %q, %v; want %q", tt.typed, u.Username, ok, tt.want)
			}
		})
	}
	if u, ok := alias.BySub(poolID, "sub-Ann"); !ok || u.Username != "Ann" {
		t.Errorf("BySub = %q, %v", u.Username, ok)
	}
	if _, ok := alias.Find("us-east-1_None", "Ann"); ok {
		t.Error("found in a pool that is not there")
	}
}

func TestCreateAndAliases(t *testing.T) {
	t.Parallel()
	s := newStore(t, Pool{AliasAttributes: []string{"email"}})
	mustCreate(t, s, user("ann", "shared@example.com", true))
	check := func(what string, got, want error) {
		t.Helper()
		if !errors.Is(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	check("same name", s.Create(poolID, user("ANN", "x@example.com", false), false), ErrUsernameExists)
	check("verified alias of another", s.Create(poolID, user("bob", "Shared@example.com", true), false), ErrAliasExists)
	check("same address, not verified", s.Create(poolID, user("bob", "shared@example.com", false), false), nil)
	check("no pool", s.Create("us-east-1_None", user("x", "", false), false), ErrNoPool)
	if s.Create(poolID, User{Username: "x", Groups: []string{"none"}}, false) == nil {
		t.Error("a group that is not there was accepted")
	}

	verify := func(u *User) error { u.Attributes["email_verified"] = "true"; return nil }
	_, err := s.Update(poolID, "bob", false, verify)
	check("verify a taken alias", err, ErrAliasExists)
	if u, _ := s.Find(poolID, "bob"); u.Attributes["email_verified"] != "false" {
		t.Error("the refused update changed something")
	}
	_, err = s.Update(poolID, "bob", true, verify)
	check("with force", err, nil)
	if u, _ := s.Find(poolID, "shared@example.com"); u.Username != "bob" {
		t.Errorf("the alias leads to %q after it was forced over", u.Username)
	}
	if u, _ := s.Find(poolID, "ann"); u.Attributes["email_verified"] != "false" {
		t.Error("the loser still counts as verified")
	}

	byEmail := newStore(t, Pool{UsernameAttributes: []string{"email"}})
	mustCreate(t, byEmail, user("id-1", "a@example.com", false))
	check("same e-mail where it is the username", byEmail.Create(poolID, user("id-2", "A@example.com", false), false), ErrUsernameExists)
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	s := newStore(t, Pool{})
	mustCreate(t, s, user("ann", "", false))
	boom := errors.New("boom")
	if _, err := s.Update(poolID, "ann", false, func(u *User) error { u.Disabled = true; u.Attributes["a"] = "b"; return boom }); !errors.Is(err, boom) {
		t.Errorf("error of the change: %v", err)
	}
	if u, _ := s.Find(poolID, "ann"); u.Disabled || u.Attributes["a"] != "" {
		t.Error("a failed change left traces")
	}
	got, err := s.Update(poolID, "ANN", false, func(u *User) error { u.Username, u.Sub, u.Disabled = "x", "y", true; return nil })
	if err != nil || got.Username != "ann" || got.Sub != "sub-ann" || !got.Disabled {
		t.Errorf("update: %+v, %v", got, err)
	}
	got.Attributes["later"] = "x"
	if u, _ := s.Find(poolID, "ann"); u.Attributes["later"] != "" {
		t.Error("a returned user shares memory with the store")
	}
	if _, err := s.Update(poolID, "nobody", false, nil); !errors.Is(err, ErrNoUser) {
		t.Errorf("unknown user: %v", err)
	}
	if _, err := s.Update("us-east-1_None", "ann", false, nil); !errors.Is(err, ErrNoPool) {
		t.Errorf("unknown pool: %v", err)
	}
}

func TestGroupsOrder(t *testing.T) {
	t.Parallel()
	s := New()
	one, two := 1, 2
	groups := []Group{{Name: "b"}, {Name: "z", Precedence: &one}, {Name: "a"}, {Name: "y", Precedence: &two}, {Name: "x", Precedence: &two}}
	if err := s.AddPool(Pool{ID: poolID}, nil, groups); err != nil {
		t.Fatal(err)
	}
	mustCreate(t, s, User{Username: "ann", Groups: []string{"a", "b", "x", "y", "z"}})
	var got []string
	for _, g := range s.Groups(poolID, "ANN") {
		got = append(got, g.Name)
	}
	if want := []string{"z", "x", "y", "a", "b"}; !slices.Equal(got, want) {
		t.Errorf("groups %q, want %q", got, want)
	}
}

func TestClientAllows(t *testing.T) {
	t.Parallel()
	all := []string{"USER_SRP_AUTH", "USER_PASSWORD_AUTH", "REFRESH_TOKEN_AUTH", "CUSTOM_AUTH", "USER_AUTH", "ADMIN_USER_PASSWORD_AUTH"}
	tests := []struct {
		name   string
		client Client
		want   string
	}{
		{"default", Client{}, "USER_SRP_AUTH REFRESH_TOKEN_AUTH CUSTOM_AUTH"},
		{"explicit", Client{ExplicitAuthFlows: []string{"ALLOW_USER_PASSWORD_AUTH"}}, "USER_PASSWORD_AUTH"},
		{"explicit admin", Client{ExplicitAuthFlows: []string{"ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}}, "REFRESH_TOKEN_AUTH ADMIN_USER_PASSWORD_AUTH"},
		{"legacy password", Client{ExplicitAuthFlows: []string{"USER_PASSWORD_AUTH"}}, "USER_SRP_AUTH USER_PASSWORD_AUTH REFRESH_TOKEN_AUTH CUSTOM_AUTH"},
		{"legacy custom only", Client{ExplicitAuthFlows: []string{"CUSTOM_AUTH_FLOW_ONLY"}}, "REFRESH_TOKEN_AUTH CUSTOM_AUTH"},
		{"legacy admin", Client{ExplicitAuthFlows: []string{"ADMIN_NO_SRP_AUTH"}}, "USER_SRP_AUTH REFRESH_TOKEN_AUTH CUSTOM_AUTH ADMIN_USER_PASSWORD_AUTH"},
		{"rotation", Client{RotateRefreshTokens: true}, "USER_SRP_AUTH CUSTOM_AUTH"},
		{"rotation beats the flag", Client{RotateRefreshTokens: true, ExplicitAuthFlows: []string{"ALLOW_REFRESH_TOKEN_AUTH"}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, flow := range all {
				if tt.client.Allows(flow) {
					got = append(got, flow)
				}
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("allows %q, want %q", got, tt.want)
			}
		})
	}
}
