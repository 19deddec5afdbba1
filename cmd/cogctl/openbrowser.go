package main

import (
	"context"
	"fmt"

	"github.com/cogctl/cogctl/internal/redact"
)

// openBrowser shows url to whoever is to open it.
func (a *app) openBrowser(_ context.Context, url string) error {
	_, err := fmt.Fprintf(a.redactedStderr(), "%s\n", redact.Visible(url))
	return err
}
