package awscred_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/awscred"
)

// TestErrorShapes: a refusal's type is found wherever AWS's protocols put it.
func TestErrorShapes(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		header, body, want string
		status             int
	}{
		{"", `{"__type":"NotAuthorizedException","message":"No."}`, "No (NotAuthorizedException)", 400},
		{"", `{"__type":"com.amazonaws.cognito#NotAuthorizedException","Message":"No"}`, "No (NotAuthorizedException)", 400},
		{"NotAuthorizedException:http://internal.amazon.com/coral/", `{"message":"No"}`, "No (NotAuthorizedException)", 400},
		{"aws.x#ResourceNotFoundException", ``, "ResourceNotFoundException", 400},
		{"", `{"code":"Forbidden"}`, "Forbidden", 403},
		{"", `<html>` + strings.Repeat("x", 5000), "HTTP status 503", 503},
		{"", `{"__type":"` + strings.Repeat("x", 5000) + `","message":"` + strings.Repeat("y", 5000) + `"}`, "…", 400},
		{"", ``, "HTTP status 204", 204},
	} {
		c := newCloud(t)
		if row.header != "" {
			c.header.Set("X-Amzn-Errortype", row.header)
		}
		c.answers["GetId"] = says(row.status, row.body)
		_, err := get(t, c.pool(), memory(time.Now))
		if err == nil || !strings.HasPrefix(err.Error(), "identity pool "+poolID+": GetId: ") || !strings.Contains(err.Error(), row.want) || len(err.Error()) > 1500 {
			t.Errorf("%d %q %.60s: %v", row.status, row.header, row.body, err)
		}
		if service := (*awscred.ServiceError)(nil); !errors.As(err, &service) || service.Status != row.status {
			t.Errorf("%d: %T", row.status, err)
		}
	}
}

// TestHostile: an answer with success that AWS would not give is refused, and nothing
// of it is kept or told.
func TestHostile(t *testing.T) {
	t.Parallel()
	hour := time.Now().Add(time.Hour)
	good := newCloud(t).credentials(identity, "hush", hour)
	put := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in %s", old, good)
		}
		return strings.Replace(good, old, new, 1)
	}
	for name, body := range map[string]string{
		"empty":            ``,
		"no JSON":          `hush`,
		"a list":           `["hush"]`,
		"nothing in it":    `{}`,
		"cut off":          good[:len(good)-9],
		"a newline":        put("hush", `hush\nexport X=`),
		"a command":        put("hush", `hush$(id)`),
		"a quote":          put("hush", `hush'`),
		"a backtick":       put("hush", "hush`id`"),
		"a NUL":            put("hush", `hush\u0000`),
		"a letter":         put("hush", `hushé`),
		"no secret":        put("hush", ``),
		"a low key id":     put("ASIAIOSFODNN7EXAMPLE", `asiahush12345678`),
		"a short key id":   put("ASIAIOSFODNN7EXAMPLE", `ASIA`),
		"a long key id":    put("ASIAIOSFODNN7EXAMPLE", strings.Repeat("A", 129)),
		"a long token":     put("AQoDYXdz", strings.Repeat("A", 40<<10)),
		"no token":         put("AQoDYXdz", ``),
		"a token in lines": put("AQoDYXdz", `hush\r\nX: y`),
		"another identity": put(identity, `../../hush`),
		"a long identity":  put(identity, "a:"+strings.Repeat("b", 60)),
		"ended":            newCloud(t).credentials(identity, "hush", time.Now().Add(-time.Minute)),
		"no end":           newCloud(t).credentials(identity, "hush", time.Unix(0, 0)),
		"beyond all time":  put(`"Expiration":`, `"Expiration":1e300,"x":`),
		"an end in words":  put(`"Expiration":`, `"Expiration":"soon","x":`),
	} {
		c := newCloud(t)
		c.answers["GetCredentialsForIdentity"] = says(200, body)
		d := memory(time.Now)
		got, err := get(t, c.pool(), d)
		if answer := (*awscred.AnswerError)(nil); !errors.As(err, &answer) || strings.Contains(err.Error(), "hush") || got != (awscred.Credentials{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if held, found, _ := d.Read(key); found {
			t.Errorf("%s: kept %+v", name, held)
		}
	}
	c := newCloud(t)
	c.answers["GetCredentialsForIdentity"] = says(200, good)
	if got, err := get(t, c.pool(), memory(time.Now)); err != nil || got.SecretAccessKey != "hush" {
		t.Errorf("the good one: %v", err)
	}
	for name, body := range map[string]string{"no XML": `hush`, "no end": `<AssumeRoleWithWebIdentityResponse/>`, "a bomb": `<!DOCTYPE x [<!ENTITY a "hush">]><x>&a;</x>`} {
		c := newCloud(t)
		p := c.pool()
		p.Basic, p.RoleARN = true, role
		c.answers["AssumeRoleWithWebIdentity"] = says(200, body)
		if _, err := get(t, p, memory(time.Now)); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("STS, %s: %v", name, err)
		}
	}
	long := newCloud(t)
	long.answers["GetId"] = says(200, `{"IdentityId":"`+strings.Repeat("x", 2<<20)+`"}`)
	if _, err := get(t, long.pool(), memory(time.Now)); err == nil || !strings.Contains(err.Error(), "longer") {
		t.Errorf("two megabytes: %v", err)
	}
}

// TestGivenUp: who gives up gets told so, at once, also while a throttle is waited out.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	p := c.pool()
	c.answers["GetId"] = says(429, ``)
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	p.Pause = func(ctx context.Context, _ time.Duration) error {
		cancel(stop)
		<-ctx.Done()
		return ctx.Err()
	}
	begun := time.Now()
	_, err := p.Source(memory(time.Now), key, time.Minute, nil)(ctx)
	if !errors.Is(err, stop) || time.Since(begun) > 30*time.Second {
		t.Errorf("after %s: %v", time.Since(begun), err)
	}
}

// FuzzAnswers: whatever the services answer, what comes out are credentials that mean
// nothing to a shell, or none.
func FuzzAnswers(f *testing.F) {
	const good = `{"IdentityId":"us-east-1:a","Token":"t","Credentials":{"AccessKeyId":"ASIAIOSFODNN7EXAMPLE","SecretKey":"s","SessionToken":"t","Expiration":4102444800}}`
	f.Add(good, "", 200, false)
	f.Add(good, "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>", 200, true)
	f.Add(`{"__type":"a#b:c","message":"x"}`, "<ErrorResponse><Error><Code>x</Code></Error></ErrorResponse>", 400, true)
	f.Fuzz(func(t *testing.T, pool, sts string, status int, basic bool) {
		p := awscred.IdentityPool{
			ID: poolID, Endpoint: "http://127.0.0.1:1", STS: "http://127.0.0.1:1/sts", RoleARN: role, Basic: basic, Now: time.Now,
			Pause: func(context.Context, time.Duration) error { return errors.New("no time") },
			HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				body := pool
				if r.URL.Path == "/sts" {
					body = sts
				}
				return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
			})},
		}
		got, err := p.Source(memory(time.Now), key, time.Minute, func(error) {})(t.Context())
		if err != nil {
			return
		}
		if err := got.Check(); err != nil || got.Expires.Before(time.Now()) {
			t.Errorf("%+v: %v", got, err)
		}
	})
}
