package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/sigv4"
)

// show prints the request as it would be sent, with the places of the credentials:
// nothing is looked up, and nothing of what is shown would be accepted.
func (c *call) show() error {
	if c.auth != "none" {
		if err := c.authorized(nil).Check(c.request); err != nil {
			return err
		}
		if err := c.showAuthorization(); err != nil {
			return usage(err)
		}
	}
	if c.keyFits(c.request) && c.authorized(nil).Check(c.request) == nil {
		c.request.Header.Set(apiKeyHeader, "[the API key]")
	}
	out := new(bytes.Buffer)
	fmt.Fprintf(out, "%s %s\n", c.request.Method, c.request.URL.Redacted())
	for _, name := range slices.Sorted(maps.Keys(c.request.Header)) {
		fmt.Fprintf(out, "%s: %s\n", name, strings.Join(c.request.Header[name], ", "))
	}
	if c.request.Host != "" && c.request.Host != c.request.URL.Host {
		fmt.Fprintf(out, "Host: %s\n", c.request.Host)
	}
	_, err := out.WriteTo(c.app.foreign())
	if err == nil && c.request.Body != nil {
		_, err = io.Copy(c.app.foreign(), io.MultiReader(strings.NewReader("\n"), c.request.Body))
	}
	return writeFailed(err)
}

// showAuthorization fills in what would authorize the request.
func (c *call) showAuthorization() error {
	switch {
	case c.request.Header.Get("Authorization") != "":
		c.request.Header.Set("Authorization", "[as given]")
	case c.auth == "sigv4":
		return c.showSignature()
	default:
		c.request.Header.Set("Authorization", "Bearer [the "+c.auth+" token]")
	}
	return nil
}

// showSignature signs with made-up keys, which tells scope, time and signed headers
// without asking anybody for credentials.
func (c *call) showSignature() error {
	sc, err := c.signing.scopeFor(c.request)
	if err != nil {
		return err
	}
	hash, err := c.signing.payloadHash(c.request)
	if err != nil {
		return err
	}
	const id = "AKIDNOTHING"
	trace, err := c.signing.signer.Sign(c.request, hash, sigv4.Credentials{AccessKeyID: id, SecretAccessKey: "none"}, sc, c.app.now())
	if err != nil {
		return withCode(exitUsage, err)
	}
	c.request.Header.Set("Authorization", fmt.Sprintf("%s Credential=[the access key id]%s, SignedHeaders=%s, Signature=[the signature]",
		sigv4.Algorithm, strings.TrimPrefix(trace.Credential, id), trace.SignedHeaders))
	c.request.Header.Set("X-Amz-Security-Token", "[the session token, of credentials that have one]")
	return nil
}
