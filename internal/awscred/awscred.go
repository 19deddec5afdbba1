// Package awscred gets AWS credentials: those that an identity pool gives for a
// sign-in, or to guests ([IdentityPool]), and those of whoever runs cogctl ([Caller]).
//
// The caller's are found by AWS's own chain, through AWS's own SDK: the environment,
// the profiles of ~/.aws with single sign-on, assumed roles and credential processes,
// the container's and the instance's roles. Nothing is looked up before the
// credentials are first wanted.
//
// The identity pool's three operations are unsigned POSTs, as is STS's, and are
// written out here: the SDK's package for them costs the start-up of every run more
// than all that they do.
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
	Region  string // where STS and single sign-on are asked, unless ~/.aws says otherwise
	Profile string // of ~/.aws; "" leaves the choice to AWS_PROFILE and the chain
}

// timeout bounds the whole look-up: outside EC2 the instance's metadata address
// answers nothing, and a role of an assumed role takes several calls.
const timeout = 30 * time.Second

// Retrieve implements aws.CredentialsProvider. Its error is a *MissingError when
// the chain ends without credentials.
func (c Caller) Retrieve(ctx context.Context) (aws.Credentials, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	loaded, err := config.LoadDefaultConfig(ctx, config.WithDefaultRegion(c.Region),
		config.WithSharedConfigProfile(c.Profile), config.WithLogger(logging.Nop{}))
	if err != nil {
		return aws.Credentials{}, &MissingError{Err: err}
	}
	credentials, err := loaded.Credentials.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, &MissingError{Err: err}
	}
	return credentials, nil
}

// Find is Retrieve in our own terms: a [Source].
func (c Caller) Find(ctx context.Context) (Credentials, error) {
	found, err := c.Retrieve(ctx)
	if err != nil {
		return Credentials{}, err
	}
	credentials := Credentials{
		AccessKeyID: found.AccessKeyID, SecretAccessKey: found.SecretAccessKey,
		SessionToken: found.SessionToken, AccountID: found.AccountID,
	}
	if found.CanExpire {
		credentials.Expires = found.Expires
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
