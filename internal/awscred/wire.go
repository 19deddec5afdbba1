package awscred

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/cache"
	"github.com/cogctl/cogctl/internal/redact"
)

// maxAnswer bounds an answer, in bytes. The largest, with a session token in it, has
// a few thousand.
const maxAnswer = 1 << 20

// The pauses between two sendings double from the first to the last. Patience is
// below the 10 s for which others wait for the lock of the credentials.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = time.Second
	patience   = 5 * time.Second
)

// request is one unsigned POST.
type request struct {
	op, at      string
	url         string
	contentType string
	target      string // X-Amz-Target; empty where there is none
	body        []byte
}

// reply is the answer to one, whatever its status.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// send sends r until there is an answer: again where it did not arrive, or where the
// server said that it came too early, which failed makes an error of. Nothing is used
// up by it, so that it ends when the caller does.
func (p IdentityPool) send(ctx context.Context, r request, failed func(reply) *ServiceError) (reply, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer context.AfterFunc(cache.Caller(ctx), func() { cancel(context.Cause(cache.Caller(ctx))) })()
	defer cancel(nil)
	waited := time.Duration(0)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		got, err := p.once(ctx, r)
		if err == nil && got.status != http.StatusOK {
			err = failed(got)
		}
		if err == nil || !unsent(err) {
			return got, err
		}
		// Jobs that were throttled together must not come back together.
		wait := pause/2 + rand.N(pause)
		if waited += wait; waited > patience {
			return got, err
		}
		if p.Pause(ctx, wait) != nil {
			return got, context.Cause(ctx)
		}
	}
}

func (p IdentityPool) once(ctx context.Context, r request) (reply, error) {
	asked, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(r.body))
	if err != nil {
		return reply{}, &NoAnswerError{Op: r.op, At: r.at, Err: err}
	}
	asked.Header.Set("Content-Type", r.contentType)
	if r.target != "" {
		asked.Header.Set("X-Amz-Target", r.target)
	}
	response, err := p.HTTP.Do(asked)
	if err != nil {
		return reply{}, p.unanswered(ctx, r, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = errors.New("the answer is longer than any of AWS's")
	}
	if err != nil {
		return reply{}, p.unanswered(ctx, r, err)
	}
	return reply{response.StatusCode, response.Header, body}, nil
}

// unanswered tells a caller who gave up from a server that did.
func (p IdentityPool) unanswered(ctx context.Context, r request, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &NoAnswerError{Op: r.op, At: r.at, Err: err}
}

// call sends one operation of the identity pool in AWS JSON 1.1 and reads the answer.
// https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/Welcome.html
func (p IdentityPool) call(ctx context.Context, op string, in, out any) (reply, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return reply{}, err
	}
	r := request{
		op: op, at: "identity pool " + p.ID, url: p.Endpoint, body: body,
		contentType: "application/x-amz-json-1.1", target: "AWSCognitoIdentityService." + op,
	}
	got, err := p.send(ctx, r, func(got reply) *ServiceError { return jsonError(r, got) })
	if err != nil {
		return got, err
	}
	if err := json.Unmarshal(got.body, out); err != nil {
		return got, &AnswerError{Op: op, At: r.at, Err: errors.New("it is not the JSON that was expected")}
	}
	return got, nil
}

// jsonError reads a refusal in AWS JSON 1.1: the type is in the header
// X-Amzn-Errortype or in the member __type, either with a name space before "#" or an
// address behind ":" (https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html).
func jsonError(r request, got reply) *ServiceError {
	var said struct {
		Type    string `json:"__type"`
		Code    string `json:"code"`
		Message string `json:"message"` // encoding/json takes Message for it, too
	}
	_ = json.Unmarshal(got.body, &said) // what is no JSON says nothing but its status
	code := got.header.Get("X-Amzn-Errortype")
	for _, other := range []string{said.Type, said.Code} {
		if code == "" {
			code = other
		}
	}
	if _, name, found := strings.Cut(code, "#"); found {
		code = name
	}
	code, _, _ = strings.Cut(code, ":")
	return &ServiceError{Op: r.op, At: r.at, Code: redact.Cut(code), Message: redact.Cut(said.Message), Status: got.status}
}
