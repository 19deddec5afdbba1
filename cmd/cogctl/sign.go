package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/awscred"
	"github.com/cogctl/cogctl/internal/sigv4"
	"github.com/cogctl/cogctl/internal/transport"
)

type signOptions struct {
	requestOptions
	format  string
	expires time.Duration
}

// signFormats are the values of --format.
func signFormats() []string { return []string{"headers", "curl", "url", "canonical", "json"} }

func newSign(a *app) *cobra.Command {
	var o signOptions
	cmd := &cobra.Command{
		Use:   "sign [METHOD] URL|PATH",
		Short: "Sign a request for AWS, and send nothing",
		Long: `Sign a request with Signature Version 4 and print what another program needs to
send it. The flags of the request and of the credentials are those of call.

  headers    the headers to send, one a line (default)
  curl       a command line for sh
  url        a presigned URL, good for --expires and as long as the credentials are
  canonical  the canonical request and the string to sign, to compare with what a
             server says it should have been
  json       all of it

What is printed serves whoever has it: for 5 minutes, a URL for --expires. The secret
access key is not in it; the session token is. A signature is good for its host only,
so any URL may be signed, unlike with call; an API key still goes to its own API only.

-H 'X-Amz-Date: 20240115T120000Z' fixes the time of signing.`,
		Example: `  cogctl sign GET /iam/whoami
  cogctl sign GET https://abc123.execute-api.us-east-1.amazonaws.com/v1/x --format url --expires 5m`,
		Args: operands(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flag("expires").Changed {
				o.expires = 15 * time.Minute
			} else if o.format != "url" {
				return usagef("--expires is for --format url: a signature in headers is good for 5 minutes")
			}
			return usage(runSign(cmd.Context(), a, o, args))
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&o.format, "format", "headers", "what to print: "+strings.Join(signFormats(), ", "))
	cmd.Flags().DurationVar(&o.expires, "expires", 0, "how long a URL is good, 1s to 168h (default 15m)")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(signFormats(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func runSign(ctx context.Context, a *app, o signOptions, args []string) error {
	if err := oneOf("format", o.format, signFormats()...); err != nil {
		return err
	}
	a.jsonMode = o.format == "json"
	q, err := a.inquire(o.requestOptions, args)
	if err != nil {
		return err
	}
	q.options.spec.Spooled = true
	r, err := q.options.spec.Build(ctx, q.api.URL.Text, a.openInput(ctx))
	if err != nil {
		return err
	}
	s, err := q.sign(ctx, r, o)
	if err != nil {
		return err
	}
	text, err := s.text(o.format)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.foreign(), text)
	return writeFailed(err)
}

// signed is a request with its signature.
type signed struct {
	inquiry
	request *http.Request
	trace   sigv4.Trace
	hash    string
	expires time.Time // of a URL
}

// sign signs r, in its headers or for a URL.
func (q inquiry) sign(ctx context.Context, r *http.Request, o signOptions) (*signed, error) {
	s := q.signing()
	sc, err := s.scopeFor(r)
	if err != nil {
		return nil, err
	}
	result := &signed{inquiry: q, request: r}
	if result.hash, err = s.payloadHash(r); err != nil {
		return nil, err
	}
	c, err := s.credentials(ctx)
	if err != nil {
		return nil, err
	}
	r.Header.Del("Authorization") // one that was typed is what this replaces
	if o.format != "url" {
		result.trace, err = s.signer.Sign(r, result.hash, signingKeys(c), sc, s.now())
		if err == nil {
			err = q.addKey(ctx, r)
		}
		return result, withCode(exitUsage, err)
	}
	if sc.Service == "s3" && r.Header.Get(payloadHeader) == "" {
		result.hash = sigv4.UnsignedPayload // whoever has the URL chooses what to upload
	}
	result.trace, err = s.signer.Presign(r, result.hash, signingKeys(c), sc, sigv4.Validity{Now: s.now(), Expires: o.expires})
	result.expires = result.trace.Time.Add(o.expires)
	q.app.warnShort(c, result.expires)
	return result, withCode(exitUsage, err)
}

// warnShort tells of a URL that ends with its credentials.
func (a *app) warnShort(c awscred.Credentials, end time.Time) {
	if !c.Expires.IsZero() && c.Expires.Before(end) {
		a.warn(fmt.Sprintf("the URL is good until %s only, when the credentials end", until(c.Expires, a.now())))
	}
}

// addKey adds the API key where it may go.
func (q inquiry) addKey(ctx context.Context, r *http.Request) error {
	if !q.keyFits(r) || (transport.Authorize{Origins: q.origins}).Check(r) != nil {
		return nil
	}
	_, err := q.withKey(nil)(ctx, r, "")
	return err
}
