package awscred

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/cache"
)

// IdentityPool is an identity pool, as one identity of it asks for credentials.
//
// The enhanced flow is GetId and GetCredentialsForIdentity; the basic one GetId,
// GetOpenIdToken and AssumeRoleWithWebIdentity, where the pool allows it.
// https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flow.html
type IdentityPool struct {
	ID       string // us-east-1:1b6e…
	Endpoint string // URL of the identity pool API
	STS      string // URL of STS; for the basic flow

	// Logins are the proofs of who asks: the token for each provider's name, such as
	// cognito-idp.us-east-1.amazonaws.com/us-east-1_Ab12Cd34E or accounts.google.com.
	// It is called when credentials must be had, without any lock. Nil is for guests.
	Logins func(context.Context) (map[string]string, error)

	// RoleARN is, in the enhanced flow, the one of the identity's roles that is wanted
	// (CustomRoleArn), empty for the pool's choice; in the basic flow the role.
	RoleARN     string
	Basic       bool
	SessionName string // of the role, in AWS's logs; for the basic flow
	Owner       string // is kept beside the credentials, for whoever looks for them

	HTTP  *http.Client // bounded, following no redirect: the bodies carry tokens
	Now   func() time.Time
	Pause func(context.Context, time.Duration) error // waits between two sendings
}

// Held is what is kept of an identity: its id, which stays, and its credentials.
type Held struct {
	Owner       string      `json:"owner"`
	IdentityID  string      `json:"identity_id"`
	Credentials Credentials `json:"credentials"`
	Saved       time.Time   `json:"saved"` // when the credentials came, by the local clock
}

// clockLeeway is how far a clock may be set back without a word about credentials.
const clockLeeway = time.Minute

// GoodFor tells whether the credentials are good at now, by the local clock, and for
// left more. A clock that is behind the time at which they came was set, and then
// Expires says nothing.
func (h Held) GoodFor(now time.Time, left time.Duration) bool {
	return !now.Before(h.Saved.Add(-clockLeeway)) && h.Credentials.GoodFor(now, left)
}

// Source gives the credentials that dir holds under key, while they are good for
// margin more; otherwise new ones, got once for all goroutines and processes. The
// logins are collected before the lock is taken, because a program may have to run
// for them.
//
// Credentials that could not be renewed for a passing reason (see [Passing]) are
// given as long as they serve; warn is told.
func (p IdentityPool) Source(dir *cache.Dir[Held], key string, margin time.Duration, warn func(error)) Source {
	return func(ctx context.Context) (Credentials, error) {
		held, found, err := dir.Read(key)
		if err != nil {
			return Credentials{}, err
		}
		if found && held.GoodFor(p.Now(), margin) {
			return held.Credentials, nil
		}
		var logins map[string]string
		if p.Logins != nil {
			if logins, err = p.Logins(ctx); err != nil {
				return Credentials{}, err
			}
		}
		renewed, err := cache.Cached(dir, key, margin, func(ctx context.Context, old Held, _ bool) (Held, error) {
			return p.renew(ctx, old, logins)
		})(ctx)
		if err != nil && Passing(err) && held.GoodFor(p.Now(), lastMoments) {
			warn(err)
			return held.Credentials, nil
		}
		return renewed.Credentials, err
	}
}

// lastMoments are those in which credentials help nobody any more: a request signed
// with them would arrive too late.
const lastMoments = 30 * time.Second

// renew gets credentials for the identity that is known, or for the one that the pool
// has or makes for the logins. An identity that the pool does not know any more, or
// not by these logins, is asked for anew.
func (p IdentityPool) renew(ctx context.Context, old Held, logins map[string]string) (Held, error) {
	known := old.IdentityID
	for {
		id, err := known, error(nil)
		if id == "" {
			id, err = p.identity(ctx, logins)
		}
		if err != nil {
			return old, err
		}
		credentials, err := p.credentials(ctx, id, logins)
		if known != "" && forgotten(err) {
			known = ""
			continue
		}
		if err != nil {
			return old, err
		}
		return Held{Owner: p.Owner, IdentityID: credentials.IdentityID, Credentials: credentials, Saved: p.Now()}, nil
	}
}

// forgotten tells that the identity is not one for these logins any more: it was
// deleted, merged into another, or unlinked.
func forgotten(err error) bool {
	var service *ServiceError
	if !errors.As(err, &service) {
		return false
	}
	message := strings.ToLower(service.Message)
	return service.Code == "ResourceNotFoundException" || service.Code == "NotAuthorizedException" &&
		(strings.Contains(message, "logins don't match") || strings.Contains(message, "access to identity"))
}

