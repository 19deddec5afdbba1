package main

import (
	"context"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/awscred"
	"github.com/cogctl/cogctl/internal/config"
)

// awsStatus is what is known here about a profile's identity pool. Its JSON members
// are stable.
type awsStatus struct {
	IdentityPool string     `json:"identity_pool_id"`
	Guest        bool       `json:"guest,omitempty"`
	Identity     string     `json:"identity_id,omitempty"` // empty until it is asked for
	Role         string     `json:"role,omitempty"`        // of these credentials, or the one that the profile wants
	Expires      *time.Time `json:"expires,omitempty"`
}

// awsStatus looks at what is kept for the profile's identity pool; nil where it has
// none. Nothing is sent, and nobody signed in.
func (a *app) awsStatus(p *config.Profile) (*awsStatus, error) {
	if !p.Get("identity_pool_id").Set() {
		return nil, nil
	}
	i, err := a.identity(p, awsOptions{})
	if err != nil {
		return nil, err
	}
	i.offline = true
	status := &awsStatus{IdentityPool: i.pool.ID, Guest: i.isGuest(), Role: i.pool.RoleARN}
	login, err := i.login(context.Background())
	if err != nil {
		return status, nil // nobody is signed in, or not for this identity pool
	}
	held, found, err := i.held(login)
	if err != nil || !found {
		return status, err
	}
	return status.with(held), nil
}

func (s *awsStatus) with(held awscred.Held) *awsStatus {
	s.Identity, s.Expires = held.IdentityID, &held.Credentials.Expires
	if held.Credentials.ARN != "" {
		s.Role = held.Credentials.ARN
	}
	return s
}

func (s *awsStatus) rows(now time.Time) [][2]string {
	if s == nil {
		return nil
	}
	rows := [][2]string{{"identity pool", s.IdentityPool}, {"identity", s.Identity}, {"role", s.Role}}
	if s.Guest {
		rows[0][1] += " (as a guest)"
	}
	if s.Expires != nil {
		rows = append(rows, [2]string{"AWS credentials end", until(*s.Expires, now)})
	}
	return rows
}

// guestStatus is the status of a profile that has an identity pool and nothing to
// sign in to.
func (a *app) guestStatus(ctx context.Context, p *config.Profile, out *jsonOutput) error {
	status, err := a.awsStatus(p)
	if err != nil {
		return err
	}
	if out.wanted() {
		return a.printAnswer(ctx, out, map[string]any{"profile": p.Name(), "signed_in": false, "aws": status, "endpoint_overrides": overrides(p)})
	}
	rows := [][2]string{{"user", "none: the profile has nothing to sign in to"}}
	for _, row := range status.rows(a.now()) {
		if row[1] != "" {
			rows = append(rows, row)
		}
	}
	return a.table(rows)
}

// forgetAWS removes the AWS credentials that came by the session.
func (l logout) forgetAWS(ctx context.Context) error {
	dir, err := l.app.awsCredentials(l.profile)
	if err != nil {
		return err
	}
	records, err := dir.List()
	if err != nil {
		return err
	}
	key, forgotten := l.filedUnder(), 0
	for _, record := range records {
		if !strings.Contains(record.Value.Owner, key) {
			continue
		}
		if err := dir.End(ctx, record.Key); err != nil {
			return err
		}
		forgotten++
	}
	if forgotten > 0 {
		l.app.note("forgot its AWS credentials; those handed out before keep working at AWS until they end")
	}
	return nil
}
