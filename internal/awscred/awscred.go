// Package awscred finds the AWS credentials of whoever runs cogctl, for the few
// operations that Cognito grants to administrators only.
//
// It is AWS's own chain, through AWS's own SDK: the environment, the profiles of
// ~/.aws with single sign-on, assumed roles and credential processes, the
// container's and the instance's roles. Nothing is looked up before the
// credentials are first wanted.
package awscred

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
)

// Caller is the default chain. It implements aws.CredentialsProvider. It speaks by
// the SDK's own HTTP client, because AWS_CA_BUNDLE is refused with any other. What
// the SDK would log on standard error is left out.
type Caller struct {
	Region string // where STS and single sign-on are asked, unless ~/.aws says otherwise
}

// timeout bounds the whole look-up: outside EC2 the instance's metadata address
// answers nothing, and a role of an assumed role takes several calls.
const timeout = 30 * time.Second

// Retrieve implements aws.CredentialsProvider. Its error is a *MissingError when
// the chain ends without credentials.
func (c Caller) Retrieve(ctx context.Context) (aws.Credentials, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	loaded, err := config.LoadDefaultConfig(ctx, config.WithDefaultRegion(c.Region), config.WithLogger(logging.Nop{}))
	if err != nil {
		return aws.Credentials{}, &MissingError{Err: err}
	}
	credentials, err := loaded.Credentials.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, &MissingError{Err: err}
	}
	return credentials, nil
}

// MissingError says that no AWS credentials were found, or that those found
// could not be used.
type MissingError struct{ Err error }

func (e *MissingError) Unwrap() error { return e.Err }

func (e *MissingError) Error() string {
	var op *smithy.OperationError
	// The SDK goes on with what the process printed, in which there may be a secret.
	if strings.Contains(e.Err.Error(), "parse failed of process output") {
		return "find AWS credentials: the credential_process printed something else than one JSON object of credentials"
	}
	if errors.As(e.Err, &op) {
		return fmt.Sprintf("find AWS credentials: %s %s: %v", op.Service(), op.Operation(), op.Err)
	}
	return fmt.Sprintf("find AWS credentials: %v", e.Err)
}