// identity calls GetId.
// https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_GetId.html
func (p IdentityPool) identity(ctx context.Context, logins map[string]string) (string, error) {
	var out struct{ IdentityId string }
	_, err := p.call(ctx, "GetId", struct {
		IdentityPoolId string
		Logins         map[string]string `json:",omitempty"`
	}{p.ID, logins}, &out)
	if err == nil {
		err = p.checkIdentity("GetId", out.IdentityId)
	}
	return out.IdentityId, err
}

func (p IdentityPool) checkIdentity(op, id string) error {
	if len(id) <= 55 && strings.Contains(id, ":") && only(id, tokenLetters+":") { // IdentityId: [\w-]+:[0-9a-f-]+
		return nil
	}
	return &AnswerError{Op: op, At: "identity pool " + p.ID, Err: errors.New("the identity id has not the form REGION:GUID")}
}

// credentials changes logins for the identity's credentials.
func (p IdentityPool) credentials(ctx context.Context, id string, logins map[string]string) (Credentials, error) {
	if p.Basic {
		return p.basic(ctx, id, logins)
	}
	// https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_GetCredentialsForIdentity.html
	const op = "GetCredentialsForIdentity"
	var out struct {
		IdentityId  string
		Credentials struct {
			AccessKeyId, SecretKey, SessionToken string
			Expiration                           float64 // seconds since 1970
		}
	}
	got, err := p.call(ctx, op, struct {
		IdentityId    string
		Logins        map[string]string `json:",omitempty"`
		CustomRoleArn string            `json:",omitempty"`
	}{id, logins, p.RoleARN}, &out)
	if err != nil {
		return Credentials{}, err
	}
	if out.IdentityId == "" {
		out.IdentityId = id
	}
	c := Credentials{
		AccessKeyID: out.Credentials.AccessKeyId, SecretAccessKey: out.Credentials.SecretKey, SessionToken: out.Credentials.SessionToken,
		Expires: p.local(got, seconds(out.Credentials.Expiration)), IdentityID: out.IdentityId, ARN: p.RoleARN, AccountID: accountOf(p.RoleARN),
	}
	if err := p.checkIdentity(op, c.IdentityID); err != nil {
		return Credentials{}, err
	}
	return c, p.judge(op, "identity pool "+p.ID, c)
}

// basic calls GetOpenIdToken and gives the token to STS.
// https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_GetOpenIdToken.html
func (p IdentityPool) basic(ctx context.Context, id string, logins map[string]string) (Credentials, error) {
	const op = "GetOpenIdToken"
	var out struct{ IdentityId, Token string }
	_, err := p.call(ctx, op, struct {
		IdentityId string
		Logins     map[string]string `json:",omitempty"`
	}{id, logins}, &out)
	if err != nil {
		return Credentials{}, err
	}
	if out.IdentityId == "" {
		out.IdentityId = id
	}
	if err := p.checkIdentity(op, out.IdentityId); err != nil {
		return Credentials{}, err
	}
	if out.Token == "" {
		return Credentials{}, &AnswerError{Op: op, At: "identity pool " + p.ID, Err: errors.New("there is no token in it")}
	}
	c, err := p.assumeRole(ctx, out.Token)
	c.IdentityID = out.IdentityId
	return c, err
}

// judge refuses credentials that AWS does not make, and such as end before they came.
func (p IdentityPool) judge(op, at string, c Credentials) error {
	err := c.Check()
	switch {
	case err != nil:
	case c.SessionToken == "":
		err = errors.New("the session token is missing")
	case c.Expires.IsZero():
		err = errors.New("it does not say when the credentials end")
	case !c.Expires.After(p.Now()):
		err = fmt.Errorf("the credentials ended at %s", c.Expires.UTC().Format(time.RFC3339))
	default:
		return nil
	}
	return &AnswerError{Op: op, At: at, Err: err}
}

// latest is the last second that has a four-digit year, as RFC 3339 wants it.
const latest = 253402300799

// seconds makes a time of an epoch timestamp; zero of what is none.
func seconds(epoch float64) time.Time {
	if !(epoch >= 1 && epoch <= latest) {
		return time.Time{}
	}
	whole, fraction := math.Modf(epoch)
	return time.Unix(int64(whole), int64(fraction*1e9)).UTC()
}

// rightClock is how far the local clock may be off without anything being done: the
// header Date has whole seconds, and the answer took its time.
const rightClock = 30 * time.Second

// local is a time of the server's by the local clock, which whoever uses the
// credentials compares it with: the same answer says in its header Date what time the
// server takes it to be.
func (p IdentityPool) local(got reply, t time.Time) time.Time {
	date, err := http.ParseTime(got.header.Get("Date"))
	if err != nil || t.IsZero() {
		return t
	}
	if ahead := p.Now().Sub(date); ahead.Abs() > rightClock {
		return t.Add(ahead).Truncate(time.Second)
	}
	return t
}
