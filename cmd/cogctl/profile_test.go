package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cogctl/cogctl/internal/auth"
)

// A refusal of the caller's AWS credentials names the permissions of the very
// operations; anything else is told as it is.
func TestPermitted(t *testing.T) {
	t.Parallel()
	denied := fmt.Errorf("x: %w", &auth.CallerError{Op: "describe user pool", Code: "AccessDeniedException", Message: "not you"})
	if err := permitted(denied); !strings.Contains(hintFor(err), "cognito-idp:DescribeUserPool,") || exitCode(err) != exitRefused {
		t.Errorf("hint %q, exit code %d", hintFor(err), exitCode(err))
	}
	expired := &auth.CallerError{Op: "describe user pool", Code: "ExpiredTokenException"}
	if err := permitted(expired); !errors.Is(err, expired) || !strings.Contains(hintFor(err), "aws sts get-caller-identity") || exitCode(err) != exitNeeded {
		t.Errorf("hint %q, exit code %d", hintFor(err), exitCode(err))
	}
}
